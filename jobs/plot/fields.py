"""Values on a grid: lines, matrices with their sums, maps of points, slices of three and more modes."""

import math

import h5py
import numpy as np

from plot import histories, maps
from plot.grids import modes_of_grid, shape_of_grid
from plot.matrices import draw_matrix, read_csr, read_matrix
from plot.modes import Mode, name_of_values
from plot.result import CannotDraw
from plot.style import colour_bar, finite, label_axis, panels, plural, scale, tiles

MOST = 4  # vectors of several that are drawn


def draw(result):
    path = result.arguments.dataset or "result"
    item = result.file.get(path)
    if item is None:
        raise CannotDraw(nothing(result, path))
    if isinstance(item, h5py.Group):
        if "indptr" in item and "data" in item:
            return draw_sparse(result, item)
        names = ", ".join(list(item)[:6])
        raise CannotDraw(f"{result.name}: {item.name} is a group; --dataset names one of {names}")
    if item.dtype.kind not in "fiub":
        raise CannotDraw(f"{result.name}: {item.name} has no real numbers")
    if item.size <= 1 and histories.has(result.file) and not result.arguments.dataset:
        figure, axes = panels(1, 1, 3.6)
        histories.draw_into(axes[0][0], result)
        figure.suptitle(result.title)
        return figure
    if item.size <= 1:
        value = f" = {float(item[()].reshape(-1)[0]):.10g}" if item.size else ""
        raise CannotDraw(f"{result.name}: holds one number, {item.name[1:]}{value}: there is nothing to draw")
    shape, leading = shape_of_grid(result, item)
    name = name_of_values(result, item.name[1:]) if result.task == "sample" else item.name[1:]
    if len(shape) == 2 and not leading:
        return draw_two_modes(result, item, shape)
    modes = modes_of_grid(result, shape, item.name)
    if len(shape) >= 3 and not leading:
        return draw_slices(result, item if item.shape == shape else result.values(item).reshape(shape), modes, name)
    parts = range(min(MOST, leading)) if leading else [None]
    vectors = [result.values(item, part).reshape(shape) for part in parts]
    kind = "draws" if result.task == "sample" else "vectors"
    many = f", {len(vectors)} of {leading} {kind}" if leading > len(vectors) else ""
    with_history = item.name == "/result" and histories.has(result.file)
    count = len(vectors) + with_history
    height = 4.2 if count < 3 else 3
    if len(modes) == 1 and modes[0].places is not None:
        height = maps.height_of(modes, min(count, 2))
    figure, axes = tiles(count, height, columns=2)
    for number, (panel, values) in enumerate(zip(axes, vectors)):
        draw_vector(panel, values, modes, name)
        if leading:
            panel.set_title(f"{'draw' if result.task == 'sample' else 'vector'} {number + 1}")
    if with_history:
        histories.draw_into(axes[-1], result)
    figure.suptitle(f"{result.title}, {name}{many}{residual(result)}")
    return figure


def drawable(file):
    """Arrays of numbers and sparse matrices of a file."""
    found = []

    def visit(name, item):
        parent = name.rpartition("/")[0]
        if name.startswith("report/") or parent in found:
            return
        if isinstance(item, h5py.Group):
            if "indptr" in item and "shape" in item.attrs:
                found.append(name)
        elif item.size > 1 and item.dtype.kind in "fiub":
            found.append(name)

    file.visititems(visit)
    return found


def nothing(result, path):
    """What there is instead of a data set."""
    found = drawable(result.file)
    there = f"; --dataset takes one of {', '.join('/' + name for name in found[:6])}" if found else ""
    if not result.is_ours:
        return f"{result.name}: is no result of kronwerk, it has no '{path}'{there or ' and no arrays'}"
    return f"{result.name}: has no '{path}'{there or ', and nothing else that can be drawn'}"


def residual(result):
    value = result.report.get("relative_residual")
    return f", relative residual {value:.1e}" if value is not None else ""


def draw_sparse(result, group):
    shape = tuple(int(n) for n in group.attrs.get("shape", ()))
    if len(shape) != 2 or math.prod(shape) > 25_000_000:
        raise CannotDraw(f"{result.name}: {group.name} is too large to be drawn as a matrix")
    modes = [Mode(shape[0], 1, "row"), Mode(shape[1], 2, "column")]
    return draw_matrix(result, read_csr(group), group.name[1:], modes)


def draw_two_modes(result, item, shape):
    modes = modes_of_grid(result, shape, item.name)
    cells = read_matrix(item, shape)
    history = item.name == "/result" and histories.has(result.file)
    return draw_matrix(result, cells, item.name[1:], modes, residual(result), history)


def draw_vector(axes, values, modes, name):
    """One vector into one panel: by its number of modes."""
    if len(modes) == 1:
        mode = modes[0]
        if mode.places is not None:
            maps.draw_points(axes, mode, values, name)
        else:
            draw_line(axes, values, mode, name)
    elif len(modes) == 2:
        draw_image(axes, values, modes, name)
    else:
        middle = tuple(n // 2 for n in values.shape[:-2])
        draw_image(axes, values[middle], modes[-2:], name)


def draw_line(axes, values, mode, name, **options):
    positions = mode.positions()
    if mode.ids and mode.dates is None and mode.extent <= 40:
        axes.bar(positions, values, **options)
    else:
        axes.plot(positions, values, linewidth=0.8 if mode.extent > 300 else 1.2,
                  marker="." if mode.extent <= 60 else None, **options)
    label_axis(axes, "x", mode)
    axes.set_ylabel(name)


def draw_image(axes, values, modes, name, norm=None, colours=None, bar=True):
    """A matrix by colours, its first mode downward, or upward along coordinates."""
    values = np.asarray(values, dtype=float)
    finite(values, name)
    if norm is None:
        norm, colours = scale(values)
    rows, columns = (mode.positions() for mode in modes)
    image = axes.pcolormesh(*edges(columns, rows), values, norm=norm, cmap=colours, rasterized=True)
    if bar:
        colour_bar(image, axes, norm, name)
    label_axis(axes, "y", modes[0])
    label_axis(axes, "x", modes[1])
    if np.array_equal(rows, np.arange(modes[0].extent)):
        axes.invert_yaxis()
    if {"latitude", "longitude"} == {mode.name for mode in modes} and modes[0].name == "latitude":
        axes.set_aspect(1 / max(0.2, math.cos(math.radians(float(rows.mean())))))
    elif modes[0].unit == modes[1].unit and (modes[0].at is None) == (modes[1].at is None):
        span = [float(np.ptp(mode.positions())) for mode in modes]
        if min(span) > 0 and max(span) / min(span) < 3 and not any(mode.is_time for mode in modes):
            axes.set_aspect("equal")


def edges(*positions):
    """Borders of cells whose middles are at these positions."""
    found = []
    for middle in positions:
        if len(middle) == 1:
            found.append(np.array([middle[0] - 0.5, middle[0] + 0.5]))
            continue
        between = (middle[1:] + middle[:-1]) / 2
        found.append(np.concatenate([[2 * middle[0] - between[0]], between, [2 * middle[-1] - between[-1]]]))
    return found


def draw_slices(result, values, modes, name):
    """Three and more modes: planes through the middle, one for each pair of the three largest modes.

    values  an array or a data set, of which no more is read
    """
    order = np.argsort([-mode.extent for mode in modes], kind="stable")[:3]
    order = sorted(order)
    middle = [mode.extent // 2 for mode in modes]
    pairs = [[k for k in order if k != left_out] for left_out in reversed(order)]
    planes = [values[tuple(slice(None) if k in pair else middle[k] for k in range(len(modes)))] for pair in pairs]
    norm, colours = scale(finite(np.concatenate([plane.ravel() for plane in planes]), name))
    history = histories.has(result.file)
    figure, axes = tiles(3 + history, height=3.3, columns=2 if history else 3)
    if len(modes) > 3:
        result.notes.append(f"{plural(len(modes), 'mode')}: drawn are slices along three of them, through the middle")
    for panel, pair, plane in zip(axes, pairs, planes):
        draw_image(panel, plane, [modes[k] for k in pair], "", norm, colours, bar=panel is axes[2])
        fixed = [modes[k].text(middle[k]) for k in range(len(modes)) if k not in pair]
        panel.set_title("at " + ", ".join(fixed))
    if history:
        histories.draw_into(axes[-1], result)
    figure.suptitle(f"{result.title}, {name}: slices of {' x '.join(str(n) for n in values.shape)}{residual(result)}")
    return figure
