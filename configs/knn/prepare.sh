#!/usr/bin/env bash
# How airports.h5 was made from the table in configs/data. Needs kronwerk in PATH or built in
# build/release.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../jobs/environment.sh"
cd "$KRONWERK_ROOT/configs/knn"
export PATH="$PATH:$KRONWERK_ROOT/build/release"

rm -f preparing.h5
kronwerk import table ../data/us_airports.csv --columns longitude,latitude --id-column iata \
  --to preparing.h5:/lonlat
kronwerk import knn ../data/us_airports.csv --k 6 --to preparing.h5:/W
mv preparing.h5 airports.h5
