"""A result file: what the job was, and where the data are that it was computed from."""

import math
import os

import h5py
import numpy as np
import yaml


MOST_VALUES = 250_000_000  # that are read at once: 2 GB


class CannotDraw(Exception):
    """Why there is no picture, in one sentence."""


def text_of(value):
    """A string of HDF5, whatever Python makes of it."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


class Result:
    """Open while its picture is drawn. `notes` collects what the picture lacks."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.name = arguments.result
        self.notes = []
        self._inputs = {}
        if not os.path.exists(self.name):
            raise CannotDraw(f"{self.name}: there is no such file")
        if os.path.isdir(self.name):
            raise CannotDraw(f"{self.name}: is a folder, expected the result of a job")
        try:
            self.file = h5py.File(self.name, "r")
        except OSError as error:
            if not os.access(self.name, os.R_OK):
                raise CannotDraw(f"{self.name}: may not be read") from error
            raise CannotDraw(f"{self.name}: is no HDF5 file, or not whole") from error
        self.job = self._read_job()
        self.task = str(self.job.get("task", ""))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for file in self._inputs.values():
            if file is not None:
                file.close()
        self.file.close()

    def _read_job(self):
        text = self.file.attrs.get("configuration")
        if text is None:
            return {}
        try:
            job = yaml.safe_load(text_of(text))
        except yaml.YAMLError:
            return {}
        return job if isinstance(job, dict) else {}

    @property
    def is_ours(self):
        return "configuration" in self.file.attrs

    def key(self, *path):
        """A key of the job; None if it is not there."""
        value = self.job
        for name in path:
            if not isinstance(value, dict) or name not in value:
                return None
            value = value[name]
        return value

    @property
    def report(self):
        group = self.file.get("report")
        return dict(group.attrs) if group is not None else {}

    @property
    def sweep(self):
        """Names and values of the swept parameters, in the order of the axes."""
        group = self.file.get("sweep")
        if not isinstance(group, h5py.Group):
            return {}
        names = [name for name, item in group.items() if isinstance(item, h5py.Dataset)]
        order = list(self.key("sweep") or {})
        if "solver" in order:  # its keys are swept where it stands
            at = order.index("solver")
            order[at : at + 1] = ["solver." + name for name in self.key("sweep", "solver")]
        names.sort(key=lambda name: order.index(name) if name in order else len(order))
        return {name: np.atleast_1d(group[name][()]) for name in names}

    def values(self, item, first=None):
        """All of a data set, or one part along its first axes. @throws CannotDraw if they are too many"""
        leading = item.shape[: 0 if first is None else len(first) if isinstance(first, tuple) else 1]
        count = item.size // max(math.prod(leading), 1)
        if count > MOST_VALUES:
            raise CannotDraw(f"{self.name}: {item.name} has {count:,} values, of which pictures take {MOST_VALUES:,}")
        return item[()] if first is None else item[first]

    @property
    def title(self):
        """Which job it was, and whether it converged."""
        name = os.path.basename(text_of(self.file.attrs.get("configuration_file", self.name)))
        folder = os.path.basename(text_of(self.file.attrs.get("directory", "")))
        failed = ", not converged" if np.all(self.report.get("converged", 1) == 0) else ""
        return (f"{folder}/{name}" if folder else name) + failed

    def folders(self):
        """Where the job's relative paths may begin: where it was, or where it and its result have gone together."""
        found = []
        output = self.key("output")
        target = output.get("file") if isinstance(output, dict) else output
        if isinstance(target, str) and not os.path.isabs(target):
            folder = os.path.abspath(self.name)
            for part in reversed(os.path.normpath(target).split(os.sep)):
                if os.path.basename(folder) != part:
                    break
                folder = os.path.dirname(folder)
            else:
                found.append(folder)
        if "directory" in self.file.attrs:
            found.append(text_of(self.file.attrs["directory"]))
        return found

    def find(self, path):
        """A file of the job; None if it is not there any more."""
        path = os.path.expanduser(str(path))
        for folder in self.folders():
            place = os.path.join(folder, path)
            if os.path.isfile(place):
                return place
        return path if os.path.isabs(path) and os.path.isfile(path) else None

    def input(self, place):
        """The object of a key such as {file: …, dataset: …}; None, with a note, if it cannot be read."""
        if not isinstance(place, dict) or not isinstance(place.get("file"), str) or "dataset" not in place:
            return None
        return self.open(place["file"], str(place["dataset"]))

    def open(self, path, dataset):
        if path not in self._inputs:
            self._inputs[path] = None
            place = self.find(path)
            try:
                self._inputs[path] = h5py.File(place, "r") if place else None
            except OSError:
                pass
            if self._inputs[path] is None:
                self.notes.append(f"{path} is not where it was: drawn without what it holds")
        file = self._inputs[path]
        try:
            return file[dataset] if file is not None and dataset in file else None
        except (KeyError, OSError):
            return None

    def data_files(self):
        """The data files that the job names."""
        self._open_all(self.job)
        return [file for file in self._inputs.values() if file is not None]

    def _open_all(self, part):
        if not isinstance(part, dict):
            return
        if isinstance(part.get("file"), str) and "dataset" in part:
            self.open(part["file"], "/")
        for key, value in part.items():
            if key != "output":
                self._open_all(value)

    def argument(self, place, option):
        """Datasets of an option FILE.h5:/path,/path."""
        name, colon, paths = place.rpartition(":")
        if not colon:
            raise CannotDraw(f"{option} {place}: expected FILE.h5:/path")
        try:
            with h5py.File(name, "r") as file:
                for path in paths.split(","):
                    if not isinstance(file.get(path), h5py.Dataset):
                        raise CannotDraw(f"{option} {place}: {name} has no dataset {path}; 'kronwerk show {name}' "
                                         "lists what there is")
                return [file[path][()] for path in paths.split(",")]
        except OSError as error:
            raise CannotDraw(f"{option} {place}: {name} is not there, or no HDF5 file") from error
