"""Logarithms of the distances between provinces, 0 within them: /log_distance of preparing.h5."""
import h5py
import numpy as np

with h5py.File("preparing.h5", "r+") as data:
    distance = data["distance"][:]
    data["log_distance"] = np.log(np.where(distance > 0, distance, 1.0))
    data["log_distance_ids"] = data["distance_ids"][:]
