#!/usr/bin/env python3
"""Writes sylvester.h5: two matrix equations small enough to check by hand."""
from pathlib import Path

import h5py
import numpy as np

with h5py.File(Path(__file__).parent / "sylvester.h5", "w") as file:
    file["sylvester/A"] = np.array([[-3.0, -2, 0], [-1, -1, 3], [3, -5, -1]])
    file["sylvester/B"] = np.array([[1.0]])
    file["sylvester/Q"] = np.array([[1.0], [2], [3]])
    file["lyapunov/A"] = np.array([[1.0, 2], [-3, -4]])
    file["lyapunov/minus_Q"] = -np.array([[3.0, 1], [1, 1]])
