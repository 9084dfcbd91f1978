#!/usr/bin/env python3
"""How wind.h5 was made from the tables in configs/data: 18 years without 29 February of daily wind speeds
at 12 stations, (years, days, stations). The days are shuffled, the stations in the order of their file."""
import csv
import pathlib

import h5py
import numpy as np

here = pathlib.Path(__file__).parent
data = here.parent / "data"

with open(data / "irish_wind_stations.csv") as file:
    stations = list(csv.DictReader(file))
codes = [station["code"] for station in stations]
with open(data / "irish_wind.csv") as file:
    rows = [row for row in csv.DictReader(file) if not row["date"].endswith("02-29")]
speeds = np.array([[float(row[code]) for code in codes] for row in rows]).reshape(-1, 365, 12)
days = np.array([row["date"][5:] for row in rows[:365]])
shuffled = np.random.default_rng(1).permutation(365)

# One wind over all of Ireland is 77 % of the variance, so that for the days the 12 stations count as
# little more than one. Decorrelated, they count as 12.
roots = np.sqrt(speeds)
anomalies = roots - roots.mean(axis=0)
covariance = np.einsum("mij,mik->jk", anomalies, anomalies) / (len(roots) - 1) / 365
values, vectors = np.linalg.eigh(covariance)
decorrelated = anomalies @ (vectors / np.sqrt(values)) @ vectors.T

with h5py.File(here / "wind.h5", "w") as file:
    for name, values, unit in (("years", speeds, "knots"), ("decorrelated", decorrelated, "1")):
        stored = values[:, shuffled].astype("f4")
        dataset = file.create_dataset(name, data=stored, compression="gzip", shuffle=True)
        dataset.attrs["unit"] = unit
        file[name + "_ids_2"] = days[shuffled].astype("S")
        file[name + "_ids_3"] = np.array(codes, dtype="S")
    file["longitude"] = [float(station["longitude"]) for station in stations]
    file["latitude"] = [float(station["latitude"]) for station in stations]
