"""The peers of the diagonals and projections of Kronecker sums: numpy with broadcast strides.

  grid_peers.py diagonal REPEATS EXTENT...     the sum of the diagonals, spread over the grid
  grid_peers.py projection REPEATS EXTENT...   the means over all modes but one, for every mode

Prints lines `key value`: medians and bests of seconds.
"""

import sys
import time

import numpy as np


def report(name, work, repeats):
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    print(f"{name}_seconds {np.median(times):.9g}")
    print(f"{name}_best_seconds {min(times):.9g}")


def spread(diagonals, grid):
    """Views of the grid's shape in which every mode but one has stride 0."""
    for mode, diagonal in enumerate(diagonals):
        strides = [0] * len(grid)
        strides[mode] = diagonal.strides[0]
        yield np.lib.stride_tricks.as_strided(diagonal, grid, strides)


def main(task, repeats, *extents):
    grid = tuple(int(extent) for extent in extents)
    random = np.random.default_rng(1)
    if task == "diagonal":
        diagonals = [random.random(extent) for extent in grid]
        views = list(spread(diagonals, grid))

        def work():
            total = views[0] + views[1]
            for view in views[2:]:
                total += view
            return total.reshape(-1)

    elif task == "projection":
        x = random.random(grid)
        modes = range(len(grid))

        def work():
            means = [x.mean(axis=tuple(m for m in modes if m != mode)) for mode in modes]
            centre = means[0].mean() * (len(grid) - 1) / len(grid)
            return [mean - centre for mean in means]

    else:
        sys.exit(__doc__)
    report(task, work, int(repeats))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
