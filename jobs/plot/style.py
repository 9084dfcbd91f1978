"""What the pictures have in common: sizes, scales of colours, ticks, panels."""

import math
import warnings

import matplotlib.colors
import matplotlib.dates
import matplotlib.pyplot as plt
import matplotlib.ticker
import numpy as np

from plot.result import CannotDraw

LARGEST = 220  # cells of an image along one side
MANY = 40  # ids that an axis has room for
WIDTH = 9.0  # inches

warnings.simplefilter("ignore")  # of matplotlib and numpy: messages are ours
plt.rcParams.update({"figure.dpi": 90, "savefig.dpi": 90, "font.size": 9, "axes.titlesize": 9.5,
                     "figure.titlesize": 10.5, "legend.fontsize": 8, "lines.linewidth": 1.1,
                     "axes.formatter.useoffset": False})


def panels(rows, columns, height, **options):
    """A figure and its axes, an array of (rows, columns)."""
    return plt.subplots(rows, columns, figsize=(WIDTH, height), squeeze=False, layout="constrained", **options)


def tiles(count, height=2.6, columns=3):
    """Axes for so many panels, those that are left over hidden."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure, axes = panels(rows, columns, max(height * rows, 3.2))
    for extra in axes.flat[count:]:
        extra.set_axis_off()
    return figure, axes.flat[:count]


def finite(values, what):
    """The values that are numbers. @throws CannotDraw without any"""
    values = np.asarray(values)
    values = values[np.isfinite(values)]
    if values.size == 0:
        raise CannotDraw(f"{what}: has no finite value")
    return values


def scale(values):
    """Colours: linear, or logarithmic beyond most of the cells where a few are far larger; symmetric where there
    are both signs."""
    values = np.asarray(values)[np.isfinite(values)]
    if values.size == 0:
        return matplotlib.colors.Normalize(0, 1), "viridis"
    top = float(np.abs(values).max()) or 1.0
    both = min(-values.min(), values.max()) > 0.05 * top  # not for what is rounding
    middle = float(np.median(np.abs(values)))
    if top > 20 * middle and (both or values.max() > 0):
        # Most of the cells, not the few largest, decide where the linear part ends.
        norm = matplotlib.colors.SymLogNorm(max(middle, top * 1e-3), vmin=-top if both else min(0.0, float(values.min())),
                                             vmax=top)
    elif both:
        norm = matplotlib.colors.Normalize(-top, top)
    else:
        low, high = float(values.min()), float(values.max())
        norm = matplotlib.colors.Normalize(low, high if high > low else low + (abs(low) or 1.0))
    return norm, "RdBu_r" if both else "viridis"


def colour_bar(image, axes, norm, label=""):
    """Beside the axes, with few plain numbers."""
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.9, label=label)
    if isinstance(norm, matplotlib.colors.SymLogNorm):
        exponent = math.log10(norm.linthresh)
        tens = [10.0**e for e in range(math.ceil(exponent), math.floor(math.log10(norm.vmax)) + 1)]
        tens = tens[:: -(-len(tens) // 4)] or [norm.vmax]
        bar.set_ticks([-t for t in reversed(tens) if norm.vmin < 0] + [0] + tens)
        bar.ax.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    bar.ax.yaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    return bar


def tick_ids(axis, ids, rotate):
    """Ids at the entries of an axis, as many as it has room for."""
    step = -(-len(ids) // MANY)
    at = list(range(0, len(ids), step))
    longest = max(len(ids[i]) for i in at)
    size = 7 if len(at) <= 25 else 6
    columns = axis.axes.get_subplotspec().get_gridspec().ncols
    room = 0.7 * WIDTH * 72 / columns  # points; colour bars and labels take the rest
    rotation = 90 if rotate and 0.7 * size * (longest + 1) * len(at) > room else 0
    axis.set_ticks(at, [ids[i] if len(ids[i]) <= 16 else ids[i][:15] + "…" for i in at], fontsize=size,
                   rotation=rotation)


def counts(mode):
    """Whether positions are the numbers of the entries."""
    return np.array_equal(mode.positions(), np.arange(mode.extent))


def label_axis(axes, which, mode, extent=None, ids=True):
    """Names one axis of an image or a series of a mode, and its ticks by ids or dates."""
    axis = getattr(axes, which + "axis")
    axis.set_label_text(mode.label)
    if mode.dates is not None and np.all(np.diff(mode.dates) > 0):
        locator = matplotlib.dates.AutoDateLocator(maxticks=7)
        axis.set_major_locator(locator)
        axis.set_major_formatter(matplotlib.dates.ConciseDateFormatter(locator))
    elif ids and mode.ids and (extent or mode.extent) <= MANY:
        tick_ids(axis, mode.ids, which == "x")
    elif mode.extent <= 6 and counts(mode):
        axis.set_ticks(range(mode.extent))
    elif counts(mode):
        axis.set_major_locator(matplotlib.ticker.MaxNLocator(6, integer=True))


def plural(count, one, many=None):
    return f"{count} {one if count == 1 else many or one + 's'}"
