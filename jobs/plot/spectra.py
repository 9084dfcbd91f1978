"""Eigenvalues: in the plane, and how many are where."""

import h5py
import numpy as np

from plot.result import CannotDraw
from plot.style import panels

MOST = 20_000  # points that a picture shows


def has(file):
    item = file.get("result")
    return isinstance(item, h5py.Dataset) and item.dtype.kind == "c"


def draw(result):
    values = result.file["result"][()].reshape(-1)
    values = values[np.isfinite(values)]
    if values.size == 0:
        raise CannotDraw(f"{result.name}: has no finite eigenvalue")
    real = np.all(values.imag == 0)
    figure, axes = panels(1, 2, 4.2, width_ratios=(1.3, 1))
    left, right = axes[0]
    shown = values if values.size <= MOST else np.random.default_rng(0).choice(values, MOST, replace=False)
    if real:
        left.plot(np.arange(1, shown.size + 1), np.sort(shown.real), ".", markersize=3)
        left.set(xlabel="number, ascending", ylabel="eigenvalue (all are real)")
        if values.real.min() <= 0 <= values.real.max():
            left.axhline(0, color="grey", linewidth=0.7)
    else:
        left.plot(shown.real, shown.imag, ".", markersize=3, alpha=0.7)
        left.axhline(0, color="grey", linewidth=0.7)
        left.axvline(0, color="grey", linewidth=0.7)
        left.set(xlabel="real part", ylabel="imaginary part")
        spans = np.ptp(values.real), np.ptp(values.imag)
        if min(spans) > 0 and max(spans) / min(spans) < 4:
            left.set_aspect("equal", adjustable="datalim")
    right.hist(values.real, bins=min(60, max(5, values.size // 8)), color="tab:grey")
    right.set(xlabel="eigenvalue" if real else "real part", ylabel="how many")
    sampled = f", {MOST} of them drawn" if shown.size < values.size else ""
    figure.suptitle(f"{result.title}, {values.size} eigenvalues{sampled}: magnitudes from {np.abs(values).min():.4g} "
                    f"to {np.abs(values).max():.4g}")
    return figure
