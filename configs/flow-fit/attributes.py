"""How flow-fit.h5 was made: attributes of the airports and the logarithms of their distances, from the table
of states and coordinates. Run in configs/flow-fit; needs h5py."""
import collections
import csv

import h5py
import numpy as np

RADIUS = 6371.0  # km
NEAR = 300.0  # km

with open("../data/us_airports.csv") as table:
    airports = list(csv.DictReader(table))
latitude = np.array([float(a["latitude"]) for a in airports])
longitude = np.array([float(a["longitude"]) for a in airports])
phi, theta = np.radians(latitude), np.radians(longitude)
points = np.column_stack([np.cos(phi) * np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi)])
chord = np.linalg.norm(points[:, None, :] - points[None, :, :], axis=2)
distance = 2 * RADIUS * np.arcsin(np.minimum(1, chord / 2))
in_state = collections.Counter(a["state"] for a in airports)
ids = np.array([a["iata"] for a in airports], dtype="S3")

with h5py.File("flow-fit.h5", "w") as data:
    def put(name, values):
        data[name] = values
        data[name + "_ids"] = ids

    put("log_distance", np.log(np.where(distance > 0, distance, 1.0)).astype("f4"))
    put("state", np.log([in_state[a["state"]] for a in airports]))
    put("near", np.log1p((distance < NEAR).sum(axis=1) - 1.0))
    put("latitude", latitude / 10)
    put("longitude", longitude / 10)
