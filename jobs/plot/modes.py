"""The modes of a result's grid: what their entries are called and where they are, from the job's data."""

import re
from dataclasses import dataclass

import h5py
import matplotlib.dates
import numpy as np

from plot.result import text_of


@dataclass
class Mode:
    """One axis of a grid. `at` are coordinates along a line, `places` in the plane."""

    extent: int
    number: int
    name: str = ""
    unit: str = ""
    ids: list | None = None
    at: np.ndarray | None = None
    places: tuple | None = None  # x, y
    place_names: tuple = ("x", "y")

    @property
    def label(self):
        name = self.name or f"mode {self.number}"
        return f"{name} ({self.unit})" if self.unit else name

    @property
    def dates(self):
        """The ids as dates; None if they are not."""
        if not self.ids or not re.fullmatch(r"\d{4}-\d\d-\d\d", self.ids[0]):
            return None
        try:
            return matplotlib.dates.datestr2num(self.ids)
        except ValueError:
            return None

    @property
    def is_time(self):
        return self.dates is not None or re.search(r"time|date|day|year|hour|month", self.name.lower()) is not None

    @property
    def is_geographic(self):
        return self.places is not None and "longitude" in self.place_names

    def positions(self):
        """Along an axis: coordinates where they ascend, else numbers."""
        dates = self.dates
        at = self.at if dates is None else dates
        if at is None or not np.all(np.isfinite(at)) or np.any(np.diff(at) <= 0):
            return np.arange(self.extent, dtype=float)
        return np.asarray(at, dtype=float)

    def text(self, i):
        if self.ids:
            return self.ids[i]
        if self.at is not None:
            return f"{self.name or 'at'} = {self.at[i]:.4g}"
        if self.places is not None:
            return f"({self.places[0][i]:.4g}, {self.places[1][i]:.4g})"
        return f"{self.label} = {i}"


def kron_arguments(formula, count):
    """The arguments of the products kron(…) and kronsum(…) in a formula that have so many."""
    for found in re.finditer(r"\bkron(?:sum)?\(", formula):
        depth, begin, arguments = 1, found.end(), []
        for at in range(found.end(), len(formula)):
            character = formula[at]
            if character in "([":
                depth += 1
            elif character in ")]":
                depth -= 1
            if depth == 0 or (depth == 1 and character == ","):
                arguments.append(formula[begin:at])
                begin = at + 1
            if depth == 0:
                break
        if len(arguments) == count:
            yield arguments


def parts_of(result, count):
    """What the formula says of each mode."""
    formula = formula_of(result)
    return [[formula]] if count == 1 else kron_arguments(formula, count)


def formula_of(result):
    for name in ("covariance", "operator", "filter"):
        text = result.key(name)
        if isinstance(text, str):
            return text
    return ""


def number_of_modes(result):
    """How many modes the job's formula or extents say; 0 if they say nothing."""
    extents = result.key("extents")
    if isinstance(extents, list):
        return len(extents)
    formula = formula_of(result)
    for count in range(8, 1, -1):
        if any(True for _ in kron_arguments(formula, count)):
            return count
    return 1 if formula else 0


def ids_beside(dataset, axis, extent):
    """Texts for one axis of a data set, as importers write them beside it."""
    suffixes = [f"_ids_{axis + 1}", "_ids"]
    if axis < 2:
        suffixes.insert(0, ("_row_ids", "_column_ids")[axis])
    for suffix in suffixes:
        try:
            ids = dataset.file.get(dataset.name + suffix)
        except (KeyError, OSError):
            continue
        if isinstance(ids, h5py.Dataset) and ids.shape == (extent,) and ids.dtype.kind in "SO":
            return [text_of(value) for value in ids[()]]
    return None


def read_points(mode, dataset, prefix):
    """Coordinates of a mode from the points of its kernel."""
    if dataset is None or not isinstance(dataset, h5py.Dataset) or dataset.shape[:1] != (mode.extent,):
        return
    base = dataset.name.rsplit("/", 1)[-1]
    if prefix and base.startswith(prefix + "_"):
        base = base[len(prefix) + 1 :]
    mode.ids = mode.ids or ids_beside(dataset, 0, mode.extent)
    mode.unit = text_of(dataset.attrs.get("unit", ""))
    if dataset.ndim == 1 or dataset.shape[1] == 1:
        mode.at, mode.name = dataset[()].reshape(-1), base
        return
    points = dataset[()]
    names = ids_beside(dataset, 1, points.shape[1])
    radius = np.linalg.norm(points, axis=1)
    if names in (None, ["x", "y", "z"]) and points.shape[1] == 3 and radius.min() > 0 and np.ptp(radius) < 1e-3 * radius.max():  # a sphere
        points = points / radius[:, None]
        points = np.degrees([np.arctan2(points[:, 1], points[:, 0]), np.arcsin(np.clip(points[:, 2], -1, 1))]).T
        names = ["longitude", "latitude"]
    mode.places = points[:, 0], points[:, 1]
    if not names and base in ("lonlat", "longitude_latitude"):
        names = ["longitude", "latitude"]
    mode.place_names = tuple(names[:2]) if names else ("x", "y")


def name_as_before(mode, dataset, prefix):
    """New points are called as the old ones are."""
    if not isinstance(dataset, h5py.Dataset) or dataset.ndim not in (1, 2):
        return
    old = Mode(len(dataset), mode.number)
    read_points(old, dataset, prefix)
    mode.name, mode.unit = old.name, mode.unit or old.unit
    if mode.places is not None and mode.place_names == ("x", "y"):
        mode.place_names = old.place_names


def points_of_kernel(result, name, new):
    """The data set of the points of a kernel's rows."""
    if new and isinstance(result.key("new_points", name), dict):
        return result.input(result.key("new_points", name))
    points = result.key("kernels", name, "points")
    if not isinstance(points, dict):
        return None
    if "dataset" in points:
        return result.input(points)
    return next((result.input(p) for p in points.values() if isinstance(p, dict) and p.get("index") == "i"), None)


def data_of(result):
    """The data set on the job's grid: what was observed, or the input."""
    for name in ("observations", "input"):
        data = result.input(result.key(name))
        if isinstance(data, h5py.Dataset):
            return data
    return None


def find_places(result, mode):
    """Longitudes and latitudes, or x and y, of the mode's entries beside the job's data."""
    if result.arguments.places:
        places = result.argument(result.arguments.places, "--places")
        names = None
        if len(places) == 1 and places[0].ndim == 2 and 2 in places[0].shape:
            places = places[0].T if places[0].shape[1] == 2 else places[0]
            names = ["x", "y"]
        if len(places) == 2 and all(place.shape == (mode.extent,) for place in places):
            paths = result.arguments.places.rpartition(":")[2].split(",")
            names = names or [path.rsplit("/", 1)[-1] for path in paths]
            mode.places, mode.place_names = tuple(places), tuple(names)
        return
    for file in result.data_files():
        for x, y in (("longitude", "latitude"), ("x", "y")):
            pair = [file.get(name) for name in (x, y)]
            if all(isinstance(p, h5py.Dataset) and p.shape == (mode.extent,) and p.dtype.kind in "fiu" for p in pair):
                mode.places, mode.place_names = tuple(p[()].astype(float) for p in pair), (x, y)
                return
        both = file.get("lonlat")
        if isinstance(both, h5py.Dataset) and both.shape == (mode.extent, 2):
            mode.places, mode.place_names = tuple(both[()].T), ("longitude", "latitude")
            return


def find_modes(result, shape, new=True):
    """What is known of the modes of a grid of this shape.

    new  at the points of predictions, where there are others
    """
    modes = [Mode(int(extent), k + 1) for k, extent in enumerate(shape)]
    data = data_of(result)
    prefix = data.name.rsplit("/", 1)[-1] if data is not None else ""
    kernels = result.key("kernels") or {}
    matrices = result.key("matrices") or {}
    named = [set() for _ in modes]
    for arguments in parts_of(result, len(modes)):
        for mode, argument, names in zip(modes, arguments, named):
            for name in re.findall(r"[A-Za-z_]\w*", argument):
                if name in kernels and mode.at is None and mode.places is None:
                    read_points(mode, points_of_kernel(result, name, new), prefix)
                    if new and isinstance(result.key("new_points", name), dict):
                        name_as_before(mode, points_of_kernel(result, name, False), prefix)
                    mode.name = mode.name or re.sub(r"^K_?", "", name)
                elif name in matrices:
                    names.add(name)
                    matrix = result.input(matrices[name])
                    if matrix is not None:
                        mode.ids = mode.ids or ids_beside(matrix, 0, mode.extent)
    if data is not None:
        first = data.ndim - len(modes)  # several vectors stand in front
        for k, mode in enumerate(modes):
            if mode.ids is None and first >= 0 and data.shape[first + k] == mode.extent:
                mode.ids = ids_beside(data, first + k, mode.extent)
    for mode in modes:
        if mode.dates is not None:
            mode.name = "date"
        if mode.at is None and mode.places is None and not mode.is_time:
            find_places(result, mode)
    flows = len(modes) == 2 and modes[0].extent == modes[1].extent and not any(mode.name for mode in modes)
    if flows and (result.key("filter") or (modes[0].ids and modes[0].ids == modes[1].ids)):
        modes[0].name, modes[1].name = "origin", "destination"
    return modes


def name_of_values(result, fallback):
    """What the numbers are, with their unit: of the data that were transformed so."""
    for name in ("observations", "input"):
        data, transform = result.input(result.key(name)), result.key(name, "transform")
        if isinstance(data, h5py.Dataset):
            base = data.name.rsplit("/", 1)[-1]
            if transform in (None, "none"):
                unit = text_of(data.attrs.get("unit", ""))
                return f"{base} ({unit})" if unit else base
            return f"{transform}({base})"
    return fallback
