#!/usr/bin/env bash
# Random formulas, tasks, Gaussian models and flow models against dense oracles, thousands of them.
#
#   jobs/adversary.sh [--cases N] [--seed S] [--ranks P] [--family operators|models|flows] [--preset dev]
#
# N jobs of each family, with the seeds S, S + 1, …. What is judged wrong is printed with the command that
# repeats it; its configuration and data stay below build/<preset>/adversary-jobs. Exit code 1 if any was.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$KRONWERK_ROOT"
cases=5000 seed=1 ranks=2 preset=dev more=()
while [ $# -gt 0 ]; do
  case $1 in
    --cases) cases=$2 ;;
    --seed) seed=$2 ;;
    --ranks) ranks=$2 ;;
    --family) more+=(--family "$2") ;;
    --preset) preset=$2 ;;
    *)
      echo "jobs/adversary.sh: unknown option $1" >&2
      exit 2
      ;;
  esac
  shift 2
done

cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" --target adversary kronwerk >/dev/null
mpirun -n "$ranks" "build/$preset/tests/adversary" --cases "$cases" --seed "$seed" \
  --folder "$PWD/build/$preset/adversary-jobs" "${more[@]}"
