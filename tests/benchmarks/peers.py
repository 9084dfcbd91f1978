"""The peers of the benchmark table: scipy's SuperLU on the same weight matrices.

  peers.py points DIRECTORY N...        random points, one CSV per N (seeded)
  peers.py two_sided FILE REPEATS       the two-sided solve, one process, after factorisation
  peers.py tuned FILE REPEATS           the same by panels, with the settings that are fastest here
  peers.py gradients FILE REPEATS       the same, with the adjoint and both gradients
  peers.py layer M BLOCKS ROWS COLS REPEATS   numpy's reshape-and-dot of m rows of blocks, two threads
  peers.py explicit FILE                one sparse LU of the N x N matrix, and its solve
  peers.py general FILE O D W           the same for I - d I(x)W - o W(x)I - w W(x)W

FILE holds a CSR group /W (section "Data files" of the README). Prints lines `key value`.
"""

import sys
import time

import h5py
import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as linalg

RHO_O, RHO_D = 0.35, 0.40


def weights(file):
    with h5py.File(file) as data:
        group = data["W"]
        arrays = (group["data"][:], group["indices"][:], group["indptr"][:])
        return sp.csr_matrix(arrays, shape=tuple(group.attrs["shape"]))


def report(key, value):
    print(f"{key} {value:.9g}", flush=True)


def median_seconds(work, repeats):
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


class TwoSided:
    """L_o^-1 B L_d^-T with one factorisation per side, kept; L_k = I - rho_k W."""

    def __init__(self, file, **settings):
        self.w = weights(file)
        n = self.w.shape[0]
        identity = sp.identity(n, format="csr")
        self.l_o = (identity - RHO_O * self.w).tocsr()
        self.l_d = (identity - RHO_D * self.w).tocsr()
        self.lu_o = linalg.splu(self.l_o.tocsc(), **settings)
        self.lu_d = linalg.splu(self.l_d.tocsc(), **settings)
        self.b = np.random.default_rng(1).standard_normal((n, n))

    def solve(self, b, trans="N"):
        return self.lu_d.solve(self.lu_o.solve(b, trans).T, trans).T

    def solve_by_panels(self, panel=64):
        n = self.w.shape[0]
        x = np.asfortranarray(self.b)
        for lu in (self.lu_o, self.lu_d):
            y = np.empty_like(x)
            for first in range(0, n, panel):
                y[:, first : first + panel] = lu.solve(x[:, first : first + panel])
            x = np.asfortranarray(y.T)
        return x

    def gradients(self):
        x = self.solve(self.b)
        v = self.solve(x, "T")
        by_o = np.vdot(v, (self.w @ (self.l_d @ x.T).T))
        by_d = np.vdot(v, (self.w @ (self.l_o @ x).T).T)
        return x, v, by_o, by_d


def points(directory, sizes):
    for size in sizes:
        xy = np.random.default_rng(size).random((size, 2))
        with open(f"{directory}/points_{size}.csv", "w") as out:
            out.write("id,x,y\n")
            out.writelines(f"p{i},{x:.17g},{y:.17g}\n" for i, (x, y) in enumerate(xy))


def explicit(file):
    w = weights(file)
    identity = sp.identity(w.shape[0], format="csr")
    start = time.perf_counter()
    matrix = sp.kron(identity - RHO_O * w, identity - RHO_D * w, format="csc")
    report("form_seconds", time.perf_counter() - start)
    factorise_and_solve(matrix)


def general(file, origin, destination, both):
    w = weights(file)
    identity = sp.identity(w.shape[0], format="csr")
    matrix = sp.kron(identity - origin * w, identity - destination * w)
    matrix -= (both + origin * destination) * sp.kron(w, w)
    factorise_and_solve(matrix.tocsc())


def factorise_and_solve(matrix):
    b = np.random.default_rng(1).standard_normal(matrix.shape[0])
    start = time.perf_counter()
    linalg.splu(matrix).solve(b)
    report("explicit_seconds", time.perf_counter() - start)


def layer(vectors, blocks, rows, cols, repeats):
    generator = np.random.default_rng(1)
    w = generator.standard_normal((rows, cols))
    x = generator.standard_normal((vectors, blocks * cols))
    apply = lambda: (x.reshape(-1, cols) @ w.T).reshape(vectors, blocks * rows)
    report("layer_seconds", median_seconds(apply, repeats))


def main(task, *arguments):
    if task == "points":
        points(arguments[0], [int(size) for size in arguments[1:]])
    elif task == "two_sided":
        model = TwoSided(arguments[0])
        report("solve_seconds", median_seconds(lambda: model.solve(model.b), int(arguments[1])))
    elif task == "tuned":
        model = TwoSided(
            arguments[0],
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
        report("solve_seconds", median_seconds(model.solve_by_panels, int(arguments[1])))
    elif task == "gradients":
        model = TwoSided(arguments[0])
        report("gradients_seconds", median_seconds(model.gradients, int(arguments[1])))
    elif task == "layer":
        layer(*map(int, arguments))
    elif task == "general":
        general(arguments[0], *map(float, arguments[1:]))
    elif task == "explicit":
        explicit(arguments[0])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
