"""Points in the plane, coloured by values."""

import math

import numpy as np

from plot.style import WIDTH, colour_bar, finite, scale

NAMED = 30  # points that have their ids beside them


def prepare(axes, mode):
    """Axes of the plane; degrees are as long as they are on the ground."""
    x, y = mode.places
    axes.set(xlabel=mode.place_names[0], ylabel=mode.place_names[1])
    if mode.is_geographic and np.abs(y).max(initial=0) <= 90:
        axes.set_aspect(1 / max(0.2, math.cos(math.radians(float(np.mean(y))))))
    elif min(np.ptp(x), np.ptp(y)) > 0 and max(np.ptp(x), np.ptp(y)) < 5 * min(np.ptp(x), np.ptp(y)):
        axes.set_aspect("equal")


def height_of(modes, columns, largest=5.0):
    """Inches of a panel that a map of these modes fills, of so many columns."""
    width = 0.8 * WIDTH / columns - 1
    (x, y), geographic = modes[0].places, modes[0].is_geographic
    middle = float(np.mean(y))
    stretch = 1 / max(0.2, math.cos(math.radians(middle))) if geographic and abs(middle) <= 90 else 1.0
    ratio = stretch * np.ptp(y) / np.ptp(x) if np.ptp(x) > 0 else 1.0
    return float(np.clip(width * ratio + 0.8, 2.2, largest))


def size_of(count):
    return float(np.clip(6000 / max(count, 1), 4, 60))


def draw_points(axes, mode, values, name, norm=None, colours=None):
    """Every point by its colour; the few largest do not decide the scale."""
    values = np.asarray(values, dtype=float)
    seen = finite(values, name)
    extend = "neither"
    if norm is None:
        clipped = seen if len(seen) < 50 else np.clip(seen, *np.percentile(seen, (2, 98)))
        norm, colours = scale(clipped)
        extend = "both" if len(seen) >= 50 else "neither"
    points = axes.scatter(*mode.places, c=values, s=size_of(len(values)), norm=norm, cmap=colours, linewidths=0,
                          plotnonfinite=False)
    bar = colour_bar(points, axes, norm, name)
    bar.extend = extend
    name_points(axes, mode)
    prepare(axes, mode)


def name_points(axes, mode):
    named = mode.ids and mode.extent <= NAMED
    axes.margins(0.15 if named else 0.05)
    if named:
        for x, y, text in zip(*mode.places, mode.ids):
            axes.annotate(text, (x, y), textcoords="offset points", xytext=(4, 4), fontsize=7)
