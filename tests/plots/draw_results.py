"""Results of every task and of the examples: each gives a picture, or one sentence that says why not.

  draw_results.py PROGRAM SOURCES
"""

import contextlib
import glob
import io
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM, SOURCES = (os.path.abspath(path) for path in sys.argv[1:3])
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SOURCES, "jobs"))

import h5py
import numpy as np
from PIL import Image
from plot import command

WORK = tempfile.mkdtemp(prefix="kronwerk-plots-")
CONFIGS = os.path.join(WORK, "configs")

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
    "new_cloud": "task: predict\n" + CLOUD + "new_points: {K: {file: small.h5, dataset: /new_places}}\n",
}


def write_small():
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


class Pictures(unittest.TestCase):
    def expect_picture(self, result, *options):
        code, errors, picture = draw(result, *options)
        self.assertEqual((code, "Error" in errors), (0, False), errors)
        with Image.open(picture) as image:
            self.assertTrue(600 <= image.width <= 1000 and 250 <= image.height <= 2000, image.size)
            self.assertGreater(np.asarray(image.convert("L")).std(), 8)
        self.assertTrue(3000 < os.path.getsize(picture) < 130_000, os.path.getsize(picture))
        return errors

    def expect_reason(self, result, reason, *options):
        code, errors, picture = draw(result, *options)
        self.assertEqual(code, 2, errors)
        self.assertEqual((errors.count("\n"), errors.count("Traceback")), (1, 0), errors)
        self.assertTrue(errors.startswith("kronwerk: plot: "), errors)
        self.assertIn(reason, errors)
        self.assertFalse(os.path.exists(picture))

    def expect_either(self, name, result):
        if name in NUMBERS:
            self.expect_reason(result, "there is nothing to draw")
        else:
            self.expect_picture(result)

    def test_of_every_task(self):
        for file in sorted(glob.glob(os.path.join(CONFIGS, "templates", "*.yaml"))):
            task = os.path.splitext(os.path.basename(file))[0]
            fewer = ["posterior.warmup=150", "posterior.draws=60", "posterior.chains=2"] if task == "posterior" else []
            with self.subTest(task):
                result = os.path.join(CONFIGS, "templates", task + ".h5")
                run_job(file, result, *fewer)
                self.expect_either("templates/" + task, result)

    def test_of_every_example(self):
        for name, overrides in EXAMPLES:
            with self.subTest(name):
                with h5py.File(self.run_example(name, overrides), "r") as file:
                    result = file.filename
                self.expect_either(name, result)

    def run_example(self, name, overrides):
        folder, job = name.split("/")
        results = os.path.join(CONFIGS, folder, "results")
        before = set(glob.glob(os.path.join(results, "*.h5")))
        subprocess.run([PROGRAM, "run", name + ".yaml", "--quiet", *(f"--set={text}" for text in overrides)],
                       cwd=CONFIGS, check=True)
        (result,) = set(glob.glob(os.path.join(results, "*.h5"))) - before
        return result

    def test_of_jobs_of_all_kinds(self):
        write_small()
        for name, text in JOBS.items():
            with self.subTest(name):
                job, result = os.path.join(CONFIGS, name + ".yaml"), os.path.join(WORK, name + ".h5")
                with open(job, "w") as file:
                    file.write(text + f"output: {{file: {result}, overwrite: true}}\n")
                run_job(job, result)
                self.expect_picture(result)
        self.expect_picture(os.path.join(WORK, "iterations.h5"), "--dataset", "/result")
        self.expect_picture(os.path.join(WORK, "swept_vectors.h5"), "--point", "2")
        self.expect_reason(os.path.join(WORK, "swept_vectors.h5"), "the sweep has 3 points", "--point", "9")
        self.expect_reason(os.path.join(WORK, "iterations.h5"), "--dataset takes one of", "--dataset", "/other")
        # The data may be gone.
        os.rename(os.path.join(CONFIGS, "wind", "wind.h5"), os.path.join(CONFIGS, "wind", "gone.h5"))
        notes = self.expect_picture(os.path.join(WORK, "hidden.h5"))
        self.assertIn("wind/wind.h5 is not where it was", notes)
        os.rename(os.path.join(CONFIGS, "wind", "gone.h5"), os.path.join(CONFIGS, "wind", "wind.h5"))


class Files(unittest.TestCase):
    """What is no result, or no longer one."""

    expect_reason = Pictures.expect_reason

    def path(self, name):
        return os.path.join(WORK, name)

    def test_that_are_no_results(self):
        self.expect_reason(self.path("none.h5"), "there is no such file")
        self.expect_reason(WORK, "is a folder")
        for name, content in (("empty.h5", b""), ("text.h5", b"task: solve\n"), ("head.h5", b"\x89HDF\r\n\x1a\n")):
            with open(self.path(name), "wb") as file:
                file.write(content)
            self.expect_reason(self.path(name), "is no HDF5 file, or not whole")
        with h5py.File(self.path("nothing.h5"), "w"):
            pass
        self.expect_reason(self.path("nothing.h5"), "is no result of kronwerk")
        with h5py.File(self.path("foreign.h5"), "w") as file:
            file["a/b"] = np.arange(12.0).reshape(3, 4)
            file["words"] = np.array([b"x", b"y"])
            file["one"] = 1.0
            file["void"] = np.zeros((0, 3))
        self.expect_reason(self.path("foreign.h5"), "is no result of kronwerk, it has no 'result'; --dataset takes one")
        self.expect_reason(self.path("foreign.h5"), "has no real numbers", "--dataset", "words")
        self.expect_reason(self.path("foreign.h5"), "is a group", "--dataset", "a")
        self.expect_reason(self.path("foreign.h5"), "one number", "--dataset", "one")
        self.expect_reason(self.path("foreign.h5"), "there is nothing to draw", "--dataset", "void")
        Pictures.expect_picture(self, self.path("foreign.h5"), "--dataset", "a/b")

    def test_whose_parts_are_not_what_they_should_be(self):
        """Groups for data sets, texts for numbers, NaN everywhere, lengths that do not fit."""
        parts = ("result", "mean", "variance", "posterior", "posterior/x", "factor", "factor/1", "path", "effects/total",
                 "sweep/a", "history", "objective", "parameters/a", "coefficients", "fitted/expectation", "residual",
                 "predicted", "observations/mean", "report", "starts", "kkt", "converged")
        contents = (None, np.nan, np.zeros(0), np.full(5, np.nan), np.array([b"a", b"b"]), np.arange(3.0),
                    np.zeros((2, 3, 4, 5)), np.array([1 + 2j]), np.full((3, 3), np.inf))
        choice = random.Random(5)
        for number in range(150):
            name = self.path("odd.h5")
            with h5py.File(name, "w") as file:
                file.attrs["configuration"] = choice.choice(
                    ["", "[", "5", "task: solve", "sweep: 3", "sweep: {a: 1}", "extents: [2, x]", "kernels: 5",
                     "operator: 'kron(A, B'", "covariance: 'kron(K, L)'\nkernels: {K: 1, L: {points: 2}}",
                     "observations: {file: odd.h5, dataset: 3}", "input: {file: /tmp, dataset: /}"])
                for part in choice.sample(parts, 4):
                    content = choice.choice(contents)
                    with contextlib.suppress(ValueError, OSError, KeyError, TypeError):
                        file.create_group(part) if content is None else file.create_dataset(part, data=content)
                there = dict(file)
            with self.subTest(number=number, there=list(there)):
                code, errors, _ = draw(name)
                self.assertIn(code, (0, 2), errors)
                self.assertNotIn("Traceback", errors)

    def test_that_are_damaged(self):
        sources = [os.path.join(SOURCES, "configs", name) for name in
                   ("field/field.h5", "airports/airports.h5", "migration/migration.h5")]
        choice = random.Random(7)
        for number in range(60):
            with open(choice.choice(sources), "rb") as file:
                content = bytearray(file.read())
            if number % 3 == 0:
                del content[choice.randrange(len(content)) :]
            else:
                for _ in range(choice.choice((1, 8, 200))):
                    content[choice.randrange(min(len(content), choice.choice((800, 10_000, len(content)))))] ^= 255
            name = self.path("damaged.h5")
            with open(name, "wb") as file:
                file.write(content)
            child = os.fork()  # HDF5's library may not survive it; the program then says so
            if child == 0:
                code, errors, _ = draw(name, "--dataset", choice.choice(("counts", "migrants", "seen", "L")))
                os._exit(code if "Traceback" not in errors else 99)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            self.assertTrue(code in (0, 2) or code < 0, f"{number}: {code}")


class Program(unittest.TestCase):
    """`kronwerk plot` as it is called."""

    def call(self, *words, **variables):
        environment = {**os.environ, "KRONWERK_PYTHON": sys.executable, **variables}
        return subprocess.run([*words], capture_output=True, text=True, env=environment, cwd=WORK)

    def setUp(self):
        with h5py.File(os.path.join(WORK, "own.h5"), "w") as file:
            file["result"] = np.random.default_rng(0).normal(size=(20, 30))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(WORK, "own.png"))

    def test_draws_beside_the_result(self):
        done = self.call(PROGRAM, "plot", "own.h5")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "own.png\n", ""))
        self.assertTrue(os.path.exists(os.path.join(WORK, "own.png")))
        self.assertEqual(self.call(PROGRAM, "plot", "own.h5", "--to", "deep/down/a.png").returncode, 0)
        self.assertEqual([name for name in os.listdir(WORK) if name.endswith(".part")], [])

    def test_draws_once_under_mpirun(self):
        if shutil.which("mpirun") is None:
            self.skipTest("there is no mpirun")
        done = self.call("mpirun", "-n", "2", PROGRAM, "plot", "own.h5")
        self.assertEqual((done.returncode, done.stdout), (0, "own.png\n"), done.stderr)

    def test_says_what_is_wrong(self):
        for words, reason in ((["own.h5", "--to", "own.pdf"], "pictures are PNG files"),
                              (["own.h5", "--to", "own.h5/x.png"], "cannot be written"),
                              (["none.h5"], "there is no such file"), ([], "result is required"),
                              (["own.h5", "--point", "0"], "--point"), (["own.h5", "--order", "x"], "--order"),
                              (["own.h5", "--tow", "x.png"], "--tow")):
            done = self.call(PROGRAM, "plot", *words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
            self.assertIn(reason, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_names_the_packages_that_python_lacks(self):
        bare = os.path.join(WORK, "bare")
        with open(bare, "w") as file:
            file.write(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
        os.chmod(bare, 0o755)
        done = self.call(PROGRAM, "plot", "own.h5", KRONWERK_PYTHON=bare)
        self.assertEqual(done.returncode, 2)
        self.assertIn("apt install python3-numpy python3-h5py python3-matplotlib", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        done = self.call(PROGRAM, "plot", "own.h5", KRONWERK_PYTHON="/no/python")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1))
        self.assertIn("KRONWERK_PYTHON names the Python that draws", done.stderr)

    def test_says_what_ended_python(self):
        ended = os.path.join(WORK, "ended")
        with open(ended, "w") as file:
            file.write("#!/bin/sh\nkill -SEGV $$\n")
        os.chmod(ended, 0o755)
        done = self.call(PROGRAM, "plot", "own.h5", KRONWERK_PYTHON=ended)
        self.assertEqual(done.returncode, 2)
        self.assertIn("was ended by signal 11", done.stderr)


def setUpModule():
    shutil.copytree(os.path.join(SOURCES, "configs"), CONFIGS, ignore=shutil.ignore_patterns("results", "scaling"))


def tearDownModule():
    shutil.rmtree(WORK, ignore_errors=True)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
