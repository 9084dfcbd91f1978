#!/usr/bin/python3
"""Makes the data of a study for one size, a file results/WHAT-nN.h5 each, unless it is there.

  prepare.py WHAT... N    WHAT: weights (W, n x n), dense (A, n x n), points (x, n x 3; t, n) or flows
                          (W, a and d, n; y, n x n)

Everything is made from a seed, so that two machines measure the same. The weights are the 3,107 US
counties' for that n, else those of a lattice with as many regions, like the counties with about six
neighbours each and rows that add up to 1.
"""
import math
import os
import sys

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
COUNTIES = 3107


def lattice(n):
    """(indptr, indices) of n places in rows: left, right, above, below, and one diagonal."""
    side = math.isqrt(n - 1) + 1
    pointers, indices = [0], []
    for place in range(n):
        i, j = divmod(place, side)
        near = [(i, j - 1), (i, j + 1), (i - 1, j), (i + 1, j), (i - 1, j - 1), (i + 1, j + 1)]
        indices += sorted(a * side + b for a, b in near
                          if 0 <= a and 0 <= b < side and a * side + b < n)
        pointers.append(len(indices))
    return np.array(pointers), np.array(indices)


def weights(group, n):
    if n == COUNTIES:
        with h5py.File(os.path.join(HERE, "../counties/counties.h5")) as counties:
            counties.copy("W", group)
        return
    pointers, indices = lattice(n)
    counts = np.diff(pointers)
    matrix = group.create_group("W")
    matrix["data"] = np.repeat(1.0 / counts, counts)
    matrix["indices"] = indices
    matrix["indptr"] = pointers
    matrix.attrs["shape"] = (n, n)


def dense(group, n):
    group["A"] = np.random.default_rng(n).standard_normal((n, n)) / np.sqrt(n)


def points(group, n):
    random = np.random.default_rng(n)
    group["x"] = random.random((n, 3))
    group["t"] = np.sort(random.random(n)) * n / 50


def flows(group, n):
    """Gravity by attributes of origin and destination, with noise."""
    weights(group, n)
    random = np.random.default_rng(n)
    a, d = random.standard_normal((2, n))
    group["a"], group["d"] = a, d
    group["y"] = 1 + 0.5 * a[:, None] - 0.25 * d[None, :] + random.standard_normal((n, n))


def main():
    *kinds, n = sys.argv[1:]
    n = int(n)
    os.makedirs(os.path.join(HERE, "results"), exist_ok=True)
    for kind in kinds:
        name = os.path.join(HERE, f"results/{kind}-n{n}.h5")
        if os.path.exists(name):
            continue
        # Whole or not there, whoever else makes it at the same time.
        part = f"{name}.{os.uname().nodename}.{os.getpid()}.part"
        with h5py.File(part, "w") as file:
            {"weights": weights, "dense": dense, "points": points, "flows": flows}[kind](file, n)
        os.replace(part, name)


if __name__ == "__main__":
    main()
