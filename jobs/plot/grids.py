"""Which grid an array is on: as it is, flattened, or several of them in front of each other."""

import math
import re

import h5py

from plot.modes import Mode, data_of, find_modes, ids_beside, number_of_modes, parts_of

# What tasks write on their grid; everything else is an array like any other.
ON_GRID = re.compile(r"/?(result|tangent|gradient/input|mean|variance|draws|field|residual|predicted|leave_one_out"
                     r"|(observations|fitted)/\w+)$")


OFF_GRID = ("assemble", "logpdf")  # tasks whose result is something else


def is_on_grid(result, name):
    return ON_GRID.match(name) is not None and not (result.task in OFF_GRID and name.lstrip("/") == "result")


def grid_of(result, shape, name):
    """The grid of an array with this shape, and how many vectors it has in front (0: one, without an axis of its
    own)."""
    count = number_of_modes(result)
    if not count or not is_on_grid(result, name) or len(shape) == count:
        return shape, 0
    if len(shape) == count + 1:
        return shape[1:], shape[0]
    leading = shape[0] if len(shape) == 2 else 0
    if len(shape) > 2:
        return shape, 0
    return extents_of(result, count, shape[-1]) or (shape[-1],), leading


def extents_of(result, count, size):
    """So many extents whose product is the size: of the job, of its data, of its matrices; None if nothing says."""
    data = data_of(result)
    candidates = [result.key("extents")]
    if data is not None and data.ndim in (count, count + 1):
        candidates.append(data.shape[-count:])
    candidates += [extents_of_matrices(result, part, size) for part in parts_of(result, count)]
    side = round(size ** (1 / count))
    candidates.append((side,) * count)
    for extents in candidates:
        if isinstance(extents, (list, tuple)) and len(extents) == count and all(isinstance(n, int) for n in extents):
            if math.prod(extents) == size:
                return tuple(extents)
    return None


def extents_of_matrices(result, arguments, size):
    """Of what a product of a formula names, with one that is left over for an identity."""
    found = [rows_of(result, argument) for argument in arguments]
    known = math.prod(n for n in found if n)
    if found.count(None) == 1 and known > 0 and size % known == 0:
        found[found.index(None)] = size // known
    return found


def rows_of(result, argument):
    """Rows of the first matrix or kernel in a part of a formula, or of eye(n); None if it has none."""
    for name in re.findall(r"[A-Za-z_]\w*", argument):
        item = result.input(result.key("matrices", name) or result.key("kernels", name, "points"))
        if isinstance(item, h5py.Group) and "shape" in item.attrs:
            return int(item.attrs["shape"][0])
        if isinstance(item, h5py.Dataset) and item.ndim > 0:
            return int(item.shape[0])
    number = re.search(r"\beye\((\d+)\)", argument)
    return int(number[1]) if number else None


def shape_of_grid(result, item):
    """The same of a data set."""
    return grid_of(result, item.shape, item.name)


def modes_of_grid(result, grid, name):
    """The modes of an array with this grid: of other arrays rows and columns."""
    if is_on_grid(result, name):
        return find_modes(result, grid)
    names = {1: ["observation" if result.task == "logpdf" else "number"], 2: ["row", "column"]}.get(len(grid), [""] * 9)
    modes = [Mode(int(n), k + 1, names[k]) for k, n in enumerate(grid)]
    item = result.file.get(name)
    if isinstance(item, h5py.Dataset) and item.shape == tuple(grid):
        for k, mode in enumerate(modes):
            mode.ids = ids_beside(item, k, mode.extent)
    return modes
