#!/usr/bin/env python3
"""Compares what was predicted of the hidden cells with what they are. Needs h5py."""
from pathlib import Path

import h5py
import numpy as np

HERE = Path(__file__).parent


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
