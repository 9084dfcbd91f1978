#!/usr/bin/env bash
# Builds kronwerk against each of the MPIs, PETScs, BLASs and compilers that the README lists, runs the whole
# test suite with each, compares the result of the flights example with that of the first, and prints a table.
#
#   jobs/builds.sh                     all of them: hours on a small machine
#   jobs/builds.sh mpich clang         these
#   jobs/builds.sh --tests 'factors|communication' mpich     only tests whose names match
#   jobs/builds.sh --list              what there is
#
# Takes Debian's packages (jobs/setup.sh builds) and, for MPICH, the newest PETSc as PyPI has it. What it
# builds stays in build/NAME, logs and the table are in build/builds, and the next run goes on there.
#
#   KRONWERK_PARTS=FOLDER              where PETSc is built and kept (default: build/builds/parts)
#   KRONWERK_JOBS=2                    how many compilers and tests run at once (default: one per core)
#
# Returns 1 if a build or a test fails.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$KRONWERK_ROOT"
builds=build/builds
parts=$(realpath -m "${KRONWERK_PARTS:-$builds/parts}")
jobs=${KRONWERK_JOBS:-$(OMP_NUM_THREADS='' nproc)}
libraries=/usr/lib/$(gcc -dumpmachine)
all=(openmpi64 openmpi32 mpich reference clang serial)

describe() {
  case "$1" in
    openmpi64) echo "Debian's Open MPI, PETSc with 64-bit indices, OpenBLAS" ;;
    openmpi32) echo "Debian's Open MPI, PETSc with 32-bit indices, OpenBLAS" ;;
    mpich) echo "Debian's MPICH, HDF5 and ScaLAPACK, the newest PETSc from PyPI, no ELPA" ;;
    reference) echo "the reference BLAS and LAPACK in place of OpenBLAS" ;;
    clang) echo "Clang in place of GCC" ;;
    serial) echo "neither ScaLAPACK nor ELPA" ;;
  esac
}

tests=.
selected=()
while [ "$#" -gt 0 ]; do
  case "$1" in
    --list)
      for name in "${all[@]}"; do printf '%-12s %s\n' "$name" "$(describe "$name")"; done
      exit 0
      ;;
    --tests)
      tests=${2:?jobs/builds.sh: --tests takes a regular expression}
      shift
      ;;
    *)
      [ -n "$(describe "$1")" ] || { echo "jobs/builds.sh: no build '$1'; --list says what there is" >&2; exit 2; }
      selected+=("$1")
      ;;
  esac
  shift
done
[ "${#selected[@]}" -gt 0 ] || selected=("${all[@]}")
jobs/setup.sh builds
mkdir -p "$builds" "$parts"

# Wrappers and launcher of MPICH under the names that everything looks for, as modules do it.
mpich_path() {
  local tool
  mkdir -p "$parts/mpich/bin"
  # No links: the launcher looks for its helpers beside the name it was called by.
  for tool in mpicc mpicxx mpiexec mpirun; do
    rm -f "$parts/mpich/bin/$tool"
    printf '#!/bin/sh\nexec /usr/bin/%s.mpich "$@"\n' "$tool" >"$parts/mpich/bin/$tool"
    chmod +x "$parts/mpich/bin/$tool"
  done
  echo "$parts/mpich/bin"
}

# Debian's MPICH spins where it waits, which takes hours on more ranks than cores: a library to load before it,
# which gives way each time that nothing has come.
mpich_giving_way() {
  cat >"$parts/mpich/give_way.c" <<'SOURCE'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sched.h>

unsigned ucp_worker_progress(void* worker) {
  static unsigned (*progress)(void*);
  if (!progress) progress = (unsigned (*)(void*))dlsym(RTLD_NEXT, "ucp_worker_progress");
  unsigned events = progress(worker);
  if (events == 0) sched_yield();
  return events;
}
SOURCE
  gcc -shared -fPIC -O1 -o "$parts/mpich/give_way.so" "$parts/mpich/give_way.c" -ldl
  echo "$parts/mpich/give_way.so"
}

# The newest PETSc's source package, downloaded once; prints its folder when it is built and installed.
newest_petsc() {
  local archive version prefix
  # Without the network: what is there.
  "$KRONWERK_PYTHON" -m pip download --quiet --no-deps --no-binary petsc --dest "$parts" petsc >&2 || true
  archive=$(find "$parts" -maxdepth 1 -name 'petsc-*.tar.gz' | sort -V | tail -n 1)
  [ -n "$archive" ] || { echo "jobs/builds.sh: PyPI does not answer, and there is no PETSc in $parts" >&2; return 1; }
  version=$(basename "$archive" .tar.gz)
  version=${version#petsc-}
  prefix=$parts/petsc-$version-mpich
  if [ ! -e "$prefix/lib/pkgconfig/PETSc.pc" ]; then
    tar -xzf "$archive" -C "$parts"
    (
      cd "$parts/petsc-$version"
      PATH=$(mpich_path):$PATH
      "$KRONWERK_PYTHON" ./configure PETSC_ARCH=mpich --prefix="$prefix" --with-cc=mpicc --with-cxx=mpicxx \
        --with-fc=0 --with-64-bit-indices=1 --with-debugging=0 --with-x=0 --with-hwloc=0 --with-ssl=0 \
        --with-mpiexec=mpiexec --with-blaslapack-lib="$libraries/openblas-pthread/libopenblas.so" \
        --COPTFLAGS=-O2 --CXXOPTFLAGS=-O2
      make PETSC_DIR="$PWD" PETSC_ARCH=mpich MAKE_NP="$jobs" all
      make PETSC_DIR="$PWD" PETSC_ARCH=mpich install
    ) >"$builds/petsc.log" 2>&1 || { tail -n 30 "$builds/petsc.log" >&2; return 1; }
  fi
  echo "$prefix"
}

# Sets `options` of CMake for a build, the environment that it is built and run in, and what is loaded before its
# tests' libraries.
options=()
preload=
prepare() {
  # Without precompiled headers every file shows that it includes what it needs, and ccache knows it in
  # the builds that differ in libraries alone.
  options=(-DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG" -DKRONWERK_DEVELOPER=ON
    -DKRONWERK_PRECOMPILE=OFF)
  case "$1" in
    openmpi32) options+=(-DKRONWERK_PETSC=petsc-real) ;;
    mpich)
      PATH=$(mpich_path):$PATH
      PETSC_DIR=$(newest_petsc)
      export PATH PETSC_DIR
      preload=$(mpich_giving_way)
      ;;
    reference)
      options+=(-DBLA_VENDOR=Generic "-DCMAKE_LIBRARY_PATH=$libraries/blas;$libraries/lapack")
      ;;
    clang) options+=(-DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++) ;;
    serial) options+=(-DKRONWERK_SCALAPACK=OFF) ;;
  esac
}

# The entries of a result, one per line.
entries() {
  h5dump -d /result -m %.17g -w 1 -y "$1" | sed -n '/DATA {/,/}/p' | tr -d ' ,' | grep -E '^-?[0-9.]'
}

# Builds, tests, and writes a line of the table. In a shell of its own, so that environments do not mix.
try() (
  name=$1
  # Beside the presets' folders: where nothing but libraries differs, ccache knows the objects.
  folder=build/$name
  log=$builds/$name
  status=ok
  prepare "$name" || exit 1
  seconds=$SECONDS
  if ! cmake -G Ninja -S . -B "$folder" "${options[@]}" >"$log.log" 2>&1 ||
    ! cmake --build "$folder" --parallel "$jobs" -- -k 0 >>"$log.log" 2>&1; then
    tail -n 40 "$log.log"
    echo "| $name | $(describe "$name") | the build fails | | |" >>"$builds/table.md"
    exit 1
  fi
  built=$((SECONDS - seconds))
  # Programs under mpirun wait more than they compute (as in jobs/test.sh).
  (cd "$folder" && LD_PRELOAD=$preload ctest -R "$tests" --parallel "$((3 * jobs))" --output-on-failure) >"$log-tests.log" 2>&1 || status=failed
  passed=$(sed -n 's/\([0-9]*%\) tests passed, \([0-9]*\) tests failed out of \([0-9]*\)/\2 of \3 failed/p' "$log-tests.log")
  if [ "$status" = failed ]; then sed -n '/The following tests FAILED/,$p' "$log-tests.log"; fi
  rm -rf configs/flights/results
  mpirun -n 2 "$folder/kronwerk" run --quiet configs/flights/flights.yaml
  entries configs/flights/results/flights.h5 >"$log.result"
  # Of what the first build gives: the largest difference, beside the largest entry.
  difference=$(paste "$builds/first.result" "$log.result" 2>/dev/null |
    awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > most) most = d; a = $1 < 0 ? -$1 : $1; if (a > size) size = a }
         END { printf("%.1e", (size > 0 ? most / size : -1)) }')
  [ -e "$builds/first.result" ] || { cp "$log.result" "$builds/first.result"; difference="(first)"; }
  versions=$("$folder/kronwerk" --version |
    sed -nE 's/^(MPI|PETSc|HDF5|BLAS|LAPACK|ScaLAPACK|ELPA|SuiteSparse|compiler) +/\1 /p' | paste -sd';' | sed 's/;/; /g')
  echo "| $name | $versions | $passed | $difference | $built s |" >>"$builds/table.md"
  [ "$status" = ok ]
)

rm -f "$builds/first.result"
{
  echo "| build | linked with | tests | flights differ by | built in |"
  echo "|---|---|---|---|---|"
} >"$builds/table.md"
failures=0
for name in "${selected[@]}"; do
  echo "--- $name: $(describe "$name")"
  try "$name" || failures=$((failures + 1))
done
cat "$builds/table.md"
exit "$((failures > 0))"
