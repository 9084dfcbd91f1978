"""Predictions: bands for each series with what was observed and hidden, maps and images of mean and deviation."""

import h5py
import numpy as np

from plot import fields, flow_pictures, maps
from plot.predicted import Predicted
from plot.style import finite, label_axis, panels, scale, tiles

SERIES = 6  # that are drawn
WINDOW = 150  # positions of a long series that are drawn


def has(file):
    return isinstance(file.get("mean"), h5py.Dataset) or "predicted" in file


def draw(result):
    if "predicted" in result.file:
        return flow_pictures.draw_predicted(result)
    predicted = Predicted(result)
    finite(predicted.mean, f"{result.name}: the mean")
    modes = predicted.modes
    if len(modes) == 1 and modes[0].places is None:
        return draw_series(result, predicted, 0)
    if len(modes) == 1 or is_plane(modes):
        return draw_maps(result, predicted)
    if len(modes) == 2 or any(mode.is_time for mode in modes):
        return draw_series(result, predicted, axis_of(modes))
    result.notes.append("drawn is the mean; --dataset /variance draws how certain it is")
    return fields.draw_slices(result, predicted.mean, modes, "mean")


def is_plane(modes):
    """Whether two modes span a plane, neither of them time."""
    return len(modes) == 2 and all(mode.at is not None for mode in modes) and not any(mode.is_time for mode in modes)


def axis_of(modes):
    """The mode that series run along."""
    for k, mode in enumerate(modes):
        if mode.is_time:
            return k
    for k, mode in enumerate(modes):
        if mode.at is not None:
            return k
    return len(modes) - 1


def choose_series(predicted, others, axis):
    """Which series are drawn: evenly chosen, first of all among those with hidden cells."""
    count = int(np.prod(others)) if others else 1
    along = np.moveaxis(predicted.mean, axis, -1).reshape(count, -1)
    usable = np.isfinite(along).any(axis=1)
    if predicted.observed is not None and predicted.same_grid:
        missing = ~np.isfinite(np.moveaxis(predicted.observed, axis, -1).reshape(count, -1))
        some = usable & missing.any(axis=1) & ~missing.all(axis=1)
        usable = some if some.any() else usable
    candidates = np.flatnonzero(usable)
    return candidates[np.unique(np.linspace(0, len(candidates) - 1, SERIES).round().astype(int))]


def window_of(predicted, axis):
    """The positions that are drawn: where most is hidden, of series that are too long."""
    extent = predicted.shape[axis]
    if extent <= 1.5 * WINDOW:
        return slice(0, extent)
    others = tuple(k for k in range(len(predicted.shape)) if k != axis)
    missing = np.zeros(extent)
    if predicted.observed is not None and predicted.same_grid:
        missing = (~np.isfinite(predicted.observed)).sum(axis=others).astype(float)
    sums = np.convolve(missing, np.ones(WINDOW), "valid")
    first = int(np.argmax(sums)) if sums.max() > sums.min() else 0
    return slice(first, first + WINDOW)


def draw_series(result, predicted, axis):
    modes = predicted.modes
    along = modes[axis]
    others = [mode for k, mode in enumerate(modes) if k != axis]
    shape = [mode.extent for mode in others]
    chosen = choose_series(predicted, shape, axis)
    part = window_of(predicted, axis)
    columns = 1 if len(chosen) == 1 else 2
    rows = -(-len(chosen) // columns)
    figure, axes, below = panels_with_legend(rows, columns, max(3.6, 1.75 * rows + 0.9))
    for extra in axes.flat[len(chosen) :]:
        extra.set_axis_off()
    position = along.positions()[part]

    def series(values, number):
        return None if values is None else np.moveaxis(values, axis, -1).reshape(-1, along.extent)[number, part]

    dots = observations_along(predicted, axis)
    for panel, number in zip(axes.flat, chosen):
        low, high = series(predicted.low, number), series(predicted.high, number)
        if low is not None:
            panel.fill_between(position, low, high, color="tab:blue", alpha=0.25, linewidth=0, label=predicted.band)
        for draw_ in predicted.draws:
            panel.plot(position, series(draw_, number), color="grey", linewidth=0.5, label="draws")
        panel.plot(position, series(predicted.mean, number), color="tab:blue", linewidth=0.9, label="mean")
        for at, values, style, label in dots:
            shown = np.isfinite(values[number])
            if len(position) < along.extent:
                shown &= (at >= position[0]) & (at <= position[-1])
            if shown.any():
                panel.plot(at[shown], values[number][shown], style, markersize=3.5 if shown.sum() <= 160 else 2,
                           label=label)
        index = np.unravel_index(number, shape) if shape else ()
        panel.set_title(", ".join(mode.text(i) for mode, i in zip(others, index)), fontsize=9)
    for panel in axes[-1]:
        label_axis(panel, "x", along, extent=len(position))
    for panel in axes[:, 0]:
        panel.set_ylabel(predicted.name)
    handles = {label: handle for panel in axes.flat for handle, label in zip(*panel.get_legend_handles_labels())}
    order = [name for name in ("observed", "hidden", "mean", predicted.band, "draws") if name in handles]
    below.legend([handles[name] for name in order], order, loc="center", ncols=5)
    figure.suptitle(result.title + describe(len(chosen), int(np.prod(shape)), len(position), along))
    return figure


def observations_along(predicted, axis):
    """Positions, values by series, style and name of what was observed and hidden, where the series are the same."""
    if predicted.observed is None:
        return []
    others = [mode.extent for k, mode in enumerate(predicted.modes) if k != axis]
    if others != [mode.extent for k, mode in enumerate(predicted.observed_modes) if k != axis]:
        return []
    at = predicted.observed_modes[axis].positions()
    return [(at, np.moveaxis(values, axis, -1).reshape(-1, len(at)), style, name)
            for values, style, name in ((predicted.observed, "k.", "observed"), (predicted.hidden, "r.", "hidden"))]


def panels_with_legend(rows, columns, height):
    """Panels that share their axes, and below them one without any for the legend."""
    figure, axes = panels(rows + 1, columns, height, height_ratios=[1] * rows + [0.12])
    for panel in axes[:rows].flat[1:]:
        panel.sharex(axes[0][0])
        panel.sharey(axes[0][0])
    for panel in axes[: rows - 1].flat:
        panel.tick_params(labelbottom=False)
    for panel in axes[:rows, 1:].flat:
        panel.tick_params(labelleft=False)
    grid = axes[0][0].get_gridspec()
    for extra in axes[rows]:
        extra.remove()
    below = figure.add_subplot(grid[rows, :])
    below.set_axis_off()
    return figure, axes[:rows], below


def describe(drawn, there, positions, along):
    text = f", {drawn} of {there} series" if drawn < there else ""
    return text + (f", {positions} of {along.extent} positions" if positions < along.extent else "")


def draw_maps(result, predicted):
    """Mean, deviation and observations of points in the plane, or of a grid that spans one."""
    parts = [("mean", predicted.mean)]
    if predicted.deviation is not None:
        parts.append(("standard deviation", predicted.deviation))
    if predicted.observed is not None and np.isfinite(predicted.observed).any():
        parts.append(("observed", predicted.observed))
    columns = 1 if is_wide(predicted.modes) else 2
    height = maps.height_of(predicted.modes, columns) if len(predicted.modes) == 1 else 3.1
    figure, axes = tiles(len(parts), height, columns)
    norm, colours = scale(predicted.mean)
    for panel, (name, values) in zip(axes, parts):
        modes = predicted.observed_modes if name == "observed" else predicted.modes
        own = (None, None) if name == "standard deviation" else (norm, colours)
        if len(predicted.modes) == 1:
            maps.draw_points(panel, modes[0], values, "", *own)
        else:
            fields.draw_image(panel, values, modes, "", *own)
        panel.set_title(name if name == "standard deviation" else f"{predicted.name}, {name}")
    figure.suptitle(result.title)
    return figure


def is_wide(modes):
    return len(modes) == 2 and np.ptp(modes[1].positions()) > 4 * max(np.ptp(modes[0].positions()), 1e-300)
