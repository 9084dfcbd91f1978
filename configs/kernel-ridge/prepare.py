#!/usr/bin/env python3
"""How counties.h5 was made from the table in configs/data: points on the sphere in units of 1000 km,
turnout less its training mean, every tenth county held out."""
import csv
import pathlib

import h5py
import numpy as np

here = pathlib.Path(__file__).parent
rows = list(csv.DictReader(open(here / "../data/us_counties.csv")))
lon, lat = (np.radians([float(row[key]) for row in rows]) for key in ("longitude", "latitude"))
turnout = np.array([float(row["pc_turnout"]) for row in rows])
points = 6.371 * np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
held_out = np.arange(len(rows)) % 10 == 9
mean = turnout[~held_out].mean()
with h5py.File(here / "counties.h5", "w") as file:
    for name, chosen in (("train", ~held_out), ("test", held_out)):
        file[f"{name}/points"] = points[chosen]
        file[f"{name}/turnout"] = turnout[chosen] - mean
    file["train"].attrs["mean_turnout"] = mean
