#!/usr/bin/env python3
"""Compares what was predicted of the hidden cells with what they are, and draws them to field.png."""
from pathlib import Path

import h5py
import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
TIMES = (8, 14, 20)


def read(name, *paths):
    with h5py.File(HERE / name) as file:
        return [file[path][:] for path in paths]


(truth,) = read("results/sample.h5", "result")
(seen,) = read("field.h5", "seen")
mean, variance = read("results/prediction.h5", "mean", "variance")
hidden = seen == 0
error = (truth - mean)[hidden]
print(f"{hidden.sum()} hidden cells: RMSE {np.sqrt(np.mean(error**2)):.4f},"
      f" about the mean {np.sqrt(np.mean((truth[hidden] - truth[~hidden].mean())**2)):.4f},"
      f" {100 * np.mean(np.abs(error) < 1.96 * np.sqrt(variance[hidden])):.1f} % within 95 %")

side = int(np.sqrt(len(truth)))
rows = (("sampled", truth, "viridis"), ("seen", np.where(hidden, np.nan, truth), "viridis"),
        ("predicted mean", mean, "viridis"), ("standard deviation", np.sqrt(variance), "magma"))
figure, panels = plt.subplots(len(rows), len(TIMES), figsize=(6.4, 8), layout="constrained")
for (name, values, colours), line in zip(rows, panels):
    shared = truth if colours == "viridis" else values
    for time, axes in zip(TIMES, line):
        drawn = axes.imshow(values[:, time].reshape(side, side), cmap=colours,
                            vmin=shared.min(), vmax=shared.max())
        axes.set(xticks=[], yticks=[], title=f"time {time}" if name == "sampled" else None)
    line[0].set_ylabel(name)
    figure.colorbar(drawn, ax=line)
figure.savefig(HERE / "field.png", dpi=80)
