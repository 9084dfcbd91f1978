"""The peers of Gaussian models over a grid, K = eta^2 kron(K_1, K_2) + sigma^2 I: numpy.

  gaussian_peers.py density N REPEATS     log density and gradient by eta, l_1, l_2 and sigma
  gaussian_peers.py long N M REPEATS      the same over N x M
  gaussian_peers.py restricted N REPEATS  Cholesky of the dense matrix of N cells, and its gradient-free
                                          log density: what is done without structure

Closed forms throughout, with the same eigenvectors used once. Prints lines `key value`.
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


def measure(name, work, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    print(f"{name}_seconds {np.median(times):.9g}")


def main(task, *arguments):
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
    grid = (numbers[0], numbers[0]) if task == "density" else tuple(numbers[:2])
    factors = [matern(distances(n), 0.5) for n in grid]
    derivatives = [matern_derivative(distances(n), 0.5) for n in grid]
    y = random.standard_normal(grid)
    measure("density", lambda: density(factors, derivatives, y, 1.3, 0.3), numbers[-1])


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
