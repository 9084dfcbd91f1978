"""Flows: what was observed against what the model says."""

import numpy as np

from plot.grids import shape_of_grid
from plot.matrices import draw_image_of, draw_sums, read_matrix
from plot.modes import find_modes
from plot.style import panels

MOST = 20_000  # points that a picture shows


def one_grid(result, name):
    """A data set of flows, of several years the last one, on its grid."""
    item = result.file[name]
    grid, years = shape_of_grid(result, item)
    return result.values(item, years - 1 if years else None).reshape(grid if len(grid) == 2 else (1, -1))


def draw_scatter(axes, x, y, x_name, y_name):
    """Points, and the line where both are the same."""
    there = np.isfinite(x) & np.isfinite(y)
    x, y = x[there], y[there]
    if x.size > MOST:
        chosen = np.random.default_rng(0).choice(x.size, MOST, replace=False)
        x, y = x[chosen], y[chosen]
    axes.plot(x, y, ".", markersize=2 if x.size > 500 else 4, alpha=0.4)
    if x.size:
        both = [min(x.min(), y.min()), max(x.max(), y.max())]
        axes.plot(both, both, color="grey", linewidth=0.8)
    axes.set(xlabel=x_name, ylabel=y_name)


def draw_predicted(result):
    """The completed flows, and those observed against what the others say of them."""
    file = result.file
    predicted = one_grid(result, "predicted")
    modes = find_modes(result, predicted.shape)
    figure, axes = panels(1, 2, 4.4, width_ratios=(1.15, 1))
    matrix = read_matrix(_Array(predicted), predicted.shape)
    draw_image_of(axes[0][0], matrix, modes, "predicted flows")
    other = next((name for name in ("leave_one_out", "fitted/expectation") if name in file), None)
    if other is None:
        draw_sums(axes[0][1], matrix, modes)
    else:
        name = {"leave_one_out": "predicted from all others", "fitted/expectation": "expectation"}[other]
        draw_scatter(axes[0][1], one_grid(result, other).ravel(), predicted.ravel(), name, "flow")
    _, years = shape_of_grid(result, file["predicted"])
    if years:
        result.notes.append(f"drawn is the last of {years} years")
    figure.suptitle(result.title)
    return figure


class _Array:
    """An array as a data set is read."""

    def __init__(self, values):
        self.values, self.ndim = values, values.ndim

    def __getitem__(self, part):
        return self.values[part]
