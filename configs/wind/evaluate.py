#!/usr/bin/env python3
"""Compares the predicted hidden cells with the truth and with two naive predictors, and draws the bands.
Needs h5py, and matplotlib for the picture."""
import pathlib

import h5py
import numpy as np

here = pathlib.Path(__file__).parent
with h5py.File(here / "wind.h5") as file:
    truth = file["two_years/y"][:]
    observed = file["two_years/mask"][:] != 0
    lonlat = np.radians(file["lonlat"][:])
    codes = [code.decode() for code in file["lonlat_row_ids"][:]]
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

try:
    import matplotlib
except ImportError:
    raise SystemExit("no picture: matplotlib is not installed")
matplotlib.use("Agg")
import matplotlib.pyplot as plt

days = np.arange(90)
figure, axes = plt.subplots(3, 1, figsize=(10, 7), sharex=True, constrained_layout=True)
for axis, station in zip(axes, (0, 4, 11)):
    band = 1.959964 * np.sqrt(variance[station, days])
    axis.fill_between(days, mean[station, days] - band, mean[station, days] + band, alpha=0.3,
                      label="95 % band")
    axis.plot(days, mean[station, days], lw=1, label="predicted")
    axis.plot(days, seen[station, days], "k.", ms=3, label="observed")
    gone = days[hidden[station, days]]
    axis.plot(gone, truth[station, gone], "r^", ms=5, label="hidden truth")
    axis.set_ylabel(codes[station])
axes[0].legend(ncol=4, fontsize=8)
axes[-1].set_xlabel("days since 1961-01-01; square root of knots, seasonal mean removed")
figure.savefig(here / "wind.png", dpi=100)
