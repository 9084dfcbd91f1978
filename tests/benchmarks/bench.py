"""How table.py runs programs of ours and of others, and prints what it finds."""

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
        return self.run(["mpirun", "-n", str(ranks), *program])

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
