#!/usr/bin/env bash
# How wind.h5 was made from the table in configs/data. Needs kronwerk in PATH or built in
# build/release.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../jobs/environment.sh"
cd "$KRONWERK_ROOT/configs/projection"
export PATH="$PATH:$KRONWERK_ROOT/build/release"

rm -f preparing.h5
kronwerk import table ../data/irish_wind.csv --to preparing.h5:/speed
mv preparing.h5 wind.h5
