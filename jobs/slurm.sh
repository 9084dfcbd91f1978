#!/usr/bin/env bash
#SBATCH --job-name=kronwerk
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=32
#SBATCH --cpus-per-task=1
#SBATCH --mem=0
#SBATCH --time=01:00:00
#SBATCH --signal=TERM@60
#SBATCH --requeue
#SBATCH --open-mode=append
#
#   sbatch jobs/slurm.sh job.yaml [options of kronwerk run]
#   sbatch --nodes=16 jobs/slurm.sh job.yaml
#   sbatch --array=1-9 jobs/slurm.sh job.yaml --set parameters.rho=0.%a --set output.file=results/rho%a.h5
#
# Options of sbatch stand before the script. In an array job %a in the options is the task's number.
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
# partial result, and ends with 143. This script then puts the job back into the queue, where it goes on
# (give more than a minute where much has to be saved: the iterate of a solve has the size of the result).
# Jobs that scancel ends are not put back; they go on when the same command is given again.
#
#   KRONWERK=/path/kronwerk     the program (default: kronwerk in PATH)
#   KRONWERK_SRUN_MPI=pmix      what srun speaks to MPI; "none": start by mpirun (default: pmix for Open MPI,
#                               pmi2 for MPICH and its kin, mpirun where srun has neither)
#   KRONWERK_REQUEUES=100       how often the job is put back at most
set -euo pipefail

if [ $# -lt 1 ]; then
  echo "usage: sbatch jobs/slurm.sh CONFIG [options]" >&2
  exit 2
fi
# One BLAS thread per rank, since there is a rank per core; fewer ranks with more threads each follow
# from --cpus-per-task.
threads=${SLURM_CPUS_PER_TASK:-1}
export OPENBLAS_NUM_THREADS=$threads OMP_NUM_THREADS=$threads
# Set by some modules for older processors, at half the speed.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
program=${KRONWERK:-kronwerk}
options=("${@//%a/${SLURM_ARRAY_TASK_ID:-%a}}")

speaks=$(srun --mpi=list 2>&1)
mpi=${KRONWERK_SRUN_MPI:-}
if [ -z "$mpi" ]; then
  mpi=none
  case "$("$program" --version | sed -n 's/^MPI *//p')" in
    Open*) wanted=pmix ;;
    *) wanted=pmi2 ;;
  esac
  if grep -qw "$wanted" <<<"$speaks"; then mpi=$wanted; fi
fi
command=("$program" run --set "blas_threads=$threads" "${options[@]}")
status=0
if [ "$mpi" = none ]; then
  # mpirun finds the nodes by itself. Its ranks are not told before the time is up, since Slurm does not know
  # of them: they are killed then, and the same command goes on from what was saved last.
  mpirun --map-by "slot:PE=$threads" "${command[@]}" || status=$?
else
  # Since 22.05 srun does not take the processors per task from sbatch.
  srun --mpi="$mpi" --cpus-per-task="$threads" --cpu-bind=cores "${command[@]}" || status=$?
fi

if [ "$status" -eq 143 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt "${KRONWERK_REQUEUES:-100}" ]; then
  # Time is up only if the job still runs: scancel has marked it before it sends the signal.
  job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
  job=${job:-$SLURM_JOB_ID}
  if scontrol show job "$job" | grep -q 'JobState=RUNNING'; then
    echo "jobs/slurm.sh: the time is up; the job goes back into the queue and goes on there"
    scontrol requeue "$job"
    sleep 30 # until Slurm ends this script: its exit code would end the job
  fi
fi
exit "$status"
