#!/usr/bin/python3
"""Draws a result over a two-mode grid from the result file alone.

  jobs/plot.py RESULT.h5 [--dataset /result] [--to PICTURE.png] [--origin NAME] [--destination NAME]

Left the matrix, origin by destination, in blocks where it is larger than the picture; right the sums
by origin and by destination, in descending order.
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
    arguments = parser.parse_args()
    target = arguments.to or os.path.splitext(arguments.result)[0] + ".png"
    with h5py.File(arguments.result) as file:
        if arguments.dataset not in file:
            raise SystemExit(f"{arguments.result} has no {arguments.dataset}")
        figure = draw(file, arguments)
    save(figure, target)
    print(target)


if __name__ == "__main__":
    main()
