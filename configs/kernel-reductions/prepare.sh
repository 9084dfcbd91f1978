#!/usr/bin/env bash
# How cloud.h5 was made from the two tables here. Needs kronwerk in PATH or built in build/release.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../jobs/environment.sh"
cd "$KRONWERK_ROOT/configs/kernel-reductions"
export PATH="$PATH:$KRONWERK_ROOT/build/release"

rm -f preparing.h5
kronwerk import table points.csv --columns a,b --id-column id --to preparing.h5:/x
kronwerk import table columns.csv --columns a,b --id-column id --to preparing.h5:/y
kronwerk import table columns.csv --columns weight --id-column id --to preparing.h5:/w
mv preparing.h5 cloud.h5
