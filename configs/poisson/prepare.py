#!/usr/bin/env python3
"""Writes poisson.h5: -Δu = f on the unit cube, u = 0 on its boundary, for three meshes.

The exact solution is made up: u = g(x) g(y) g(z), g(t) = exp(t) sin(πt), which is no eigenfunction of
the discrete problem, so that the error shows the order of the discretisation.
"""
from pathlib import Path

import h5py
import numpy as np

with h5py.File(Path(__file__).parent / "poisson.h5", "w") as file:
    for n in (7, 15, 31):  # interior points per direction, mesh width 1/(n + 1)
        h = 1 / (n + 1)
        t = h * np.arange(1, n + 1)
        group = file.create_group(f"n{n}")
        rows, cols, values = [], [], []
        for i in range(n):
            for j in range(max(0, i - 1), min(n, i + 2)):
                rows.append(i)
                cols.append(j)
                values.append((2.0 if i == j else -1.0) / h**2)
        matrix = group.create_group("A")
        matrix["data"] = np.array(values)
        matrix["indices"] = np.array(cols)
        matrix["indptr"] = np.searchsorted(rows, np.arange(n + 1))
        matrix.attrs["shape"] = (n, n)
        matrix.attrs["encoding-type"] = "csr_matrix"
        g = np.exp(t) * np.sin(np.pi * t)
        minus_g2 = np.exp(t) * ((np.pi**2 - 1) * np.sin(np.pi * t) - 2 * np.pi * np.cos(np.pi * t))
        product = lambda a, b, c: np.einsum("i,j,k->ijk", a, b, c)
        group["u"] = product(g, g, g)
        group["f"] = product(minus_g2, g, g) + product(g, minus_g2, g) + product(g, g, minus_g2)
