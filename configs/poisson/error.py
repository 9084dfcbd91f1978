#!/usr/bin/env python3
"""Prints the largest error of a solution: error.py RESULT.h5 N, with N points per direction."""
import sys
from pathlib import Path

import h5py
import numpy as np

with h5py.File(sys.argv[1]) as result, h5py.File(Path(__file__).parent / "poisson.h5") as exact:
    error = np.abs(result["result"][:] - exact[f"n{sys.argv[2]}/u"][:]).max()
print(f"n = {sys.argv[2]:>3}: largest error {error:.3e}")
