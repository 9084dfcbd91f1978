"""Reductions of kernel formulas: a value for each point, and edges to its nearest ones."""

import h5py
import numpy as np

from plot import fields, maps
from plot.modes import Mode, find_places, read_points
from plot.result import CannotDraw
from plot.style import tiles

MOST = 9  # reductions in one picture
FIRST = ("sum", "mean", "logsumexp", "softmax", "norm", "min", "max", "kmin", "argkmin", "argmin", "kmax", "argkmax",
         "argmax")


def has(file):
    return isinstance(file.get("result"), h5py.Group)


def draw(result):
    group = result.file["result"]
    names = [name for name, item in group.items() if isinstance(item, h5py.Dataset) and item.ndim >= 1
             and item.dtype.kind in "fi" and not (name + "_index" in group)]
    names = sorted(names, key=lambda name: next((k for k, first in enumerate(FIRST) if name.startswith(first)), 99))
    sizes = {group[name].size for name in names}
    if not names or sizes <= {0, 1} or max(len(group[name]) for name in names) == 1:
        numbers = ", ".join(f"{name} = {np.array2string(group[name][()].ravel()[:4], precision=6)}" for name in group)
        raise CannotDraw(f"{result.name}: holds the reductions of one point, {numbers}: there is nothing to draw")
    drawn = names[:MOST]
    if len(names) > MOST:
        result.notes.append(f"drawn are {MOST} of {len(names)} reductions; --dataset draws another")
    over = str(result.key("over") or "j")  # what the reduction goes through, the rest are rows
    mode = places_of(result, "i" if over == "j" else "j", len(group[drawn[0]]))
    columns = places_of(result, over)
    height = 4.8 if len(drawn) == 1 else 2.6
    if len(drawn) == 1 and mode.places is not None:
        height = maps.height_of([mode], 1)
    figure, axes = tiles(len(drawn), height, columns=min(3, len(drawn)))
    for panel, name in zip(axes, drawn):
        draw_one(panel, group, name, mode, columns)
    formula = " ".join(str(result.key("formula") or "reductions").split())
    figure.suptitle(f"{result.title}: {formula if len(formula) <= 70 else formula[:69] + '…'}")
    return figure


def points_of(result, index):
    """The points that the reduction's rows (i) or columns (j) are."""
    for points in (result.key("points") or {}).values():
        if isinstance(points, dict) and points.get("index") == index:
            item = result.input(points)
            if isinstance(item, h5py.Dataset) and item.ndim == 2 and item.shape[1] in (2, 3):
                return item
    return None


def places_of(result, index, extent=None):
    """The points of one index as a mode; None if they are as many as nothing says."""
    item = points_of(result, index)
    if extent is None:
        if item is None:
            return None
        extent = item.shape[0]
    mode = Mode(extent, 1, "row")
    if item is not None and item.shape[0] == extent:
        read_points(mode, item, "")
    if mode.places is None:
        find_places(result, mode)
    return mode


def draw_one(axes, group, name, mode, columns):
    values = group[name][()]
    title = name.removesuffix("_index")
    if name.endswith("_index") or name.startswith("arg"):
        draw_neighbours(axes, values, mode, columns, title)
    elif values.ndim > 1:
        for k in range(min(values.shape[1], 6)):
            axes.plot(mode.positions(), values[:, k], marker="." if len(values) <= 60 else None, linewidth=0.8)
        axes.set(xlabel=mode.label)
        fields.label_axis(axes, "x", mode)
    elif mode.places is not None and len(values) > 12:
        maps.draw_points(axes, mode, values, "")
    else:
        fields.draw_line(axes, values, mode, "")
    axes.set_title(title)


def draw_neighbours(axes, values, mode, columns, name):
    """Edges to the points whose numbers were found, or the numbers themselves."""
    values = values.reshape(len(values), -1)
    known = columns is not None and columns.places is not None and mode.places is not None
    if not known or values.max(initial=0) >= columns.extent or values.min(initial=0) < 0:
        axes.plot(mode.positions(), values, ".")
        fields.label_axis(axes, "x", mode)
        axes.set_ylabel("number of the point found")
        return
    (x, y), (far_x, far_y) = mode.places, columns.places
    rows = np.repeat(np.arange(mode.extent), values.shape[1])
    ends = values.ravel().astype(int)
    gap = np.full(len(rows), np.nan)
    axes.plot(np.column_stack([x[rows], far_x[ends], gap]).ravel(),
              np.column_stack([y[rows], far_y[ends], gap]).ravel(),
              color="tab:blue", linewidth=0.5 if len(rows) > 1000 else 0.9, alpha=0.7)
    if not (mode.extent == columns.extent and np.array_equal(x, far_x)):
        axes.plot(far_x, far_y, ".", color="tab:grey", markersize=1.5 if columns.extent > 300 else 4, alpha=0.6)
    axes.plot(x, y, "k.", markersize=3)
    maps.name_points(axes, mode)
    maps.prepare(axes, mode)
