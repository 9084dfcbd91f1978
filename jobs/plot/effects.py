"""Effects of a change in each region: maps where it is known where they are, else bars or ranks."""

import numpy as np

from plot import maps
from plot.modes import find_modes
from plot.result import CannotDraw
from plot.style import panels, tick_ids, tiles

KINDS = ("origin", "destination", "network", "total", "intra")


def draw(result):
    file = result.file
    names = [name for name in KINDS if name in file["effects"]]
    names += [name for name in file["effects"] if name not in names]
    if not names:
        raise CannotDraw(f"{result.name}: has no effects")
    values = {name: file["effects"][name][()] for name in names}
    regions = len(values[names[0]])
    mode = find_modes(result, (regions, regions))[0]
    mode.name = "region"
    names = names[:4]
    if result.arguments.places and mode.places is None:
        raise CannotDraw(f"--places {result.arguments.places}: are not those of {regions} regions; expected "
                         f"two lists of {regions} numbers, FILE.h5:/x,/y, or one of {regions} x 2")
    title = f"{result.title}, effects of a change of {result.key('attribute') or 'an attribute'} in each region"
    if mode.places is not None:
        figure, axes = tiles(len(names), height=maps.height_of([mode], 2), columns=2)
        for panel, name in zip(axes, names):
            maps.draw_points(panel, mode, values[name], "")
            panel.set_title(name + mean_of(file, name))
    else:
        figure, axes = panels(len(names), 1, 1.7 * len(names) + 0.8, sharex=True)
        order = np.argsort(-values[names[-1]], kind="stable")
        for panel, name in zip(axes.flat, names):
            draw_ranks(panel, values[name][order], error_of(file, name, order))
            panel.set_title(name + mean_of(file, name))
        last = axes[-1][0]
        if mode.ids and regions <= 40:
            tick_ids(last.xaxis, [mode.ids[i] for i in order], True)
        last.set_xlabel(f"region, by its {names[-1]} effect")
    figure.suptitle(title)
    return figure


def mean_of(file, name):
    if f"mean_effect/{name}" not in file:
        return ""
    text = f", mean {float(file[f'mean_effect/{name}'][()]):.4g}"
    if f"mean_standard_error/{name}" in file:
        text += f" ± {float(file[f'mean_standard_error/{name}'][()]):.2g}"
    return text


def error_of(file, name, order):
    item = file.get(f"standard_error/{name}")
    return None if item is None else 1.96 * item[()][order]


def draw_ranks(axes, values, errors):
    at = np.arange(len(values))
    if len(values) <= 40:
        axes.bar(at, values, yerr=errors, error_kw={"linewidth": 0.8})
    else:
        if errors is not None:
            axes.fill_between(at, values - errors, values + errors, alpha=0.25, linewidth=0)
        axes.plot(at, values, ".", markersize=3)
    axes.axhline(0, color="black", linewidth=0.6)
