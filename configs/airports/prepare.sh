#!/usr/bin/env bash
# How airports.h5 was made from the table in configs/data. Needs kronwerk in PATH or built in
# build/release.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../jobs/environment.sh"
cd "$KRONWERK_ROOT/configs/airports"
export PATH="$PATH:$KRONWERK_ROOT/build/release"

# Written under another name first: an interrupted run leaves nothing that looks complete.
rm -f preparing.h5
kronwerk import points ../data/us_airports.csv --cell 2 --area --to preparing.h5:/counts
mv preparing.h5 airports.h5
