"""Results of every task and of the examples: each gives a picture, or one sentence that says why not."""

import glob
import os
import subprocess
import unittest

import h5py
import numpy as np
from material import CONFIGS, EXAMPLES, JOBS, NUMBERS, PROGRAM, WORK, draw, result_of, run_job
from PIL import Image


class Drawing(unittest.TestCase):
    """How results are judged; has no tests of its own."""

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


class Pictures(Drawing):
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

    def test_of_regions_at_places(self):
        result = os.path.join(WORK, "regions.h5")
        run_job(os.path.join(CONFIGS, "templates", "effects.yaml"), result)
        at = os.path.join(WORK, "at.h5")
        with h5py.File(result, "r") as file, h5py.File(at, "w") as places:
            places["xy"] = np.random.default_rng(1).uniform(size=(len(file["effects/total"]), 2))
            places["few"] = np.zeros((3, 2))
        self.expect_picture(result, "--places", at + ":/xy")
        self.expect_reason(result, "or one of", "--places", at + ":/few")
        self.expect_reason(result, "has no dataset /xz", "--places", at + ":/xz")
        self.expect_reason(result, "is not there", "--places", at + ".h5:/xy")

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
        for name in JOBS:
            with self.subTest(name):
                self.expect_picture(result_of(name))
        self.expect_picture(os.path.join(WORK, "iterations.h5"), "--dataset", "/result")
        self.expect_picture(os.path.join(WORK, "swept_vectors.h5"), "--point", "2")
        self.expect_reason(os.path.join(WORK, "swept_vectors.h5"), "the sweep has 3 points", "--point", "9")
        self.expect_reason(os.path.join(WORK, "iterations.h5"), "--dataset takes one of", "--dataset", "/other")
        # The data may be gone.
        os.rename(os.path.join(CONFIGS, "wind", "wind.h5"), os.path.join(CONFIGS, "wind", "gone.h5"))
        notes = self.expect_picture(os.path.join(WORK, "hidden.h5"))
        self.assertIn("wind/wind.h5 is not where it was", notes)
        os.rename(os.path.join(CONFIGS, "wind", "gone.h5"), os.path.join(CONFIGS, "wind", "wind.h5"))


if __name__ == "__main__":
    unittest.main()
