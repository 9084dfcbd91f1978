"""What the tests of pictures have in common: jobs of all kinds, and how their results are drawn."""

import atexit
import contextlib
import functools
import io
import os
import shutil
import subprocess
import sys
import tempfile

import h5py
import numpy as np

PROGRAM = os.path.abspath(os.environ["KRONWERK_PROGRAM"])
SOURCES = os.path.abspath(os.environ["KRONWERK_SOURCE_DIR"])
WORK = tempfile.mkdtemp(prefix="kronwerk-plots-")
CONFIGS = os.path.join(WORK, "configs")
atexit.register(shutil.rmtree, WORK, ignore_errors=True)
shutil.copytree(os.path.join(SOURCES, "configs"), CONFIGS, ignore=shutil.ignore_patterns("results", "scaling"))
sys.path.insert(0, os.path.join(SOURCES, "jobs"))

from plot import command
from plot.result import Result
from plot.style import plt

# What has one number, or is the same for all: there is nothing to draw.
NUMBERS = {"templates/logdet", "templates/trace", "templates/logpdf", "kernel-ridge/error"}
# In the order in which they read each other's results.
EXAMPLES = [
    ("field/sample", []), ("field/fit", ["fit.standard_errors=false"]), ("field/predict", []),
    ("airports/fit", []), ("airports/predict", []), ("batched-layer/batched-layer", []), ("flights/flights", []),
    ("flow-fit/flow-fit", []), ("flow-fit/effects", ["draws=20"]), ("kernel-reductions/kernel-reductions", []),
    ("kernel-ridge/kernel-ridge", []), ("kernel-ridge/predict", []), ("kernel-ridge/error", []), ("knn/knn", []),
    ("migration/gaussian", []), ("migration/negative_binomial", []), ("migration/poisson", []),
    ("poisson/poisson", []), ("projection/projection", []), ("sylvester/sylvester", []), ("sylvester/lyapunov", []),
    ("wind-graph/days", ["parameters.lambda=0.4"]), ("wind-graph/stations", []),
]
WEIGHTS = "matrices: {W: {file: flights/flights.h5, dataset: /W}}\n"
LAPLACE = "matrices: {A: {file: poisson/poisson.h5, dataset: /n7/A}}\n"
FLIGHTS = "input: {file: flights/flights.h5, dataset: /flights, transform: log1p}\n"
SUM = 'operator: "kron(I, I) - rho_o*kron(W, I) - rho_d*kron(I, W)"\n'
MIGRATION = """filter: "kron(I - rho_o*W, I - rho_d*W)"
parameters: {rho_o: 0.2, rho_d: 0.1}
matrices: {W: {file: migration/migration.h5, dataset: /W}, population: {file: migration/migration.h5, dataset: /log/population_1966}}
mean: {columns: ["kron(1, 1)", "kron(population, 1)", "kron(1, population)"], coefficients: [-10, 0.7, 0.6]}
"""
WIND = """parameters: {eta: 0.7, l_space: 500, l_time: 2, sigma: 0.3}
kernels:
  Kspace: {formula: "matern32(d, l_space)", points: {file: wind/wind.h5, dataset: /lonlat}, distance: great-circle}
  Ktime: {formula: "exponential(d, l_time)", points: {file: wind/wind.h5, dataset: /two_years/time}}
covariance: "eta^2*kron(Kspace, Ktime) + sigma^2*I"
mean: {columns: ["kron(1, 1)"]}
"""
HIDDEN = "observations: {file: wind/wind.h5, dataset: /two_years/y, mask: {file: wind/wind.h5, dataset: /two_years/mask}}\n"
CLOUD = """parameters: {l: 3, sigma: 0.1}
kernels: {K: {formula: "matern32(d, l)", points: {file: small.h5, dataset: /places}}}
covariance: "K + sigma^2*I"
observations: {file: small.h5, dataset: /heights}
"""
LINE = """parameters: {l: 0.2, sigma: 0.1}
kernels: {K: {formula: "matern32(d, l)", points: {file: small.h5, dataset: /line}}}
covariance: "K + sigma^2*I"
observations: {file: small.h5, dataset: /along}
"""
JOBS = {
    "two_parameters": "task: logdet\n" + WEIGHTS + 'operator: "kron(I - rho_o*W, I - rho_d*W)"\n'
                      "sweep: {rho_o: {from: -0.9, to: 0.9, count: 9}, rho_d: [0.1, 0.3, 0.5]}\n"
                      "gradient: {parameters: [rho_o, rho_d]}\n",
    "one_parameter": "task: logdet\nparameters: {rho_d: 0.2}\n" + WEIGHTS +
                     'operator: "kron(I - rho_o*W, I - rho_d*W)"\nsweep: {rho_o: {from: -0.9, to: 0.9, count: 9}}\n',
    "three_parameters": "task: logdet\n" + WEIGHTS + 'operator: "kron(I - a*W, I - b*W, I - c*W)"\n'
                        "sweep: {a: [0.1, 0.2], b: [0.1, 0.3, 0.5], c: [0, 0.9]}\n",
    "swept_vectors": "task: solve\nparameters: {rho_d: 0.2}\n" + WEIGHTS + SUM + FLIGHTS +
                     "solver: {method: krylov, tolerance: 1.0e-6}\nsweep: {rho_o: [0.1, 0.3, 0.5]}\n",
    "swept_twice": "task: solve\n" + WEIGHTS + SUM + FLIGHTS +
                   "solver: {method: krylov, tolerance: 1.0e-6}\nsweep: {rho_o: [0.1, 0.3], rho_d: [0.1, 0.2]}\n",
    "swept_time": "task: expm\n" + LAPLACE + 'operator: "-1*kronsum(A, A, A)"\nsweep: {time: [0.0001, 0.01, 1]}\n'
                  "input: {file: poisson/poisson.h5, dataset: /n7/f}\n",
    "iterations": "task: solve\nparameters: {rho_o: 0.3, rho_d: 0.2}\n" + WEIGHTS + SUM + FLIGHTS +
                  "solver: {method: krylov, tolerance: 1.0e-8}\n",
    "four_modes": "task: apply\n" + LAPLACE + 'operator: "kronsum(A, A, A, A)"\ninput: {random: normal}\n',
    "iterations_of_three_modes": "task: solve\nparameters: {s: 1}\n" + LAPLACE +
                                 'operator: "kronsum(A, A, A) + s*kron(A, I, A)"\nsolver: {method: krylov}\n'
                                 "input: {file: poisson/poisson.h5, dataset: /n7/f}\n",
    "plane": "task: eigenvalues\n" + WEIGHTS + 'operator: "kron(I - 0.3*W, I - 0.4*W)"\n',
    "spread_flows": "task: predict\n" + MIGRATION + "observations: {file: small.h5, dataset: /flows, missing: nan}\n",
    "drawn_flows": "task: sample\n" + MIGRATION + "sigma2: 1\ndraws: 3\n",
    "hidden": "task: predict\n" + WIND + HIDDEN + "noise: true\n",
    "drawn_fields": "task: sample\n" + WIND.replace('{columns: ["kron(1, 1)"]}', "0.1") + "draws: 3\n",
    "cloud": "task: predict\n" + CLOUD,
    "line": "task: predict\n" + LINE,
    "new_line": "task: predict\n" + LINE + "new_points: {K: {file: small.h5, dataset: /new_line}}\n",
    "draws": "task: predict\n" + LINE + "draws: 3\n",
    "forecast": "task: predict\n" + WIND + HIDDEN + "new_points: {Ktime: {file: small.h5, dataset: /days}}\n",
    "flat": "task: apply\nmatrices: {W: {file: migration/migration.h5, dataset: /W}}\noperator: 'kron(W, W)'\n"
            "input: {file: small.h5, dataset: /flat}\n",
    "flat_unequal": "task: apply\nmatrices: {A: {file: sylvester/sylvester.h5, dataset: /sylvester/A}, W: {file: "
                    "migration/migration.h5, dataset: /W}}\noperator: 'kron(A, eye(2), W)'\ninput: {file: small.h5, dataset: "
                    "/flat_unequal}\n",
    "swept_solver": "task: solve\nparameters: {rho_d: 0.2}\n" + WEIGHTS + SUM + FLIGHTS + "solver: {method: krylov}\n"
                    "sweep: {rho_o: [0.1, 0.2], solver: {tolerance: [1.0e-2, 1.0e-8, 1.0e-5]}}\n",
    "two_penalties": "task: graph\nparameters: {lambda: 0.1, mu: 2}\nextents: [365, 12]\ncentre: samples\n"
                     "input: {file: wind-graph/wind.h5, dataset: /years, transform: sqrt}\npenalty: [mu, lambda]\n"
                     "sweep: {mu: [2, 3], lambda: [0.4, 0.2]}\n",
    "densities": "task: logpdf\n" + LINE.replace("/along", "/several_along"),
    "years": "task: predict\n" + MIGRATION + "observations: {file: small.h5, dataset: /years, missing: nan}\n",
    "fitted_years": "task: fit\n" + MIGRATION.replace(", coefficients: [-10, 0.7, 0.6]", "") +
                    "observations: {file: small.h5, dataset: /years, missing: nan}\nfit: {parameters: {rho_o: {}}}\n",
    "assembled": "task: assemble\n" + LAPLACE + "operator: 'kronsum(A, A, A)'\n",
    "swept_several": "task: solve\nmatrices: {W: {file: migration/migration.h5, dataset: /W}}\n"
                     "operator: 'kron(I - a*W, I - 0.4*W)'\nsweep: {a: [0.1, 0.5]}\n"
                     "input: {file: small.h5, dataset: /several}\n",
    "cut_short": "task: solve\nparameters: {rho_o: 0.6, rho_d: 0.6}\n" + WEIGHTS + SUM + FLIGHTS +
                 "solver: {method: krylov, tolerance: 1.0e-12, max_iterations: 3}\n",
    "swept_spectrum": "task: eigenvalues\nmatrices: {W: {file: migration/migration.h5, dataset: /W}}\n"
                      "operator: 'kron(I - a*W, I - 0.4*W)'\nsweep: {a: [0.1, 0.2, 0.3]}\n",
    "many": "task: solve\nmatrices: {A: {file: sylvester/sylvester.h5, dataset: /sylvester/A}}\noperator: 'kron(A)'\n"
             "input: {file: small.h5, dataset: /many}\n",
    "nearest": "task: reduce\npoints: {x: {file: small.h5, dataset: /new_places, index: i}, y: {file: small.h5, dataset: "
               "/places, index: j}}\nformula: 'sqdist(x, y)'\nreduction: kmin_argkmin\nk: 2\n",
    "nearest_columns": "task: reduce\npoints: {x: {file: small.h5, dataset: /new_places, index: i}, y: {file: small.h5, "
                       "dataset: /places, index: j}}\nformula: 'sqdist(x, y)'\nreduction: min\nover: i\n",
    "globe": "task: reduce\npoints: {x: {file: small.h5, dataset: /globe, index: i}, y: {file: small.h5, dataset: "
             "/globe, index: j}}\nformula: 'exp(-sqdist(x, y))'\nreduction: sum\n",
    "new_cloud": "task: predict\n" + CLOUD + "new_points: {K: {file: small.h5, dataset: /new_places}}\n",
}



def write_small():
    """Data of some jobs."""
    random_numbers = np.random.default_rng(1)
    line = np.linspace(0, 1, 30)
    places = random_numbers.uniform(0, 10, (15, 2))
    flows = random_numbers.normal(2, 1, (10, 10))
    flows[2, 3:6] = np.nan
    with h5py.File(os.path.join(CONFIGS, "small.h5"), "w") as file:
        file["line"], file["along"] = line, np.sin(6 * line)
        file["line"].attrs["unit"] = "km"
        file["new_line"] = np.linspace(0, 1.5, 50)
        file["places"], file["heights"] = places, places[:, 0] - 5
        file["places_column_ids"] = np.array([b"east", b"north"])
        file["new_places"] = random_numbers.uniform(0, 10, (40, 2))
        file["flows"] = flows
        file["flat"], file["many"] = np.arange(100.0), random_numbers.normal(size=(6, 3))
        angles = np.radians([random_numbers.uniform(0, 40, 50), random_numbers.uniform(10, 60, 50)])
        globe = [np.cos(angles[1]) * np.cos(angles[0]), np.cos(angles[1]) * np.sin(angles[0]), np.sin(angles[1])]
        file["globe"] = 6.371 * np.array(globe).T
        file["globe"].attrs["degrees"] = np.degrees(angles)
        file["flat_unequal"], file["several"] = np.arange(60.0), random_numbers.normal(size=(4, 10, 10))
        file["several_along"] = random_numbers.normal(size=(9, 30))
        file["years"] = random_numbers.normal(2, 1, (2, 10, 10))
        file["days"] = np.arange(700.0, 760.0)


@functools.cache
def result_of(name):
    """The result of one of JOBS, which is run once."""
    if not os.path.exists(os.path.join(CONFIGS, "small.h5")):
        write_small()
    job, result = os.path.join(CONFIGS, name + ".yaml"), os.path.join(WORK, name + ".h5")
    with open(job, "w") as file:
        file.write(JOBS[name] + f"output: {{file: {result}, overwrite: true}}\n")
    run_job(job, result)
    return result


def run_job(job, output, *overrides):
    arguments = [f"--set={text}" for text in (f"output.file={output}", *overrides)]
    # Few draws are not enough for the diagnostics of a posterior, which ends with 3.
    done = subprocess.run([PROGRAM, "run", job, "--quiet", *arguments], cwd=CONFIGS, capture_output=True, text=True)
    if done.returncode not in (0, 3):
        raise AssertionError(f"{job}: {done.stderr}")


def draw(result, *options, picture=None):
    """Exit code, messages and picture of a call in this process, which has the packages loaded already."""
    picture = picture or os.path.join(WORK, "picture.png")
    if os.path.exists(picture):
        os.unlink(picture)
    output, errors = io.StringIO(), io.StringIO()
    before = sys.argv
    sys.argv = ["plot.py", result, "--to", picture, *options]
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            code = command.run()
    finally:
        sys.argv = before
    return code, errors.getvalue(), picture


@contextlib.contextmanager
def figure_of(name, *options):
    """The figure of one of JOBS, before it becomes a picture, and its result."""
    before, sys.argv = sys.argv, ["plot.py", result_of(name), *options]
    try:
        arguments = command.read_arguments()
    finally:
        sys.argv = before
    with Result(arguments) as result:
        figure = command.choose(result)(result)
        figure.canvas.draw()
        yield figure, result
        plt.close(figure)
