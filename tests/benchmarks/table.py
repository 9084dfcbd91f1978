"""Runs the benchmarks and their peers and prints one row each; called by jobs/bench.sh.

  table.py BUILD_DIRECTORY WORK_DIRECTORY [SUBSTRING...]     only rows whose name contains one

ratio: how many times faster than the peer (or, where the peer is what the machine can do, which part
of it is reached, or how many times as long it takes). limit: the part of a bound that is reached:
dgemm's rate for the flops of solves and products, a memory copy for exchanges.
"""

import os
import sys

from bench import Bench
from flow_rows import flow_counts, flow_coverage, flow_effects, flow_likelihoods, flows
from model_rows import gaussians, graphs, kernel_reductions, kernel_systems, missing_cells
from operator_rows import (counties, decompositions, exchanges, grids, krylov, large, layers, products,
                           small, spectra, sums, triangular)
from posterior_rows import posteriors


def main(build, work, *wanted):
    bench = Bench(build, work, wanted)
    print(f"{'work':<46}{'ours':>16}{'peer':>16}{'ratio':>12}{'limit':>8}  {'target':<12}")
    for part in (counties, small, krylov, large, exchanges, products, layers, triangular, spectra, decompositions,
                 grids, sums, kernel_reductions, kernel_systems, gaussians, graphs, missing_cells, flows,
                 flow_likelihoods, flow_counts, flow_effects, flow_coverage, posteriors):
        part(bench)
    print(f"\nBLAS core: {bench.core}; cores: {os.cpu_count()}; rows below target: {bench.below}")
    print("peer: scipy SuperLU or numpy in one process; the memory allowed; two bare MPI_Alltoalls; dgemm on all ranks")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
