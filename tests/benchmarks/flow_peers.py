"""The peers of Gaussian flow models: numpy and scipy, and the data of a fit.

  flow_peers.py moments SIDE REPEATS     cross moments as in flow_moments_benchmark
  flow_peers.py data FILE N              N x N flows and distances
  flow_peers.py read FILE [NAME...]      the seconds in the report of a result, estimates of parameters
  flow_peers.py counts WEIGHTS DATA COUNTS   a separable Poisson fit, as in table.py
  flow_peers.py effects WEIGHTS RHO_O RHO_D RHO_W   effects of an attribute, as in table.py

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


def read_weights(file):
    import scipy.sparse

    group = file["W"]
    n = int(len(group["indptr"]) - 1)
    return scipy.sparse.csr_matrix((group["data"][:], group["indices"][:], group["indptr"][:]), shape=(n, n))


class SeparablePoisson:
    """Newton's method with exact second derivatives; the filter's modes by sparse LU."""

    def __init__(self, w, u, grid, counts):
        import scipy.sparse

        self.w, self.grid, self.counts = w, grid, counts
        self.identity = scipy.sparse.identity(len(u), format="csc")
        one = np.ones(len(u))
        self.pairs = [(one, one), (u, one), (one, u), (one, w @ u)]

    def move(self, rates):
        from scipy.sparse.linalg import splu

        if rates == getattr(self, "rates", None):
            return
        self.rates = rates
        self.modes = [(self.identity - rate * self.w).tocsc() for rate in rates]
        self.lu = [splu(mode) for mode in self.modes]
        basis = [np.outer(self.lu[0].solve(x), self.lu[1].solve(z)) for x, z in self.pairs]
        self.basis = basis + [self.solve(np.eye(len(self.grid))), self.solve(self.grid)]

    def solve(self, values, trans="N"):
        left = self.lu[0].solve(np.ascontiguousarray(values), trans)
        return self.lu[1].solve(np.ascontiguousarray(left.T), trans).T

    def value(self, delta):
        eta = sum(d * b for d, b in zip(delta, self.basis))
        rate = np.exp(eta)
        return eta, rate, np.vdot(self.counts, eta) - rate.sum()

    def normal_equations(self, basis, rate):
        score = self.counts - rate
        gradient = np.array([np.vdot(b, score) for b in basis])
        weighted = [rate * b for b in basis]
        return gradient, np.array([[np.vdot(a, b) for b in weighted] for a in basis])

    def begin(self):
        """Least squares fit to the logarithms, then weighted ones."""
        y = self.counts + 0.1
        gram = np.array([[np.vdot(a, y * b) for b in self.basis] for a in self.basis])
        delta = np.linalg.solve(gram, [np.vdot(b, y * np.log(y)) for b in self.basis])
        while True:
            gradient, gram = self.normal_equations(self.basis, self.value(delta)[1])
            step = np.linalg.solve(gram, gradient)
            if step @ gradient < 1e-12:
                return delta
            delta = delta + step

    def evaluate(self, x):
        self.move(tuple(x[:2]))
        eta, rate, value = self.value(x[2:])
        w = self.w
        slopes = [self.lu[0].solve(w @ eta), self.lu[1].solve(np.ascontiguousarray((eta @ w.T).T)).T]
        gradient, gram = self.normal_equations(slopes + self.basis, rate)
        adjoint = self.solve(self.counts - rate, "T")
        # -A_kᵀ v of both parameters
        images = [(self.modes[1].T @ (w.T @ adjoint).T).T, self.modes[0].T @ (w.T @ adjoint.T).T]
        hessian = -gram
        for k, image in enumerate(images):
            products = np.array([np.vdot(image, b) for b in slopes + self.basis])
            hessian[k] += products
            hessian[:, k] += products
        cross = np.vdot(w.T @ (w.T @ adjoint.T).T, eta)
        hessian[0, 1] -= cross
        hessian[1, 0] -= cross
        return value, gradient, hessian

    def fit(self):
        self.move((0.1, 0.1))
        x = np.concatenate([self.rates, self.begin()])
        value, gradient, hessian = self.evaluate(x)
        while True:
            step = -np.linalg.solve(hessian, gradient)
            if step @ gradient <= 1e-12:
                return x
            while True:
                following = self.evaluate(x + step)
                if following[0] >= value:
                    break
                step = step / 2
            x = x + step
            value, gradient, hessian = following


def effects(w, rho_o, rho_d, rho_w):
    """Origin, destination, intra and total effects through kron(u, 1), kron(1, u), kron(1, W*u) and diagonal(u)."""
    from scipy.sparse.linalg import splu
    import scipy.sparse

    n = w.shape[0]
    identity = scipy.sparse.identity(n, format="csc")
    sums = np.zeros((4, n))
    # Rows of W sum to one: A (x 1ᵀ) is a product again.
    for along, rho, across, matrix in ((0, rho_o, rho_d, identity), (1, rho_d, rho_o, identity), (1, rho_d, rho_o, w)):
        lu = splu(((1 - across) * identity - (rho + rho_w) * w).tocsc())
        x = lu.solve(matrix.toarray())
        columns = x.sum(axis=0)
        sums[along] += n * np.diag(x)
        sums[1 - along] += columns
        sums[2] += np.diag(x)
        sums[3] += n * columns
    # D^½ W D^-½ is symmetric for row-normalised contiguity, D the numbers of neighbours.
    degree = np.maximum(np.diff(w.indptr), 1)
    root = np.sqrt(degree)
    values, vectors = np.linalg.eigh((w.multiply(root[:, None]).multiply(1 / root[None, :])).toarray())
    right, left = vectors / root[:, None], vectors * root[:, None]
    inverse = 1 / (1 - rho_o * values[:, None] - rho_d * values[None, :] - rho_w * np.outer(values, values))
    own, all = right * left, right.sum(axis=0) * left
    sums[2] += np.einsum("ra,ra->r", own @ inverse, own)
    sums[0] += np.einsum("ra,ra->r", own, all @ inverse.T)
    sums[1] += np.einsum("ra,ra->r", all, own @ inverse.T)
    sums[3] += np.einsum("ra,ra->r", all @ inverse, all)
    return sums


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

    if task == "effects":
        with h5py.File(arguments[0]) as file:
            w = read_weights(file)
        start = time.perf_counter()
        found = effects(w, *map(float, arguments[1:]))
        print("effect_seconds", time.perf_counter() - start)
        print("mean_intra", found[2].mean())
        print("mean_total", found[3].mean())
    elif task == "data":
        random = np.random.default_rng(1)
        n = int(arguments[1])
        with h5py.File(arguments[0], "w") as file:
            file["flows"] = random.standard_normal((n, n))
            file["distance"] = random.standard_normal((n, n))
            file["attribute"] = random.standard_normal(n)
    elif task == "counts":
        with h5py.File(arguments[0]) as weights_file, h5py.File(arguments[1]) as data, h5py.File(arguments[2]) as drawn:
            peer = SeparablePoisson(read_weights(weights_file), data["attribute"][:], data["distance"][:],
                                    drawn["result"][:])
        start = time.perf_counter()
        x = peer.fit()
        print("fit_seconds", time.perf_counter() - start)
        print("rho_o", x[0])
        print("rho_d", x[1])
    else:
        with h5py.File(arguments[0]) as file:
            stages = {key: value for key, value in file["report"].attrs.items() if key.startswith("seconds_")}
            for key, value in stages.items():
                print(key, value)
            # Without waiting for other ranks; the largest of any rank is the last.
            table = file["report/stages"]
            for name, row in zip(table["names"][:], table["seconds"][:]):
                print(f"own_{name.decode()}", row[-1])
            print("seconds", file.attrs["seconds"])
            print("gradients", file["report"].attrs.get("gradients", 0))
            print("fit_seconds", sum(stages.get(f"seconds_{stage}", 0) for stage in ("region", "fit", "errors")))
            for name in arguments[1:]:
                group = "parameters" if name.startswith("rho") else "mean_effect"
                print(name, file[group][name][()])


if __name__ == "__main__":
    main(*sys.argv[1:])
