#!/usr/bin/env python3
"""Compares the predicted hidden cells with the truth and with two naive predictors.
Needs h5py."""
import pathlib

import h5py
import numpy as np

here = pathlib.Path(__file__).parent
with h5py.File(here / "wind.h5") as file:
    truth = file["two_years/y"][:]
    observed = file["two_years/mask"][:] != 0
    lonlat = np.radians(file["lonlat"][:])
with h5py.File(here / "results/prediction.h5") as file:
    mean, variance = file["mean"][:], file["variance"][:]

hidden = ~observed
seen = np.where(observed, truth, np.nan)
station_mean = np.broadcast_to(np.nanmean(seen, axis=1, keepdims=True), truth.shape)
x = np.column_stack([np.cos(lonlat[:, 1]) * np.cos(lonlat[:, 0]),
                     np.cos(lonlat[:, 1]) * np.sin(lonlat[:, 0]), np.sin(lonlat[:, 1])])
nearest = np.argsort(((x[:, None] - x[None]) ** 2).sum(-1), axis=1)
nearest_value = station_mean.copy()
for station, order in enumerate(nearest):
    for other in order[:0:-1]:  # the nearest station that was observed wins
        nearest_value[station] = np.where(observed[other], truth[other], nearest_value[station])


def rmse(prediction):
    return np.sqrt(np.mean((prediction - truth)[hidden] ** 2))


inside = np.abs(mean - truth)[hidden] <= 1.959964 * np.sqrt(variance[hidden])
print(f"hidden cells            {hidden.sum()} of {hidden.size}")
print(f"RMSE                    {rmse(mean):.4f}")
print(f"RMSE station's mean     {rmse(station_mean):.4f}")
print(f"RMSE nearest station    {rmse(nearest_value):.4f}")
print(f"95 % intervals cover    {100 * inside.mean():.1f} %")
