#!/usr/bin/python3
"""Draws a result over a two-mode grid, or the factors of a projection, from the result file alone.

  jobs/plot.py RESULT.h5 [--dataset /result] [--to PICTURE.png] [--origin NAME] [--destination NAME]
               [--labels DATA.h5:/ids] [--places DATA.h5:/longitude,/latitude]
               [--point I] [--edges N] [--order spectral]

Left the matrix, origin by destination, in blocks where it is larger than the picture; right the sums
by origin and by destination, in descending order. A projection has a panel for each factor instead:
lines or bars for vectors, pictures for matrices; labels name the entries of factors of their length.
The draws of a posterior have a trace and a density for each parameter and chain. With the places of the
regions, effects of a flow model are maps: a point for each region.

Graphs have two pictures for each mode: the partial correlations of its factor as a matrix, and its
strongest edges between coordinates: of --places where there are as many, else on a circle. Of a path
--point says which (default: the selected one); --order spectral puts ids that belong together side by
side.
"""

import argparse
import io
import math
import os

import h5py
import matplotlib

matplotlib.use("Agg")
import matplotlib.colors
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

LARGEST = 310  # cells of the picture along one side


def as_matrix(dataset):
    """Block means of the dataset and the sums by row and column, read in slabs."""
    shape = dataset.shape
    if len(shape) == 1:
        side = math.isqrt(shape[0])
        if side * side != shape[0]:
            raise SystemExit(f"{dataset.name}: {shape[0]} values are no square grid")
        shape = (side, side)
    if len(shape) != 2:
        raise SystemExit(f"{dataset.name}: shape {dataset.shape}, expected a grid of two modes")
    rows, columns = shape
    step_r, step_c = max(1, -(-rows // LARGEST)), max(1, -(-columns // LARGEST))
    starts_c = np.arange(0, columns, step_c)
    widths = np.diff(np.append(starts_c, columns))
    blocks, by_row, by_column = [], [], np.zeros(columns)
    for first in range(0, rows, step_r):
        last = min(first + step_r, rows)
        if dataset.ndim == 1:
            slab = dataset[first * columns : last * columns].reshape(-1, columns)
        else:
            slab = dataset[first:last]
        blocks.append(np.add.reduceat(slab.sum(axis=0), starts_c) / (widths * len(slab)))
        by_row.append(slab.sum(axis=1))
        by_column += slab.sum(axis=0)
    return np.array(blocks), np.concatenate(by_row), by_column


def scale(values):
    """Linear near zero, logarithmic beyond; symmetric where there are both signs."""
    top = float(np.abs(values).max()) or 1.0
    low = 0.0 if values.min() >= 0 else -top
    # Most of the cells, not the few largest, decide where the linear part ends.
    linear = max(float(np.median(np.abs(values))), top * 1e-3)
    norm = matplotlib.colors.SymLogNorm(linthresh=linear, vmin=low, vmax=top)
    return norm, "viridis" if low == 0.0 else "RdBu_r"


def draw(file, arguments):
    blocks, by_row, by_column = as_matrix(file[arguments.dataset])
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 4.4), dpi=90, width_ratios=(1.15, 1), layout="constrained"
    )
    norm, colours = scale(blocks)
    extent = (0, len(by_column), len(by_row), 0)
    image = left.imshow(blocks, norm=norm, cmap=colours, extent=extent, interpolation="nearest")
    figure.colorbar(image, ax=left, shrink=0.85)
    left.set(xlabel=arguments.destination, ylabel=arguments.origin,
             title=f"{arguments.dataset}, {len(by_row)} x {len(by_column)}")
    right.plot(np.sort(by_row)[::-1], label=f"by {arguments.origin}")
    right.plot(np.sort(by_column)[::-1], "--", label=f"by {arguments.destination}")
    right.set(xlabel="rank", title="sums in descending order")
    right.legend()
    job = os.path.basename(str(file.attrs.get("configuration_file", file.filename)))
    report = file["report"].attrs if "report" in file else {}
    residual = report.get("relative_residual")
    figure.suptitle(job + (f", relative residual {residual:.1e}" if residual is not None else ""))
    return figure


def read_labels(place):
    """The strings of FILE.h5:/path."""
    if place is None:
        return []
    name, _, path = place.rpartition(":")
    with h5py.File(name) as file:
        return [label.decode() if isinstance(label, bytes) else str(label) for label in file[path][:]]


def draw_factor(axes, values, labels, name):
    if values.ndim == 2:
        step = max(1, -(-max(values.shape) // LARGEST))
        values = values[::step, ::step]
        norm, colours = scale(values)
        axes.figure.colorbar(axes.imshow(values, norm=norm, cmap=colours), ax=axes, shrink=0.85)
    elif len(values) == len(labels):
        axes.bar(range(len(values)), values)
        axes.set_xticks(range(len(values)), labels, rotation=90)
    elif len(values) > LARGEST:
        # As many points as the picture has, each the mean of its neighbours, and their extremes.
        starts = np.linspace(0, len(values), LARGEST, endpoint=False).astype(int)
        means = np.add.reduceat(values, starts) / np.diff(np.append(starts, len(values)))
        lowest, highest = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
        axes.fill_between(starts, lowest, highest, alpha=0.3, linewidth=0)
        axes.plot(starts, means)
    else:
        axes.plot(values)
    if values.ndim == 1:
        axes.axhline(0, color="grey", linewidth=0.5)
    axes.set_title(name)


def draw_factors(file, arguments):
    factors = sorted(file["factor"], key=int)
    names = [arguments.origin, arguments.destination]
    labels = read_labels(arguments.labels)
    figure, panels = plt.subplots(
        1, len(factors), figsize=(4.5 * len(factors), 4), dpi=90, squeeze=False, layout="constrained"
    )
    for axes, factor in zip(panels[0], factors):
        name = names[int(factor) - 1] if len(factors) == 2 else f"mode {factor}"
        draw_factor(axes, file["factor"][factor][:], labels, f"{name} effect")
    report = file["report"].attrs
    text = os.path.basename(str(file.attrs.get("configuration_file", file.filename)))
    if "explained" in report:
        text += f", {100 * report['explained']:.1f} % of the variance explained"
    figure.suptitle(text)
    return figure


def read_factor(group):
    """A CSR group or a dataset as a matrix, and the ids beside it."""
    if isinstance(group, h5py.Dataset):
        matrix = group[:]
    else:
        matrix = np.zeros(tuple(group.attrs["shape"]))
        rows = np.repeat(np.arange(len(matrix)), np.diff(group["indptr"][:]))
        matrix[rows, group["indices"][:]] = group["data"][:]
    ids = group.file.get(group.name + "_ids")
    return matrix, [] if ids is None else [label.decode() for label in ids[:]]


def correlations(factors):
    """Partial correlations of neighbours along each mode, for points of mean precision: -Psi(i, j) over the
    roots of Omega(i, i) and Omega(j, j), where Omega is the sum of all modes."""
    means = [np.diag(factor).mean() for factor in factors]
    result = []
    for factor, mean in zip(factors, means):
        scale = np.sqrt(np.maximum(np.diag(factor) + sum(means) - mean, 1e-300))
        correlation = -factor / np.outer(scale, scale)
        np.fill_diagonal(correlation, 0)
        result.append(correlation)
    return result


def spectral_order(correlation):
    """Ids along a path so that strong edges are short: by the second eigenvector of the normalised
    Laplacian of the squares of positive partial correlations (Atkins, Boman and Hendrickson 1998)."""
    weights = np.maximum(correlation, 0) ** 2
    weights = weights + 1e-4 * weights.mean()  # connected, whatever the edges are
    degree = weights.sum(axis=1)
    laplacian = np.eye(len(weights)) - weights / np.sqrt(np.outer(degree, degree))
    vectors = np.linalg.eigh(laplacian)[1]
    return np.argsort(vectors[:, 1] / np.sqrt(degree))


def draw_edges(axes, weights, places, labels, count):
    """The strongest edges; red for what rises together, blue for what does not."""
    rows, columns = np.nonzero(np.triu(weights, 1))
    strength = weights[rows, columns]
    strongest = np.argsort(-np.abs(strength))[:count][::-1]
    top = max(np.abs(strength).max(initial=0), 1e-300)
    for e in strongest:
        ends = [rows[e], columns[e]]
        part = abs(strength[e]) / top
        axes.plot(places[0][ends], places[1][ends], color="tab:red" if strength[e] > 0 else "tab:blue",
                  linewidth=0.3 + 2.2 * part, alpha=0.3 + 0.7 * part, zorder=1)
    axes.scatter(*places, s=min(30, max(2, 1200 / len(weights))), color="black", zorder=2)
    if len(labels) <= 40:
        for x, y, label in zip(*places, labels):
            axes.annotate(label, (x, y), textcoords="offset points", xytext=(4, 4), fontsize=7)
    axes.set(aspect="equal", title=f"{len(strongest)} strongest of {len(strength)} edges")


def draw_graph(panel, mode, weights, labels, places, arguments):
    left, right = panel
    size = len(weights)
    order = spectral_order(weights) if arguments.order == "spectral" else np.arange(size)
    labels = [labels[i] for i in order] if len(labels) == size else []
    weights = weights[np.ix_(order, order)]
    top = np.abs(weights).max()
    image = left.imshow(weights, cmap="RdBu_r", vmin=-top, vmax=top, interpolation="nearest")
    left.figure.colorbar(image, ax=left, shrink=0.85)
    left.set_title(f"mode {mode}: partial correlations, {size} ids")
    if 0 < len(labels) <= 40:
        left.set_xticks(range(size), labels, rotation=90, fontsize=7)
        left.set_yticks(range(size), labels, fontsize=7)
    if places is not None and len(places[0]) == size:
        at = [values[order] for values in places]
    else:
        angle = 2 * np.pi * np.arange(size) / size
        at = [np.sin(angle), np.cos(angle)]
        right.set_axis_off()
    draw_edges(right, weights, at, labels, arguments.edges)


def draw_graphs(file, arguments):
    point = ""
    if "path" in file:
        chosen = arguments.point or int(file["report"].attrs["selected"])
        point = f"/path/{chosen}"
    group = file[point + "/factor"]
    read = [read_factor(group[name]) for name in sorted(group, key=lambda n: int(n.split("_")[0]))
            if not name.endswith("_ids")]
    places = read_places(arguments.places) if arguments.places else None
    found = correlations([matrix for matrix, _ in read])
    drawn = [k for k, weights in enumerate(found) if weights.any()]
    if not drawn:
        raise SystemExit(f"{arguments.result}: the graphs have no edges")
    figure, panels = plt.subplots(
        len(drawn), 2, figsize=(9, 4.2 * len(drawn)), dpi=90, squeeze=False, layout="constrained"
    )
    for mode, panel in zip(drawn, panels):
        labels = read[mode][1] or read_labels(arguments.labels)
        draw_graph(panel, mode + 1, found[mode], labels, places, arguments)
    job = os.path.basename(str(file.attrs.get("configuration_file", file.filename)))
    kkt = file["kkt"][:].ravel()[chosen - 1] if point else file["report"].attrs["kkt"]
    figure.suptitle(f"{job}{f', point {chosen}' if point else ''}, KKT residual {kkt:.1e}")
    return figure


def read_places(place):
    """Two vectors of FILE.h5:/x,/y."""
    name, _, paths = place.rpartition(":")
    with h5py.File(name) as file:
        return [file[path][:] for path in paths.split(",")]


def draw_maps(file, arguments):
    effects = file["effects"]
    names = [name for name in ("origin", "destination", "network", "total") if name in effects]
    x, y = read_places(arguments.places)
    figure, panels = plt.subplots(2, 2, figsize=(9, 6), dpi=90, layout="constrained")
    for axes, name in zip(panels.flat, names):
        values = effects[name][:]
        if len(values) != len(x) or len(x) != len(y):
            raise SystemExit(f"{len(values)} effects, but places of {len(x)} and {len(y)}")
        norm = matplotlib.colors.Normalize(*np.percentile(values, (2, 98)))
        points = axes.scatter(x, y, c=values, s=9, norm=norm, cmap="viridis")
        figure.colorbar(points, ax=axes, shrink=0.85, extend="both")
        axes.set(title=name, aspect="equal")
    job = os.path.basename(str(file.attrs.get("configuration_file", file.filename)))
    figure.suptitle(f"{job}, effects of a change in each region")
    return figure


def draws_of(group):
    """Names and (chain, draw) values of all parameters, entries of vectors one by one."""
    for name, dataset in group.items():
        if not isinstance(dataset, h5py.Dataset) or dataset.ndim < 2:
            continue
        if dataset.ndim == 2:
            yield name, dataset[:]
            continue
        labels = [str(i) for i in range(dataset.shape[2])]
        if dataset.dims[2]:
            labels = [label.decode() for label in dataset.dims[2][0][:]]
        for i, label in enumerate(labels):
            yield f"{name}[{label}]", dataset[:, :, i]


def density(draws, at):
    """A Gaussian kernel estimate with Silverman's width."""
    low, high = np.percentile(draws, (25, 75))
    width = 0.9 * min(draws.std(), (high - low) / 1.34) * len(draws) ** -0.2 or 1.0
    return np.exp(-0.5 * ((at[:, None] - draws) / width) ** 2).mean(axis=1) / width / math.sqrt(2 * math.pi)


def draw_posterior(file, arguments):
    parameters = list(draws_of(file["posterior"]))
    figure, panels = plt.subplots(
        len(parameters), 2, figsize=(9, 1.5 * len(parameters)), dpi=90, squeeze=False,
        width_ratios=(1, 2), layout="constrained",
    )
    diverging = file["sample_stats/diverging"][:] != 0
    for (left, right), (name, draws) in zip(panels, parameters):
        at = np.linspace(draws.min(), draws.max(), 200)
        for chain, values in enumerate(draws):
            left.plot(at, density(values, at), linewidth=0.9)
            right.plot(values, linewidth=0.4, alpha=0.8)
            where = np.flatnonzero(diverging[chain])
            right.plot(where, values[where], "k|", markersize=5)
        left.set_yticks([])
        left.set_title(name, fontsize=9, loc="left")
        for axes in (left, right):
            axes.tick_params(labelsize=7)
    job = os.path.basename(str(file.attrs.get("configuration_file", file.filename)))
    figure.suptitle(f"{job}, {draws.shape[0]} chains of {draws.shape[1]} draws")
    return figure


def save(figure, target):
    """128 colours are enough for the eye and a third of the bytes."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    picture = Image.open(drawn).convert("RGB").quantize(128)
    picture.save(target, format="png", optimize=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result")
    parser.add_argument("--dataset", default="/result")
    parser.add_argument("--to", help="default: the result's name with .png")
    parser.add_argument("--origin", default="origin")
    parser.add_argument("--destination", default="destination")
    parser.add_argument("--labels", help="names of a factor's entries: DATA.h5:/ids")
    parser.add_argument("--places", help="of the regions or ids: DATA.h5:/longitude,/latitude")
    parser.add_argument("--point", type=int, help="of a path of graphs")
    parser.add_argument("--edges", type=int, default=400, help="of a graph, the strongest")
    parser.add_argument("--order", choices=("given", "spectral"), default="given", help="of the ids of a graph")
    arguments = parser.parse_args()
    target = arguments.to or os.path.splitext(arguments.result)[0] + ".png"
    with h5py.File(arguments.result) as file:
        if arguments.dataset in file:
            figure = draw(file, arguments)
        elif "posterior" in file:
            figure = draw_posterior(file, arguments)
        elif "path" in file or isinstance(file.get("factor/1"), h5py.Group):
            figure = draw_graphs(file, arguments)
        elif "factor" in file:
            figure = draw_factors(file, arguments)
        elif "effects" in file and arguments.places:
            figure = draw_maps(file, arguments)
        elif "effects" in file:
            raise SystemExit(f"{arguments.result} has effects: --places says where the regions are")
        else:
            raise SystemExit(f"{arguments.result} has no {arguments.dataset}")
    save(figure, target)
    print(target)


if __name__ == "__main__":
    main()
