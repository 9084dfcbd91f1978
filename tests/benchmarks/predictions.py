#!/usr/bin/python3
"""Predicted over measured seconds of the scaling studies' jobs, stage by stage, on this machine.

  predictions.py BUILD WORK [--ranks 1,2] [--machine FILE] [CASE...]

Measures the machine, unless it is given a file of it, and runs every study at its size; the machine
should be idle. Nothing is asserted.
"""

import argparse
import os
import statistics
import subprocess
import sys

import h5py

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "jobs"))
import predicted  # noqa: E402
import scaling  # noqa: E402

CASES = "counties apply krylov logpdf reduction flow-fit".split()
# Shorter ones are as long as what surrounds them.
SHORTEST = 0.01


def measure(program, file, ranks):
    start, environment = scaling.Machine().start(ranks, ranks, 1)
    subprocess.run([*start, program, "measure", "--output", file], env=environment, check=True)


def run(study, program, ranks, n, result):
    """Median seconds by stage, cold (or of the whole job) and warm, and the report's numbers."""
    start, environment = scaling.Machine().start(ranks, ranks, 1)
    settings = {key: str(value).format(n=n) for key, value in study.set.items()}
    settings |= {"repeat": 4, "output.file": result, "output.overwrite": "true"}
    command = [*start, program, "run", study.job, "--quiet"]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    cold, warm = {}, {}
    for _ in range(3):
        subprocess.run(command, env=environment, cwd=study.directory, check=True)
        rows = scaling.rows_of(result, {"ranks": ranks})
        for row in rows:
            if row["repeat"] != "":
                kind = warm if row["repeat"] > 0 else cold
                kind.setdefault(row["stage"], []).append(row["seconds"])
        computed = set(cold)
        for row in rows:
            if row["repeat"] == "" and row["stage"] not in computed and row["stage"] != "one job":
                cold.setdefault(row["stage"], []).append(row["seconds"])
    with h5py.File(result) as file:
        report = dict(file["report"].attrs)
    os.remove(result)
    return ({stage: statistics.median(values) for stage, values in cold.items()},
            {stage: statistics.median(values) for stage, values in warm.items()}, report)


def compare(study, program, machine, ranks, n, result):
    cold, warm, report = run(study, program, ranks, n, result)
    units = predicted.units_of(report)
    lines = predicted.predict(study, program, machine, [ranks], 1, n, units)
    print(f"\n{study.case}, {ranks} {'rank' if ranks == 1 else 'ranks'}, n = {n}"
          + (f", {units:.0f} units" if units else ""))
    print(f"{'stage':<14} {'predicted':>10} {'measured':>10} {'ratio':>6}     {'warm':>10} {'measured':>10} {'ratio':>6}")
    sums = [0.0] * 4
    for stage in lines:
        first, again = stage.cold(), stage.warm()
        has_warm = stage.name in warm
        values = [first, cold.get(stage.name, 0), again if has_warm else 0, warm.get(stage.name, 0)]
        if stage.name not in ("startup", "write"):
            sums = [a + b for a, b in zip(sums, values)]
        print_row(stage.name, values)
    print_row("all but both", sums)
    for stage in sorted(set(cold) - {stage.name for stage in lines}):
        print(f"{stage:<14} {'':>10} {cold[stage]:10.4f}")


def print_row(name, values):
    def ratio(a, b):
        return f"{a / b:6.2f}" if b >= SHORTEST or a >= SHORTEST and b > 0 else "     -"
    a, b, c, d = values
    text = f"{name:<14} {a:10.4f} {b:10.4f} {ratio(a, b)}"
    print(text + (f"     {c:10.4f} {d:10.4f} {ratio(c, d)}" if d else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("work")
    parser.add_argument("--ranks", default="1,2")
    parser.add_argument("--machine", help="the machine file; measured on the most ranks if absent")
    parser.add_argument("cases", nargs="*", default=CASES)
    arguments = parser.parse_args()
    program = os.path.join(os.path.abspath(arguments.build), "kronwerk")
    os.makedirs(arguments.work, exist_ok=True)
    ranks = [int(text) for text in arguments.ranks.split(",")]
    machine = arguments.machine
    if not machine:
        machine = os.path.join(os.path.abspath(arguments.work), "machine.yaml")
        measure(program, machine, max(ranks))
    for case in arguments.cases or CASES:
        study = scaling.Study(os.path.join(ROOT, "configs/scaling", f"{case}.yaml"))
        n = study.strong[0]
        if study.prepare:
            prepare = os.path.join(study.folder, study.prepare.split()[0])
            subprocess.run([sys.executable, prepare, *study.prepare.split()[1:], str(n)], check=True)
        for P in ranks:
            compare(study, program, machine, P, n, os.path.join(os.path.abspath(arguments.work), "p.h5"))


if __name__ == "__main__":
    main()
