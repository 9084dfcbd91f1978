"""Runs the benchmarks and their peers and prints one row each; called by jobs/bench.sh.

  table.py BUILD_DIRECTORY WORK_DIRECTORY [SUBSTRING...]     only rows whose name contains one

ratio: how many times faster than the peer (or, where the peer is what the machine can do, which part
of it is reached, or how many times as long it takes). limit: the part of a bound that is reached:
dgemm's rate for the flops of solves and products, a memory copy for exchanges.
"""

import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SOLVE = ["0.35", "0.40"]
TRIALS = 3


class Bench:
    def __init__(self, build, work, wanted):
        # Configurations take paths relative to themselves.
        self.build, self.work, self.wanted = build, os.path.abspath(work), wanted
        self.below = 0
        self.core = "unknown"

    def run(self, command, **environment):
        output = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                                env=os.environ | environment).stdout
        values = {}
        for line in output.splitlines():
            key, _, value = line.partition(" ")
            try:
                values[key] = float(value)
            except ValueError:
                values[key] = value
        self.core = values.get("blas_core", self.core)
        return values

    def program(self, ranks, name, *arguments):
        program = [os.path.join(self.build, name), *map(str, arguments)]
        return self.run(["mpirun", "--oversubscribe", "-n", str(ranks), *program])

    def peer(self, task, *arguments, threads=None):
        environment = {"OPENBLAS_NUM_THREADS": str(threads)} if threads else {}
        peers = os.path.join(HERE, "peers.py")
        return self.run([sys.executable, peers, task, *map(str, arguments)], **environment)

    def kronwerk(self, *arguments):
        program = os.path.join(self.build, "kronwerk")
        subprocess.run([program, "import", *arguments], check=True, stdout=subprocess.DEVNULL)

    def weights(self, name):
        """The file with /W of the counties, or of so many random points."""
        file = os.path.join(self.work, f"{name}.h5")
        if os.path.exists(file):
            return file
        if name == "counties":
            gal = os.path.join(ROOT, "configs/data/us_counties_queen.gal")
            self.kronwerk("gal", gal, "--row-normalise", "--to", file + ":/W")
        else:
            self.peer("points", self.work, name)
            points = os.path.join(self.work, f"points_{name}.csv")
            options = ["--k", "6", "--planar", "--row-normalise"]
            self.kronwerk("knn", points, *options, "--to", file + ":/W")
        return file

    def wants(self, name):
        return not self.wanted or any(word in name for word in self.wanted)

    def row(self, name, ours, peer, ratio, limit, target, reached):
        verdict = "-" if reached is None else "ok" if reached else "below target"
        self.below += reached is False
        print(f"{name:<46}{ours:>16}{peer:>16}{ratio:>12}{limit:>8}  {target:<12}{verdict}", flush=True)


def seconds(value):
    return f"{value:.3g} s" if value >= 1 else f"{1e3 * value:.3g} ms"


def gemm_limit(result, time):
    """Part of dgemm's rate, which all ranks reach at once, at which the flops were done."""
    return f"{result['flops_per_rank'] / time * 1e-9 / result['gemm_gflops_per_rank']:.0%}"


def faster(bench, name, pairs, key, target):
    """A row from pairs (ours, peer) run in turns."""
    ratio = statistics.median(peer[key] / ours[key] for ours, peer in pairs)
    ours = statistics.median(ours[key] for ours, _ in pairs)
    peer = statistics.median(peer[key] for _, peer in pairs)
    limit = gemm_limit(pairs[0][0], ours) if key == "solve_seconds" else "-"
    reached = None if target is None else ratio >= target
    goal = "-" if target is None else f">= {target:,} x"
    bench.row(name, seconds(ours), seconds(peer), f"{ratio:,.1f} x", limit, goal, reached)


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
    row = "Gaussian, 6574 x 12: after the eigenvectors"
    if bench.wants(row):
        ours = bench.program(2, "gaussian_benchmark", "long", 6574, 12, 1)
        part = ours["after_seconds"] / ours["bases_seconds"]
        bench.row(row, seconds(ours["after_seconds"]), seconds(ours["bases_seconds"]), f"{part:.1%}",
                  "-", "<= 5%", part <= 0.05)


FLOW_FIT = """task: fit
filter: "kron(I, I) - rho_o*kron(W, I) - rho_d*kron(I, W) - rho_w*kron(W, W)"
parameters: {{rho_o: 0.1, rho_d: 0.1, rho_w: 0}}
matrices:
  W: {{file: {weights}, dataset: /W}}
  u: {{file: {data}, dataset: /attribute}}
  g: {{file: {data}, dataset: /distance}}
mean: {{columns: ["kron(1, 1)", "kron(u, 1)", "kron(1, u)", "diagonal(1)", "grid(g)"]}}
observations: {{file: {data}, dataset: /flows}}
fit: {{parameters: {{rho_o: {{}}, rho_d: {{}}, rho_w: {{}}}}}}
output: {{file: {result}, overwrite: true}}
"""

# Counts of the general filter; {task} adds what a draw or a fit needs.
FLOW_COUNTS = """family: poisson
filter: "{filter}"
parameters: {{{parameters}}}
matrices:
  W: {{file: {weights}, dataset: /W}}
  u: {{file: {data}, dataset: /attribute}}
  g: {{file: {data}, dataset: /distance}}
mean:
  columns: ["kron(1, 1)", "kron(u, 1)", "kron(1, u)", "kron(1, W*u)", "diagonal(1)", "grid(g)"]
  {mean}
output: {{file: {result}, overwrite: true}}
{task}
"""
FLOW_EFFECTS = """task: effects
filter: "{filter}"
parameters: {{rho_o: 0.3, rho_d: 0.25, rho_w: -0.15}}
matrices:
  W: {{file: {weights}, dataset: /W}}
  u: {{file: {data}, dataset: /attribute}}
mean:
  columns: ["kron(u, 1)", "kron(1, u)", "kron(1, W*u)", "diagonal(u)"]
  coefficients: [1, 1, 1, 1]
attribute: u
output: {{file: {result}, overwrite: true}}
"""
SEPARABLE = "kron(I - rho_o*W, I - rho_d*W)"
GENERAL = "kron(I, I) - rho_o*kron(W, I) - rho_d*kron(I, W) - rho_w*kron(W, W)"


def flow_peer(bench, *arguments):
    peers = os.path.join(HERE, "flow_peers.py")
    return bench.run([sys.executable, peers, *map(str, arguments)], OPENBLAS_NUM_THREADS="2")


class FlowCounts:
    """Counts between the regions of some weights, drawn by the program, and fits to them."""

    def __init__(self, bench, name, size):
        self.bench, self.name = bench, name
        self.weights, self.data = bench.weights(name), self.file("h5")
        self.counts = self.file("counts.h5")
        if not os.path.exists(self.data):
            flow_peer(bench, "data", self.data, size)
        if not os.path.exists(self.counts):
            self.run("sample", GENERAL, "rho_o: 0.3, rho_d: 0.25, rho_w: -0.15", "task: sample", self.counts,
                     "coefficients: [-1, 0.2, 0.2, 0.1, 1, -0.3]")

    def file(self, end):
        return os.path.join(self.bench.work, f"flow_{self.name}.{end}")

    def run(self, name, filter, parameters, task, result, mean=""):
        config = self.file(f"{name}.yaml")
        with open(config, "w") as file:
            file.write(FLOW_COUNTS.format(filter=filter, parameters=parameters, weights=self.weights, mean=mean,
                                          data=self.data, result=result, task=task))
        self.bench.program(2, "kronwerk", "run", config, "--quiet")

    def fit(self, name, filter, **parameters):
        """Estimates and the seconds of the stages after reading."""
        given = ", ".join(f"{key}: {value!r}" for key, value in parameters.items())
        task = (f"task: fit\nobservations: {{file: {self.counts}, dataset: /result}}\n"
                f"fit: {{parameters: {{{', '.join(f'{key}: {{}}' for key in parameters)}}}}}")
        result = self.file(f"{name}.fit.h5")
        self.run(name, filter, given, task, result)
        return flow_peer(self.bench, "read", result, *parameters)


def flow_counts(bench):
    """Poisson flow models with six columns, np = 2."""
    row = "flow counts, 1,000 regions: separable fit, np = 2"
    if bench.wants(row):
        counts = FlowCounts(bench, "1000", 1000)
        pairs = []
        for _ in range(TRIALS):
            ours = counts.fit("separable", SEPARABLE, rho_o=0.1, rho_d=0.1)
            pairs.append((ours, flow_peer(bench, "counts", counts.weights, counts.data, counts.counts)))
        faster(bench, row, pairs, "fit_seconds", None)
    rows = [f"flow counts, counties: {what} fit, np = 2" for what in ("separable", "rho_w from the separable")]
    if any(map(bench.wants, rows)):
        counts = FlowCounts(bench, "counties", 3107)
        separable = [counts.fit("separable", SEPARABLE, rho_o=0.1, rho_d=0.1) for _ in range(TRIALS)]
        time = min(each["fit_seconds"] for each in separable)
        bench.row(rows[0], seconds(time), "-", "-", "-", "<= 6 s", time <= 6)
        if bench.wants(rows[1]):
            rho_o, rho_d = separable[0]["rho_o"], separable[0]["rho_d"]
            time = counts.fit("general", GENERAL, rho_o=rho_o, rho_d=rho_d, rho_w=-rho_o * rho_d)["fit_seconds"]
            bench.row(rows[1], seconds(time), "-", "-", "-", "<= 45 s", time <= 45)


def flow_likelihoods(bench):
    """One log determinant with its derivatives, which is what a Gaussian likelihood takes, np = 2."""
    names = [f"flow likelihood, 10,000 regions: {how}" for how in ("moments", "eigenvalues")]
    if not any(map(bench.wants, names)):
        return
    ours = bench.program(2, "flow_determinant_benchmark", 100)
    time, limit = ours["eigenvalue_seconds"], ours["division_seconds"]
    moments = ours["evaluation_seconds"]
    bench.row(names[0], seconds(moments), seconds(time), f"{time / moments:,.0f} x", "-", "<= 1 ms", moments <= 1e-3)
    bench.row(names[1], seconds(time), seconds(limit), f"{time / limit:.2f}", f"{limit / time:.0%}", "<= 0.2 s",
              time <= 0.2)


def flow_effects(bench):
    """Effects of an attribute of every region, through a diagonal column too, np = 2."""
    row = "flow effects, counties: all regions, np = 2"
    if not bench.wants(row):
        return
    weights = bench.weights("counties")
    data, config, result = (os.path.join(bench.work, f"flow_{end}") for end in
                            ("counties.h5", "effects.yaml", "effects.h5"))
    if not os.path.exists(data):
        flow_peer(bench, "data", data, 3107)
    with open(config, "w") as file:
        file.write(FLOW_EFFECTS.format(filter=GENERAL, weights=weights, data=data, result=result))
    times = []
    for _ in range(TRIALS):
        bench.program(2, "kronwerk", "run", config, "--quiet")
        ours = flow_peer(bench, "read", result, "intra", "total")
        times.append(ours["seconds_effects"])
    theirs = flow_peer(bench, "effects", weights, 0.3, 0.25, -0.15)
    time = min(times)
    bench.row(row, seconds(time), seconds(theirs["effect_seconds"]), f"{theirs['effect_seconds'] / time:.1f} x", "-",
              "<= 10 s", time <= 10)


def flows(bench):
    """Gaussian flow models with one grid column, np = 2."""
    for side, target in ((56, 0.15), (100, 1.0)):
        row = f"flow moments, {side * side} regions, np = 2"
        if bench.wants(row):
            ours = bench.program(2, "flow_moments_benchmark", side)
            time, limit = ours["moment_seconds"], ours["reading_seconds"]
            theirs = flow_peer(bench, "moments", side, TRIALS)["moment_seconds"]
            bench.row(row, seconds(time), seconds(theirs), f"{theirs / time:.1f} x", f"{limit / time:.0%}",
                      f"<= {target:g} s", time <= target)
    for name, size, target in (("counties", 3107, 3.0), ("10000", 10000, 12.0)):
        row = f"flow fit after reading, {size} regions, np = 2"
        if bench.wants(row):
            data, config, result = (os.path.join(bench.work, f"flow_{name}.{end}") for end in ("h5", "yaml", "fit.h5"))
            if not os.path.exists(data):
                flow_peer(bench, "data", data, size)
            with open(config, "w") as file:
                file.write(FLOW_FIT.format(weights=bench.weights(name), data=data, result=result))
            bench.program(2, "kronwerk", "run", config, "--quiet")
            times = flow_peer(bench, "read", result)
            time = sum(times[f"seconds_{stage}"] for stage in ("moments", "determinant", "fit"))
            bench.row(row, seconds(time), "-", "-", "-", f"<= {target:g} s", time <= target)


def main(build, work, *wanted):
    bench = Bench(build, work, wanted)
    print(f"{'work':<46}{'ours':>16}{'peer':>16}{'ratio':>12}{'limit':>8}  {'target':<12}")
    for part in (counties, small, krylov, large, exchanges, products, layers, triangular, spectra, decompositions,
                 grids, sums, kernel_reductions, kernel_systems, gaussians, missing_cells, flows,
                 flow_likelihoods, flow_counts, flow_effects):
        part(bench)
    print(f"\nBLAS core: {bench.core}; cores: {os.cpu_count()}; rows below target: {bench.below}")
    print("peer: scipy SuperLU or numpy in one process; the memory allowed; two bare MPI_Alltoalls; dgemm on all ranks")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
