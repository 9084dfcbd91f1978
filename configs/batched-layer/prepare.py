#!/usr/bin/env python3
"""Writes batched-layer.h5 from the tables in configs/data: two 28 x 28 pictures of every airport (where
its flights go, where they come from) as data rows, dense and as CSR, and a layer of 30 windows."""
import csv
from pathlib import Path

import h5py
import numpy as np

HERE = Path(__file__).parent
EDGE, WINDOWS, WIDTH = 28, 30, 1.5  # pixels per side, rows of W, their width in pixels
WEST, EAST, SOUTH, NORTH = -125.0, -66.0, 24.0, 50.0  # airports beyond count at the border

with open(HERE / "../data/us_airports.csv") as file:
    airports = list(csv.DictReader(file))
index = {airport["iata"]: i for i, airport in enumerate(airports)}
x = np.array([float(a["longitude"]) for a in airports])
y = np.array([float(a["latitude"]) for a in airports])
column = np.clip((x - WEST) / (EAST - WEST) * EDGE, 0, EDGE - 1e-9)
row = np.clip((NORTH - y) / (NORTH - SOUTH) * EDGE, 0, EDGE - 1e-9)
pixel = row.astype(int) * EDGE + column.astype(int)

pictures = np.zeros((len(airports), 2, EDGE * EDGE))
with open(HERE / "../data/us_flights_2008.csv") as file:
    for flight in csv.DictReader(file):
        origin, destination = index[flight["origin"]], index[flight["destination"]]
        pictures[origin, 0, pixel[destination]] += int(flight["flights"])
        pictures[destination, 1, pixel[origin]] += int(flight["flights"])
data = pictures.reshape(len(airports), -1)

# One window around each of the busiest airports.
busiest = np.argsort(-pictures[:, 0].sum(axis=1), kind="stable")[:WINDOWS]
rows, columns = np.divmod(np.arange(EDGE * EDGE), EDGE)
squares = (rows + 0.5 - row[busiest, None]) ** 2 + (columns + 0.5 - column[busiest, None]) ** 2
windows = np.exp(-squares / (2 * WIDTH**2))

with h5py.File(HERE / "batched-layer.h5", "w") as file:
    packed = {"compression": "gzip", "shuffle": True}
    file.create_dataset("W", data=windows.astype("f4"), **packed)
    file.create_dataset("dense", data=data.astype("i4"), chunks=(61, data.shape[1]), **packed)
    group = file.create_group("sparse")
    stored = np.nonzero(data)
    group.create_dataset("data", data=data[stored].astype("i4"), **packed)
    group.create_dataset("indices", data=stored[1].astype("i4"), **packed)
    group["indptr"] = np.searchsorted(stored[0], np.arange(len(data) + 1))
    group.attrs["shape"] = data.shape
    group.attrs["encoding-type"] = "csr_matrix"
    names = np.array([a["iata"] for a in airports], dtype="S3")
    file["airport"] = names
    file["window"] = names[busiest]
