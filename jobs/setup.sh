#!/usr/bin/env bash
# Installs the Debian packages that are missing; does nothing (and needs no network) if none is.
#
#   jobs/setup.sh            what building, testing and running need
#   jobs/setup.sh plots      also what kronwerk plot, jobs/bench.sh and jobs/scaling.sh need
#   jobs/setup.sh format     also what the format check of .ci/run needs
#   jobs/setup.sh hosts      also what jobs/hosts.sh needs
#   jobs/setup.sh fuzz       also what jobs/fuzz.sh needs
#   jobs/setup.sh builds     also what jobs/builds.sh needs
#   jobs/setup.sh slurm      also what jobs/slurm_trial.sh needs
#   jobs/setup.sh packages   also what jobs/package_trial.sh needs
set -euo pipefail

packages=(g++ cmake ninja-build pkg-config libopenmpi-dev openmpi-bin libpetsc64-real-dev
          libhdf5-openmpi-dev hdf5-tools libopenblas-dev libscalapack-openmpi-dev libelpa-dev
          libsuitesparse-dev libeigen3-dev libboost-dev libhwy-dev libyaml-cpp-dev libcli11-dev libfmt-dev
          libgtest-dev zlib1g-dev)
for group in "$@"; do
  case "$group" in
    plots) packages+=(python3 python3-h5py python3-numpy python3-scipy python3-matplotlib python3-yaml
                    python3-pil) ;;
    format) packages+=(clang-format) ;;
    hosts) packages+=(iproute2 util-linux) ;;
    fuzz) packages+=(clang libclang-rt-dev) ;;
    builds) packages+=(python3 python3-pip make clang libpetsc-real-dev mpich libmpich-dev libhdf5-mpich-dev
                     libscalapack-mpich-dev libblas-dev liblapack-dev) ;;
    slurm) packages+=(munge slurmctld slurmd slurm-client slurm-wlm-basic-plugins libpmix2) ;;
    packages) packages+=(debootstrap dpkg-dev util-linux) ;;
    *)
      echo "jobs/setup.sh: unknown group '$group'; expected plots, format, hosts, fuzz, builds, slurm or packages" >&2
      exit 2
      ;;
  esac
done

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
  as_root=()
elif command -v sudo >/dev/null; then
  as_root=(sudo)
else
  echo "jobs/setup.sh: missing packages: ${missing[*]}" >&2
  echo "Install them as root, or install sudo." >&2
  exit 1
fi
echo "Installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}"
