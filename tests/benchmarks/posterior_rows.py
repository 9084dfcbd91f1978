"""The rows of table.py for posteriors, np = 2."""

import os
import sys

from bench import HERE, ROOT, TRIALS, seconds
from flow_rows import FlowCounts

KERNELS = """kernels:
  K1: {{formula: "matern32(d, l_1)", points: {{file: {data}, dataset: /x}}}}
  K2: {{formula: "matern32(d, l_2)", points: {{file: {data}, dataset: /x}}}}
covariance: "eta^2*kron(K1, K2) + sigma^2*I"
"""
GRID = """task: posterior
parameters: {{eta: 1.3, l_1: 0.5, l_2: 0.6, sigma: 0.3}}
""" + KERNELS + """observations: {{file: {data}, dataset: /y}}
posterior:
  parameters:
    eta: {{prior: "half_normal(2)"}}
    l_1: {{prior: "gamma(2, 2)"}}
    l_2: {{prior: "gamma(2, 2)"}}
    sigma: {{prior: "half_normal(1)"}}
  chains: 1
  warmup: 20
  draws: 20
output: {{file: {result}, overwrite: true}}
"""
COUNTS = """task: posterior
family: poisson
filter: "kron(I - rho_o*W, I - rho_d*W)"
parameters: {{rho_o: 0.1, rho_d: 0.1}}
matrices:
  W: {{file: {weights}, dataset: /W}}
  u: {{file: {data}, dataset: /attribute}}
  g: {{file: {data}, dataset: /distance}}
mean: {{columns: ["kron(1, 1)", "kron(u, 1)", "kron(1, u)", "grid(g)"]}}
observations: {{file: {counts}, dataset: /result}}
posterior: {{parameters: {{rho_o: {{}}, rho_d: {{}}}}, chains: 1, warmup: 0, draws: 8, max_depth: 2}}
output: {{file: {result}, overwrite: true}}
"""
SOLVE = """task: solve
parameters: {{rho_o: 0.35, rho_d: 0.25}}
matrices: {{W: {{file: {weights}, dataset: /W}}}}
operator: "kron(I - rho_o*W, I - rho_d*W)"
input: {{file: {data}, dataset: /distance}}
gradient: {{cotangent: result, parameters: [rho_o, rho_d]}}
output: {{file: {result}, overwrite: true}}
"""
FLIGHTS = """task: posterior
filter: "kron(I - rho_o*W, I - rho_d*W)"
parameters: {{rho_o: 0.2, rho_d: 0.2}}
matrices: {{W: {{file: {flights}, dataset: /W}}}}
mean: {{columns: ["kron(1, 1)", "diagonal(1)"]}}
observations: {{file: {flights}, dataset: /flights, transform: log1p}}
posterior: {{parameters: {{rho_o: {{}}, rho_d: {{}}}}, chains: 4, warmup: 1000, draws: 1000}}
output: {{file: {result}, overwrite: true}}
"""


class Jobs:
    """Jobs of the program and the seconds that they report."""

    def __init__(self, bench):
        self.bench = bench

    def path(self, name):
        return os.path.join(self.bench.work, "posterior_" + name)

    def run(self, name, text, **values):
        """The attributes of the report; a posterior of few draws is not converged, which says nothing here."""
        config, result = self.path(name + ".yaml"), self.path(name + ".h5")
        with open(config, "w") as file:
            file.write(text.format(result=result, **values))
        return self.run_file(config, result)

    def run_file(self, config, result, *options):
        program = [os.path.join(self.bench.build, "kronwerk"), "run", config, "--quiet", *options]
        return self.bench.run(["sh", "-c", 'mpirun -n 2 "$@" >/dev/null 2>&1; test $? -eq 0 -o $? -eq 3 && '
                               f'exec "{sys.executable}" "{HERE}/flow_peers.py" read "{result}"', "run", *program])


def grids(bench, jobs):
    row = "posterior, 300 x 300: density, gradient"
    if bench.wants(row):
        peers = os.path.join(HERE, "gaussian_peers.py")
        ours = bench.program(2, "gaussian_benchmark", "density", 300, 5)["density_seconds"]
        peer = bench.run([sys.executable, peers, "marginal_kron", "300", str(TRIALS)],
                         OPENBLAS_NUM_THREADS="2")["density_seconds"]
        bench.row(row, seconds(ours), seconds(peer), f"{peer / ours:,.0f} x", "-", ">= 20 x", peer >= 20 * ours)
    row = "  the sampler's own share"
    if bench.wants(row):
        data = jobs.path("grid_data.h5")
        if not os.path.exists(data):
            bench.run([sys.executable, os.path.join(HERE, "gaussian_peers.py"), "field", "300", data])
        report = jobs.run("grid", GRID, data=data)
        # Without waiting: rank 1 waits where rank 0 has more of a gradient to do.
        own, gradients = report["own_sample"], report["own_evaluate"]
        bench.row(row, seconds(own), seconds(gradients), f"{own / gradients:.2%}", "-", "<= 2 %", own <= 0.02 * gradients)


def counts(bench, jobs):
    """A gradient, its checks and the sampler's part included, against a solve with its adjoint."""
    row = "posterior, counties, Poisson: gradient / solve"
    if not bench.wants(row):
        return
    drawn = FlowCounts(bench, "counties", 3107)
    report = jobs.run("counties", COUNTS, weights=drawn.weights, data=drawn.data, counts=drawn.counts)
    solve = jobs.run("solve", SOLVE, weights=drawn.weights, data=drawn.data)
    time = report["seconds_evaluate"] / report["gradients"]
    peer = solve["seconds_factorise"] + solve["seconds_solve"] + solve["seconds_gradient"]
    bench.row(row, seconds(time), seconds(peer), f"{time / peer:.2f}", "-", "<= 3", time <= 3 * peer)


def chains(bench, jobs):
    """Four chains of 1000 + 1000."""
    row = "posterior, migration, negative binomial"
    if bench.wants(row):
        result = jobs.path("migration.h5")
        time = jobs.run_file(os.path.join(ROOT, "configs/migration/posterior.yaml"), result, "--set",
                             f"output.file={result}")["seconds"]
        bench.row(row, seconds(time), "-", "-", "-", "<= 30 s", time <= 30)
    row = "posterior, flights, Gaussian, N = 93,025"
    if bench.wants(row):
        time = jobs.run("flights", FLIGHTS, flights=os.path.join(ROOT, "configs/flights/flights.h5"))["seconds"]
        bench.row(row, seconds(time), "-", "-", "-", "<= 2 min", time <= 120)


def calibration(bench):
    """200 parameters from their priors, and their ranks among draws from the posterior given data from them."""
    row = "posterior, calibration by 200 simulations"
    if bench.wants(row):
        value = bench.program(1, "posterior_calibration_benchmark", 200)["p_value"]
        bench.row(row, f"p = {value:.2f}", "-", "-", "-", "> 0.01", value > 0.01)


def posteriors(bench):
    jobs = Jobs(bench)
    grids(bench, jobs)
    counts(bench, jobs)
    chains(bench, jobs)
    calibration(bench)
