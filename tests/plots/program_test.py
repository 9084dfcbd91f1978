"""`kronwerk plot` as it is called."""

import contextlib
import os
import shutil
import subprocess
import sys
import unittest

import h5py
import numpy as np
from material import PROGRAM, WORK


class Program(unittest.TestCase):
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
        self.assertIn("pictures take Python (apt install python3-h5py", done.stderr)

    def test_takes_debians_python_where_the_first_one_cannot_draw(self):
        folder = os.path.join(WORK, "first")
        os.makedirs(folder)
        with open(os.path.join(folder, "python3"), "w") as file:
            file.write(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
        os.chmod(os.path.join(folder, "python3"), 0o755)
        done = self.call(PROGRAM, "plot", "own.h5", KRONWERK_PYTHON="", PATH=folder + ":" + os.environ["PATH"])
        if subprocess.run(["/usr/bin/python3", "-c", "import h5py, matplotlib, PIL, yaml"], capture_output=True).returncode:
            self.assertIn("apt install python3-", done.stderr)
        else:
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "own.png\n", ""))

    def test_needs_no_home(self):
        done = self.call(PROGRAM, "plot", "own.h5", HOME="/nonexistent", XDG_CACHE_HOME="/nonexistent")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "own.png\n", ""))

    def test_says_what_ended_python(self):
        ended = os.path.join(WORK, "ended")
        with open(ended, "w") as file:
            file.write("#!/bin/sh\nkill -SEGV $$\n")
        os.chmod(ended, 0o755)
        done = self.call(PROGRAM, "plot", "own.h5", KRONWERK_PYTHON=ended)
        self.assertEqual(done.returncode, 2)
        self.assertIn("was ended by signal 11", done.stderr)


if __name__ == "__main__":
    unittest.main()
