"""The rows of table.py for kernels and for Gaussian models."""

import os
import sys

from bench import HERE, TRIALS, faster, seconds


def kernel_reductions(bench):
    """Reductions over three-dimensional points, np = 2, against loops written by hand."""
    if not bench.wants("kernels"):
        return
    points = 20000
    ours = bench.program(2, "kernel_reduction_benchmark", 3, points)

    def rate(value):
        return f"{value:.2e} /s"

    for precision, gaussian in (("float64", 2.4e9), ("float32", 5e9)):
        key = f"gaussian_{precision}"
        value, by_hand = ours[key + "_pairs_per_second"], ours[key + "_by_hand"]
        share = ours[key + "_share"]
        bench.row(f"kernels: Gaussian times vector, {precision}", rate(value), rate(by_hand),
                  f"{share:.0%}", f"{share:.0%}", f">= {gaussian:.1e}",
                  value >= gaussian and share >= 0.7)
    for key, target in (("logsumexp", 2e9), ("argkmin_5", 5e9), ("argmin", 8e9)):
        value = ours[key + "_float64_pairs_per_second"]
        bench.row(f"kernels: {key}, float64", rate(value), "-", "-", "-", f">= {target:.1e}",
                  value >= target)
    ratio = ours["vectors_16_over_1_float64"]
    bench.row("kernels: 16 vectors / 1", "-", "-", f"{ratio:.2f}", "-", "<= 2.5", ratio <= 2.5)
    for precision in ("float64", "float32"):
        mean, least = ours[f"share_mean_{precision}"], ours[f"share_least_{precision}"]
        bench.row(f"kernels: ten formulas, {precision}", f"{mean:.0%}", f"least {least:.0%}", "-",
                  f"{mean:.0%}", ">= 50%", mean >= 0.5 and least >= 0.25)
    alone = bench.program(1, "kernel_reduction_benchmark", 3, points)["gaussian_float64_pairs_per_second"]
    together = ours["gaussian_float64_pairs_per_second"]
    bench.row("kernels: np = 1 -> 2", rate(together), rate(alone), f"{together / alone:.2f} x", "-", ">= 1.9 x",
              together >= 1.9 * alone)
    first = ours["seconds_to_first_tile"]
    bench.row("kernels: formula to first tile", seconds(first), "-", "-", "-", "<= 5 ms",
              first <= 5e-3)


def kernel_systems(bench):
    """(K + 0.1 I) a = b for the Gaussian kernel over 10,000 points, np = 2."""
    row = "kernels: solve, N = 10,000, 1e-6"
    if not bench.wants(row):
        return
    ours = bench.program(2, "kernel_solve_benchmark", 10000, 1)
    bench.row(row, seconds(ours["solve_seconds"]), seconds(ours["dense_seconds"]),
              f"{ours['dense_seconds'] / ours['solve_seconds']:.1f} x", "-", "<= 1.2 s",
              ours["solve_seconds"] <= 1.2)


def missing_cells(bench):
    """Gaussian fields with a tenth of the cells missing, np = 2."""
    row = "missing cells: 50 x 50, solve and log|K_oo|"
    if bench.wants(row):
        ours = bench.program(2, "missing_benchmark", 50, "dense")
        time, peer = ours["solve_seconds"] + ours["logdet_seconds"], ours["dense_seconds"]
        bench.row(row, seconds(time), seconds(peer), f"{peer / time:.1f} x", "-", ">= 1 x", time <= peer)
    row = "missing cells: 300 x 300, iterations to 1e-8"
    if bench.wants(row):
        ours = bench.program(2, "missing_benchmark", 300)
        count = ours["iterations"]
        bench.row(row, f"{count:.0f}", "-", "-", "-", "<= 15", count <= 15)


def gaussians(bench):
    """Gaussian models over 1000 x 1000 with dense factors, np = 2."""
    rows = ("Gaussian, 1000 x 1000: log density, gradient", "  against numpy, two threads",
            "  with new scales only")
    if any(map(bench.wants, rows)):
        ours = bench.program(2, "gaussian_benchmark", "density", 1000, TRIALS)
        peers = os.path.join(HERE, "gaussian_peers.py")
        peer = bench.run([sys.executable, peers, "density", "1000", str(TRIALS)],
                         OPENBLAS_NUM_THREADS="2")["density_seconds"]
        time = ours["density_seconds"]
        limit = ours["dsyevd_seconds"] + ours["gemms_seconds"]
        bench.row(rows[0], seconds(time), seconds(limit), f"{time / limit:.2f}", f"{limit / time:.0%}",
                  "<= 1.3", time <= 1.3 * limit)
        bench.row(rows[1], seconds(time), seconds(peer), f"{peer / time:.1f} x", "-", ">= 2.5 x",
                  peer >= 2.5 * time)
        part = ours["scales_to_density"]
        bench.row(rows[2], seconds(ours["scales_seconds"]), seconds(time), f"{part:.2f}", "-",
                  "<= 0.15", part <= 0.15)
    row = "Gaussian, 1000 x 1000: 100 draws"
    if bench.wants(row):
        ours = bench.program(2, "gaussian_benchmark", "draws", 1000, 100)
        part = ours["draws_to_gemm"]
        bench.row(row, f"{ours['draws_gflops']:.1f} GFLOP/s", f"{ours['gemm_gflops']:.1f} GFLOP/s",
                  f"{part:.0%}", f"{part:.0%}", ">= 75%", part >= 0.75)
    row = "Gaussian, 1000 x 1000: mean and variance"
    if bench.wants(row):
        ours = bench.program(2, "gaussian_benchmark", "predict", 1000, 5)
        ratio = ours["predict_to_apply_per_output"]
        bench.row(row, seconds(ours["predict_seconds"]), seconds(2 * ours["apply_seconds"]),
                  f"{ratio:.2f}", "-", "<= 3", ratio <= 3)
    row = "Gaussian, 1500 x 1000: main effects beside / without"
    if bench.wants(row):
        ours = bench.program(2, "gaussian_benchmark", "effects", 1500, 1000, 1)
        ratio = ours["effects_to_plain"]
        bench.row(row, seconds(ours["effects_seconds"]), seconds(ours["plain_seconds"]), f"{ratio:.2f}", "-",
                  "<= 4", ratio <= 4)
    row = "Laplace, 300 x 300 Poisson: density, gradient"
    if bench.wants(row):
        time = bench.program(2, "laplace_benchmark", 300, TRIALS)["seconds"]
        bench.row(row, seconds(time), seconds(3), f"{time / 3:.2f}", "-", "<= 3 s", time <= 3)
    row = "Gaussian, 6574 x 12: after the eigenvectors"
    if bench.wants(row):
        ours = bench.program(2, "gaussian_benchmark", "long", 6574, 12, 1)
        part = ours["after_seconds"] / ours["bases_seconds"]
        bench.row(row, seconds(ours["after_seconds"]), seconds(ours["bases_seconds"]), f"{part:.1%}",
                  "-", "<= 5%", part <= 0.05)


def graphs(bench):
    """Sparse Kronecker-sum precisions, np = 2, against the proximal method in numpy with two threads."""
    rows = ("graphs: 300 x 200, one sample, to 1e-8", "  ten penalties / the hardest one",
            "graphs: 1000 x 1000, no penalty / dsyevd", "graphs: 100^3, a step / what it is made of")
    file = os.path.join(bench.work, "graph_300_200.grams")
    peers = os.path.join(HERE, "graph_peers.py")
    if any(map(bench.wants, rows[:2])) and not os.path.exists(file):
        bench.run([sys.executable, peers, "data", file, "1", "300", "200", "1"])
    if bench.wants(rows[0]):
        pairs = []
        for _ in range(TRIALS):
            ours = bench.program(2, "graph_benchmark", "penalised", file, 300, 200, 0.1, 1)
            peer = bench.run([sys.executable, peers, "penalised", file, "300", "200", "0.1"], OPENBLAS_NUM_THREADS="2")
            pairs.append((ours, peer))
        faster(bench, rows[0], pairs, "seconds", 3)
    if bench.wants(rows[1]):
        ours = bench.program(2, "graph_benchmark", "path", file, 300, 200)
        time, peer = ours["seconds"], ours["hardest_seconds"]
        bench.row(rows[1], seconds(time), seconds(peer), f"{time / peer:.2f}", "-", "<= 4", time <= 4 * peer)
    if bench.wants(rows[2]):
        ours = bench.program(2, "graph_benchmark", "unpenalised", 1000, 10, TRIALS)
        time, peer = ours["seconds"], ours["dsyevd_seconds"]
        bench.row(rows[2], seconds(time), seconds(peer), f"{time / peer:.2f}", "-", "<= 1.5", time <= 1.5 * peer)
    if bench.wants(rows[3]):
        ours = bench.program(2, "graph_benchmark", "steps", 100, 100)
        ratio = 1 + ours["beyond"]
        bench.row(rows[3], seconds(ours["step_seconds"]), "-", f"{ratio:.2f}", "-", "<= 1.5", ratio <= 1.5)
