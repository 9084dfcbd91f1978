#!/usr/bin/env bash
# Builds the Debian package and the archive, installs the package in a Debian of its own that has nothing
# else (debootstrap), and runs the flights example and the self-test there; runs the archive from a folder
# with another name.
#
#   jobs/package_trial.sh                     builds the preset release first
#   jobs/package_trial.sh --build FOLDER      packs what is built there already
#   jobs/package_trial.sh --keep FOLDER       keeps the Debian in FOLDER, and takes one that is there
#
# Needs root, the packages debootstrap and dpkg-dev (jobs/setup.sh packages), the network, and 2 GB of disk.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$KRONWERK_ROOT"
fail() {
  echo "jobs/package_trial.sh: $1" >&2
  exit 2
}
[ "$(id -u)" -eq 0 ] || fail "needs root to change into another root"
for tool in debootstrap dpkg-shlibdeps chroot unshare; do
  command -v "$tool" >/dev/null || fail "needs '$tool' (jobs/setup.sh packages)"
done
work=$(mktemp -d "${TMPDIR:-/tmp}/kronwerk-package-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
root=$work/root
build=
while [ "$#" -gt 0 ]; do
  case "$1" in
    --keep) root=${2:?jobs/package_trial.sh: --keep takes a folder} ;;
    --build) build=${2:?jobs/package_trial.sh: --build takes a folder} ;;
    *) fail "unknown option '$1'; expected --build FOLDER or --keep FOLDER" ;;
  esac
  shift 2
done
if [ -z "$build" ]; then
  build=build/release
  cmake --preset release -DKRONWERK_TESTS=OFF >/dev/null
  cmake --build --preset release >"$work/build.log" 2>&1 || { tail -n 30 "$work/build.log"; exit 1; }
fi
for generator in DEB TGZ; do
  (cd "$build" && cpack -G "$generator" -B "$work/packages" >"$work/cpack.log" 2>&1) ||
    { cat "$work/cpack.log"; exit 1; }
done
package=$(ls "$work"/packages/*.deb)
archive=$(ls "$work"/packages/*.tar.gz)
ls -sh "$package" "$archive"
dpkg-deb --field "$package" Package Version Depends

# shellcheck source=/dev/null
. /etc/os-release
if [ ! -x "$root/usr/bin/apt-get" ]; then
  # From where this machine has its packages.
  mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $VERSION_CODENAME" | sed -n 1p)
  debootstrap --variant=minbase "$VERSION_CODENAME" "$root" ${mirror:+"$mirror"} >"$work/debootstrap.log" ||
    { tail -n 20 "$work/debootstrap.log"; exit 1; }
fi
cp "$package" "$root/kronwerk.deb"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/apt/apt.conf.d/*proxy* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true

# inside COMMAND...: in the other Debian, with processes and mounts of its own.
inside() {
  unshare --mount --pid --fork bash -euc '
    root=$1; shift
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/dev/shm"
    exec chroot "$root" "$@"' bash "$root" "$@"
}
inside env DEBIAN_FRONTEND=noninteractive bash -euc '
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends /kronwerk.deb' >"$work/install.log" 2>&1 ||
  { tail -n 20 "$work/install.log"; exit 1; }
echo "--- the package in a clean Debian $VERSION_ID"
inside bash -euc '
  rm -rf /root/configs && cp -r /usr/share/kronwerk/configs /root/ && cd /root
  kronwerk --version
  mpirun -n 2 kronwerk check
  mpirun -n 2 kronwerk run configs/flights/flights.yaml | grep -E "result|residual|written"
  # Says what to install, where there is no Python to draw with.
  kronwerk plot configs/flights/results/flights.h5 2>&1 | grep -E "KRONWERK_PYTHON|flights.png"
  grep -c "GPL" /usr/share/doc/kronwerk/copyright >/dev/null'

echo "--- the archive, somewhere else"
mkdir "$work/elsewhere"
tar -xzf "$archive" -C "$work/elsewhere" --strip-components=1
"$work/elsewhere/bin/kronwerk" --version | head -1
cp -r "$work/elsewhere/share/kronwerk/configs/flights" "$work/"
mpirun -n 2 "$work/elsewhere/bin/kronwerk" run "$work/flights/flights.yaml" | grep -E "result|residual"
grep -q GPL "$work/elsewhere/share/doc/kronwerk/copyright"
if ldd "$work"/elsewhere/bin/kronwerk | grep -q "$KRONWERK_ROOT"; then
  fail "the archive's program takes libraries of the build"
fi
echo "both run"
