"""The rows of table.py for products, sums and their solves, and for what they are made of."""

import os
import statistics
import sys

from bench import HERE, SOLVE, TRIALS, faster, gemm_limit, seconds


def counties(bench):
    solve, gradients = "counties: solve, np = 2", "counties: solve, adjoint, gradients, np = 2"
    tuned = "  against scipy by panels, tuned by hand"
    scaling = "counties: np = 1 -> 2, without the exchanges"
    if not any(map(bench.wants, (solve, gradients, scaling))):
        return
    file = bench.weights("counties")
    arguments = ["product_solve_benchmark", file, "/W", *SOLVE, 7, "all"]
    trials = []
    for _ in range(TRIALS):
        one, two = bench.program(1, *arguments), bench.program(2, *arguments)
        trials.append((one, two, bench.peer("two_sided", file, 3), bench.peer("tuned", file, 3),
                       bench.peer("gradients", file, 3)))
    faster(bench, solve, [(t[1], t[2]) for t in trials], "solve_seconds", 20)
    faster(bench, tuned, [(t[1], t[3]) for t in trials], "solve_seconds", None)
    faster(bench, gradients, [(t[1], t[4]) for t in trials], "gradients_seconds", 18)
    one = statistics.median(t[0]["compute_seconds"] for t in trials)
    two = statistics.median(t[1]["compute_seconds"] for t in trials)
    ratio = statistics.median(t[0]["compute_seconds"] / t[1]["compute_seconds"] for t in trials)
    bench.row(scaling, seconds(two), seconds(one), f"{ratio:.2f} x", gemm_limit(trials[0][1], two),
              ">= 1.9 x", ratio >= 1.9)


def small(bench):
    for n, target in ((10, None), (50, None), (100, 20000)):
        name = f"n = {n}: sparse LU of N x N / our solve, np = 1"
        if not bench.wants(name):
            continue
        file = bench.weights(str(n))
        pairs = []
        for _ in range(TRIALS):
            ours = bench.program(1, "product_solve_benchmark", file, "/W", *SOLVE, 101, "all")
            peer = bench.peer("explicit", file)
            pairs.append((ours, peer | {"solve_seconds": peer["explicit_seconds"]}))
        faster(bench, name, pairs, "solve_seconds", target)


def krylov(bench):
    """The general flow operator by Krylov: counties against a separable solve, n = 144 against LU."""
    rates = [0.3, 0.35, 0.1]
    name = "general flow, counties: Krylov / separable solve"
    if bench.wants(name):
        arguments = ["krylov_benchmark", bench.weights("counties"), "/W", *rates, 7, "symmetric"]
        trials = [bench.program(2, *arguments) for _ in range(TRIALS)]
        values = {key: statistics.median(t[key] for t in trials) for key in trials[0] if key != "blas_core"}
        reached = values["ratio"] <= 30 and values["iterations"] <= 15 and values["converged"] == 1
        bench.row(f"{name} ({values['iterations']:.0f} it.)", seconds(values["krylov_seconds"]),
                  seconds(values["separable_seconds"]), f"{values['ratio']:.1f}", "-", "<= 30, 15 it.",
                  reached)
    name = "general flow, n = 144: sparse LU / Krylov"
    if bench.wants(name):
        file = bench.weights("144")
        ours = bench.program(1, "krylov_benchmark", file, "/W", *rates, 31)
        peer = bench.peer("general", file, *rates)["explicit_seconds"]
        ratio = peer / ours["krylov_seconds"]
        bench.row(name, seconds(ours["krylov_seconds"]), seconds(peer), f"{ratio:,.0f} x", "-",
                  ">= 2,000 x", ratio >= 2000)


def large(bench):
    names = "n = 10,000: solve, np = 2", "n = 10,000: peak per rank, np = 2"
    if not any(map(bench.wants, names)):
        return
    ours = bench.program(2, "product_solve_benchmark", bench.weights("10000"), "/W", *SOLVE, 5)
    time, peak = ours["solve_seconds"], ours["peak_bytes"]
    bench.row(names[0], seconds(time), "-", "-", "-", "<= 0.8 s", time <= 0.8)
    allowed = 3 * ours["block_bytes"] + 3e8
    bench.row(names[1], f"{peak / 1e6:.0f} MB", f"{allowed / 1e6:.0f} MB", f"{peak / allowed:.2f}", "-",
              "<= 1", peak <= allowed)


def exchanges(bench):
    for name, extent, target in (("counties: both exchanges", 3107, 1.3),
                                 ("N = 6.4e7: home -> away -> home", 8000, 1.25)):
        for ranks in (2, 4):
            row = f"{name}, np = {ranks}"
            if not bench.wants(row):
                continue
            trials = [bench.program(ranks, "redistribution_benchmark", extent, extent, 7)
                      for _ in range(TRIALS)]
            times = {key: statistics.median(t[key] for t in trials) for key in trials[0]}
            ratio = statistics.median(t["exchange_seconds"] / t["alltoall_seconds"] for t in trials)
            limit = times["copy_seconds"] / times["exchange_seconds"]
            bench.row(row, seconds(times["exchange_seconds"]), seconds(times["alltoall_seconds"]),
                      f"{ratio:.2f}", f"{limit:.0%}", f"<= {target}", ratio <= target)


def products(bench):
    for name, batch, extents, target in (
        ("dense A (x) B, n = 4000", 1, [4000] * 2, 0.90),
        ("K = 3, 128^3, batch 16", 16, [128] * 3, 0.80),
        ("K = 6, 8^6, batch 64", 64, [8] * 6, 0.30),
        ("K = 8, 8^8", 1, [8] * 8, 0.25),
        ("K = 11, 4^11", 1, [4] * 11, 0.13),
    ):
        row = f"{name}, np = 2"
        if not bench.wants(row):
            continue
        repeats = 3 if extents[0] > 1000 else 9
        ours = bench.program(2, "product_apply_benchmark", batch, repeats, *extents)
        rate, limit = ours["apply_gflops"], ours["gemm_gflops"]
        bench.row(row, f"{rate:.1f} GFLOP/s", f"{limit:.1f} GFLOP/s", f"{rate / limit:.0%}",
                  f"{rate / limit:.0%}", f">= {target:.0%}", rate / limit >= target)


def layers(bench):
    """eye(30) (x) W with W 30 x 784 on 1666 data rows in memory, against numpy with two threads."""
    dense, sparse = "layer 30 x 784: dense rows, np = 2", "layer 30 x 784: CSR rows, 20 % stored"
    if not any(map(bench.wants, (dense, sparse))):
        return
    shape = (1666, 30, 30, 784)
    trials = [(bench.program(2, "batched_layer_benchmark", *shape, 0.2, 9),
               bench.peer("layer", *shape, 9, threads=2)) for _ in range(TRIALS)]
    ours = statistics.median(t["dense_seconds"] for t, _ in trials)
    peer = statistics.median(p["layer_seconds"] for _, p in trials)
    ratio = statistics.median(p["layer_seconds"] / t["dense_seconds"] for t, p in trials)
    bound = statistics.median(
        max(t["gemm_limit_seconds"], t["read_limit_seconds"]) / t["dense_seconds"] for t, _ in trials)
    bench.row(dense, seconds(ours), seconds(peer), f"{ratio:.2f} x", f"{bound:.0%}", ">= 2.5 x, 60 %",
              ratio >= 2.5 and bound >= 0.6)
    part = statistics.median(t["sparse_seconds"] / t["dense_seconds"] for t, _ in trials)
    bench.row(sparse, seconds(statistics.median(t["sparse_seconds"] for t, _ in trials)),
              seconds(ours), f"{part:.2f}", "-", "<= 0.5", part <= 0.5)


def triangular(bench):
    for extent, repeats in ((144, 31), (1500, 5)):
        name = f"Schur forms, n = {extent}: four-term solve, np = 2"
        if not bench.wants(name):
            continue
        ours = bench.program(2, "schur_benchmark", extent, repeats)
        # Eight dgemms of this size are what the changes of basis and the substitution would cost at
        # dgemm's rate; at n = 144 it is the time that counts.
        ratio = ours["solve_seconds"] / (8 * ours["gemm_seconds"])
        small = extent < 1000
        reached = ours["solve_seconds"] <= 1.4e-3 if small else ratio <= 3
        bench.row(name, seconds(ours["solve_seconds"]), seconds(8 * ours["gemm_seconds"]),
                  f"{ratio:.2f} x", "-", "<= 1.4 ms" if small else "<= 3 x", reached)


def spectra(bench):
    """Fast diagonalisation after the eigendecompositions."""
    for name, arguments, most in (("A (+) B, n = 4000: solve", (4000, 3), 1 / 0.85),
                                  ("A (+) B, n = 3107, scaled: solve", (3107, 5, "scaled"), 1.3)):
        row = f"{name}, np = 2"
        if not bench.wants(row):
            continue
        ours = bench.program(2, "spectral_solve_benchmark", *arguments)
        time, gemms, ratio = ours["solve_seconds"], ours["four_gemms_seconds"], ours["solve_per_gemms"]
        bench.row(row, seconds(time), seconds(gemms), f"{ratio:.2f}", f"{1 / ratio:.0%}",
                  f"<= {most:.2f}", ratio <= most)
        time, read = ours["logdet_seconds"], ours["read_seconds"]
        bench.row("  log|det| of 10^8 eigenvalues", seconds(time), seconds(read), f"{time / read:.2f}",
                  "-", "-", None)
    names = "Poisson 256^3: solve / K = 3 apply, np = 2", "Poisson 256^3: peak per rank, np = 2"
    if not any(map(bench.wants, names)):
        return
    ours = bench.program(2, "poisson_benchmark", 256, 7)
    ratio, peak = ours["solve_per_apply"], ours["peak_bytes"]
    bench.row(names[0], seconds(ours["solve_seconds"]), seconds(ours["apply_seconds"]), f"{ratio:.2f}",
              "-", "<= 2.3", ratio <= 2.3)
    allowed = 3 * ours["block_bytes"] + 3e8
    bench.row(names[1], f"{peak / 1e6:.0f} MB", f"{allowed / 1e6:.0f} MB", f"{peak / allowed:.2f}", "-",
              "<= 1", peak <= allowed)


def decompositions(bench):
    """By all ranks against LAPACK on one rank in the same run."""
    for extent in (2000, 3000, 4000):
        rows = [f"{kind}, n = {extent}, np = 2" for kind in ("eigenvectors", "  of two", "dense LU")]
        if not any(map(bench.wants, rows)):
            continue
        ours = bench.program(2, "eigen_benchmark", extent, TRIALS)
        two = min(ours["two_together_seconds"], ours["two_side_by_side_seconds"])
        for row, time, peer, target in (
            (rows[0], ours["one_seconds"], ours["lapack_seconds"], 1.6),
            (rows[1], two, 2 * ours["lapack_seconds"], 1.6),
            (rows[2], ours["lu_seconds"], ours["lu_lapack_seconds"], None),
        ):
            goal = "-" if target is None else f">= {target} x"
            reached = None if target is None else peer / time >= target
            bench.row(row, seconds(time), seconds(peer), f"{peer / time:.2f} x", "-", goal, reached)


def grid_peer(bench, *arguments):
    return bench.run([sys.executable, os.path.join(HERE, "grid_peers.py"), *map(str, arguments)])


def grid_row(bench, row, times, name, peer, target, limit, limit_target):
    """ratio: times as fast as numpy; limit: the part of the memory's speed."""
    ratio, part = peer / times[name], limit / times[name]
    bench.row(row, seconds(times[name]), seconds(peer), f"{ratio:.1f}", f"{part:.0%}",
              f">= {target:g}, {limit_target:.0%}", ratio >= target and part >= limit_target)


def grids(bench):
    """Diagonals and projections of Kronecker sums, np = 2, against numpy and plain memory."""
    for extents, repeats, target, limit in (
        ((10000, 10000), 7, 25, 0.85),
        ((1000, 100, 100), 25, 10, 0.80),
    ):
        row = f"diagonal, {' x '.join(map(str, extents))}, np = 2"
        if bench.wants(row):
            peer = grid_peer(bench, "diagonal", 5, *extents)["diagonal_seconds"]
            times = bench.program(2, "diagonal_benchmark", repeats, *extents)
            write = min(times["stream_seconds"], times["fill_seconds"])
            grid_row(bench, row, times, "diagonal_seconds", peer, target, write, limit)
    for extents, repeats, target, limit in (
        ((4000, 4000), 25, 4, 0.80),
        ((50, 100, 150), 200, 4, 0.0),
    ):
        row = f"projection, {' x '.join(map(str, extents))}, np = 2"
        if bench.wants(row):
            peer = grid_peer(bench, "projection", repeats, *extents)["projection_seconds"]
            times = bench.program(2, "projection_benchmark", repeats, *extents)
            grid_row(bench, row, times, "projection_seconds", peer, target, times["read_seconds"],
                     limit)
    for row, program, name in (
        ("log-sum, 10000 x 10000, np = 2", "diagonal_benchmark", "log_sum_seconds"),
        ("inverse projection, 10000 x 10000, np = 2", "projection_benchmark",
         "inverse_projection_seconds"),
    ):
        if bench.wants(row):
            times = bench.program(2, program, 7, 10000, 10000)
            ratio = times[name] / times["read_seconds"]
            bench.row(row, seconds(times[name]), seconds(times["read_seconds"]), f"{ratio:.2f}",
                      f"{1 / ratio:.0%}", "<= 2", ratio <= 2)
    row = "mode-wise Grams, 4000 x 4000, np = 2"
    if bench.wants(row):
        ours = bench.program(2, "gram_benchmark", 1, 3, 4000, 4000)
        part = ours["gram_gflops"] / ours["gemm_gflops"]
        bench.row(row, f"{ours['gram_gflops']:.1f} GFLOP/s", f"{ours['gemm_gflops']:.1f} GFLOP/s",
                  f"{part:.0%}", f"{part:.0%}", ">= 75%", part >= 0.75)


def sums(bench):
    """The general flow operator, four terms, against one product with the same W."""
    for ranks in (1, 2):
        name = f"counties: four-term apply / product, np = {ranks}"
        if not bench.wants(name):
            continue
        arguments = [bench.weights("counties"), "/W", *SOLVE, 0.1, 9]
        trials = [bench.program(ranks, "sum_apply_benchmark", *arguments) for _ in range(TRIALS)]
        ours = statistics.median(t["sum_seconds"] for t in trials)
        peer = statistics.median(t["product_seconds"] for t in trials)
        ratio = statistics.median(t["sum_to_product"] for t in trials)
        bench.row(name, seconds(ours), seconds(peer), f"{ratio:.2f}", "-", "<= 1.5", ratio <= 1.5)
