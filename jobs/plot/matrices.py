"""Matrices: read in blocks where they are larger than a picture, drawn with the sums of rows and columns."""

import matplotlib.ticker
import numpy as np

from plot import histories
from plot.style import LARGEST, colour_bar, finite, label_axis, panels, scale


def read_csr(group):
    """A CSR group as a dense matrix."""
    matrix = np.zeros(tuple(int(n) for n in group.attrs["shape"]))
    rows = np.repeat(np.arange(len(matrix)), np.diff(group["indptr"][()]))
    np.add.at(matrix, (rows, group["indices"][()]), group["data"][()])
    return matrix


class Blocks:
    """Means over blocks of cells, and sums by row and column, of a matrix of any size."""

    def __init__(self, slabs, shape):
        """slabs  gives the rows [first, last)"""
        rows, columns = shape
        step = max(1, -(-rows // LARGEST))
        starts = np.arange(0, columns, max(1, -(-columns // LARGEST)))
        means, by_row = [], []
        self.by_column = np.zeros(columns)
        for first in range(0, rows, step):
            slab = np.asarray(slabs(first, min(first + step, rows)), dtype=float)
            there = np.isfinite(slab)
            slab = np.where(there, slab, 0)
            count = np.add.reduceat(there.sum(axis=0), starts)
            with np.errstate(invalid="ignore", divide="ignore"):
                means.append(np.where(count > 0, np.add.reduceat(slab.sum(axis=0), starts) / count, np.nan))
            by_row.append(slab.sum(axis=1))
            self.by_column += slab.sum(axis=0)
        self.means = np.array(means)
        self.by_row = np.concatenate(by_row)
        self.shape = shape


def read_matrix(item, shape):
    """Of a data set with this grid, read in slabs."""
    columns = shape[1]
    if item.ndim == 1:
        return Blocks(lambda first, last: item[first * columns : last * columns].reshape(-1, columns), shape)
    return Blocks(lambda first, last: item[first:last], shape)


def draw_image_of(axes, cells, modes, name):
    """The blocks by colours, numbered as the matrix is."""
    finite(cells.means, name)
    norm, colours = scale(cells.means)
    rows, columns = cells.shape
    dated = [mode.dates is not None for mode in modes]
    places = [mode.positions() if is_date else np.arange(mode.extent) for mode, is_date in zip(modes, dated)]
    extent = (places[1][0] - 0.5, places[1][-1] + 0.5, places[0][-1] + 0.5, places[0][0] - 0.5)
    long = max(rows, columns) > 3 * min(rows, columns)
    image = axes.imshow(cells.means, norm=norm, cmap=colours, extent=extent, interpolation="nearest",
                        aspect="auto" if long or any(dated) else "equal")
    colour_bar(image, axes, norm)
    for which, mode in (("y", modes[0]), ("x", modes[1])):
        label_axis(axes, which, mode)
    axes.set_title(f"{name}, {rows} x {columns}")


def draw_sums(axes, cells, modes):
    """Sums by row and by column: along time, else in descending order."""
    time = next((k for k, mode in enumerate(modes) if mode.is_time), None)
    if time is not None:
        axes.plot(modes[time].positions(), (cells.by_row, cells.by_column)[time], linewidth=0.8)
        label_axis(axes, "x", modes[time])
        axes.set_title(f"sums over {modes[1 - time].label}")
        return
    for mode, sums, style in zip(modes, (cells.by_row, cells.by_column), ("-", "--")):
        axes.plot(np.arange(1, len(sums) + 1), np.sort(sums)[::-1], style, label=f"by {mode.label}",
                  marker="." if len(sums) <= 40 else None)
    axes.set(xlabel="rank", title="sums in descending order")
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(6, integer=True))
    axes.legend()


def draw_matrix(result, cells, name, modes, more="", history=False):
    """The matrix, beside it its sums, and below the residual history if there is one."""
    if isinstance(cells, np.ndarray):
        matrix = cells
        cells = Blocks(lambda first, last: matrix[first:last], matrix.shape)
    figure, axes = panels(1 + history, 2, 4.4 + 2.4 * history, width_ratios=(1.15, 1),
                          height_ratios=(1.7, 1) if history else None)
    draw_image_of(axes[0][0], cells, modes, name)
    draw_sums(axes[0][1], cells, modes)
    if history:
        for extra in axes[1]:
            extra.remove()
        histories.draw_into(figure.add_subplot(axes[1][0].get_gridspec()[1, :]), result)
    figure.suptitle(result.title + more)
    return figure
