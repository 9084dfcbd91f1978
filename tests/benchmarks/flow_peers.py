"""The peers of Gaussian flow models: numpy and scipy, and the data of a fit.

  flow_peers.py moments SIDE REPEATS     cross moments as in flow_moments_benchmark
  flow_peers.py data FILE N              N x N flows and distances
  flow_peers.py read FILE                the seconds in the report of a fit

Prints lines `key value`.
"""

import sys
import time

import numpy as np


def weights(side):
    """Row-normalised: left, right, up, down and two diagonals."""
    import scipy.sparse

    rows, columns = [], []
    for y in range(side):
        for x in range(side):
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    inside = 0 <= y + dy < side and 0 <= x + dx < side
                    if (dx or dy) and dx != -dy and inside:
                        rows.append(y * side + x)
                        columns.append((y + dy) * side + x + dx)
    matrix = scipy.sparse.csr_matrix((np.ones(len(rows)), (rows, columns)))
    return scipy.sparse.diags(1 / np.asarray(matrix.sum(axis=1)).ravel()) @ matrix


def moments(w, y, grid, u):
    left = w @ y
    lags = [y, left, (w @ y.T).T, (w @ left.T).T]
    values = [np.vdot(a, b) for i, a in enumerate(lags) for b in lags[: i + 1]]
    for lag in lags:
        along = lag @ np.column_stack([np.ones_like(u), u])
        values += [along[:, 0].sum(), u @ along[:, 0], along[:, 1].sum(), np.trace(lag), np.vdot(grid, lag)]
    along = grid @ np.column_stack([np.ones_like(u), u])
    return values + [along[:, 0].sum(), u @ along[:, 0], along[:, 1].sum(), np.trace(grid), np.vdot(grid, grid)]


def main(task, *arguments):
    if task == "moments":
        side, repeats = map(int, arguments)
        random = np.random.default_rng(1)
        n = side * side
        data = weights(side).tocsr(), random.standard_normal((n, n)), random.standard_normal((n, n))
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            moments(*data, random.standard_normal(n))
            times.append(time.perf_counter() - start)
        print("moment_seconds", sorted(times)[repeats // 2])
        return
    import h5py

    if task == "data":
        random = np.random.default_rng(1)
        n = int(arguments[1])
        with h5py.File(arguments[0], "w") as file:
            file["flows"] = random.standard_normal((n, n))
            file["distance"] = random.standard_normal((n, n))
            file["attribute"] = random.standard_normal(n)
    else:
        with h5py.File(arguments[0]) as file:
            for key, value in file["report"].attrs.items():
                if key.startswith("seconds_"):
                    print(key, value)


if __name__ == "__main__":
    main(*sys.argv[1:])
