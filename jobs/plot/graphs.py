"""Graphs: partial correlations as a matrix, the strongest edges in the plane, the criteria of a path."""

import h5py
import numpy as np

from plot.matrices import read_csr
from plot.modes import Mode, find_modes
from plot.result import CannotDraw, text_of
from plot.style import colour_bar, label_axis, panels

CRITERIA = ("extended_bic", "held_out_log_density", "bic")
LARGEST_DENSE = 4000  # ids of a mode that is drawn


def is_graph(file):
    return isinstance(file.get("factor/1"), h5py.Group)


def read_factor(group):
    """A CSR group or a dataset as a matrix, and the ids beside it."""
    shape = group.shape if isinstance(group, h5py.Dataset) else group.attrs["shape"]
    if max(shape) > LARGEST_DENSE:
        raise CannotDraw(f"{group.file.filename}: graphs of more than {LARGEST_DENSE} ids are not drawn; "
                         "'kronwerk export edges' lists their edges")
    matrix = group[()] if isinstance(group, h5py.Dataset) else read_csr(group)
    ids = group.file.get(group.name + "_ids")
    return matrix, None if ids is None else [text_of(label) for label in ids[()]]


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


def draw_edges(axes, weights, mode, places, count):
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
    if mode.ids and len(mode.ids) <= 40:
        for x, y, label in zip(*places, mode.ids):
            axes.annotate(label, (x, y), textcoords="offset points", xytext=(4, 4), fontsize=7)
    axes.margins(0.1)
    axes.set(aspect="equal", title=f"{len(strongest)} strongest of {len(strength)} edges")


def draw_mode(panel, mode, weights, arguments):
    left, right = panel
    size = len(weights)
    order = spectral_order(weights) if arguments.order == "spectral" else np.arange(size)
    weights = weights[np.ix_(order, order)]
    shown = Mode(size, mode.number, mode.name, ids=[mode.ids[i] for i in order] if mode.ids else None)
    top = np.abs(weights).max()
    image = left.imshow(weights, cmap="RdBu_r", vmin=-top, vmax=top, interpolation="nearest")
    left.figure.colorbar(image, ax=left, shrink=0.85)
    left.set_title(f"{mode.label}: partial correlations, {size} ids")
    for which in "xy":
        label_axis(left, which, shown)
    left.set(xlabel="", ylabel="")
    if mode.places is not None:
        places = [np.asarray(values)[order] for values in mode.places]
        right.set(xlabel=mode.place_names[0], ylabel=mode.place_names[1])
    else:
        angle = 2 * np.pi * np.arange(size) / size
        places = [np.sin(angle), np.cos(angle)]
        right.set_axis_off()
    draw_edges(right, weights, shown, places, arguments.edges)


def draw_path(axes, file, sweep, chosen):
    """The criteria and numbers of edges along a path of one penalty."""
    (name, at), = sweep.items()
    criterion = next((c for c in CRITERIA if c in file and np.isfinite(file[c][()]).any()), None)
    order = np.argsort(at)
    for k in range(1, 9):
        if f"edges_{k}" in file and np.nanmax(file[f"edges_{k}"][()]) > 0:
            axes[0].plot(at[order], file[f"edges_{k}"][()][order], marker=".", label=f"mode {k}")
    axes[0].set(xlabel=name, ylabel="edges")
    axes[0].legend()
    if criterion is None:
        axes[1].set_axis_off()
    else:
        axes[1].plot(at[order], file[criterion][()][order], marker=".")
        axes[1].set(xlabel=name, ylabel=criterion.replace("_", " "))
    for panel in axes:
        panel.axvline(at[chosen - 1], color="tab:red", linestyle=":", linewidth=0.9)


def where_in_sweep(sweep, chosen):
    """The penalties of a point, counted from 1 with the last one fastest."""
    index = np.unravel_index(chosen - 1, [len(at) for at in sweep.values()])
    return "".join(f", {name} = {at[i]:.4g}" for (name, at), i in zip(sweep.items(), index))


def draw(result):
    file, arguments = result.file, result.arguments
    point, chosen = "", 0
    if "path" in file:
        chosen = arguments.point or int(result.report.get("selected", 1))
        point = f"path/{chosen}/"
        if point + "factor" not in file:
            raise CannotDraw(f"{result.name}: has no graph at point {chosen} of {len(file['path'])}")
    group = file[point + "factor"]
    names = sorted((n for n in group if not n.endswith("_ids")), key=lambda n: int(n) if n.isdigit() else 0)
    read = [read_factor(group[name]) for name in names]
    found = correlations([matrix for matrix, _ in read])
    modes = find_modes(result, [len(matrix) for matrix, _ in read])
    for mode, (_, ids) in zip(modes, read):
        mode.ids = ids or mode.ids
    if arguments.labels:
        for mode in modes:
            labels = result.argument(arguments.labels, "--labels")[0]
            mode.ids = [text_of(label) for label in labels] if len(labels) == mode.extent else mode.ids
    drawn = [k for k, weights in enumerate(found) if weights.any()]
    if not drawn:
        where, other = (f" of point {chosen}", "; --point draws those of another") if chosen else ("", "")
        raise CannotDraw(f"{result.name}: the graphs{where} have no edges{other}")
    with_path = chosen > 0 and len(result.sweep) == 1 and len(file["path"]) > 1
    rows = len(drawn) + with_path
    figure, axes = panels(rows, 2, 4.2 * len(drawn) + 2.2 * with_path,
                          height_ratios=[4.2] * len(drawn) + [2.2] * with_path)
    for k, panel in zip(drawn, axes):
        draw_mode(panel, modes[k], found[k], arguments)
    if with_path:
        draw_path(axes[-1], file, result.sweep, chosen)
    kkt = file["kkt"][()].ravel()[chosen - 1] if chosen and "kkt" in file else result.report.get("kkt", np.nan)
    values = where_in_sweep(result.sweep, chosen) if chosen else ""
    which = f", point {chosen}" if chosen else ""
    figure.suptitle(f"{result.title}{which}{values}, KKT residual {float(kkt):.1e}")
    return figure
