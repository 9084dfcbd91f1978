"""Draws of a posterior: for each parameter the density of every chain, and its trace."""

import math

import h5py
import numpy as np

from plot.result import CannotDraw, text_of
from plot.style import panels

MOST = 16  # parameters in one picture
LONGEST = 125  # draws of a chain that a trace shows


def draws_of(group):
    """Names and (chain, draw) values of all parameters, entries of vectors one by one."""
    for name, dataset in group.items():
        if not isinstance(dataset, h5py.Dataset) or dataset.ndim < 2 or dataset.dtype.kind != "f":
            continue
        if dataset.ndim == 2:
            yield name, dataset[()]
            continue
        draws = dataset[()].reshape(*dataset.shape[:2], -1)
        labels = [str(i) for i in range(draws.shape[2])]
        if dataset.ndim == 3 and len(dataset.dims[2]):
            found = dataset.dims[2][0][()]
            if found.dtype.kind in "SO":
                labels = [text_of(label) for label in found]
        for i, label in enumerate(labels):
            yield f"{name}[{label}]", draws[:, :, i]


def density(draws, at):
    """A Gaussian kernel estimate with Silverman's width."""
    low, high = np.percentile(draws, (25, 75))
    width = 0.9 * min(draws.std(), (high - low) / 1.34) * len(draws) ** -0.2 or 1.0
    return np.exp(-0.5 * ((at[:, None] - draws) / width) ** 2).mean(axis=1) / width / math.sqrt(2 * math.pi)


def draw(result):
    file = result.file
    parameters = [(name, draws) for name, draws in draws_of(file["posterior"]) if np.isfinite(draws).all()]
    if not parameters or parameters[0][1].size == 0:
        raise CannotDraw(f"{result.name}: has no draws of its parameters")
    if len(parameters) > MOST:
        result.notes.append(f"drawn are the first {MOST} of {len(parameters)} parameters")
        parameters = parameters[:MOST]
    chains, draws = parameters[0][1].shape
    step = max(1, -(-draws // LONGEST))
    diverging = file.get("sample_stats/diverging")
    diverging = diverging[()] != 0 if diverging is not None else np.zeros((chains, draws), dtype=bool)
    rows = len(parameters)
    figure, axes = panels(rows, 2, max(3.2, 1.15 * rows + 0.7), width_ratios=(1, 1.8))
    for (left, right), (name, values) in zip(axes, parameters):
        at = np.linspace(values.min(), values.max(), 150)
        for chain, own in enumerate(values):
            left.plot(at, density(own[:: max(1, draws // 2000)], at), linewidth=0.9)
            right.plot(np.arange(0, draws, step), own[::step], linewidth=0.6, antialiased=False)
            where = np.flatnonzero(diverging[chain])
            right.plot(where, own[where], "k|", markersize=5)
        left.set_yticks([])
        left.set_title(name, fontsize=8.5, loc="left", pad=2)
        for panel in (left, right):
            panel.tick_params(labelsize=7)
            panel.locator_params(axis="x", nbins=5)
        right.locator_params(axis="y", nbins=3)
        right.sharex(axes[0][1])
        if right is not axes[-1][1]:
            right.tick_params(labelbottom=False)
    axes[-1][0].set_xlabel("value; height: density")
    axes[-1][1].set_xlabel("draw" + (f", one of {step}" if step > 1 else ""))
    marks = f", {int(diverging.sum())} diverging (black)" if diverging.any() else ""
    figure.suptitle(f"{result.title}, {chains} chains of {draws} draws{marks}")
    return figure
