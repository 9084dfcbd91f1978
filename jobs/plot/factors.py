"""The factors of a projection: lines or bars for vectors, images for matrices."""

import numpy as np

from plot.modes import find_modes
from plot.result import CannotDraw, text_of
from plot.style import LARGEST, colour_bar, label_axis, scale, tiles


def draw(result):
    file = result.file
    names = sorted(file["factor"], key=lambda name: int(name) if name.isdigit() else 0)
    names = [name for name in names if not name.endswith("_ids")]
    if not names:
        raise CannotDraw(f"{result.name}: has no factors")
    items = [file["factor"][name] for name in names]
    if result.sweep:
        items = [item[(0,) * len(result.sweep)] for item in items]
        result.notes.append("drawn are the factors of the first point of the sweep")
    modes = modes_of(result, [len(item) for item in items])
    figure, axes = tiles(len(items), height=4 if len(items) < 3 else 3, columns=2 if len(items) in (2, 4) else 3)
    for panel, item, mode in zip(axes, items, modes):
        draw_factor(panel, np.asarray(item[()]), mode)
    report = result.report
    explained = f", {100 * float(report['explained']):.1f} % of the variance explained" if "explained" in report else ""
    figure.suptitle(result.title + explained)
    return figure


def modes_of(result, extents):
    modes = find_modes(result, extents)
    labels = [text_of(value) for value in result.argument(result.arguments.labels, "--labels")[0]] if (
        result.arguments.labels) else []
    for mode in modes:
        if len(labels) == mode.extent:
            mode.ids = labels
    return modes


def draw_factor(axes, values, mode):
    axes.set_title(f"effect of {mode.label}" if values.ndim == 1 else f"factor of {mode.label}, {values.shape[0]} x "
                   f"{values.shape[1]}")
    if values.ndim == 2:
        step = max(1, -(-max(values.shape) // LARGEST))
        norm, colours = scale(values)
        image = axes.imshow(values[::step, ::step], norm=norm, cmap=colours, interpolation="nearest",
                            extent=(-0.5, values.shape[1] - 0.5, values.shape[0] - 0.5, -0.5))
        colour_bar(image, axes, norm)
        for which in "xy":
            label_axis(axes, which, mode)
        return
    if mode.ids and mode.extent <= 40:
        axes.bar(np.arange(mode.extent), values)
        axes.axhline(0, color="black", linewidth=0.7)
    else:
        axes.plot(mode.positions(), values, linewidth=0.7)
    label_axis(axes, "x", mode)
