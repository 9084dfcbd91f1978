// Coefficients of a mean that are integrated out, against the dense density of what is left.
#include <cmath>
#include <numbers>

#include "kronwerk/models/fit/prior.hpp"
#include "kronwerk/models/missing/missing.hpp"
#include "models/covariance/gaussian_fixture.hpp"

namespace kronwerk::models {
namespace {

using Numbers = std::vector<double>;

constexpr Index rows = 5, cols = 4, size = rows * cols, fields = 2;
constexpr double given = 0.7;

class IntegratedMean : public GaussianFixture {
 protected:
  /// eta² K(length) ⊗ K(0.8) + 0.3 K(length) ⊗ J, the latter if `ones`, + sigma² I.
  struct Model {
    double eta = 1.3, length = 1.5, sigma = 0.6;
    bool ones = false;
  };

  Covariance covariance(const Model& m) const {
    CovarianceTerms terms;
    const auto first = m.ones ? factors::Chain{{factors::make_ones(rows, rows)}}
                              : chain(exponential(rows, m.length));
    const auto second =
        m.ones ? factors::Chain{{factors::make_ones(cols, cols)}} : chain(exponential(cols, 0.8));
    terms.signal.push_back({m.eta * m.eta, {first, chain(exponential(cols, 0.8))}});
    if (m.ones) terms.signal.push_back({0.3, {chain(exponential(rows, m.length)), second}});
    terms.noise = identities(m.sigma * m.sigma);
    return make(std::move(terms));
  }
  static ScaledProduct identities(double scale) {
    return {scale, {identity(rows), identity(cols)}};
  }

  Matrix dense(const Model& m) const {
    Matrix ones(rows, rows), ones_too(cols, cols);
    for (double& each : ones.values) each = 1;
    for (double& each : ones_too.values) each = 1;
    const Matrix k1 = exponential(rows, m.length), k2 = exponential(cols, 0.8);
    Matrix k =
        m.ones ? oracle::add(m.eta * m.eta, oracle::kron(ones, k2), 0.3, oracle::kron(k1, ones_too))
               : oracle::add(m.eta * m.eta, oracle::kron(k1, k2), 0, oracle::identity(size));
    return oracle::add(1, k, m.sigma * m.sigma, oracle::identity(size));
  }

  /// By eta, length and sigma.
  static std::vector<CovarianceDerivative> derivatives(const Covariance& of, const Model& m) {
    ScaledProduct by_eta = of.terms().signal[0];
    by_eta.scale = 2 * m.eta;
    ScaledProduct by_length = of.terms().signal[m.ones ? 1 : 0];
    by_length.chains[0] = chain(exponential_derivative(rows, m.length), "dC");
    return {{{by_eta}}, {{by_length}}, {{identities(2 * m.sigma)}}};
  }

  /// A constant, a given column and a trend along the second mode.
  static std::vector<MeanColumn> columns() {
    std::vector<MeanColumn> mean(3);
    for (auto& column : mean) column.vectors.resize(2);
    mean[1].vectors[0] = {1, 2, 4, 3, -1};
    mean[1].coefficient = given;
    mean[2].vectors[1] = {0.5, -1, 2, 0.1};
    return mean;
  }

  /// log ∫ Π_b N(y_b; m + Xβ, K) p(β) dβ over the observed cells: with a normal prior that of
  /// N(y; m + X μ, K ⊗ I + sd² X Xᵀ), with a flat one the restricted likelihood.
  static double log_density(const Matrix& k, const Numbers& y, const std::vector<Index>& observed,
                            const std::optional<Prior>& prior) {
    const auto n = std::ssize(observed);
    Matrix all(fields * n, fields * n), x(fields * n, 2);
    Numbers rest;
    const auto mean = columns();
    for (Index b = 0; b < fields; ++b) {
      for (Index i = 0; i < n; ++i) {
        const Index at = observed[static_cast<std::size_t>(i)];
        x(b * n + i, 0) = 1;
        x(b * n + i, 1) = mean[2].vectors[1][static_cast<std::size_t>(at % cols)];
        rest.push_back(y[static_cast<std::size_t>(b * size + at)] -
                       given * mean[1].vectors[0][static_cast<std::size_t>(at / cols)]);
        for (Index j = 0; j < n; ++j) {
          all(b * n + i, b * n + j) = k(at, observed[static_cast<std::size_t>(j)]);
        }
      }
    }
    if (prior) {
      for (std::size_t i = 0; i < rest.size(); ++i) {
        for (Index c = 0; c < 2; ++c) rest[i] -= prior->first() * x(static_cast<Index>(i), c);
      }
      const double variance = prior->second() * prior->second();
      return oracle::log_density(
          oracle::add(1, all, variance, oracle::multiply(x, oracle::transpose(x))), rest);
    }
    const Matrix gram = oracle::multiply(oracle::transpose(x), oracle::solve(all, x));
    const auto best = oracle::least_squares(all, x, rest);
    rest = oracle::minus(rest, oracle::multiply(x, best.coefficients));
    return oracle::log_density(all, rest) - 0.5 * oracle::log_abs_det(gram) +
           std::log(2 * std::numbers::pi);
  }

  struct Found {
    double value = 0;
    Numbers gradient;
  };
  Found evaluate(const Model& m, const Numbers& y, const std::vector<Index>& missing,
                 const std::optional<Prior>& prior) {
    const Covariance k = covariance(m);
    DensityRequest request{derivatives(k, m)};
    request.integrated = true;
    const auto block = local(k.layout(fields), y);
    const auto estimate_of = [&](NormalEquations observed) {
      std::vector<NormalEquations> equations{std::move(observed)};
      if (prior) equations.push_back(normal_prior(prior->first(), prior->second(), 2));
      return estimate_mean(columns(), equations, MeanPooling::pooled);
    };
    LogDensity found;
    if (missing.empty()) {
      GaussianDensity density(fields, block, columns());
      const auto estimate = estimate_of(density.normal_equations(k));
      found = density.evaluate(k, request, estimate);
    } else {
      Numbers one(static_cast<std::size_t>(size), 0.0);
      for (const Index cell : missing) one[static_cast<std::size_t>(cell)] = std::nan("");
      const auto mask = CellMask::of_nan(comm_, k.layout(), local(k.layout(), one));
      MissingSettings settings;
      settings.tolerance = 1e-13;
      MissingDensity density(fields, block, columns(), mask, settings);
      MissingCells cells(k, mask, settings);
      const auto estimate = estimate_of(density.normal_equations(cells));
      found = density.evaluate(cells, request, estimate).density;
    }
    double value = found.total() + log_integral(found.mean);
    for (const std::size_t c : {std::size_t{0}, std::size_t{2}}) {
      if (prior) value += prior->log_density(found.mean.coefficients[c]);
    }
    return {value, found.gradient};
  }

  void expect_dense(const Model& m, const std::vector<Index>& missing,
                    const std::optional<Prior>& prior) {
    const auto y = oracle::random_vector(fields * size, 17);
    std::vector<Index> observed;
    for (Index i = 0; i < size; ++i) {
      if (std::ranges::find(missing, i) == missing.end()) observed.push_back(i);
    }
    const Found found = evaluate(m, y, missing, prior);
    EXPECT_NEAR(found.value, log_density(dense(m), y, observed, prior), 1e-9);
    constexpr double h = 1e-5;
    const auto difference = [&](double Model::*which) {
      Model above = m, below = m;
      above.*which += h;
      below.*which -= h;
      return (log_density(dense(above), y, observed, prior) -
              log_density(dense(below), y, observed, prior)) /
             (2 * h);
    };
    expect_close(found.gradient,
                 {difference(&Model::eta), difference(&Model::length), difference(&Model::sigma)},
                 1e-7);
  }
};

TEST_F(IntegratedMean, IsTheRestrictedLikelihoodUnderAFlatPrior) {
  expect_dense({}, {}, {});
  expect_dense({}, {0, 3, 7, 8, 18}, {});
}

TEST_F(IntegratedMean, IsTheDensityOfALargerCovarianceUnderANormalPrior) {
  const Prior prior(Prior::Kind::normal, 0.4, 0.7);
  expect_dense({}, {}, prior);
  expect_dense({}, {0, 3, 7, 8, 18}, prior);
}

TEST_F(IntegratedMean, IsTakenThroughTheCoreOfTermsOfOnes) {
  Model model;
  model.ones = true;
  expect_dense(model, {}, {});
  expect_dense(model, {2, 9, 10}, Prior(Prior::Kind::normal, 0.4, 0.7));
}

}  // namespace
}  // namespace kronwerk::models
