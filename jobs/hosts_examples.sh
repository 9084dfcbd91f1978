#!/usr/bin/env bash
# Runs every example of configs/ on several pretended hosts (jobs/hosts.sh; needs root) and compares
# every dataset of the results but the report's, bit for bit, with those of as many ranks on one.
#
#   jobs/hosts_examples.sh                              on 2 2, 1 1 1 1 and 3 1 ranks
#   jobs/hosts_examples.sh --hosts "2 1" flights wind   these examples on 2 + 1 ranks
#
# Takes build/release/kronwerk, or what KRONWERK_PROGRAM names. Returns 1 if anything differs.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
program=$(readlink -f "${KRONWERK_PROGRAM:-$KRONWERK_ROOT/build/release/kronwerk}")
[ -x "$program" ] || { echo "jobs/hosts_examples.sh: no program '$program'; build it first" >&2; exit 2; }

groupings=("2 2" "1 1 1 1" "3 1")
if [ "${1:-}" = --hosts ]; then
  groupings=("${2:?jobs/hosts_examples.sh: --hosts takes the ranks of each host, such as \"2 1\"}")
  shift 2
fi
examples=("$@")
if [ "${#examples[@]}" -eq 0 ]; then
  for readme in "$KRONWERK_ROOT"/configs/*/README.md; do
    folder=$(dirname "$readme")
    [ "$(basename "$folder")" = scaling ] && continue  # studies, not jobs
    compgen -G "$folder/*.yaml" >/dev/null && examples+=("$(basename "$folder")")
  done
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/kronwerk-examples-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
differences=0
jobs=0
datasets=0

# Results that a job reads, of the same example.
needs() {
  grep -v '^output' "$1" | grep -o 'results/[^,} ]*' || true
}

# run_example COPY EXAMPLE STARTER...: the jobs of an example, those that read results of others after
# those.
run_example() {
  local folder=$work/$1/configs/$2 job need ready
  shift 2
  local pending=("$folder"/*.yaml)
  while [ "${#pending[@]}" -gt 0 ]; do
    local later=()
    for job in "${pending[@]}"; do
      ready=yes
      for need in $(needs "$job"); do [ -e "$folder/$need" ] || ready=no; done
      if [ "$ready" = no ]; then
        later+=("$job")
      elif ! "$@" "$program" run --quiet "$job" >"$work/log" 2>&1; then
        echo "FAILED: $* kronwerk run ${job#"$work"/*/}"
        cat "$work/log"
        differences=$((differences + 1))
        return 0
      else
        jobs=$((jobs + 1))
      fi
    done
    if [ "${#later[@]}" -eq "${#pending[@]}" ]; then
      echo "FAILED: ${later[0]} needs results that no job of its example writes"
      differences=$((differences + 1))
      return 0
    fi
    pending=("${later[@]}")
  done
}

copy_configs() {
  mkdir "$work/$1"
  cp -rs "$KRONWERK_ROOT/configs" "$work/$1/"
  rm -rf "$work/$1"/configs/*/results
}

# compare EXPECTED FOUND: result files, dataset by dataset.
compare() {
  local name
  while read -r name; do
    datasets=$((datasets + 1))
    h5dump -d "$name" -b -o "$work/expected" "$1" >/dev/null
    if ! h5dump -d "$name" -b -o "$work/found" "$2" >/dev/null 2>&1 ||
      ! cmp -s "$work/expected" "$work/found"; then
      echo "DIFFERS: $(basename "$2") $name"
      differences=$((differences + 1))
    fi
  done < <(h5dump -n "$1" | awk '$1 == "dataset" && $2 !~ /^\/report\// {print $2}')
}

for grouping in "${groupings[@]}"; do
  read -ra counts <<<"$grouping"
  ranks=$((${grouping// /+}))
  one=one-$ranks
  if [ ! -d "$work/$one" ]; then
    copy_configs "$one"
    for example in "${examples[@]}"; do
      run_example "$one" "$example" mpirun -n "$ranks"
    done
  fi
  several=hosts-${grouping// /-}
  copy_configs "$several"
  for example in "${examples[@]}"; do
    echo "$example on hosts of $grouping ranks"
    run_example "$several" "$example" "$KRONWERK_ROOT/jobs/hosts.sh" "${counts[@]}" --
    for expected in "$work/$one/configs/$example"/results/*.h5; do
      found=$work/$several/configs/$example/results/$(basename "$expected")
      if [ -e "$found" ]; then compare "$expected" "$found"; fi
    done
  done
done
echo "$jobs jobs, $datasets datasets compared, $differences differences"
[ "$differences" -eq 0 ]
