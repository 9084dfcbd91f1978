"""Fits: estimates with their intervals, how the search went, and flows against their expectation."""

import h5py
import numpy as np

from plot import histories
from plot.flow_pictures import draw_scatter, one_grid
from plot.result import CannotDraw, text_of
from plot.style import WIDTH, plt

MOST = 40  # estimates in one picture


def estimates_of(result):
    """Names, values and standard errors (NaN where there is none) of all that was estimated."""
    file = result.file
    errors = file.get("standard_error", {})
    found = []
    for name, item in file.get("parameters", {}).items():
        found.append((name, float(item[()]), number(errors.get(name))))
    for name in ("theta", "sigma2"):
        if name in file:
            found.append((name, float(file[name][()]), number(errors.get(name))))
    if "coefficients" in file:
        values = file["coefficients"][()]
        ids = file.get("coefficients_ids")
        names = [text_of(name) for name in ids[()]] if ids is not None else columns_of(result, len(values))
        spread = errors["coefficients"][()] if "coefficients" in errors else np.full(len(values), np.nan)
        found += zip(names, values, spread)
    elif isinstance(file.get("mean"), h5py.Group) and "coefficients" in file["mean"]:
        values = np.atleast_2d(file["mean/coefficients"][()])[0]
        covariance = file["mean/covariance"][()]
        spread = np.sqrt(np.diag(covariance.reshape(-1, covariance.shape[-1])[-covariance.shape[-1] :]))
        found += zip(columns_of(result, len(values)), values, spread[: len(values)])
    return found


def number(item):
    return float(item[()]) if isinstance(item, h5py.Dataset) and item.size == 1 else np.nan


def columns_of(result, count):
    columns = result.key("mean", "columns")
    return [str(c) for c in columns] if isinstance(columns, list) and len(columns) == count else [
        f"column {i + 1}" for i in range(count)]


def draw(result):
    found = estimates_of(result)
    if not found:
        raise CannotDraw(f"{result.name}: has no estimates")
    if len(found) > MOST:
        result.notes.append(f"drawn are the first {MOST} of {len(found)} estimates")
        found = found[:MOST]
    file = result.file
    history = histories.has(file)
    flows = "fitted/expectation" in file and "residual" in file
    below = int(history) + int(flows)
    height = 0.24 * len(found) + 1.4
    figure = plt.figure(figsize=(WIDTH, height + (3.2 if below else 0)), layout="constrained")
    rows = figure.add_gridspec(1 + (below > 0), max(below, 1), height_ratios=(height, 3.2) if below else None)
    draw_estimates(figure.add_subplot(rows[0, :]), found)
    if history:
        histories.draw_objective(figure.add_subplot(rows[1, 0]), file["history"][()])
    if flows:
        expectation, residual = one_grid(result, "fitted/expectation"), one_grid(result, "residual")
        observed = (expectation + residual).ravel()
        draw_scatter(figure.add_subplot(rows[1, below - 1]), expectation.ravel(), observed, "expected flow",
                     "observed flow")
    fit = f", r² = {float(file['r2'][()]):.3g}" if "r2" in file else ""
    figure.suptitle(f"{result.title}, estimates over their standard errors, with 95 % intervals{fit}")
    return figure


def draw_estimates(axes, found):
    """One row each, in standard errors, so that all have room; the numbers stand beside them."""
    ratios = np.array([value / error if error > 0 else np.nan for _, value, error in found])
    rows = np.arange(len(found))
    limit = 20.0  # beyond, intervals are too short to be seen
    near = np.abs(ratios) <= limit
    axes.errorbar(ratios[near], rows[near], xerr=1.96, fmt="o", markersize=4, capsize=2, color="tab:blue")
    for side, marker in ((1, ">"), (-1, "<")):
        far = side * ratios > limit
        axes.plot(np.full(far.sum(), side * limit), rows[far], marker, markersize=5, color="tab:blue")
    axes.axvline(0, color="grey", linewidth=0.8)
    for row, (_, value, error) in enumerate(found):
        text = f"{value:.4g}" + (f" ± {error:.2g}" if error > 0 else " (no standard error)")
        axes.annotate(text, (1.01, row), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    axes.set_yticks(rows, [name for name, _, _ in found], fontsize=8)
    axes.set(ylim=(len(found) - 0.5, -0.5), xlim=(-limit - 3, limit + 3), xlabel="estimate / standard error")
    axes.grid(axis="y", linewidth=0.3)
