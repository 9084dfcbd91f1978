#!/usr/bin/env bash
# Searches for inputs that crash, hang, leak or are refused with the wrong exit code, by libFuzzer with
# Clang's sanitizers, in build/fuzz. What is found is kept in build/fuzz/found/TARGET; a bug's input,
# made small, belongs into tests/fuzz/corpus/TARGET.
#
#   jobs/fuzz.sh SECONDS             every target one after the other, this long each
#   jobs/fuzz.sh SECONDS TARGET...   some of them: job, formula, kernel_formula, import_edges, import_table,
#                                    import_knn, import_gal, import_npy, import_matrix_market, hdf5_layout, hdf5_file
#   RUNS=1000000 jobs/fuzz.sh 3600   at most so many cases each
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$KRONWERK_ROOT"

all=(job formula kernel_formula import_edges import_table import_knn import_gal import_npy import_matrix_market
     hdf5_layout hdf5_file)
if [ $# -eq 0 ] || ! [[ $1 =~ ^[1-9][0-9]*$ ]]; then
  echo "usage: jobs/fuzz.sh SECONDS [TARGET...]; targets: ${all[*]}" >&2
  exit 2
fi
seconds=$1
shift
targets=("${@:-${all[@]}}")
for target in "${targets[@]}"; do
  if [[ " ${all[*]} " != *" $target "* ]]; then
    echo "jobs/fuzz.sh: unknown target '$target'; expected one of ${all[*]}" >&2
    exit 2
  fi
done

jobs/setup.sh fuzz
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target "${targets[@]/#/fuzz_}"

# The files of the cases: in memory, and removed whatever happens.
scratch=/dev/shm
[ -d "$scratch" ] || scratch=${TMPDIR:-/tmp}
TMPDIR=$(mktemp -d "$scratch/kronwerk-fuzz-XXXXXX")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

status=0
for target in "${targets[@]}"; do
  corpus=build/fuzz/corpus/$target
  found=build/fuzz/found/$target
  mkdir -p "$corpus" "$found"
  longest=2048
  [ "$target" != hdf5_file ] || longest=16384
  options=(-max_total_time="$seconds" -runs="${RUNS:--1}" -max_len="$longest" -timeout=10
           -rss_limit_mb=2048 -malloc_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$found/")
  dictionary=tests/fuzz/${target/#import_*/import}.dict
  [ ! -f "$dictionary" ] || options+=(-dict="$dictionary")
  echo "== $target"
  # HDF5, Open MPI and PETSc keep memory until the process ends.
  ASAN_OPTIONS=detect_leaks=${LEAKS:-1}:allocator_may_return_null=1:quarantine_size_mb=64 \
  LSAN_OPTIONS=suppressions=tests/fuzz/leaks.txt:print_suppressions=0 \
  UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
    "build/fuzz/tests/fuzz_$target" "${options[@]}" "$corpus" "tests/fuzz/corpus/$target" \
    >"$found/log.txt" 2>&1 || { status=1; tail -n 60 "$found/log.txt"; }
  grep -E '^(stat::number_of_executed_units|stat::average_exec_per_sec|stat::peak_rss_mb|Done)' \
    "$found/log.txt" || true
done
exit "$status"
