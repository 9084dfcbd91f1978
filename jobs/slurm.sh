#!/usr/bin/env bash
#SBATCH --job-name=kronwerk
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=32
#SBATCH --cpus-per-task=1
#SBATCH --mem=0
#SBATCH --time=01:00:00
#SBATCH --signal=TERM@60
#
#   sbatch jobs/slurm.sh job.yaml [options of kronwerk run]
#   sbatch --nodes=16 jobs/slurm.sh job.yaml
#
# Try `kronwerk plan job.yaml --ranks 128 --nodes 4` first: it prints the memory per rank and node
# and the bytes exchanged, and says how many ranks would do if it does not fit.
#
# Ranks per node: one per core. The factors and their factorisations exist once per node, in MPI
# shared memory, and so does the part of a vector that ranks of a node hand to each other; both
# count against /dev/shm (--mem=0 gives the job all of a node's memory; some sites mount /dev/shm
# smaller than that, which the job reports before it computes).
#
# TERM@60: a minute before the time is up the job is told so; it saves what it has done, leaves no
# partial result, and exits with 143. The same command, in another job, goes on there: give a minute more
# where much has to be saved (the iterate of a solve has the size of the result).
set -euo pipefail

# One BLAS thread per rank, since there is a rank per core; fewer ranks with more threads each follow
# from --cpus-per-task.
threads=${SLURM_CPUS_PER_TASK:-1}
export OPENBLAS_NUM_THREADS=$threads
# Set by some modules for older processors, at half the speed.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE

program=${KRONWERK:-kronwerk}
if [ $# -lt 1 ]; then
  echo "usage: sbatch jobs/slurm.sh CONFIG [options]" >&2
  exit 2
fi
# srun needs a Slurm that speaks PMIx to Open MPI; without it, mpirun finds the nodes by itself.
if srun --mpi=list 2>&1 | grep -q pmix; then
  exec srun --mpi=pmix --cpu-bind=cores "$program" run --set "blas_threads=$threads" "$@"
else
  exec mpirun --map-by "slot:PE=$threads" "$program" run --set "blas_threads=$threads" "$@"
fi
