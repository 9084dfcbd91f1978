// Regressions as the mean of Gaussian models, with gaps and without, one β for all observations or
// one for each, against dense formulas.
#include <limits>

#include "end_to_end/gaussian/gaussian.hpp"
#include "models/draws/sample_moments.hpp"

namespace kronwerk::end_to_end {
namespace {

using oracle::Matrix;
using oracle::Posterior;
using oracle::Regression;

const double nan = std::numeric_limits<double>::quiet_NaN();
const Numbers height{0.3, -1, 0.2, 1.4, 2};
const Numbers new_height{0.5, 1, -2, 0.1};
const Numbers season{-1, 0.2, 1.4};
constexpr std::int64_t new_cells = 12;
const std::set<std::string> names{"eta", "ls_s", "ls_t", "sigma"};

/// 1 and height ⊗ season.
Matrix columns_at(const Numbers& heights) {
  Matrix x(std::ssize(heights) * 3, 2);
  for (std::int64_t i = 0; i < x.rows; ++i) {
    x(i, 0) = 1;
    x(i, 1) = heights[static_cast<std::size_t>(i / 3)] * season[static_cast<std::size_t>(i % 3)];
  }
  return x;
}

std::vector<std::int64_t> observed(const Numbers& y) {
  std::vector<std::int64_t> places;
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (!std::isnan(y[i])) places.push_back(static_cast<std::int64_t>(i));
  }
  return places;
}

/// Three observations that miss nothing, the same cells, or other cells each.
enum class Gaps { none, equal, different };

class Mean : public GaussianTest {
 protected:
  void SetUp() override {
    GaussianTest::SetUp();
    if (program_.empty()) return;
    put("/height", {5}, height);
    put("/new_height", {4}, new_height);
    put("/season", {3}, season);
    put("/none", {3, 5, 3}, y_);
    put("/equal", {3, 5, 3}, values_of(Gaps::equal));
    put("/different", {3, 5, 3}, values_of(Gaps::different));
  }

  Numbers values_of(Gaps gaps) const {
    Numbers values = y_;
    if (gaps == Gaps::equal) {
      for (const std::size_t cell : {1UL, 5UL, 14UL}) {
        for (std::size_t o = 0; o < 3; ++o) values[o * cells + cell] = nan;
      }
    } else if (gaps == Gaps::different) {
      for (const std::size_t cell : {1UL, 5UL, 15UL, 22UL, 23UL, 34UL}) values[cell] = nan;
    }
    return values;
  }
  static std::string name_of(Gaps gaps) {
    return gaps == Gaps::none ? "/none" : gaps == Gaps::equal ? "/equal" : "/different";
  }

  static std::string regression(const std::string& task, Gaps gaps, bool own,
                                const std::string& rest) {
    std::string text = observing(task, name_of(gaps),
                                 "matrices: {height: {file: data.h5, dataset: /height}, "
                                 "season: {file: data.h5, dataset: /season}}\n" +
                                     rest,
                                 gaps == Gaps::none ? "" : ", missing: nan");
    text = replaced(replaced(text, "mu: 0.5, ", ""), "mean: mu",
                    "mean: {columns: [\"kron(1, 1)\", \"kron(height, season)\"]" +
                        std::string(own ? ", per_observation: true}" : "}"));
    return text;
  }
  static const std::string& at_new_points() {
    static const std::string text =
        "new_points: {Ks: {file: data.h5, dataset: /s_new, "
        "columns: {height: {file: data.h5, dataset: /new_height}}}}\n";
    return text;
  }

  static Regression part(const Values& p, const Numbers& y) {
    const auto places = observed(y);
    return {submatrix(covariance(p), places, places),
            submatrix(columns_at(height), places, all_of(2)), chosen(y, places)};
  }
  /// The observations that share their β with one.
  static std::vector<std::int64_t> together(bool own, std::int64_t observation) {
    return own ? std::vector<std::int64_t>{observation} : all_of(3);
  }
  static Regression data_for(const Values& p, const Numbers& values, bool own,
                             std::int64_t observation) {
    std::vector<Regression> parts;
    for (const auto o : together(own, observation))
      parts.push_back(part(p, piece(values, o, cells)));
    return oracle::stacked(parts);
  }
  static oracle::LeastSquares beta(const Values& p, const Numbers& values, bool own,
                                   std::int64_t observation) {
    const Regression data = data_for(p, values, own, observation);
    return oracle::least_squares(data.covariance, data.columns, data.y);
  }
  static Numbers log_densities(const Values& p, const Numbers& values, bool own) {
    Numbers result;
    for (std::int64_t o = 0; o < 3; ++o) {
      const Regression data = part(p, piece(values, o, cells));
      result.push_back(oracle::log_density(
          data.covariance,
          oracle::minus(data.y,
                        oracle::multiply(data.columns, beta(p, values, own, o).coefficients))));
    }
    return result;
  }
  /// Of one observation at the new points; the other observations say something of β.
  static Posterior kriging(const Numbers& values, bool own, std::int64_t observation) {
    const Matrix cross = signal(truth, new_space, space);
    const auto others = together(own, observation);
    std::vector<Regression> parts;
    for (const auto o : others) parts.push_back(part(truth, piece(values, o, cells)));
    const Regression data = oracle::stacked(parts);
    Matrix whole(new_cells, data.columns.rows);
    std::int64_t first = 0;
    for (std::size_t n = 0; n < others.size(); ++n) {
      const auto places = observed(piece(values, others[n], cells));
      for (std::int64_t j = 0; j < std::ssize(places); ++j, ++first) {
        for (std::int64_t i = 0; others[n] == observation && i < new_cells; ++i) {
          whole(i, first) = cross(i, places[static_cast<std::size_t>(j)]);
        }
      }
    }
    return oracle::universal_kriging(data, whole, signal(truth, new_space, new_space),
                                     columns_at(new_height));
  }
};

TEST_F(Mean, IsOneRegressionWhicheverCellsAreMissing) {
  int np = 1;
  for (const Gaps gaps : {Gaps::none, Gaps::equal, Gaps::different}) {
    for (const bool own : {false, true}) {
      np = np % 4 + 1;
      SCOPED_TRACE(fmt::format("{}, per observation {}, np {}", name_of(gaps), own, np));
      const Numbers values = values_of(gaps);
      const Result result = result_of(
          np, regression("logpdf", gaps, own,
                         "gradient: {parameters: [eta, ls_s, ls_t, sigma], input: true}\n"));
      EXPECT_LT(oracle::relative_error(result.values("/result"), log_densities(truth, values, own)),
                1e-10);
      Numbers coefficients, covariances, by_input(3 * cells, 0.0);
      for (std::int64_t o = 0; o < 3; ++o) {
        const auto found = beta(truth, values, own, o);
        if (own || o == 0) {
          coefficients.insert(coefficients.end(), found.coefficients.begin(),
                              found.coefficients.end());
          covariances.insert(covariances.end(), found.covariance.values.begin(),
                             found.covariance.values.end());
        }
        const Regression data = part(truth, piece(values, o, cells));
        const Numbers alpha = oracle::solve(
            data.covariance,
            oracle::minus(data.y, oracle::multiply(data.columns, found.coefficients)));
        const auto places = observed(piece(values, o, cells));
        for (std::size_t i = 0; i < places.size(); ++i) {
          by_input[static_cast<std::size_t>(o * cells + places[i])] = -alpha[i];
        }
      }
      const auto shape = own ? std::vector<std::int64_t>{3, 2} : std::vector<std::int64_t>{2};
      EXPECT_EQ(result.shape("/mean/coefficients"), shape);
      EXPECT_LT(oracle::relative_error(result.values("/mean/coefficients"), coefficients), 1e-9);
      EXPECT_LT(oracle::relative_error(result.values("/mean/covariance"), covariances), 1e-9);
      EXPECT_LT(oracle::relative_error(result.values("/gradient/input"), by_input), 1e-8);
      const auto total = [&](const Values& p) {
        double sum = 0;
        for (const double each : log_densities(p, values, own)) sum += each;
        return sum;
      };
      expect_gradient(result, differences(total, truth, names));
    }
  }
}

TEST_F(Mean, OfPredictionsIsUniversalKriging) {
  int np = 1;
  for (const Gaps gaps : {Gaps::none, Gaps::equal, Gaps::different}) {
    for (const bool own : {false, true}) {
      np = np % 4 + 1;
      SCOPED_TRACE(fmt::format("{}, per observation {}, np {}", name_of(gaps), own, np));
      const std::string text = regression("predict", gaps, own, at_new_points());
      const Result result = result_of(np, text);
      const Numbers mean = result.values("/mean");
      const Numbers variance = result.values("/variance");
      const bool several = gaps != Gaps::none;
      EXPECT_EQ(result.shape("/variance").size(), several ? 3U : 2U);
      for (std::int64_t o = 0; o < 3; ++o) {
        const Posterior expected = kriging(values_of(gaps), own, o);
        EXPECT_LT(oracle::relative_error(piece(mean, o, new_cells), expected.mean), 1e-9);
        EXPECT_LT(oracle::relative_error(piece(variance, several ? o : 0, new_cells),
                                         diagonal(expected.covariance)),
                  1e-9)
            << o;
      }
      // Draws take one observation after the other; the model is the same.
      const Result drawing = result_of(np, text + "draws: 2\n");
      EXPECT_LT(oracle::relative_error(drawing.values("/mean"), mean), 1e-9);
      EXPECT_LT(oracle::relative_error(drawing.values("/variance"), variance), 1e-9);
    }
  }
}

TEST_F(Mean, IsUncertainInDrawsToo) {
  for (const Gaps gaps : {Gaps::none, Gaps::different}) {
    for (const bool own : {false, true}) {
      SCOPED_TRACE(fmt::format("{}, per observation {}", name_of(gaps), own));
      const std::string text =
          regression("predict", gaps, own, at_new_points() + "draws: 1500\nseed: 3\n");
      const Result result = result_of(own ? 1 : 2, text);
      const Numbers draws = result.values("/draws");
      for (std::int64_t o = 0; o < 3; ++o) {
        const Posterior expected = kriging(values_of(gaps), own, o);
        models::SampleMoments moments(expected.mean);
        moments.add(piece(draws, o, 1500 * new_cells));
        moments.expect(expected.covariance);
      }
      EXPECT_LT(oracle::relative_error(result_of(3, text).values("/draws"), draws), 1e-8);
    }
  }
}

TEST_F(Mean, AddsATermToTheFactorsOfTheCovariance) {
  const Result with = result_of(
      2, regression("predict", Gaps::none, false, at_new_points() + "factored_covariance: true\n"));
  EXPECT_EQ(with.shape("/covariance/regression/columns"), (std::vector<std::int64_t>{2, 4, 3}));
  const Matrix r =
      oracle::transpose(Matrix(2, new_cells, with.values("/covariance/regression/columns")));
  const Matrix b(2, 2, with.values("/covariance/regression/covariance"));
  const Matrix added = oracle::multiply(r, oracle::multiply(b, oracle::transpose(r)));
  const Matrix known = oracle::posterior(covariance(truth), signal(truth, new_space, space),
                                         signal(truth, new_space, new_space), Numbers(cells, 0.0))
                           .covariance;
  EXPECT_LT(
      oracle::relative_error(oracle::add(1, known, 1, added), kriging(y_, false, 0).covariance),
      1e-10);
}

TEST_F(Mean, HasAFitWhereGapsDiffer) {
  const Result result = result_of(
      3, regression("fit", Gaps::different, false, "fit: {parameters: {eta: {}, sigma: {}}}\n"));
  Values at = truth;
  for (const std::string name : {"eta", "sigma"}) at[name] = result.value("/parameters/" + name);
  const Numbers values = values_of(Gaps::different);
  const auto total = [&](const Values& p) {
    double sum = 0;
    for (const double each : log_densities(p, values, false)) sum += each;
    return sum;
  };
  EXPECT_NEAR(result.value("/log_density"), total(at), 1e-9);
  for (const auto& [name, slope] : differences(total, at, {"eta", "sigma"})) {
    EXPECT_NEAR(slope, 0, 0.01) << name;
  }
}

TEST_F(Mean, RefusesRegressorsThatAreNotKnownAtNewPoints) {
  put("/short", {3}, season);
  const std::string text = regression("predict", Gaps::none, false, at_new_points());
  const std::vector<std::pair<std::string, std::string>> cases{
      {replaced(text, ", columns: {height: {file: data.h5, dataset: /new_height}}", ""),
       "the mean has the regressor 'height' along mode 1, which has new points; give its values "
       "there as 'new_points.Ks.columns.height: {file: …, dataset: …}'"},
      {replaced(text, "/new_height", "/short"),
       "'height' at the new points of 'Ks' is data.h5:/short of shape 3; expected a vector of 4"},
      {replaced(text, "{height: {file: data.h5, dataset: /new",
                "{hight: {file: data.h5, dataset: /new"),
       "'new_points.Ks.columns' names 'hight', which is in no column of the mean along a mode of "
       "this kernel (did you mean 'height'?)"},
  };
  expect_all_refused(cases);
}

TEST_F(Mean, IsRefusedWhereOneObservationCannotTellItsColumnsApart) {
  // The second observation has cells of one place only: 1 and the season are told apart there, but
  // with a single cell nothing is.
  Numbers values = y_;
  for (std::size_t i = 0; i < cells; ++i) {
    if (i != 4) values[cells + i] = nan;
  }
  put("/few", {3, 5, 3}, values);
  const std::string text =
      replaced(regression("logpdf", Gaps::different, true, ""), "/different", "/few");
  const Outcome outcome = run(2, text);
  EXPECT_EQ(outcome.code, 2) << outcome.errors;
  EXPECT_EQ(outcome.count("the 2 columns of the mean are linearly dependent on the observed cells "
                          "of observation 1; leave one out"),
            1)
      << outcome.errors;
  const Result pooled = result_of(2, replaced(text, ", per_observation: true", ""));
  EXPECT_LT(oracle::relative_error(pooled.values("/result"), log_densities(truth, values, false)),
            1e-10);
}

}  // namespace
}  // namespace kronwerk::end_to_end
