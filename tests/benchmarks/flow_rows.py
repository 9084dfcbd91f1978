"""The rows of table.py for flow models, np = 2."""

import os
import sys

from bench import HERE, TRIALS, faster, seconds

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


def flow_coverage(bench):
    """How often 95 % intervals of 1,000 fits to simulated flows hold the truth: the extremes of all parameters."""
    names = {family: f"flow coverage, 1,000 {family} fits" for family in ("gaussian", "poisson")}
    if not any(map(bench.wants, names.values())):
        return
    ours = bench.program(1, "flow_coverage_benchmark", 1000, 7)
    for family, row in names.items():
        least, most = ours[f"{family}_least"], ours[f"{family}_most"]
        bench.row(row, f"{least:.1%}", f"{most:.1%}", "-", "-", "95 +- 3 %", least >= 0.92 and most <= 0.98)


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
    """Effects of an attribute of every region, through a diagonal column too, np = 2; the peer in eigenvectors."""
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
