#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test.
#
# The preset is dev: warnings are errors and the standard library checks its own use there, and it
# optimises enough for the tests (-O1), so one build serves both. `jobs/test.sh asan` takes another.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$KRONWERK_ROOT"
preset=${1:-dev}

jobs/setup.sh
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset"
# PROCESSORS tells CTest how many ranks each test has. Programs under mpirun wait more than they
# compute, so that three times the cores are kept busy. (nproc looks at OMP_NUM_THREADS.)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
ctest --preset "$preset" --parallel "$((3 * $(OMP_NUM_THREADS= nproc)))" >"$log" 2>&1 || status=$?
# All of it where something failed; the closing lines where nothing did.
if [ "$status" -ne 0 ]; then
  cat "$log"
else
  grep -A 1000 'tests passed' "$log"
fi
exit "$status"
