#!/usr/bin/env bash
# Installs what is missing, builds, and runs the flights example on two ranks.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$KRONWERK_ROOT"

jobs/setup.sh
cmake --preset release >/dev/null
cmake --build --preset release --target kronwerk
export PATH="$KRONWERK_ROOT/build/release:$PATH"

mpirun -n 2 kronwerk run configs/flights/flights.yaml
