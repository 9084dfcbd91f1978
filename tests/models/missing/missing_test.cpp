#include "kronwerk/models/missing/missing.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "models/covariance/dense_gaussian.hpp"
#include "operators/base/operator_fixture.hpp"

namespace kronwerk::models {
namespace {

using oracle::Matrix;

Matrix exponential_kernel(Index n, double length, bool by_length = false) {
  Matrix result(n, n);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      const double d = std::abs(static_cast<double>(i - j)) / static_cast<double>(n);
      result(i, j) = std::exp(-d / length) * (by_length ? d / (length * length) : 1);
    }
  }
  return result;
}

using oracle::dot;
using oracle::select;

/// eta² ⊗ K_k(length_k) + sigma² I over a grid with gaps, ours and dense.
class Missing : public operators::OperatorFixture {
 protected:
  struct Model {
    Extents extents;
    double eta = 1.3;
    std::vector<double> lengths;
    double sigma = 0.4;
  };

  Covariance covariance(const Model& model) {
    CovarianceTerms terms;
    std::vector<Matrix> matrices;
    for (std::size_t k = 0; k < model.extents.size(); ++k) {
      matrices.push_back(exponential_kernel(model.extents[k], model.lengths[k]));
    }
    terms.signal.push_back({model.eta * model.eta, chains(matrices)});
    if (model.sigma > 0) terms.noise = noise(model, model.sigma * model.sigma);
    return {comm_, workspace_, std::move(terms)};
  }

  static ScaledProduct noise(const Model& model, double scale) {
    ScaledProduct result{scale, {}};
    for (const Index n : model.extents) {
      result.chains.push_back({{factors::make_identity(n), false, false}});
    }
    return result;
  }

  static Matrix dense(const Model& model) {
    std::vector<Matrix> matrices;
    for (std::size_t k = 0; k < model.extents.size(); ++k) {
      matrices.push_back(exponential_kernel(model.extents[k], model.lengths[k]));
    }
    const Matrix signal = oracle::kron(matrices);
    return oracle::add(model.eta * model.eta, signal, model.sigma * model.sigma,
                       oracle::identity(signal.rows));
  }

  /// By eta, the first length and sigma.
  static std::vector<CovarianceDerivative> derivatives(const Covariance& covariance,
                                                       const Model& model) {
    ScaledProduct by_eta = covariance.terms().signal[0];
    by_eta.scale = 2 * model.eta;
    ScaledProduct by_length = covariance.terms().signal[0];
    by_length.chains[0] = {
        {make_factor(exponential_kernel(model.extents[0], model.lengths[0], true)), false, false}};
    return {{by_eta}, {by_length}, {noise(model, 2 * model.sigma)}};
  }

  /// Every `step`-th cell or so, and a small block.
  void choose(const Covariance& of, Index step) {
    observed_.clear();
    missing_.clear();
    mask_values_.clear();
    const auto random = oracle::random_vector(of.size(), 17);
    for (Index i = 0; i < of.size(); ++i) {
      const bool gone = random[static_cast<std::size_t>(i)] > 1 - 2.0 / static_cast<double>(step) ||
                        (i >= 2 && i < 4);
      (gone ? missing_ : observed_).push_back(i);
      mask_values_.push_back(gone ? 1 : 0);
    }
    ASSERT_GE(missing_.size(), 3u);
    const Layout layout = of.layout();
    const auto begin = mask_values_.begin() + layout.home_begin(comm_.rank());
    mask_.emplace(comm_, layout, std::vector<char>(begin, begin + layout.home_size(comm_.rank())));
  }

  /// `count` fields one after the other, NaN where a cell is missing.
  std::vector<double> fields(Index size, Index count) const {
    auto result = oracle::random_vector(size * count, 5);
    for (Index i = 0; i < size * count; ++i) {
      if (mask_values_[static_cast<std::size_t>(i % size)] != 0) {
        result[static_cast<std::size_t>(i)] = std::numeric_limits<double>::quiet_NaN();
      }
    }
    return result;
  }

  double dense_log_density(const Model& model, const std::vector<double>& y) const {
    const Matrix k = select(dense(model), observed_, observed_);
    const auto observed = select(y, observed_);
    return -0.5 * (dot(observed, oracle::solve(k, observed)) + oracle::log_abs_det(k) +
                   static_cast<double>(observed.size()) * std::log(2 * std::numbers::pi));
  }

  std::vector<Index> observed_, missing_;
  std::vector<char> mask_values_;
  std::optional<CellMask> mask_;
  const std::vector<Model> models_{{{5, 7}, 1.3, {0.4, 0.7}, 0.4},
                                   {{3, 4, 5}, 0.8, {0.5, 0.2, 1.1}, 0.6},
                                   {{6, 1, 5}, 1.1, {0.3, 0.5, 0.4}, 0},
                                   {{2, 3, 4, 3}, 1.0, {0.3, 0.5, 0.4, 0.2}, 0.3}};
};

TEST_F(Missing, CompletesFieldsWithTheirConditionalMeans) {
  for (const Model& model : models_) {
    const Covariance k = covariance(model);
    choose(k, 5);
    const Matrix all = dense(model);
    const Matrix k_oo = select(all, observed_, observed_);
    const Matrix k_mo = select(all, missing_, observed_);
    for (const Index batch : {1, 3}) {
      const auto y = fields(k.size(), batch);
      auto block = local(k.layout(batch), y);
      MissingCells cells(k, *mask_);
      const auto outcome = cells.complete(batch, block);
      EXPECT_TRUE(outcome.converged) << outcome.reason;
      const auto completed = whole(k.layout(batch), block);
      for (Index b = 0; b < batch; ++b) {
        const std::vector<double> one(y.begin() + b * k.size(), y.begin() + (b + 1) * k.size());
        const std::vector<double> ours(completed.begin() + b * k.size(),
                                       completed.begin() + (b + 1) * k.size());
        const auto expected = oracle::multiply(k_mo, oracle::solve(k_oo, select(one, observed_)));
        expect_close(select(ours, missing_), expected, 1e-8);
        EXPECT_EQ(select(ours, observed_), select(one, observed_));
      }
    }
  }
}

TEST_F(Missing, GivesTheLogDensityOfTheObservedCells) {
  for (const Model& model : models_) {
    const Covariance k = covariance(model);
    choose(k, 4);
    const auto y = fields(k.size(), 2);
    MissingDensity density(2, local(k.layout(2), y), {}, *mask_);
    const auto result = density.evaluate(k, {});
    ASSERT_EQ(result.density.values.size(), 2u);
    for (Index b = 0; b < 2; ++b) {
      const double expected =
          dense_log_density(model, {y.begin() + b * k.size(), y.begin() + (b + 1) * k.size()});
      EXPECT_NEAR(result.density.values[static_cast<std::size_t>(b)], expected,
                  1e-10 * std::abs(expected));
    }
    EXPECT_EQ(result.standard_error, 0);
  }
}

TEST_F(Missing, GivesTheGradientOfTheLogDensity) {
  for (const Model& model : models_) {
    if (model.sigma == 0) continue;
    const Covariance k = covariance(model);
    choose(k, 4);
    const auto y = fields(k.size(), 1);
    MissingDensity density(1, local(k.layout(), y), {}, *mask_);
    const auto result = density.evaluate(k, {derivatives(k, model), true});
    const double h = 1e-5;
    const auto central = [&](const std::function<void(Model&, double)>& move) {
      Model up = model, down = model;
      move(up, h);
      move(down, -h);
      return (dense_log_density(up, y) - dense_log_density(down, y)) / (2 * h);
    };
    const std::vector<double> expected_gradient{
        central([](Model& m, double by) { m.eta += by; }),
        central([](Model& m, double by) { m.lengths[0] += by; }),
        central([](Model& m, double by) { m.sigma += by; })};
    expect_close(result.density.gradient, expected_gradient, 1e-7);
    const auto by_y = whole(k.layout(), result.density.input_gradient);
    const auto alpha =
        oracle::solve(select(dense(model), observed_, observed_), select(y, observed_));
    auto expected = alpha;
    for (double& each : expected) each = -each;
    expect_close(select(by_y, observed_), expected, 1e-8);
    EXPECT_EQ(select(by_y, missing_), std::vector<double>(missing_.size(), 0.0));
  }
}

TEST_F(Missing, EstimatesTheMeanFromTheObservedCells) {
  const Model model = models_[1];
  const Covariance k = covariance(model);
  choose(k, 4);
  const auto y = fields(k.size(), 2);
  std::vector<MeanColumn> mean(3);
  for (auto& column : mean) column.vectors.resize(3);
  mean[1].vectors[2] = {1, 2, 4, 3, -1};
  mean[1].coefficient = 0.7;
  mean[2].vectors[0] = {0.5, -1, 2};
  // Dense: both observations at once.
  Matrix x(k.size(), 3);
  for (Index i = 0; i < k.size(); ++i) {
    x(i, 0) = 1;
    x(i, 1) = mean[1].vectors[2][static_cast<std::size_t>(i % 5)];
    x(i, 2) = mean[2].vectors[0][static_cast<std::size_t>(i / 20)];
  }
  const Matrix k_oo = select(dense(model), observed_, observed_);
  const Matrix x_o = select(x, observed_, {0, 2});
  const Matrix solved = oracle::solve(k_oo, x_o);
  Matrix gram = oracle::multiply(oracle::transpose(x_o), solved);
  std::vector<double> right(2);
  std::vector<std::vector<double>> rest;
  for (Index b = 0; b < 2; ++b) {
    auto one = select({y.begin() + b * k.size(), y.begin() + (b + 1) * k.size()}, observed_);
    for (std::size_t i = 0; i < one.size(); ++i) one[i] -= 0.7 * x(observed_[i], 1);
    const auto part = oracle::multiply(oracle::transpose(solved), one);
    for (std::size_t c = 0; c < 2; ++c) right[c] += part[c] / 2;
    rest.push_back(one);
  }
  const auto beta = oracle::solve(gram, right);

  MissingDensity density(2, local(k.layout(2), y), mean, *mask_);
  const auto result = density.evaluate(k, {});
  EXPECT_NEAR(result.density.mean.coefficients[0], beta[0], 1e-8);
  EXPECT_EQ(result.density.mean.coefficients[1], 0.7);
  EXPECT_NEAR(result.density.mean.coefficients[2], beta[1], 1e-8);
  const Matrix covariance_of_beta = oracle::inverse(gram);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(result.density.mean.covariance[i], covariance_of_beta.values[i] / 2, 1e-9);
  }
  double by_given = 0;
  for (std::size_t b = 0; b < 2; ++b) {
    auto r = rest[b];
    for (std::size_t i = 0; i < r.size(); ++i) {
      r[i] -= beta[0] * x_o(static_cast<Index>(i), 0) + beta[1] * x_o(static_cast<Index>(i), 1);
    }
    const auto alpha = oracle::solve(k_oo, r);
    const double expected = -0.5 * (dot(r, alpha) + oracle::log_abs_det(k_oo) +
                                    static_cast<double>(r.size()) * std::log(2 * std::numbers::pi));
    EXPECT_NEAR(result.density.values[b], expected, 1e-9);
    for (std::size_t i = 0; i < r.size(); ++i) by_given += alpha[i] * x(observed_[i], 1);
  }
  ASSERT_EQ(result.density.mean_gradient.size(), 1u);
  EXPECT_NEAR(result.density.mean_gradient[0], by_given, 1e-7);
}

TEST_F(Missing, EstimatesOneMeanFromObservationsWithDifferentGaps) {
  const Model model = models_[1];
  const Covariance k = covariance(model);
  std::vector<MeanColumn> mean(3);
  for (auto& column : mean) column.vectors.resize(3);
  mean[1].vectors[2] = {1, 2, 4, 3, -1};
  mean[1].coefficient = 0.7;
  mean[2].vectors[0] = {0.5, -1, 2};
  Matrix x(k.size(), 3);
  for (Index i = 0; i < k.size(); ++i) {
    x(i, 0) = 1;
    x(i, 1) = mean[1].vectors[2][static_cast<std::size_t>(i % 5)];
    x(i, 2) = mean[2].vectors[0][static_cast<std::size_t>(i / 20)];
  }
  // Blocks of two observations and of one, which miss other cells.
  const std::vector<Index> counts{2, 1};
  std::vector<oracle::Regression> dense_parts;
  std::vector<CellMask> masks;
  std::vector<MissingDensity> densities;
  std::vector<NormalEquations> equations;
  masks.reserve(2);
  for (std::size_t b = 0; b < counts.size(); ++b) {
    choose(k, b == 0 ? 4 : 7);
    masks.push_back(*mask_);
    const auto y = fields(k.size(), counts[b]);
    densities.emplace_back(counts[b], local(k.layout(counts[b]), y), mean, masks.back());
    MissingCells cells(k, masks.back());
    equations.push_back(densities.back().normal_equations(cells));
    for (Index o = 0; o < counts[b]; ++o) {
      auto one = select({y.begin() + o * k.size(), y.begin() + (o + 1) * k.size()}, observed_);
      for (std::size_t i = 0; i < one.size(); ++i) one[i] -= 0.7 * x(observed_[i], 1);
      dense_parts.push_back(
          {select(dense(model), observed_, observed_), select(x, observed_, {0, 2}), one});
    }
  }
  const auto all = oracle::stacked(dense_parts);
  const auto expected = oracle::least_squares(all.covariance, all.columns, all.y);
  const auto found = estimate_mean(mean, equations, MeanPooling::pooled);
  expect_close(found.coefficients, {expected.coefficients[0], 0.7, expected.coefficients[1]}, 1e-8);
  expect_close(found.covariance, expected.covariance.values, 1e-8);
  const auto own = estimate_mean(mean, equations, MeanPooling::per_observation);
  for (std::size_t o = 0; o < dense_parts.size(); ++o) {
    const auto& part = dense_parts[o];
    const auto alone = oracle::least_squares(part.covariance, part.columns, part.y);
    EXPECT_NEAR(own.row(static_cast<Index>(o))[2], alone.coefficients[1], 1e-7);
    EXPECT_NEAR(own.covariance_of(static_cast<Index>(o))[3], alone.covariance(1, 1), 1e-8);
    const auto left = oracle::minus(part.y, oracle::multiply(part.columns, expected.coefficients));
    const std::size_t block = o < 2 ? 0 : 1;
    MissingCells cells(k, masks[block]);
    const auto result = densities[block].evaluate(cells, {}, found);
    EXPECT_NEAR(result.density.values[o < 2 ? o : 0], oracle::log_density(part.covariance, left),
                1e-8);
  }
}

TEST_F(Missing, AddsTheVarianceOfTheGaps) {
  for (const Model& model : models_) {
    const Covariance k = covariance(model);
    choose(k, 5);
    const Matrix all = dense(model);
    std::vector<Matrix> first, second;
    for (const Index n : model.extents) {
      first.push_back(oracle::random_matrix(n + 1, n, static_cast<std::uint64_t>(9 + n)));
      second.push_back(oracle::random_matrix(n + 1, n, static_cast<std::uint64_t>(19 + n)));
    }
    const std::vector<ScaledProduct> products{{0.5, chains(first)}, {-0.3, chains(second)}};
    const Matrix cross = oracle::add(0.5, oracle::kron(first), -0.3, oracle::kron(second));
    const Matrix cross_o = [&] {
      std::vector<Index> rows;
      for (Index i = 0; i < cross.rows; ++i) rows.push_back(i);
      return select(cross, rows, observed_);
    }();
    const Matrix of_all = oracle::multiply(cross, oracle::solve(all, oracle::transpose(cross)));
    const Matrix of_observed = oracle::multiply(
        cross_o, oracle::solve(select(all, observed_, observed_), oracle::transpose(cross_o)));
    const auto added = [&](MissingSettings settings, double& error) {
      MissingCells cells(k, *mask_, settings);
      std::vector<double> variance(
          static_cast<std::size_t>(cells.point_layout(products).home_size(comm_.rank())), 2.0);
      error = cells.add_variance(products, variance);
      auto result = whole(cells.point_layout(products), variance);
      for (double& each : result) each -= 2;
      return result;
    };
    std::vector<double> expected;
    for (Index i = 0; i < cross.rows; ++i) expected.push_back(of_all(i, i) - of_observed(i, i));
    double error = -1;
    expect_close(added({}, error), expected, 1e-9);
    EXPECT_EQ(error, 0);
    MissingSettings stochastic;
    stochastic.exact_limit = 0;
    stochastic.stochastic.probes = 100;
    const auto estimated = added(stochastic, error);
    EXPECT_NEAR(error, std::sqrt(2.0 / 100), 1e-12);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(estimated[i], expected[i], 3 * error * expected[i]) << i;
    }
  }
}

TEST_F(Missing, EstimatesDeterminantAndGradientWithinTheirStandardErrors) {
  const Model model{{11, 13}, 1.3, {0.4, 0.7}, 0.4};
  const Covariance k = covariance(model);
  choose(k, 4);
  const auto y = fields(k.size(), 1);
  MissingSettings settings;
  const auto evaluate = [&] {
    return MissingDensity(1, local(k.layout(), y), {}, *mask_, settings)
        .evaluate(k, {derivatives(k, model), false});
  };
  const auto exact = evaluate();
  settings.exact_limit = 2;
  settings.stochastic.probes = 60;
  const auto estimated = evaluate();
  EXPECT_GT(estimated.standard_error, 0);
  EXPECT_LT(estimated.standard_error, 0.02 * std::abs(exact.density.values[0]));
  EXPECT_NEAR(estimated.density.values[0], exact.density.values[0], 3 * estimated.standard_error);
  for (std::size_t p = 0; p < 3; ++p) {
    EXPECT_GT(estimated.gradient_errors[p], 0);
    EXPECT_EQ(exact.gradient_errors[p], 0);
    EXPECT_NEAR(estimated.density.gradient[p], exact.density.gradient[p],
                3 * estimated.gradient_errors[p]);
  }
  // The same probes with coarser solves: what differs is the bias.
  settings.tolerance = 1e-3;
  const auto coarse = evaluate();
  for (std::size_t p = 0; p < 3; ++p) {
    const double bias = std::abs(coarse.density.gradient[p] - estimated.density.gradient[p]);
    EXPECT_GT(bias, 0);
    EXPECT_LE(bias, coarse.gradient_biases[p] + estimated.gradient_biases[p]);
    EXPECT_LT(estimated.gradient_biases[p], 1e-4 * coarse.gradient_biases[p]);
    EXPECT_EQ(exact.gradient_biases[p], 0);
  }
}

TEST_F(Missing, ScatteredGapsNeedFewIterationsAndWideOnesThePreconditioner) {
  const Model model{{60, 40}, 1, {0.6, 0.9}, 0.1};
  const Covariance k = covariance(model);
  mask_values_.clear();
  observed_.clear();
  missing_.clear();
  const auto random = oracle::random_vector(k.size(), 3);
  const auto completion = [&](const auto& gone) {
    const Layout layout = k.layout();
    std::vector<char> block;
    for (Index i = 0; i < layout.home_size(comm_.rank()); ++i) {
      block.push_back(gone(layout.home_begin(comm_.rank()) + i) ? 1 : 0);
    }
    const CellMask mask(comm_, layout, std::move(block));
    MissingSettings settings;
    settings.tolerance = 1e-8;
    MissingCells cells(k, mask, settings);
    auto y = local(layout, oracle::random_vector(k.size(), 4));
    return cells.complete(1, y);
  };
  const auto scattered =
      completion([&](Index i) { return random[static_cast<std::size_t>(i)] > 0.8; });
  EXPECT_TRUE(scattered.converged);
  EXPECT_FALSE(scattered.preconditioned);
  EXPECT_LE(scattered.iterations, 24);
  const auto wide = completion([](Index i) { return i < 1200 && i != 7; });
  EXPECT_TRUE(wide.converged) << wide.reason;
  EXPECT_TRUE(wide.preconditioned);
  EXPECT_LE(wide.iterations, 60);  // without it: several hundred
}

TEST_F(Missing, RefusesMasksThatDoNotFitAndGridsWithoutObservations) {
  const Covariance k = covariance(models_[0]);
  const Layout layout = k.layout();
  const auto size = static_cast<std::size_t>(layout.home_size(comm_.rank()));
  EXPECT_THROW(CellMask(comm_, layout, std::vector<char>(size, 1)), core::DataError);
  EXPECT_THROW(CellMask(comm_, layout, std::vector<char>(size + (comm_.is_root() ? 1 : 0), 0)),
               core::ShapeError);
  const Covariance other = covariance(models_[1]);
  const CellMask none(comm_, layout, std::vector<char>(size, 0));
  EXPECT_EQ(none.observed(), 35);
  EXPECT_THROW(MissingCells(other, none), core::ShapeError);
  MissingCells cells(k, none);
  auto y = local(layout, oracle::random_vector(35, 1));
  const auto before = y;
  EXPECT_TRUE(cells.complete(1, y).converged);
  EXPECT_EQ(y, before);
  EXPECT_EQ(cells.log_determinant().value, 0);
  choose(k, 4);
  MissingSettings hopeless;
  hopeless.max_iterations = 1;
  MissingDensity density(1, local(layout, fields(35, 1)), {}, *mask_, hopeless);
  EXPECT_THROW(density.evaluate(k, {}), core::ConvergenceError);
}

}  // namespace
}  // namespace kronwerk::models
