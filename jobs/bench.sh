#!/usr/bin/env bash
# Builds the benchmarks and prints the table: ours, the peer, how they compare, the target.
#
#   jobs/bench.sh               every row (a few minutes)
#   jobs/bench.sh counties K    only rows whose name contains one of these
#
# An environment that pins OpenBLAS to an older processor would halve every figure: unset here, and
# the table says which core was chosen.
set -euo pipefail
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$KRONWERK_ROOT"

jobs/setup.sh plots
cmake --preset release >/dev/null
cmake --build --preset release --target kronwerk benchmarks
mkdir -p build/benchmark_data
"$KRONWERK_PYTHON" tests/benchmarks/table.py build/release build/benchmark_data "$@"

# The hot loop by itself, on one core: the substitution with many right-hand sides.
if [ $# -eq 0 ]; then
  for input in configs/data/us_counties_queen.gal 10000; do
    echo
    build/release/sparse_solve_benchmark "$input"
  done
fi
