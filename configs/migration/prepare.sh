#!/usr/bin/env bash
# How migration.h5 was made from the tables in configs/data: everything in the order of
# canada_provinces.csv. Pairs within a province, which the table does not have, are 0 in all grids.
# Needs kronwerk in PATH or built in build/release, and h5py.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../jobs/environment.sh"
cd "$KRONWERK_ROOT/configs/migration"
export PATH="$PATH:$KRONWERK_ROOT/build/release"

rm -f preparing.h5
order=(--order-by ../data/canada_provinces.csv --order-column province)
table=(../data/canada_migration.csv --origin-column source --destination-column destination)
kronwerk import edges "${table[@]}" --value-column migrants "${order[@]}" --to preparing.h5:/migrants
kronwerk import edges "${table[@]}" --value-column distance "${order[@]}" --to preparing.h5:/distance
kronwerk import table ../data/canada_provinces.csv --columns population_1966 --transform log \
  --id-column province --separate --to preparing.h5:/log
kronwerk import edges ../data/canada_contiguity.csv "${order[@]}" --symmetrise --row-normalise \
  --sparse --to preparing.h5:/W
"$KRONWERK_PYTHON" logarithm.py  # of the distances; 0 within provinces
mv preparing.h5 migration.h5
