#include "models/laplace/root_derivative.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/factors/dense/dense_values.hpp"
#include "kronwerk/models/laplace/laplace.hpp"
#include "models/covariance/gaussian_fixture.hpp"

namespace kronwerk::models {
namespace {

class RootDerivativeTest : public GaussianFixture {
 protected:
  static constexpr Index a = 6, b = 5;
  static std::vector<double> weights(Index n) {
    std::vector<double> w;
    for (Index i = 0; i < n; ++i) w.push_back(0.3 + static_cast<double>((3 * i) % n));
    return w;
  }
  LatentBasis basis_of(const std::vector<ScaledProduct>& signal) const {
    return {comm_,
            workspace_,
            signal,
            {weights(a), weights(b)},
            latent_layout(comm_, signal).leading_modes()};
  }
  /// One mode's matrix of a product, without the selection of a term.
  static Matrix dense(const factors::FactorPtr& factor) {
    Matrix result(factor->rows(), factor->cols());
    const auto values = factors::dense_values(*factor);
    if (values.empty()) {
      const auto diagonal = factor->diagonal();
      for (std::int64_t i = 0; i < result.rows; ++i) {
        result(i, i) = diagonal[static_cast<std::size_t>(i)];
      }
    } else {
      result.values.assign(values.begin(), values.end());
    }
    return result;
  }
  static Matrix whole_root(const RootDerivative& derivative, std::size_t terms) {
    std::vector<oracle::Matrix> parts;
    const auto& chains = derivative.root.chains;
    for (std::size_t k = terms > 1 ? 1 : 0; k < chains.size(); ++k) {
      parts.push_back(dense(chains[k].front().factor));
    }
    auto result = oracle::kron(parts);
    for (double& value : result.values) value *= derivative.root.scale;
    return result;
  }
  /// GĠᵀ + ĠGᵀ is the change.
  void expect_change(const LatentBasis& basis, const ScaledProduct& change,
                     const oracle::Matrix& expected) const {
    const auto found = root_derivative(comm_, basis, change);
    ASSERT_TRUE(found);
    std::vector<oracle::Matrix> parts;
    for (const auto& factor : basis.factors_of(found->term)) parts.push_back(dense(factor));
    auto root = oracle::kron(parts);
    for (double& value : root.values) value *= std::sqrt(basis.scale_of(found->term));
    const auto derivative = whole_root(*found, basis.terms());
    const auto product = oracle::multiply(root, oracle::transpose(derivative));
    for (std::int64_t i = 0; i < expected.rows; ++i) {
      for (std::int64_t j = 0; j < expected.cols; ++j) {
        EXPECT_NEAR(product(i, j) + product(j, i), expected(i, j), 1e-10) << i << ", " << j;
      }
    }
    // The diagonal of GᵀW̃Ġ.
    std::vector<double> image(static_cast<std::size_t>(root.cols));
    const Index first = static_cast<Index>(found->term) * root.cols;
    GridValues(basis.root().input_layout().extents(), {found->image})
        .evaluate(first, root.cols, image.data());
    for (std::int64_t j = 0; j < root.cols; ++j) {
      double sum = 0;
      for (std::int64_t i = 0; i < root.rows; ++i) {
        sum += root(i, j) * derivative(i, j) * weights(a)[static_cast<std::size_t>(i / b)] *
               weights(b)[static_cast<std::size_t>(i % b)];
      }
      EXPECT_NEAR(image[static_cast<std::size_t>(j)], sum, 1e-10) << j;
    }
  }
};

TEST_F(RootDerivativeTest, GivesTheChangeOfEveryTerm) {
  const auto first = rbf(a, 1.5), second = exponential(b, 2.0), other = exponential(a, 3.0);
  const auto changed = exponential_derivative(a, 3.0);
  const std::vector<ScaledProduct> signal{{0.7, {chain(first, "A"), chain(second, "B")}},
                                          {0.4, {chain(other, "C"), identity(b)}}};
  const auto basis = basis_of(signal);
  auto expected = oracle::kron({first, second});
  for (double& value : expected.values) value *= 3;
  expect_change(basis, {3, signal[0].chains}, expected);
  expected = oracle::kron({changed, oracle::identity(b)});
  for (double& value : expected.values) value *= 0.4;
  expect_change(basis, {0.4, {chain(changed, "dC"), identity(b)}}, expected);
}

TEST_F(RootDerivativeTest, FollowsRangesThatTurn) {
  // v vᵀ with v = (i + θ): its range turns with θ, and the change is within what the root can
  // follow.
  Matrix line(a, a), change(a, a);
  for (std::int64_t i = 0; i < a; ++i) {
    for (std::int64_t j = 0; j < a; ++j) {
      const double x = static_cast<double>(i) + 0.5, y = static_cast<double>(j) + 0.5;
      line(i, j) = x * y;
      change(i, j) = x + y;
    }
  }
  const auto second = exponential(b, 2.0);
  const std::vector<ScaledProduct> signal{{1, {chain(line, "A"), chain(second, "B")}}};
  expect_change(basis_of(signal), {1, {chain(change, "dA"), signal[0].chains[1]}},
                oracle::kron({change, second}));
}

TEST_F(RootDerivativeTest, IsNothingOutsideTheRange) {
  Matrix ones(a, a);
  std::ranges::fill(ones.values, 1.0);
  const auto second = exponential(b, 2.0);
  const std::vector<ScaledProduct> signal{{1, {chain(ones, "A"), chain(second, "B")}},
                                          {0, {identity(a), chain(second, "B")}}};
  const auto basis = basis_of(signal);
  // A variance that is zero, two modes at once, and a new direction of a matrix of ones.
  EXPECT_FALSE(root_derivative(comm_, basis, {1, {chain(rbf(a, 2), "E"), identity(b)}}));
  EXPECT_FALSE(root_derivative(comm_, basis, {1, {identity(a), signal[0].chains[1]}}));
}

}  // namespace
}  // namespace kronwerk::models
