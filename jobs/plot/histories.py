"""Residuals and objectives by iteration."""

import h5py
import matplotlib.ticker
import numpy as np


def has(file):
    """Whether there are iterations to draw."""
    history = file.get("history")
    return isinstance(history, h5py.Dataset) and history.ndim == 1 and history.size > 1


def draw_into(axes, result):
    """Relative residuals of a solve; several right-hand sides stand one after the other."""
    values = result.file["history"][()]
    values = np.where(values > 0, values, np.nan)
    # A new right-hand side begins where the residual rises to about 1.
    begins = [0, *(np.flatnonzero((values[1:] > 10 * values[:-1]) & (values[1:] > 0.1)) + 1), len(values)]
    for first, last in zip(begins[:-1], begins[1:]):
        axes.semilogy(np.arange(last - first), values[first:last], marker="." if last - first <= 60 else None)
    solver = result.key("solver", "tolerance")
    if isinstance(solver, (int, float)) and solver > 0:
        axes.axhline(solver, color="grey", linestyle=":", label="tolerance")
        axes.legend()
    axes.set(xlabel="iteration", ylabel="relative residual")
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))


def draw_objective(axes, values):
    """What a fit maximises, by iteration: how far from the last one."""
    left = np.abs(values[:-1] - values[-1])
    if len(values) > 3 and np.all(left > 0):
        axes.semilogy(np.arange(len(left)), left, marker=".")
        axes.set_ylabel("objective: distance to its end")
    else:
        axes.plot(np.arange(len(values)), values, marker=".")
        axes.set_ylabel("objective")
    axes.set_xlabel("iteration")
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
