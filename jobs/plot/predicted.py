"""What a prediction says on its grid, and what was observed: on the same one, or at other points of its modes."""

import h5py
import numpy as np

from plot.grids import shape_of_grid
from plot.modes import data_of, find_modes, name_of_values

TRANSFORMS = {"log1p": np.log1p, "log": np.log, "sqrt": np.sqrt, "square": np.square, "exp": np.exp}
MOST_DRAWS = 5


class Predicted:
    """Mean, deviation and band of the shape of the grid; `observed` and `hidden` of that of their own modes, which
    are the same where `same_grid`."""

    def __init__(self, result):
        file = result.file
        counts = "observations/mean" in file
        mean = file["observations/mean" if counts else "mean"]
        variance = file.get("observations/variance" if counts else "variance")
        self.shape, several = shape_of_grid(result, mean)
        if several:
            result.notes.append(f"drawn is the first of {several} observations")
        self._result, self._several = result, several
        self.mean = self._on_grid(mean)
        self.deviation = None if variance is None else np.sqrt(np.maximum(self._on_grid(variance, mean.ndim), 0))
        self.low, self.high, self.band = self._read_band(counts)
        self.draws = self._read_draws(counts)
        self.modes = find_modes(result, self.shape)
        self.name = name_of_values(result, "mean" if counts else "field")
        latent = result.key("likelihood") and not counts
        if latent:
            self.name = "field"
        self.observed = self.hidden = None
        self.observed_modes, self.same_grid = self.modes, True
        if not latent:
            self._read_observations()

    def _on_grid(self, item, dimensions=None):
        """The first of several, if this one has several."""
        several = self._several and item.ndim == (dimensions or item.ndim)
        return self._result.values(item, 0 if several else None).reshape(self.shape)

    def _read_band(self, counts):
        file = self._result.file
        if counts and "observations/quantiles" in file and len(file["observations/levels"]) >= 2:
            levels, quantiles = file["observations/levels"][()], file["observations/quantiles"]
            low, high = int(np.argmin(levels)), int(np.argmax(levels))
            band = f"{100 * levels[low]:g} % to {100 * levels[high]:g} %"
            return quantiles[low].reshape(self.shape), quantiles[high].reshape(self.shape), band
        if self.deviation is None:
            return None, None, ""
        return self.mean - 1.96 * self.deviation, self.mean + 1.96 * self.deviation, "95 %"

    def _read_draws(self, counts):
        """Some joint draws, one after the other; none of several observations or of latent fields beside counts."""
        draws = self._result.file.get("draws")
        if not isinstance(draws, h5py.Dataset) or self._several or counts or draws.size % self.mean.size:
            return []
        count = min(MOST_DRAWS, draws.size // self.mean.size)
        if draws.ndim == self.mean.ndim or draws.shape[0] < count:
            return []
        return [draws[i].reshape(self.shape) for i in range(count)]

    def _read_observations(self):
        result = self._result
        data = data_of(result)
        if data is None:
            return
        transposed = result.key("observations", "transpose")
        values = result.values(data).astype(float)
        values = values.T if transposed else values
        count = len(self.shape)
        if result.key("new_points"):
            if values.ndim not in (count, count + 1):
                return
            values = values[0] if values.ndim == count + 1 else values
            self.observed_modes, self.same_grid = find_modes(result, values.shape, new=False), False
        elif values.size == self.mean.size * max(self._several, 1):
            values = (values[0] if self._several else values).reshape(self.shape)
        else:
            return
        transform = TRANSFORMS.get(result.key("observations", "transform"))
        with np.errstate(all="ignore"):
            values = transform(values) if transform else values
        seen = np.ones(values.shape, dtype=bool)
        mask = result.input(result.key("observations", "mask"))
        if isinstance(mask, h5py.Dataset) and mask.size == seen.size:
            found = result.values(mask)
            found = found.T if result.key("observations", "mask", "transpose") else found
            seen = found.reshape(values.shape) != 0
        self.observed = np.where(seen, values, np.nan)
        self.hidden = np.where(seen, np.nan, values)
