"""What the pictures show: the right numbers at the right places, under their names."""

import unittest

import numpy as np
from material import figure_of


def titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def line(axes, label):
    return next(found for found in axes.lines if found.get_label() == label)


def ticks(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


class Contents(unittest.TestCase):
    def test_bands_have_what_was_observed_and_hidden(self):
        with figure_of("hidden") as (figure, result):
            panel = figure.axes[0]
            self.assertEqual(titles(figure), ["VAL", "CLA", "RPT", "MAL", "CLO", "ROS"])
            self.assertEqual((panel.get_ylabel(), figure.axes[4].get_xlabel()), ("y", "time"))
            (legend,) = [axes.get_legend() for axes in figure.axes if axes.get_legend()]
            self.assertEqual([text.get_text() for text in legend.get_texts()], ["observed", "hidden", "mean", "95 %"])
            mean, variance = result.file["mean"][0], result.file["variance"][0]
            time, shown = line(panel, "mean").get_data()
            first, last = int(time[0]), int(time[-1]) + 1
            np.testing.assert_array_equal(shown, mean[first:last])
            band = panel.collections[0].get_paths()[0].vertices
            self.assertAlmostEqual(band[:, 1].max(), (mean + 1.96 * np.sqrt(variance))[first:last].max())
            data = result.input(result.key("observations")).file["two_years"]
            hidden = data["mask"][0, first:last] == 0
            self.assertGreater(hidden.sum(), 5)
            at, values = line(panel, "hidden").get_data()
            np.testing.assert_array_equal(at, time[hidden])
            np.testing.assert_array_equal(values, data["y"][0, first:last][hidden])
            self.assertEqual(len(line(panel, "observed").get_xdata()), (~hidden).sum())

    def test_new_points_have_the_old_observations(self):
        with figure_of("new_line") as (figure, _):
            panel = figure.axes[0]
            self.assertEqual((panel.get_xlabel(), panel.get_ylabel()), ("line (km)", "along"))
            at, values = line(panel, "observed").get_data()
            np.testing.assert_allclose(values, np.sin(6 * at))
            self.assertEqual((len(at), len(line(panel, "mean").get_xdata())), (30, 50))
        with figure_of("forecast") as (figure, _):
            self.assertEqual(len(line(figure.axes[0], "mean").get_xdata()), 60)
            self.assertIn("VAL", titles(figure))
            at = line(figure.axes[0], "observed").get_xdata()
            self.assertEqual((at.min() >= 0, at.max() <= 729), (True, True))
        with figure_of("new_cloud") as (figure, _):
            self.assertEqual((figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()), ("east", "north"))
            self.assertEqual(titles(figure), ["heights, mean", "standard deviation", "heights, observed"])
            self.assertEqual([len(axes.collections[0].get_offsets()) for axes in figure.axes[:3]], [40, 40, 15])
        with figure_of("draws") as (figure, result):
            drawn = [found for found in figure.axes[0].lines if found.get_label() == "draws"]
            np.testing.assert_array_equal([found.get_ydata() for found in drawn], result.file["draws"][()])

    def test_matrices_have_ids_and_sums(self):
        with figure_of("drawn_flows") as (figure, _):
            panel = figure.axes[0]
            self.assertEqual((panel.get_xlabel(), panel.get_ylabel()), ("destination", "origin"))
            self.assertEqual(ticks(panel.yaxis)[:3], ["NFLD", "PEI", "NS"])
            self.assertEqual(titles(figure), ["draw 1", "draw 2", "draw 3"])
        with figure_of("flat") as (figure, result):
            matrix = result.file["result"][()].reshape(10, 10)
            np.testing.assert_allclose(figure.axes[0].images[0].get_array(), matrix)
            by_row, by_column = figure.axes[1].lines
            np.testing.assert_allclose(by_row.get_ydata(), np.sort(matrix.sum(axis=1))[::-1])
            np.testing.assert_allclose(by_column.get_ydata(), np.sort(matrix.sum(axis=0))[::-1])

    def test_arrays_are_on_their_grid(self):
        with figure_of("flat_unequal") as (figure, result):
            values = result.file["result"][()].reshape(3, 2, 10)
            planes = [axes.collections[0].get_array().ravel() for axes in figure.axes[:3]]
            for plane, expected in zip(planes, (values[:, :, 5], values[:, 1], values[1])):
                np.testing.assert_array_equal(plane, expected.ravel())
        with figure_of("assembled") as (figure, result):
            self.assertEqual((figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()), ("column", "row"))
            self.assertEqual(titles(figure)[0], "result, 343 x 343")
        with figure_of("densities") as (figure, result):
            self.assertEqual(figure.axes[0].get_xlabel(), "observation")
            np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), result.file["result"][()])
        with figure_of("years") as (figure, result):
            np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), result.file["predicted"][-1])
            self.assertIn("drawn is the last of 2 years", result.notes)
        with figure_of("fitted_years") as (figure, result):
            expected = result.file["fitted/expectation"][()].ravel()
            panel = next(axes for axes in figure.axes if axes.get_xlabel() == "expected flow")
            at, values = panel.lines[0].get_data()
            np.testing.assert_array_equal(at, expected)
            np.testing.assert_allclose(values, result.input(result.key("observations"))[-1].ravel())
        with figure_of("swept_several") as (figure, result):
            np.testing.assert_array_equal(figure.axes[0].collections[0].get_array().reshape(10, 10),
                                          result.file["result"][0, 0])
        with figure_of("swept_several", "--point", "2") as (figure, result):
            np.testing.assert_array_equal(figure.axes[0].collections[0].get_array().reshape(10, 10),
                                          result.file["result"][1, 0])

    def test_slices_go_through_the_middle(self):
        with figure_of("four_modes") as (figure, result):
            values = result.file["result"][()]
            planes = [axes.collections[0].get_array().reshape(7, 7) for axes in figure.axes[:3]]
            np.testing.assert_array_equal(planes, [values[:, :, 3, 3], values[:, 3, :, 3], values[3, :, :, 3]])
            self.assertEqual(titles(figure)[0], "at mode 3 = 3, mode 4 = 3")

    def test_sweeps_have_their_optimum(self):
        with figure_of("one_parameter") as (figure, result):
            values, at = result.file["result"][()], result.file["sweep/rho_o"][()]
            curve, star = figure.axes[0].lines
            np.testing.assert_array_equal(curve.get_ydata(), values)
            self.assertEqual((star.get_xdata(), star.get_ydata()), (at[values.argmax()], values.max()))
        with figure_of("two_parameters") as (figure, result):
            values, file = result.file["result"][()], result.file
            i, j = np.unravel_index(values.argmax(), values.shape)
            (star,) = figure.axes[0].lines
            self.assertEqual((star.get_xdata(), star.get_ydata()), (file["sweep/rho_d"][j], file["sweep/rho_o"][i]))
            np.testing.assert_array_equal(figure.axes[0].collections[0].get_array().reshape(values.shape), values)
            self.assertEqual(titles(figure)[1:], ["gradient/rho_d", "gradient/rho_o"])
        with figure_of("three_parameters") as (figure, result):
            self.assertIn("3 x 2 points, a = 0.1", figure._suptitle.get_text())
        with figure_of("swept_solver") as (figure, result):
            self.assertEqual(figure.axes[0].get_xlabel(), "solver.tolerance")
            self.assertEqual(ticks(figure.axes[0].xaxis), ["1e-08", "1e-05", "0.01"])
            cells = figure.axes[0].collections[0].get_array().reshape(2, 3)
            norms = np.linalg.norm(result.file["result"][()], axis=(2, 3))
            np.testing.assert_allclose(cells, norms[:, [1, 2, 0]])
        with figure_of("two_penalties", "--point", "2") as (figure, result):
            self.assertIn("point 2, mu = 2, lambda = 0.2", figure._suptitle.get_text())
            self.assertEqual((figure.axes[1].get_xlabel(), figure.axes[1].get_ylabel()), ("longitude", "latitude"))
        with figure_of("swept_vectors") as (figure, result):
            norms = [np.linalg.norm(part) for part in result.file["result"]]
            panel = next(axes for axes in figure.axes if axes.get_ylabel() == "norm of the result")
            np.testing.assert_allclose(panel.lines[0].get_ydata(), norms)
            self.assertEqual(titles(figure), ["rho_o = 0.1", "rho_o = 0.3", "rho_o = 0.5"])

    def test_reductions_are_where_their_points_are(self):
        with figure_of("nearest") as (figure, result):
            edges, far, near = figure.axes[0].lines
            data = result.input(result.key("points", "x")).file
            places, new = data["places"][()], data["new_places"][()]
            np.testing.assert_array_equal(np.transpose(far.get_data()), places)
            np.testing.assert_array_equal(np.transpose(near.get_data()), new)
            ends = np.transpose(edges.get_data()).reshape(40, 2, 3, 2)
            distances = np.linalg.norm(new[:, None] - places, axis=2)
            for row in range(40):
                np.testing.assert_array_equal(ends[row, :, 0], new[[row, row]])
                np.testing.assert_array_equal(ends[row, :, 1], places[np.argsort(distances[row])[:2]])
        with figure_of("nearest_columns") as (figure, _):
            self.assertEqual(len(figure.axes[0].collections[0].get_offsets()), 15)
        with figure_of("globe") as (figure, result):
            degrees = result.input(result.key("points", "x")).attrs["degrees"]
            np.testing.assert_allclose(figure.axes[0].collections[0].get_offsets(), degrees.T)
            self.assertEqual((figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()), ("longitude", "latitude"))

    def test_iterations_and_spectra(self):
        with figure_of("iterations") as (figure, result):
            panel = next(axes for axes in figure.axes if axes.get_xlabel() == "iteration")
            np.testing.assert_array_equal(panel.lines[0].get_ydata(), result.file["history"][()])
            self.assertEqual(panel.get_yscale(), "log")
        with figure_of("cut_short") as (figure, _):
            self.assertIn("not converged", figure._suptitle.get_text())
        with figure_of("plane") as (figure, result):
            panel = figure.axes[0]
            self.assertEqual((panel.get_xlabel(), panel.get_ylabel()), ("real part", "imaginary part"))
            spectrum = set(np.round(result.file["result"][()].ravel(), 12))
            shown = np.round(panel.lines[0].get_xdata() + 1j * panel.lines[0].get_ydata(), 12)
            self.assertTrue(set(shown) <= spectrum)


if __name__ == "__main__":
    unittest.main()
