"""Files that are no results, or no longer: one sentence, and never a traceback."""

import contextlib
import os
import random
import unittest

import h5py
import numpy as np
from material import SOURCES, WORK, draw, result_of
from pictures_test import Drawing


class Files(Drawing):
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
        self.expect_picture(self.path("foreign.h5"), "--dataset", "a/b")

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
        sources += [result_of(name) for name in ("hidden", "two_parameters", "drawn_flows")]
        choice = random.Random(7)
        for number in range(90):
            source = choice.choice(sources)
            dataset = ["--dataset", choice.choice(("counts", "migrants", "seen", "L"))] if source in sources[:3] else []
            with open(source, "rb") as file:
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
                code, errors, _ = draw(name, *dataset)
                os._exit(code if "Traceback" not in errors else 99)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            self.assertTrue(code in (0, 1, 2) or code < 0, f"{number}: {code}")


if __name__ == "__main__":
    unittest.main()
