#!/usr/bin/env python3
"""What `kronwerk plot` runs: draws what a task wrote, see the package beside this file.

  jobs/plot.py RESULT.h5 [--to PICTURE.png] …; `kronwerk plot --help` lists the options
"""

import importlib.util
import os
import sys

sys.dont_write_bytecode = True  # the folder may be anybody's

PACKAGES = {"numpy": "numpy", "h5py": "h5py", "matplotlib": "matplotlib", "PIL": "pil", "yaml": "yaml"}
DEBIAN = "/usr/bin/python3"  # the one that Debian's packages belong to, whatever is first in PATH


def main():
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if not missing:
        from plot.command import run

        return run()
    if not os.environ.get("KRONWERK_PYTHON") and not os.environ.get("KRONWERK_PLOT_TRIED"):
        os.environ["KRONWERK_PLOT_TRIED"] = sys.executable or "python3"
        if os.access(DEBIAN, os.X_OK):
            os.execv(DEBIAN, [DEBIAN, *sys.argv])
    packages = " ".join("python3-" + PACKAGES[name] for name in missing)
    sys.stderr.write(
        f"kronwerk: plot: {sys.executable} has no {', '.join(missing)}: install it (apt install {packages}), or let "
        "KRONWERK_PYTHON name a Python that has numpy, h5py, matplotlib and yaml\n"
    )
    return 2


if __name__ == "__main__":
    sys.exit(main())
