#!/usr/bin/env bash
# How counties.h5 was made from the contiguity list in configs/data. Needs kronwerk in PATH or built
# in build/release.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../jobs/environment.sh"
cd "$KRONWERK_ROOT/configs/counties"
export PATH="$PATH:$KRONWERK_ROOT/build/release"

rm -f preparing.h5
kronwerk import gal ../data/us_counties_queen.gal --row-normalise --to preparing.h5:/W
mv preparing.h5 counties.h5
