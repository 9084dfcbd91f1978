#include <cmath>
#include <memory>

#include "kronwerk/models/fit/fit.hpp"
#include "kronwerk/models/missing/missing.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "operators/products/product_fixture.hpp"

namespace kronwerk::models {
namespace {

using oracle::Matrix;

/// eta² exp(-d/l_1) ⊗ exp(-d/l_2) + sigma² I over 9 x 20 points of the unit square: parameters eta,
/// l_1, l_2 and sigma, all with their derivatives.
class FitGaussian : public operators::ProductFixture {
 protected:
  const Extents extents_{9, 20};
  const std::vector<double> truth_{1.4, 0.5, 0.3, 0.4};

  static Matrix kernel(Index n, double length, bool by_length = false) {
    Matrix result(n, n);
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) {
        const double d = std::abs(static_cast<double>(i - j)) / static_cast<double>(n);
        result(i, j) = std::exp(-d / length) * (by_length ? d / (length * length) : 1);
      }
    }
    return result;
  }

  Covariance covariance(std::span<const double> p) const {
    CovarianceTerms terms;
    terms.signal.push_back(
        {p[0] * p[0], chains({kernel(extents_[0], p[1]), kernel(extents_[1], p[2])})});
    terms.noise = ScaledProduct{p[3] * p[3], identities()};
    return {comm_, workspace_, std::move(terms)};
  }

  std::vector<factors::Chain> identities() const {
    std::vector<factors::Chain> result;
    for (const Index n : extents_) result.push_back({{factors::make_identity(n), false, false}});
    return result;
  }

  std::vector<CovarianceDerivative> derivatives(const Covariance& k,
                                                std::span<const double> p) const {
    std::vector<CovarianceDerivative> result(4);
    const ScaledProduct& signal = k.terms().signal[0];
    for (std::size_t i = 0; i < 3; ++i) result[i] = {signal};
    result[0].products[0].scale = 2 * p[0];
    for (const std::size_t mode : {0, 1}) {
      result[mode + 1].products[0].chains[mode] =
          chains({kernel(extents_[mode], p[mode + 1], true)}).front();
    }
    result[3] = {{2 * p[3], identities()}};
    return result;
  }

  /// A draw: K V diag(1/√e) z has the covariance K.
  std::vector<double> simulate(std::uint64_t seed) const {
    const Covariance k = covariance(truth_);
    const Layout layout = k.layout();
    std::vector<double> z(static_cast<std::size_t>(layout.home_size(comm_.rank())));
    std::vector<double> root(z.size(), 1.0), field(z.size()), y(z.size());
    operators::fill_random(operators::RandomKind::normal, seed, layout.home_begin(comm_.rank()), z);
    k.divide(1, root);
    for (std::size_t i = 0; i < z.size(); ++i) z[i] *= std::sqrt(root[i]);
    k.from_basis()->apply(z, field);
    k.forward()->apply(field, y);
    return y;
  }

  FitResult run(const DensityFunction& density) const {
    FitSettings settings;
    settings.starts = 3;
    std::vector<FitParameter> parameters;
    const std::vector<std::string> names{"eta", "l1", "l2", "sigma"};
    for (const auto& name : names) parameters.push_back({name, 1, {}, {}, {}});
    return fit(comm_, density, parameters, settings);
  }

  void expect_recovered(const FitResult& result) const {
    ASSERT_EQ(result.information, "");
    for (const auto& start : result.state.starts) {
      EXPECT_TRUE(start.converged) << start.outcome;
      EXPECT_LT(start.evaluations, 60);
      for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_NEAR(start.parameters[i], truth_[i], 3 * *result.standard_errors[i]) << i;
        EXPECT_NEAR(start.parameters[i], result.parameters[i], 1e-4) << i;
      }
    }
  }
};

TEST_F(FitGaussian, RecoversWhatTheDataWereSimulatedWith) {
  GaussianDensity density(1, simulate(3), {});
  const auto result = run([&](std::span<const double> p) {
    const Covariance k = covariance(p);
    auto found = density.evaluate(k, {derivatives(k, p), false});
    return Evaluation{found.total(), std::move(found.gradient)};
  });
  expect_recovered(result);
}

TEST_F(FitGaussian, RecoversItFromTheCellsThatWereObserved) {
  const Layout layout = covariance(truth_).layout();
  std::vector<char> missing;
  const auto random = oracle::random_vector(layout.size(), 8);
  for (const double each : local(layout, random)) missing.push_back(each > 0.7 ? 1 : 0);
  const CellMask mask(comm_, layout, std::move(missing));
  EXPECT_GT(mask.missing(), 15);
  MissingDensity density(1, simulate(4), {}, mask);
  const auto result = run([&](std::span<const double> p) {
    const Covariance k = covariance(p);
    auto found = density.evaluate(k, {derivatives(k, p), false});
    return Evaluation{found.density.total(), std::move(found.density.gradient)};
  });
  expect_recovered(result);
}

}  // namespace
}  // namespace kronwerk::models
