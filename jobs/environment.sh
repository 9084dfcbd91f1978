# shellcheck shell=bash
# Sourced by the other scripts: where things are, and what Open MPI needs on a small machine.
KRONWERK_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export KRONWERK_ROOT
# Root in a container, and more ranks than cores, are ordinary on the machines these scripts are
# for. Yielding while waiting matters as soon as ranks share a core.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
export PRTE_MCA_rmaps_default_mapping_policy=${PRTE_MCA_rmaps_default_mapping_policy:-:oversubscribe}
# One thread per rank; the program says so to OpenBLAS itself, other programs read this.
export OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1} OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
# Debian's python3-* packages belong to this interpreter, whatever else is first in PATH.
export KRONWERK_PYTHON=${KRONWERK_PYTHON:-/usr/bin/python3}
