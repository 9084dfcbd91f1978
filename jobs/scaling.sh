#!/usr/bin/env bash
#SBATCH --job-name=kronwerk-scaling
#SBATCH --exclusive
#SBATCH --mem=0
#SBATCH --time=02:00:00
#
# Runs a study: one job over ranks, threads and sizes, strong and weak; then a table and a picture.
#
#   jobs/scaling.sh configs/scaling/counties.yaml                        on this machine
#   sbatch --nodes=16 jobs/scaling.sh configs/scaling/counties.yaml      within an allocation
#   sbatch --nodes=16 --array=0-7 jobs/scaling.sh STUDY.yaml             each task a share of the points
#   jobs/scaling.sh STUDY.yaml --draw                                    from what has been measured
#
# Results are below build/scaling/CASE: a CSV for every point, all of them as CASE.csv, CASE.md and
# CASE.png; machine.yaml, from which times are predicted, is measured first. Points that are there are not run again unless --again is given. The keys of a study are
# in configs/scaling/README.md.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# sbatch runs a copy of this file from elsewhere.
[ -e "$root/jobs/scaling.py" ] || root=${SLURM_SUBMIT_DIR:?run this from the source folder of kronwerk}
source "$root/jobs/environment.sh"
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
if [ -z "${SLURM_JOB_ID:-}" ]; then "$root/jobs/setup.sh" plots; fi
exec "$KRONWERK_PYTHON" "$root/jobs/scaling.py" --machine "$root/build/scaling/machine.yaml" "$@"
