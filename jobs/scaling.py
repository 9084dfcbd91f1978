#!/usr/bin/python3
"""Runs the points of a scaling study, which jobs/scaling.sh starts, and sums them up.

  jobs/scaling.sh STUDY.yaml [--draw] [--again] [--most-ranks P] [--publish] [--to FOLDER] [--machine FILE]
"""

import argparse
import csv
import functools
import os
import re
import shutil
import subprocess
import sys

import h5py
import numpy as np
import yaml

import predicted
import scaling_summary

COLUMNS = ("case mode nodes ranks ranks_per_node threads n N job stage repeat seconds waiting bytes "
           "flops oversubscribed load commit processor mpi binding predicted").split()
KEYS = {"case", "about", "job", "prepare", "modes", "set", "ranks", "threads", "ranks_per_node", "repeat",
        "jobs", "strong", "weak", "stages", "oversubscribed"}
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Study:
    """A study file, checked."""

    def __init__(self, file):
        with open(file) as stream:
            keys = yaml.safe_load(stream)
        if not isinstance(keys, dict):
            raise SystemExit(f"{file}: no study: a map of keys was expected")
        for key in set(keys) - KEYS:
            raise SystemExit(f"{file}: unknown key '{key}'; a study has {', '.join(sorted(KEYS))}")
        for key in ("case", "job", "ranks"):
            if key not in keys:
                raise SystemExit(f"{file}: the key '{key}' is missing")
        if not keys.get("strong") and not keys.get("weak"):
            raise SystemExit(f"{file}: give 'strong' (a list of n), 'weak' (n on one rank), or both")
        self.folder = os.path.dirname(os.path.abspath(file))
        self.case = keys["case"]
        self.about = keys.get("about", "")
        self.job = os.path.join(self.folder, keys["job"])
        # Where the program runs: files of `set` are relative to the job, like its own.
        self.directory = os.path.dirname(self.job)
        self.prepare = keys.get("prepare")
        self.modes = keys.get("modes", 1)
        self.set = keys.get("set", {})
        self.ranks = keys["ranks"]
        self.threads = keys.get("threads", [1])
        self.ranks_per_node = keys.get("ranks_per_node")
        self.repeat = keys.get("repeat", 6)
        self.jobs = keys.get("jobs", 1)
        self.strong = keys.get("strong", [])
        self.weak = keys.get("weak")
        self.stages = keys.get("stages")
        self.oversubscribed = keys.get("oversubscribed", False)
        if self.repeat * self.jobs < 6:
            raise SystemExit(f"{file}: 'jobs' times 'repeat' is {self.repeat * self.jobs}; a warm-up and "
                             "five repeats are the least")

    def size(self, ranks):
        """n with N / P as on one rank."""
        return round(self.weak * ranks ** (1 / self.modes))


class Machine:
    """The nodes there are, and how programs are started on them."""

    def __init__(self):
        self.nodes = int(os.environ.get("SLURM_JOB_NUM_NODES", 1))
        self.cores = int(os.environ.get("SLURM_CPUS_ON_NODE", 0)) or own_cores()

    def ranks_per_node(self, ranks, threads, wanted):
        """As many as have a core for every thread, unless asked for otherwise; more if they must."""
        fitting = max(1, wanted or self.cores // threads)
        return max(min(ranks, fitting), -(-ranks // self.nodes))

    def start(self, ranks, per_node, threads):
        """The command that starts so many ranks, and what its environment needs."""
        oversubscribed = per_node * threads > self.cores
        environment = dict(os.environ)
        # Waiting ranks give way only where others need their core.
        environment["OMPI_MCA_mpi_yield_when_idle"] = "1" if oversubscribed else "0"
        if self.nodes > 1 and speaks_pmix():
            nodes = -(-ranks // per_node)
            return ["srun", "--mpi=pmix", f"--nodes={nodes}", f"--ntasks={ranks}",
                    f"--ntasks-per-node={per_node}", f"--cpus-per-task={threads}",
                    "--cpu-bind=cores"], environment
        command = ["mpirun", "-n", str(ranks)]
        if oversubscribed:
            return command + ["--bind-to", "none"], environment
        if speaks_hydra():
            return command + ["-ppn", str(per_node), "-bind-to", f"core:{threads}"], environment
        place = f"ppr:{per_node}:node:PE={threads}"
        return command + ["--map-by", place, "--bind-to", "core"], environment


def own_cores():
    """Cores, not their hardware threads, that this process may use."""
    found = set()
    for cpu in os.sched_getaffinity(0):
        topology = f"/sys/devices/system/cpu/cpu{cpu}/topology"
        try:
            with open(f"{topology}/physical_package_id") as package, open(f"{topology}/core_id") as core:
                found.add((package.read(), core.read()))
        except OSError:
            found.add(cpu)
    return len(found)


@functools.cache
def speaks_hydra():
    """Whether mpirun is MPICH's, or one that is made from it."""
    told = subprocess.run(["mpirun", "--version"], capture_output=True, text=True, check=False)
    return "HYDRA" in told.stdout or "Intel(R) MPI" in told.stdout


@functools.cache
def speaks_pmix():
    if shutil.which("srun") is None:
        return False
    listed = subprocess.run(["srun", "--mpi=list"], capture_output=True, text=True)
    return "pmix" in listed.stdout + listed.stderr


class Point:
    """One number of ranks and threads, and one size."""

    def __init__(self, study, mode, ranks, threads, n):
        self.study, self.mode, self.ranks, self.threads, self.n = study, mode, ranks, threads, n

    def name(self):
        return f"{self.mode}-n{self.n}-ranks{self.ranks}-threads{self.threads}"

    def run(self, program, machine, folder, machine_file=None):
        """Runs its jobs and writes its CSV, with what was predicted from the machine file."""
        study = self.study
        per_node = machine.ranks_per_node(self.ranks, self.threads, study.ranks_per_node)
        start, environment = machine.start(self.ranks, per_node, self.threads)
        result = os.path.join(folder, f"{self.name()}.h5")
        settings = dict(study.set, repeat=study.repeat, blas_threads=self.threads)
        settings.update({"output.file": result, "output.overwrite": "true"})
        command = start + [program, "run", study.job, "--quiet"]
        for key, value in settings.items():
            command += ["--set", f"{key}={str(value).format(n=self.n)}"]
        rows = []
        for job in range(study.jobs):
            load = os.getloadavg()[0]
            done = subprocess.run(command, env=environment, cwd=study.directory, capture_output=True,
                                  text=True)
            if done.returncode != 0:
                raise SystemExit(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stdout}"
                                 f"{done.stderr}")
            common = {"case": study.case, "mode": self.mode, "ranks": self.ranks,
                      "ranks_per_node": per_node, "threads": self.threads, "n": self.n,
                      "N": self.n ** study.modes, "job": job, "load": round(load, 2),
                      "oversubscribed": int(per_node * self.threads > machine.cores)}
            rows += rows_of(result, common)
            units = units_of(result)
        os.remove(result)
        if machine_file and per_node * self.threads <= machine.cores:
            stages = predicted.predict(study, program, machine_file, [self.ranks], self.threads, self.n, units)
            predicted.put_into(rows, stages)
        write_csv(os.path.join(folder, f"{self.name()}.csv"), rows)


def units_of(result):
    """Iterations of a solve, or evaluations of a fit."""
    with h5py.File(result) as file:
        return predicted.units_of(file["report"].attrs)


def rows_of(result, common):
    """The rows of one job, from its result: every repeat of the stages that compute, 0 the first, and
    the stages of the whole job, whose repeat is empty."""
    with h5py.File(result) as file:
        root, report = file.attrs, file["report"]
        common = dict(common, predicted="", nodes=int(root["nodes"]), commit=root["git_commit"],
                      processor=root["processor"], mpi=root["mpi_version"],
                      binding=report["nodes/binding"][0].decode())

        def row(group, place, stage, repeat):
            spread = {name: group[name][place] for name in
                      ("elapsed", "waiting", "bytes_sent", "shared_bytes", "flops")}
            ranks = common["ranks"]
            return dict(common, stage=stage, repeat=repeat, seconds=spread["elapsed"][3],
                        waiting=spread["waiting"][2],
                        bytes=ranks * (spread["bytes_sent"][2] + spread["shared_bytes"][2]),
                        flops=ranks * spread["flops"][2])

        rows = []
        repeats = report["repeats"]
        for s, stage in enumerate(repeats["names"].asstr()[:]):
            for repeat in range(repeats["elapsed"].shape[0]):
                rows.append(row(repeats, (repeat, s), stage, repeat))
        stages = report["stages"]
        names = list(stages["names"].asstr()[:])
        for s, stage in enumerate(names):
            rows.append(row(stages, s, stage, ""))
        # What one job takes that computes once, without the start and the result's way to the disk.
        again = dict(zip(repeats["names"].asstr()[:], np.sum(repeats["elapsed"][1:, :, 3], axis=0)))
        once = sum(max(0.0, stages["elapsed"][s][3] - again.get(stage, 0.0))
                   for s, stage in enumerate(names) if stage not in ("startup", "write"))
        rows.append(dict(common, stage="one job", repeat="", seconds=once, waiting="", bytes="", flops=""))
    return rows


def write_csv(name, rows):
    """The file is whole or not there."""
    part = f"{name}.{os.uname().nodename}.{os.getpid()}.part"
    with open(part, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    os.replace(part, name)


def measure(program, machine, file):
    """Writes the machine file by all cores there are, unless it is there."""
    if os.path.exists(file):
        return
    os.makedirs(os.path.dirname(os.path.abspath(file)), exist_ok=True)
    start, environment = machine.start(machine.nodes * machine.cores, machine.cores, 1)
    subprocess.run([*start, program, "measure", "--output", file], env=environment, check=True)


def points_of(study, machine, most_ranks):
    """Those that the machine has cores for, and the first that it has not if the study asks for it."""
    points = []
    for threads in study.threads:
        beyond = False
        for ranks in sorted(study.ranks):
            if most_ranks and ranks > most_ranks:
                break
            over = ranks * threads > machine.cores * machine.nodes
            if over and (beyond or not study.oversubscribed):
                break
            beyond = over
            points += [Point(study, "strong", ranks, threads, n) for n in study.strong]
            if study.weak:
                points.append(Point(study, "weak", ranks, threads, study.size(ranks)))
    return points


def publish(study, folder):
    """Puts the picture beside the study, and it and the table into the README there, between the lines
    <!-- CASE --> and <!-- end of CASE -->."""
    shutil.copy(os.path.join(folder, f"{study.case}.png"), study.folder)
    readme = os.path.join(study.folder, "README.md")
    with open(os.path.join(folder, f"{study.case}.md")) as table, open(readme) as file:
        text, measured = file.read(), table.read()
    begin, end = f"<!-- {study.case} -->\n", f"<!-- end of {study.case} -->\n"
    block = f"{begin}\n![{study.case}]({study.case}.png)\n\n{measured}\n{end}"
    found = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not found.search(text):
        raise SystemExit(f"{readme} has no lines {begin.strip()} and {end.strip()}")
    with open(readme, "w") as file:
        file.write(found.sub(lambda _: block, text))
    print(readme)


def main():
    parser = argparse.ArgumentParser(prog="jobs/scaling.sh", description=__doc__.splitlines()[0])
    parser.add_argument("study")
    parser.add_argument("--draw", action="store_true", help="run nothing; sum up what there is")
    parser.add_argument("--again", action="store_true", help="run also the points that are there")
    parser.add_argument("--most-ranks", type=int, help="leave larger points out")
    parser.add_argument("--publish", action="store_true", help="into the README beside the study")
    parser.add_argument("--to", default=os.path.join(ROOT, "build/scaling"), help="where results go")
    parser.add_argument("--machine", help="the machine file, to predict times from; measured if it is not there")
    arguments = parser.parse_args()
    study = Study(arguments.study)
    program = os.path.abspath(os.environ.get("KRONWERK", os.path.join(ROOT, "build/release/kronwerk")))
    folder = os.path.join(os.path.abspath(arguments.to), study.case)
    os.makedirs(folder, exist_ok=True)
    if not arguments.draw:
        if not os.access(program, os.X_OK):
            raise SystemExit(f"{program} is not there; build the preset release, or name it in KRONWERK")
        if arguments.machine:
            arguments.machine = os.path.abspath(arguments.machine)
            measure(program, Machine(), arguments.machine)
        points = points_of(study, Machine(), arguments.most_ranks)
        task, first, step, tasks = (int(os.environ.get(f"SLURM_ARRAY_TASK_{name}", default)) for name, default
                                    in (("ID", 0), ("MIN", 0), ("STEP", 1), ("COUNT", 1)))
        for place, point in enumerate(points):
            if place % tasks != (task - first) // step:
                continue
            if os.path.exists(os.path.join(folder, f"{point.name()}.csv")) and not arguments.again:
                continue
            if study.prepare:
                prepare = os.path.join(study.folder, study.prepare.split()[0])
                subprocess.run([sys.executable, prepare, *study.prepare.split()[1:], str(point.n)],
                               check=True)
            print(f"{study.case}: {point.name()}", flush=True)
            point.run(program, Machine(), folder, arguments.machine)
    rows = scaling_summary.read_points(folder)
    if not rows:
        raise SystemExit(f"{folder} has no points")
    write_csv(os.path.join(folder, f"{study.case}.csv"), rows)
    print(scaling_summary.write_table(study, rows, folder))
    print(scaling_summary.draw(study, rows, folder))
    if arguments.publish:
        publish(study, folder)


if __name__ == "__main__":
    main()
