"""The peers of Gaussian models over a grid, K = eta^2 kron(K_1, K_2) + sigma^2 I: numpy.

  gaussian_peers.py density N REPEATS     log density and gradient by eta, l_1, l_2 and sigma
  gaussian_peers.py field N FILE          a field over N x N and its points, for a job
  gaussian_peers.py long N M REPEATS      the same over N x M
  gaussian_peers.py marginal_kron N REPEATS   the same as PyMC's MarginalKron has it
  gaussian_peers.py restricted N REPEATS  Cholesky of the dense matrix of N cells, and its gradient-free
                                          log density: what is done without structure

Closed forms, with the same eigenvectors used once, but for marginal_kron, which goes backwards through the
decompositions as PyTensor does (Eigh, EighGrad). Prints lines `key value`.
"""

import sys
import time

import numpy as np


def distances(n):
    x = 0.01 * np.arange(n)
    return np.abs(x[:, None] - x[None, :])


def matern(d, length):
    r = np.sqrt(3.0) * d / length
    return (1 + r) * np.exp(-r)


def matern_derivative(d, length):
    r = np.sqrt(3.0) * d / length
    return r * r * np.exp(-r) / length


def density(factors, derivatives, y, eta, sigma):
    (first, u), (second, v) = (np.linalg.eigh(factor) for factor in factors)
    products = first[:, None] * second[None, :]
    e = eta**2 * products + sigma**2
    projected = u.T @ y @ v
    weights = projected / e
    value = -0.5 * ((projected * weights).sum() + np.log(e).sum() + y.size * np.log(2 * np.pi))
    gradient = [eta * ((weights**2 * products).sum() - (products / e).sum())]
    left = u.T @ derivatives[0] @ u
    right = v.T @ derivatives[1] @ v
    form = (weights * (left @ (weights * second))).sum()
    trace = (np.diag(left)[:, None] * second / e).sum()
    gradient.append(0.5 * eta**2 * (form - trace))
    form = (weights * ((weights * first[:, None]) @ right)).sum()
    trace = (first[:, None] * np.diag(right) / e).sum()
    gradient.append(0.5 * eta**2 * (form - trace))
    gradient.append(sigma * ((weights**2).sum() - (1 / e).sum()))
    return value, gradient


def eigh_gradient(values, vectors, by_values, by_vectors):
    """By the matrix: PyTensor's EighGrad, loops and all."""
    n = len(values)

    def through_others(k):
        return sum(vectors[:, m] * vectors.T[m].dot(by_vectors[:, k]) / (values[k] - values[m])
                   for m in range(n) if m != k)

    return sum(np.outer(vectors[:, k], vectors[:, k] * by_values[k] + through_others(k)) for k in range(n))


def marginal_kron(factors, derivatives, y, eta, sigma):
    (first, u), (second, v) = (np.linalg.eigh(factor) for factor in (eta**2 * factors[0], factors[1]))
    e = first[:, None] * second[None, :] + sigma**2
    projected = u.T @ y @ v
    value = -0.5 * ((projected**2 / e).sum() + np.log(e).sum() + y.size * np.log(2 * np.pi))
    by_projected = -projected / e
    by_e = 0.5 * (by_projected**2 - 1 / e)
    left = eigh_gradient(first, u, by_e @ second, y @ v @ by_projected.T)
    right = eigh_gradient(second, v, first @ by_e, y.T @ u @ by_projected)
    gradient = [2 * eta * (left * factors[0]).sum(), eta**2 * (left * derivatives[0]).sum(),
                (right * derivatives[1]).sum(), 2 * sigma * by_e.sum()]
    return value, gradient


def measure(name, work, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    print(f"{name}_seconds {np.median(times):.9g}")


def field(n, name):
    import h5py

    random = np.random.default_rng(1)
    roots = [np.linalg.cholesky(matern(distances(n), length) + 1e-9 * np.eye(n)) for length in (0.5, 0.6)]
    with h5py.File(name, "w") as file:
        file["x"] = 0.01 * np.arange(n)
        file["y"] = 1.3 * roots[0] @ random.standard_normal((n, n)) @ roots[1].T + 0.3 * random.standard_normal((n, n))


def main(task, *arguments):
    if task == "field":
        field(int(arguments[0]), arguments[1])
        return
    numbers = [int(argument) for argument in arguments]
    random = np.random.default_rng(1)
    if task == "restricted":
        points, repeats = numbers
        side = int(np.ceil(np.sqrt(points / 0.9)))
        keep = np.sort(random.permutation(side * side)[:points])
        covariance = np.kron(matern(distances(side), 0.5), matern(distances(side), 0.5))
        covariance = covariance[np.ix_(keep, keep)] + 0.01 * np.eye(points)
        y = random.standard_normal(points)

        def work():
            lower = np.linalg.cholesky(covariance)
            z = np.linalg.solve(lower, y)
            return -0.5 * (z @ z) - np.log(np.diag(lower)).sum()

        measure("restricted", work, repeats)
        return
    grid = tuple(numbers[:2]) if task == "long" else (numbers[0], numbers[0])
    factors = [matern(distances(n), 0.5) for n in grid]
    derivatives = [matern_derivative(distances(n), 0.5) for n in grid]
    y = random.standard_normal(grid)
    work = marginal_kron if task == "marginal_kron" else density
    measure("density", lambda: work(factors, derivatives, y, 1.3, 0.3), numbers[-1])


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
