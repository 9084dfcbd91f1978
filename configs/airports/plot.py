#!/usr/bin/env python3
"""Draws the fitted intensity of airports with its band, and the airports, to airports.png."""
import csv
import io
import os

import h5py
import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    with h5py.File(os.path.join(HERE, "airports.h5")) as file:
        latitude = file["counts_latitude"][:]
        longitude = file["counts_longitude"][:]
    with h5py.File(os.path.join(HERE, "results/prediction.h5")) as file:
        mean, variance = file["mean"][:], file["variance"][:]
    with open(os.path.join(HERE, "../data/us_airports.csv")) as file:
        rows = list(csv.DictReader(file))
    x = [float(row["longitude"]) for row in rows]
    y = [float(row["latitude"]) for row in rows]

    # Per 10,000 km²: the mean of exp(f), and how far apart its 5 % and 95 % quantiles are.
    intensity = 1e4 * np.exp(mean + variance / 2)
    band = np.exp(2 * 1.6449 * np.sqrt(variance))
    figure, panels = plt.subplots(2, 1, figsize=(8, 8.6), layout="constrained")
    for axes, values, label in ((panels[0], intensity, "airports per 10,000 km²"),
                                (panels[1], band, "95 % over 5 % quantile of the intensity")):
        drawn = axes.pcolormesh(longitude, latitude, values, cmap="viridis", shading="nearest",
                                norm=matplotlib.colors.LogNorm())
        axes.plot(x, y, ".", color="white", markersize=1.5)
        axes.set(xlabel="longitude", ylabel="latitude", aspect=1.3)
        figure.colorbar(drawn, ax=axes, label=label)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=90)
    Image.open(picture).convert("P", palette=Image.Palette.ADAPTIVE).save(
        os.path.join(HERE, "airports.png"), optimize=True)


if __name__ == "__main__":
    main()
