"""Sweeps: numbers as lines or heat maps with the optimum, vectors by their norms and at some points."""

import h5py
import numpy as np

from plot import fields
from plot.grids import grid_of, modes_of_grid
from plot.result import CannotDraw
from plot.style import colour_bar, finite, panels, scale, tiles

MOST = 9  # quantities in one picture
VECTORS = 6  # points whose vectors are drawn


def draw(result):
    axes = result.sweep
    points = tuple(len(values) for values in axes.values())
    if result.arguments.point:
        return draw_point(result, axes, points)
    numbers = numbers_of(result.file, points)
    item = result.file.get("result")
    if isinstance(item, h5py.Dataset) and item.ndim > len(points):
        if len(points) == 1 and item.dtype.kind == "f":
            return draw_vectors(result, item, axes)
        numbers = {"norm of the result": norms(item, len(points)), **numbers}
    if not numbers:
        raise CannotDraw(f"{result.name}: has no number for each point of its sweep")
    names = list(numbers)[:MOST]
    if len(numbers) > MOST:
        result.notes.append(f"drawn are {MOST} of {len(numbers)} quantities of the sweep")
    fixed = ""
    while len(points) > 2:  # through the optimum along the axis with the fewest values
        numbers, axes, points, at = cut(numbers, names[0], axes, points)
        fixed += f", {at}"
    columns = 3 if len(points) == 1 and len(names) not in (2, 4) else 2
    figure, panels_ = tiles(len(names), height=4 if len(names) < 3 else 2.9, columns=columns)
    draw_one = draw_lines if len(points) == 1 else draw_heat
    converged = result.file.get("converged")
    good = converged[()] != 0 if converged is not None and converged.shape == points else None
    for number, (panel, name) in enumerate(zip(panels_, names)):
        draw_one(panel, axes, numbers[name], name, best(numbers[name], name) if number == 0 else None, good)
    figure.suptitle(f"{result.title}, {' x '.join(map(str, points))} points{fixed}")
    return figure


def numbers_of(file, points):
    """What every point of the sweep has one number of, the result first."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and item.shape == points and item.dtype.kind in "fi":
            if not name.startswith(("report", "sweep")) and name not in ("converged", "sign"):
                found[name] = item[()].astype(float)

    file.visititems(visit)
    ordered = sorted(found, key=lambda name: (name != "result", "gradient" in name, name))
    return {name: found[name] for name in ordered if np.isfinite(found[name]).any()}


def norms(item, swept):
    shape = item.shape[:swept]
    return np.array([np.linalg.norm(item[index]) for index in np.ndindex(shape)]).reshape(shape)


def best(values, name):
    """The point of the largest number, of criteria the least; None where that means nothing."""
    if not np.isfinite(values).any() or name == "norm of the result":
        return None
    least = any(word in name for word in ("bic", "aic", "objective", "kkt"))
    flat = np.where(np.isfinite(values), values, np.inf if least else -np.inf)
    return np.unravel_index(np.argmin(flat) if least else np.argmax(flat), values.shape)


def cut(numbers, name, axes, points):
    """Without the axis that has the fewest values: at the optimum of the first quantity."""
    middle = best(numbers[name], name) or tuple(n // 2 for n in points)
    shortest = int(np.argmin(points))
    swept = list(axes)[shortest]
    at = f"{swept} = {axes[swept][middle[shortest]]:.4g}"
    numbers = {key: np.take(values, middle[shortest], axis=shortest) for key, values in numbers.items()}
    axes = {key: values for key, values in axes.items() if key != swept}
    return numbers, axes, points[:shortest] + points[shortest + 1 :], at


def draw_lines(axes, swept, values, name, optimum, good):
    (parameter, at), = swept.items()
    order = np.argsort(at)
    axes.plot(at[order], values[order], marker="." if len(at) <= 60 else None)
    if optimum is not None:
        i = optimum[0]
        axes.plot(at[i], values[i], "r*", markersize=11, label=f"{parameter} = {at[i]:.4g}: {values[i]:.6g}")
    if good is not None and not good.all():
        axes.plot(at[~good], np.where(np.isfinite(values), values, np.nan)[~good], "rx", label="not converged")
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    ratio = at.max() / at.min() if at.min() > 0 else 1
    steps = np.diff(np.sort(at))
    if ratio > 50 and len(steps) > 1 and steps.max() > 5 * steps.min():
        axes.set_xscale("log")
    axes.set(xlabel=parameter, ylabel=name)


def along(values):
    """Where values are on an axis of colours: at themselves where they are about as far from each other, else by
    number; and the ticks there, None for those of numbers."""
    steps = np.diff(np.sort(values))
    even = len(steps) < 2 or steps.min() >= steps.max() / 3
    at = np.asarray(values, dtype=float) if even else np.argsort(np.argsort(values)).astype(float)
    if even and len(values) > 7:
        return at, None
    every = -(-len(values) // 7)
    order = np.argsort(values)[::every]
    return at, (at[order], [f"{values[i]:.4g}" for i in order])


def draw_heat(axes, swept, values, name, optimum, good):
    (first, rows), (second, columns) = swept.items()
    finite(values, name)
    norm, colours = scale(values)
    order = np.ix_(np.argsort(rows), np.argsort(columns))
    (y, y_ticks), (x, x_ticks) = along(rows), along(columns)
    image = axes.pcolormesh(*fields.edges(np.sort(x), np.sort(y)), values[order], norm=norm, cmap=colours,
                            rasterized=True)
    colour_bar(image, axes, norm)
    title = name
    if optimum is not None:
        i, j = optimum
        axes.plot(x[j], y[i], "r*", markersize=11)
        title += f": {values[i, j]:.6g} at {rows[i]:.4g}, {columns[j]:.4g}"
    if good is not None and not good.all():
        i, j = np.nonzero(~good)
        axes.plot(x[j], y[i], "rx", markersize=4)
    for axis, ticks in ((axes.xaxis, x_ticks), (axes.yaxis, y_ticks)):
        if ticks:
            axis.set_ticks(*ticks)
    axes.set(xlabel=second, ylabel=first, title=title)


def draw_vectors(result, item, axes):
    """The vectors of some points of one parameter, and the norms of all."""
    (name, at), = axes.items()
    chosen = np.unique(np.linspace(0, len(at) - 1, min(VECTORS - 1, len(at))).round().astype(int))
    shape, several = grid_of(result, item.shape[1:], item.name)
    modes = modes_of_grid(result, shape, item.name)
    figure, panels_ = tiles(len(chosen) + 1, height=2.9, columns=3)
    for panel, i in zip(panels_, chosen):
        values = result.values(item, (i, 0) if several else i).reshape(shape)
        if np.isfinite(values).any():
            fields.draw_vector(panel, values, modes, "")
        panel.set_title(f"{name} = {at[i]:.4g}")
    if len(shape) > 2:
        result.notes.append("drawn are slices through the middle; --point draws one point with all of its slices")
    draw_lines(panels_[-1], axes, norms(item, 1), "norm of the result", None, None)
    figure.suptitle(f"{result.title}, {len(chosen)} of {len(at)} points")
    return figure


def draw_point(result, axes, points):
    """One point of a sweep by itself, counted from 1 with the last parameter fastest."""
    chosen = result.arguments.point
    if chosen > int(np.prod(points)):
        raise CannotDraw(f"--point {chosen}: the sweep has {int(np.prod(points))} points")
    index = np.unravel_index(chosen - 1, points)
    item = result.file["result"]
    if item.ndim <= len(points):
        raise CannotDraw(f"{result.name}: the points of this sweep are numbers: leave --point out")
    shape, several = grid_of(result, item.shape[len(points) :], item.name)
    values = result.values(item, (*index, 0) if several else tuple(index)).reshape(shape)
    modes = modes_of_grid(result, shape, item.name)
    where = ", ".join(f"{name} = {at[i]:.4g}" for (name, at), i in zip(axes.items(), index))
    if values.dtype.kind == "c":
        raise CannotDraw(f"{result.name}: eigenvalues of a sweep are drawn by their norms alone")
    if len(shape) >= 3:
        return fields.draw_slices(result, values, modes, where)
    figure, panel = panels(1, 1, 4.2)
    fields.draw_vector(panel[0][0], values, modes, "result")
    figure.suptitle(f"{result.title}, {where}")
    return figure

