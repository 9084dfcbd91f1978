#!/usr/bin/env bash
# How flights.h5 was made from the tables in configs/data. Needs kronwerk in PATH or built in
# build/release.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../jobs/environment.sh"
cd "$KRONWERK_ROOT/configs/flights"
export PATH="$PATH:$KRONWERK_ROOT/build/release"

# Written under another name first: an interrupted run leaves nothing that looks complete.
rm -f preparing.h5
kronwerk import edges ../data/us_flights_2008.csv --order-by ../data/us_airports.csv \
  --to preparing.h5:/flights
kronwerk import knn ../data/us_airports.csv --k 6 --row-normalise --to preparing.h5:/W
mv preparing.h5 flights.h5
