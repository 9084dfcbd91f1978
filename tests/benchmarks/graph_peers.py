"""The peer of sparse Kronecker-sum precisions: the proximal method in numpy, with the same lengths of steps.

  graph_peers.py data FILE SEED N_1 N_2 SAMPLES      Grams of samples of a sparse precision, as doubles
  graph_peers.py penalised FILE N_1 N_2 PENALTY      to a KKT residual of 1e-8

Prints lines `key value`.
"""

import sys
import time

import numpy as np

REMEMBERED = 10


def precision(n, random):
    matrix = np.zeros((n, n))
    for i in range(n):
        for j in random.integers(0, n, 2):
            if i != j:
                matrix[i, j] = matrix[j, i] = -random.uniform(0.2, 0.5)
    return matrix + np.diag(0.25 - matrix.sum(1))


def draw_grams(extents, samples, seed):
    random = np.random.default_rng(seed)
    (a, u), (b, v) = (np.linalg.eigh(precision(n, random)) for n in extents)
    first, second = (np.zeros((n, n)) for n in extents)
    for _ in range(samples):
        y = u @ (random.standard_normal(extents) / np.sqrt(np.add.outer(a, b))) @ v.T
        first += y @ y.T / (samples * extents[1])
        second += y.T @ y / (samples * extents[0])
    return [first, second]


class Point:
    """Factors with objective over N and, later, gradients; None where the sum is not positive definite."""

    def __init__(self, grams, penalties, factors):
        self.factors = factors
        self.pairs = [np.linalg.eigh(factor) for factor in factors]
        self.sums = np.add.outer(*(a for a, _ in self.pairs))
        self.definite = self.sums.min() > 0
        if self.definite:
            self.objective = -np.log(self.sums).mean() + sum(
                ((s * x).sum() + (l * np.abs(x)).sum()) / len(x) for s, l, x in zip(grams, penalties, factors))

    def differentiate(self, grams, penalties):
        inverse = 1 / self.sums
        self.gradients = [s - (u * inverse.mean(1 - k)) @ u.T for k, (s, (_, u)) in enumerate(zip(grams, self.pairs))]
        self.kkt = max(np.where(x != 0, np.abs(g + l * np.sign(x)), np.abs(g) - l).max()
                       for x, g, l in zip(self.factors, self.gradients, penalties))


def squared(steps):
    means = [np.trace(d) / len(d) for d in steps]
    return sum((d * d).sum() / len(d) for d in steps) + sum(means)**2 - sum(m * m for m in means)


def propose(point, penalties, length):
    surplus = 0.5 * length * np.trace(point.gradients[0]) / len(point.gradients[0])
    for x, g, l in zip(point.factors, point.gradients, penalties):
        moved = x - length * g
        moved[np.diag_indices_from(moved)] += surplus
        yield np.sign(moved) * np.maximum(np.abs(moved) - length * l, 0)


def penalised(grams, penalty):
    unit = np.trace(grams[0]) / len(grams[0])
    grams = [gram / unit for gram in grams]
    penalties = [penalty * (1 - np.eye(len(gram))) for gram in grams]
    point = Point(grams, penalties, [0.5 * np.eye(len(gram)) for gram in grams])
    point.differentiate(grams, penalties)
    length, recent, steps = point.sums.min()**2, [point.objective], 0
    while point.kkt > 1e-8:
        while True:
            following = Point(grams, penalties, list(propose(point, penalties, length)))
            moves = [a - b for a, b in zip(following.factors, point.factors)]
            square = squared(moves)
            if following.definite and following.objective <= max(recent) - 0.005 / length * square + 1e-14:
                break
            length /= 2
        following.differentiate(grams, penalties)
        slope = sum((d * (a - b)).sum() / len(d)
                    for d, a, b in zip(moves, following.gradients, point.gradients))
        length = np.clip(square / slope, 1e-10, 1e10) if slope > 0 else 1e10
        point, steps = following, steps + 1
        recent = (recent + [point.objective])[-REMEMBERED:]
    return point, steps, point.objective + np.log(unit)


def main(task, file, *arguments):
    if task == "data":
        seed, first, second, samples = map(int, arguments)
        np.concatenate([gram.ravel() for gram in draw_grams((first, second), samples, seed)]).tofile(file)
        return
    first, second = map(int, arguments[:2])
    values = np.fromfile(file)
    grams = [values[:first**2].reshape(first, first), values[first**2:].reshape(second, second)]
    start, used = time.perf_counter(), time.process_time()
    point, steps, objective = penalised(grams, float(arguments[2]))
    print(f"seconds {time.perf_counter() - start:.6g}\nprocessor_seconds {time.process_time() - used:.6g}")
    print(f"steps {steps}\nkkt {point.kkt:.3g}\nobjective {objective * first * second:.12g}")


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
