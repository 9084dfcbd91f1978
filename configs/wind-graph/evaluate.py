#!/usr/bin/env python3
"""How well the graph of the shuffled days knows the calendar: its edges, and the order of its days by the
spectral ordering that `kronwerk plot` draws. Needs h5py and matplotlib."""
import pathlib
import sys

import h5py
import numpy as np

here = pathlib.Path(__file__).parent
root = here.parent.parent  # of the sources, or of what is installed
sys.path[:0] = [str(root / "jobs"), str(root)]
from plot import graphs

with h5py.File(here / "results/days.h5") as file:
    factors = [graphs.read_factor(file[f"factor/{k}"]) for k in (1, 2)]
weights = graphs.correlations([matrix for matrix, _ in factors])[0]
day = np.argsort(np.argsort(factors[0][1]))  # of the calendar, 0 to 364

rows, columns = np.nonzero(np.triu(weights, 1))
apart = np.abs(day[rows] - day[columns])
strongest = np.argsort(-weights[rows, columns])[:364]
print(f"edges                                  {len(rows)}")
print(f"of the 364 pairs of consecutive days   {np.sum(apart == 1)} have an edge")
print(f"of the 364 strongest edges             {np.sum(apart[strongest] == 1)} join consecutive days, "
      f"{np.sum(apart[strongest] <= 3)} days at most 3 apart")
place = np.argsort(graphs.spectral_order(weights))
rank_correlation = abs(np.corrcoef(place, day)[0, 1])
print(f"rank correlation of order and calendar {rank_correlation:.3f}")
