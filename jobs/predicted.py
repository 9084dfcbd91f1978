"""What `kronwerk plan --machine` predicts for a study's points. For jobs/scaling.py and the benchmark."""

import csv
import io
import subprocess


class Stage:
    """Predicted seconds of one stage at one number of ranks."""

    def __init__(self, row, units):
        self.name, self.ranks = row["stage"], int(row["ranks"])
        self.first = float(row["first_seconds"])
        self.again = float(row["seconds"]) + units * float(row["unit_seconds"])

    def cold(self):
        return self.again + self.first

    def warm(self):
        return self.again


def units_of(report):
    """Iterations of a solve, or evaluations of a fit, whose number no prediction knows; 0 if there are none."""
    return float(report.get("evaluations", report.get("iterations", 0)))


def put_into(rows, stages):
    """The predicted seconds of every stage into the column `predicted`: of the first computation for
    repeat 0 and the whole job, of another for the other repeats."""
    found = {stage.name: stage for stage in stages}
    computed = {row["stage"] for row in rows if row["repeat"] != ""}
    for row in rows:
        stage = found.get(row["stage"])
        if row["stage"] == "one job" and stages:
            row["predicted"] = sum(s.cold() for s in stages if s.name not in ("startup", "write"))
        elif stage and row["repeat"] != "":
            row["predicted"] = stage.warm() if row["repeat"] > 0 else stage.cold()
        elif stage and row["stage"] not in computed:
            row["predicted"] = stage.cold()


def predict(study, program, machine, ranks, threads, n, units):
    """The stages at every number of ranks, in the order of a run; none if the job is not modelled."""
    command = [program, "plan", study.job, "--machine", machine, "--csv", "--threads", str(threads),
               "--ranks", ",".join(map(str, ranks))]
    for key, value in study.set.items():
        command += ["--set", f"{key}={str(value).format(n=n)}"]
    text = subprocess.run(command, cwd=study.directory, check=True, capture_output=True, text=True).stdout
    return [Stage(row, units) for row in csv.DictReader(io.StringIO(text))]
