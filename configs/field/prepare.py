#!/usr/bin/env python3
"""Writes field.h5: the precision matrices of a field on a lattice over time, and which cells are seen.

L and D are graph Laplacians, of the 10 x 10 lattice of sites and of the line of 24 times; `seen` is 0 in
every tenth cell, and in a corner of the lattice during the second half.
"""
from pathlib import Path

import h5py
import numpy as np

SIDE, TIMES = 10, 24


def laplacian(count, edges):
    matrix = np.zeros((count, count))
    for i, j in edges:
        matrix[[i, j], [i, j]] += 1
        matrix[[i, j], [j, i]] -= 1
    return matrix


def write_sparse(file, name, matrix):
    rows, columns = np.nonzero(matrix)
    group = file.create_group(name)
    group["data"] = matrix[rows, columns]
    group["indices"] = columns
    group["indptr"] = np.searchsorted(rows, np.arange(len(matrix) + 1))
    group.attrs["shape"] = matrix.shape
    group.attrs["encoding-type"] = "csr_matrix"


site = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
lattice = [*zip(site[:, :-1].flat, site[:, 1:].flat), *zip(site[:-1].flat, site[1:].flat)]
seen = np.random.default_rng(1).random((SIDE, SIDE, TIMES)) > 0.1
seen[6:, 6:, TIMES // 2:] = False
with h5py.File(Path(__file__).parent / "field.h5", "w") as file:
    write_sparse(file, "L", laplacian(SIDE * SIDE, lattice))
    write_sparse(file, "D", laplacian(TIMES, [(t, t + 1) for t in range(TIMES - 1)]))
    file["seen"] = seen.reshape(SIDE * SIDE, TIMES).astype(np.int8)
