#!/usr/bin/env bash
# How wind.h5 was made from the tables in configs/data: square-root speeds without their seasonal
# mean, station by day. The two files list the stations in different orders; both follow that of the
# stations' file here. Needs kronwerk in PATH or built in build/release.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../jobs/environment.sh"
cd "$KRONWERK_ROOT/configs/wind"
export PATH="$PATH:$KRONWERK_ROOT/build/release"

rm -f preparing.h5
kronwerk import table ../data/irish_wind.csv --transform sqrt --remove-seasonal-mean --transpose \
  --order-by ../data/irish_wind_stations.csv --order-column code --time /time --to preparing.h5:/y
kronwerk import table ../data/irish_wind_stations.csv --columns longitude,latitude \
  --id-column code --to preparing.h5:/lonlat
mv preparing.h5 wind.h5
python3 hide.py
