#!/usr/bin/python3
"""Kills and starves jobs of every kind at random moments, and checks what they leave.

  jobs/faults.sh [--cases N] [--seed S] [--only FAULT] [--program PROGRAM] [--keep]

Every case runs one job with one fault, both drawn with the seed, and then the same job undisturbed.
Checked are: the job ends in time and with an exit code that fits the fault; its result is whole, with
the bits of an undisturbed run, or absent; the second run, which goes on with what the first has kept,
succeeds with the same bits (iterations: within their tolerance), and leaves no temporaries, whatever the
first has left. A failed case prints its number, so that
`--seed S --cases NUMBER` repeats it. What is drawn follows from the seed; when exactly a signal
arrives is up to the machine.
"""

import argparse
import collections
import hashlib
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time

import h5py
import numpy as np

LIMIT = 600  # seconds that no job of these needs, however busy the machine is
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FAULTS = ["kill-rank", "terminate-rank", "interrupt-rank", "terminate-ranks", "terminate-mpirun",
          "kill-mpirun", "stop-rank", "full-disk", "small-shm", "hosts"]

GAUSSIAN = """parameters: {eta: 0.6, ls: 0.5, sigma: 1.1, mu: -0.3}
kernels:
  S: {formula: "rbf(d, ls)", points: {file: data.h5, dataset: /s}}
  T: {formula: "exponential(d, 1.7)", points: {file: data.h5, dataset: /t}}
covariance: "eta^2*kron(S, T) + sigma^2*I"
mean: mu
"""
OBSERVED = "observations: {file: data.h5, dataset: /drawn}\n"
MATRICES = "matrices: {A: {file: data.h5, dataset: /A}, W: {file: data.h5, dataset: /W}}\n"
ONE = "matrices: {W: {file: data.h5, dataset: /W}}\n"
INPUT = "input: {file: data.h5, dataset: /x}\n"
POINTS = """points:
  x: {file: data.h5, dataset: /p, index: i}
  y: {file: data.h5, dataset: /p, index: j}
"""
TASKS = {
    "apply": MATRICES + 'operator: "kron(A, W)"\n' + INPUT,
    "solve": ONE + 'operator: "kron(I - 0.3*W, I - 0.4*W)"\n' + INPUT
    + "gradient: {cotangent: ones, input: true}\n",
    "solve-krylov": MATRICES + 'operator: "kron(I, I) - 0.3*kron(W, A) + 0.1*kron(A, W)"\n' + INPUT
    + "solver: {method: krylov}\n",
    "solve-sum": ONE + 'operator: "kronsum(2*I - W, I - 0.4*W)"\n' + INPUT,
    "kernel": 'kernels:\n  K: {formula: "exponential(d, 0.2)", points: {file: data.h5, dataset: /p}}\n'
    'operator: "K + 0.3*I"\ninput: {file: data.h5, dataset: /v}\n',
    "logdet": ONE + 'operator: "kron(I, I) - 0.3*kron(W, I) - 0.2*kron(I, W)"\n',
    "trace": MATRICES + 'operator: "kron(A, W) + kron(W, A)"\n',
    "diagonal": MATRICES + 'operator: "kron(A, W) + kron(A, A)"\n',
    "eigenvalues": ONE + 'operator: "kronsum(W, W)"\n',
    "expm": ONE + 'time: 0.1\noperator: "kronsum(W, W)"\n' + INPUT,
    "project": "onto: kronsum\nextents: [150, 150]\n" + INPUT,
    "reduce": POINTS + 'formula: "exp(-norm(x - y))"\nreduction: [sum, max]\n',
    "reduce-nearest": POINTS + 'formula: "sqdist(x, y)"\nreduction: kmin_argkmin\nk: 3\n',
    "sweep": ONE + 'operator: "kron(I - r*W, I - 0.4*W)"\n' + INPUT + "sweep: {r: [0.1, 0.2, 0.3]}\n",
    "logpdf": GAUSSIAN + OBSERVED,
    "sample": GAUSSIAN + "draws: 200\nseed: 12\n",
    "predict": GAUSSIAN + OBSERVED + "new_points: {S: {file: data.h5, dataset: /new}}\n",
    "fit": GAUSSIAN + OBSERVED
    + "fit:\n  parameters: {eta: {}, ls: {}, sigma: {}, mu: {lower: -10}}\n  starts: 4\n",
}
KRYLOV = {"solve-krylov": "solve", "solve-sum": "solve", "kernel": "solve", "sweep": "solve",
          "reduce-nearest": "reduce"}
# What goes on from an iterate ends within its tolerance, and with another history.
ITERATED = {"solve-krylov", "kernel"}
SERIAL = {
    "import-edges": "import edges edges.csv --to results/out.h5:/W",
    "import-table": "import table table.csv --id-column none --to results/out.h5:/T",
    "import-knn": "import knn points.csv --k 8 --planar --to results/out.h5:/W",
    "import-mtx": "import mtx matrix.mtx --to results/out.h5:/W",
    "show": "show data.h5",
}


class Failed(Exception):
    """What was not as it must be."""


def make_data(folder):
    rng = np.random.default_rng(1)
    n = 150
    ring = np.zeros((n, n))
    for i in range(n):
        ring[i, (i + 1) % n] = ring[i, (i + 2) % n] = 0.5
    with h5py.File(f"{folder}/data.h5", "w") as file:
        file["W"] = ring
        file["A"] = rng.normal(size=(n, n)) / 40
        file["x"] = rng.normal(size=(n, n))
        file["p"] = rng.normal(size=(6000, 3))
        file["v"] = rng.normal(size=6000)
        file["s"], file["t"] = rng.normal(size=12), np.arange(10.0)
        file["new"] = rng.normal(size=30)
        file["drawn"] = rng.normal(size=(20, 12, 10))
    with open(f"{folder}/edges.csv", "w") as file:
        file.write("from,to,value\n")
        for i in range(300):
            file.writelines(f"a{i},a{j},{i * j % 97}\n" for j in range(300))
    with open(f"{folder}/table.csv", "w") as file:
        file.write(",".join(f"c{j}" for j in range(20)) + "\n")
        file.writelines(",".join(str(i * j % 89) for j in range(20)) + "\n" for i in range(20000))
    with open(f"{folder}/points.csv", "w") as file:
        file.write("name,x,y\n")
        file.writelines(f"q{i},{x:.6f},{y:.6f}\n"
                        for i, (x, y) in enumerate(rng.normal(size=(20000, 2))))
    with open(f"{folder}/matrix.mtx", "w") as file:
        file.write("%%MatrixMarket matrix coordinate real general\n3000 3000 150000\n")
        file.writelines(f"{i % 3000 + 1} {(i * 7 + i // 3000) % 3000 + 1} {i % 13 + 1}\n"
                        for i in range(150000))
    for name, text in TASKS.items():
        with open(f"{folder}/{name}.yaml", "w") as file:
            file.write(f"task: {KRYLOV.get(name, name)}\n{text}output: results/out.h5\n")


def digest(file):
    """Of all names, types, shapes and bits but those of /report and of times."""
    found = hashlib.sha256()

    def visit(name, item):
        if name.split("/")[0] == "report":
            return
        found.update(name.encode())
        if isinstance(item, h5py.Dataset):
            found.update(f"{item.dtype} {item.shape}".encode())
            found.update(np.ascontiguousarray(item[()]).tobytes())

    with h5py.File(file, "r") as result:
        result.visititems(visit)
    return found.hexdigest()


def close(file, other):
    """Whether two results of a solve are equal within what the tolerance allows."""
    with h5py.File(file, "r") as one, h5py.File(other, "r") as two:
        return bool(np.linalg.norm(one["result"][()] - two["result"][()])
                    <= 1e-7 * np.linalg.norm(two["result"][()]))


def ranks_in(folder):
    """Processes of the program that work in this folder."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if (name.isdigit() and os.readlink(f"/proc/{name}/cwd") == folder
                    and open(f"/proc/{name}/comm").read() == "kronwerk\n"
                    and open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()[0] not in "ZX"):
                found.append(int(name))
        except OSError:
            continue
    return sorted(found)


def temporaries(folder):
    """The state of a job is kept on purpose until its result is there."""
    return [name for _, _, files in os.walk(folder) for name in files if name.endswith(".part")]


def send(process, number):
    try:
        os.kill(process, number)
    except ProcessLookupError:
        pass


class Faults:
    def __init__(self, folder, program):
        self.folder = folder
        self.program = program
        self.references = {}
        self.seconds = {}
        self.text = ""
        self.job = None

    def result(self):
        return f"{self.folder}/results/out.h5"

    def command(self, task, np_):
        arguments = SERIAL.get(task, f"run {task}.yaml")
        return f"mpirun -n {np_} {self.program} {arguments}"

    def start(self, command, environment=None):
        self.output = open(f"{self.folder}/output.txt", "wb+")
        self.job = subprocess.Popen(command.split() if isinstance(command, str) else command,
                                    cwd=self.folder, stdout=self.output, stderr=subprocess.STDOUT,
                                    stdin=subprocess.DEVNULL, start_new_session=True,
                                    env={**os.environ, **(environment or {})})
        return self.job

    def end(self):
        """Of what still runs."""
        if self.job:
            self.job.kill()
        for rank in ranks_in(self.folder):
            send(rank, signal.SIGKILL)

    def finish(self, job):
        """The exit code; a job that does not end is a failure."""
        try:
            code = job.wait(LIMIT)
        except subprocess.TimeoutExpired:
            for rank in ranks_in(self.folder):
                send(rank, signal.SIGKILL)
            job.kill()
            job.wait()
            raise Failed(f"still running after {LIMIT} s") from None
        end = time.monotonic() + 30
        while ranks_in(self.folder):
            if time.monotonic() > end:
                left = ranks_in(self.folder)
                for rank in left:
                    send(rank, signal.SIGKILL)
                raise Failed(f"ranks {left} live on 30 s after mpirun has ended")
            time.sleep(0.02)
        self.output.seek(0)
        self.text = self.output.read().decode(errors="replace")
        self.output.close()
        return code

    def outcome(self, task):
        """Of a job that has ended; None if there is no result."""
        if task == "show":
            return self.text
        return digest(self.result()) if os.path.exists(self.result()) else None

    def clear(self):
        shutil.rmtree(f"{self.folder}/results", ignore_errors=True)

    def reference(self, task, np_):
        if (task, np_) not in self.references:
            self.clear()
            begin = time.monotonic()
            code = self.finish(self.start(self.command(task, np_)))
            if code != 0 or self.outcome(task) is None:
                raise SystemExit(f"{task} fails undisturbed (exit {code}):\n{self.text}")
            self.seconds[task, np_] = time.monotonic() - begin
            self.references[task, np_] = self.outcome(task)
            if task in ITERATED:
                shutil.copy(self.result(), f"{self.folder}/{task}-{np_}.h5")
        return self.references[task, np_]

    def run(self, fault, task, np_, draw):
        """One case; what happened in a word."""
        whole = self.reference(task, np_)
        self.clear()
        code = getattr(self, fault.replace("-", "_"))(task, np_, draw)
        after = None if task == "show" else self.outcome(task)
        if after not in (None, whole):
            raise Failed("the result has other bits than an undisturbed run's")
        if code == 0 and task != "show" and fault != "hosts" and after is None:
            raise Failed("exit code 0 without a result")
        if self.text.count("terminated by SIGTERM") + self.text.count("interrupted by SIGINT") > 1:
            raise Failed("the end is said more than once")
        if after is not None:
            os.remove(self.result())
        happened = "finished" if code == 0 else f"exit {code}"
        again = self.finish(self.start(self.command(task, np_)))
        if again != 0:
            raise Failed(f"the same job fails afterwards (exit {again})")
        if self.outcome(task) != whole and not (
                task in ITERATED and close(self.result(), f"{self.folder}/{task}-{np_}.h5")):
            raise Failed("the same job has another result afterwards")
        folder = f"{self.folder}/results"
        left = [] if task == "show" else [name for name in os.listdir(folder) if name != "out.h5"]
        if left:
            raise Failed(f"left beside the result after another job: {left}")
        return happened

    # Every fault runs the job and returns its exit code.

    def wait_and(self, task, np_, draw, act, allowed):
        job = self.start(self.command(task, np_))
        time.sleep(draw.uniform(0, 1.05 * self.seconds[task, np_]))
        act(job, ranks_in(self.folder))
        code = self.finish(job)
        if code not in allowed:
            raise Failed(f"exit code {code}; expected one of {sorted(allowed)}")
        return code

    def kill_rank(self, task, np_, draw):
        def act(_, ranks):
            if ranks:
                send(draw.choice(ranks), signal.SIGKILL)
        return self.wait_and(task, np_, draw, act, {0, 1, 137})

    def terminate_rank(self, task, np_, draw):
        def act(_, ranks):
            if ranks:
                send(draw.choice(ranks), signal.SIGTERM)
        return self.wait_and(task, np_, draw, act, {0, 143})

    def interrupt_rank(self, task, np_, draw):
        def act(_, ranks):
            if ranks:
                send(draw.choice(ranks), signal.SIGINT)
        return self.wait_and(task, np_, draw, act, {0, 130})

    def terminate_ranks(self, task, np_, draw):
        """As srun does it."""
        def act(_, ranks):
            for rank in ranks:
                send(rank, signal.SIGTERM)
        return self.wait_and(task, np_, draw, act, {0, 143})

    def terminate_mpirun(self, task, np_, draw):
        return self.wait_and(task, np_, draw, lambda job, _: send(job.pid, signal.SIGTERM),
                             {0, 1, 143, -15})

    def kill_mpirun(self, task, np_, draw):
        return self.wait_and(task, np_, draw, lambda job, _: send(job.pid, signal.SIGKILL), {0, -9})

    def stop_rank(self, task, np_, draw):
        def act(_, ranks):
            if ranks:
                rank = draw.choice(ranks)
                send(rank, signal.SIGSTOP)
                time.sleep(draw.uniform(0.2, 1.5))
                send(rank, signal.SIGCONT)
        return self.wait_and(task, np_, draw, act, {0})

    def full_disk(self, task, np_, draw):
        folder = f"{self.folder}/results"
        os.mkdir(folder)
        size = draw.choice([4, 16, 64, 256, 1024])
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", folder], check=True)
        try:
            code = self.finish(self.start(self.command(task, np_)))
            if code not in (0, 4):
                raise Failed(f"exit code {code} on a disk of {size} kB; expected 0 or 4")
            left = temporaries(folder) + [n for n in os.listdir(folder) if code != 0 and n == "out.h5"]
            if left:
                raise Failed(f"left on the full disk: {left}")
            if code == 0 and task != "show" and digest(self.result()) != self.reference(task, np_):
                raise Failed("the result on a small disk has other bits")
            if code == 0 and task != "show":
                shutil.copy(self.result(), f"{self.folder}/kept.h5")
        finally:
            subprocess.run(["umount", "-l", folder], check=True)
        if code == 0 and task != "show":
            shutil.move(f"{self.folder}/kept.h5", self.result())
        return code

    def small_shm(self, task, np_, draw):
        size = draw.choice([16, 64, 256])
        inside = (f"mount -t tmpfs -o size={size}k tmpfs /dev/shm && exec {self.command(task, np_)}")
        job = self.start(["unshare", "--mount", "bash", "-c", inside],
                         {"OMPI_MCA_btl_vader_backing_directory": self.folder,
                          "OMPI_MCA_osc": "^sm"})
        code = self.finish(job)
        if code not in (0, 4):
            raise Failed(f"exit code {code} with {size} kB of /dev/shm; expected 0 or 4")
        return code

    def hosts(self, task, np_, draw):
        """A rank on one of two hosts is killed or terminated."""
        arguments = SERIAL.get(task, f"run {task}.yaml").split()
        ranks = [1] * max(2, np_)
        job = self.start([f"{ROOT}/jobs/hosts.sh", *map(str, ranks), "--", self.program, *arguments])
        time.sleep(draw.uniform(0, 3 + self.seconds[task, np_]))
        victims = ranks_in(self.folder)
        number = draw.choice([signal.SIGKILL, signal.SIGTERM])
        if victims:
            send(draw.choice(victims), number)
        code = self.finish(job)
        allowed = {0, 1, 137} if number == signal.SIGKILL else {0, 143}
        if code not in allowed:
            raise Failed(f"exit code {code} on hosts; expected one of {sorted(allowed)}")
        # Other numbers of ranks have other last bits, also in what a fit would go on with.
        if os.path.exists(self.result()):
            digest(self.result())
        elif code == 0 and task != "show":
            raise Failed("exit code 0 without a result")
        self.clear()
        return code


def possible(fault):
    """Why a fault cannot be made here; empty if it can."""
    needs = {"full-disk": "tmpfs", "small-shm": "--mount", "hosts": "--net"}
    if fault not in needs:
        return ""
    if os.geteuid() != 0:
        return "needs root"
    option = "--mount" if fault == "full-disk" else needs[fault]
    tried = subprocess.run(["unshare", option, "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else f"unshare {option}: {tried.stderr.decode().strip()}"


def run_cases(options, runs, faults, counts):
    for case in range(options.first, options.first + options.cases):
        draw = random.Random(f"{options.seed} {case}")
        fault = draw.choice(faults)
        task = draw.choice([*TASKS, *SERIAL])
        np_ = 1 if task in SERIAL else draw.randint(1, 3)
        try:
            happened = runs.run(fault, task, np_, draw)
        except Failed as failure:
            happened = "FAILED"
            print(f"case {case} of seed {options.seed}: {fault}, {task} on {np_}: {failure}\n"
                  f"{runs.text}", flush=True)
        counts[fault, happened] += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=1, help="begin with this case of the seed")
    parser.add_argument("--only", choices=FAULTS, action="append")
    parser.add_argument("--program", default=f"{ROOT}/build/release/kronwerk")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a failed case")
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    if not os.access(program, os.X_OK):
        raise SystemExit(f"{program}: no program; build it or name one by --program")
    faults = []
    for fault in options.only or FAULTS:
        reason = possible(fault)
        if reason:
            print(f"{fault}: skipped, {reason}")
        else:
            faults.append(fault)
    folder = os.path.realpath(tempfile.mkdtemp(prefix="kronwerk-faults-"))
    make_data(folder)
    runs = Faults(folder, program)
    counts = collections.Counter()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run_cases(options, runs, faults, counts)
    except KeyboardInterrupt:
        print("interrupted")
        runs.end()
    for (fault, happened), count in sorted(counts.items()):
        print(f"{fault:<18} {happened:<10} {count:6}")
    failures = sum(count for (_, happened), count in counts.items() if happened == "FAILED")
    print(f"{sum(counts.values())} cases of seed {options.seed}, {failures} failed")
    if failures == 0 or not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"kept: {folder}")
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
