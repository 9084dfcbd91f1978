#include "kronwerk/models/flow/best_predictor.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "models/flow/flow_fixture.hpp"

namespace kronwerk::models {
namespace {

class BestPredictor : public FlowFixture {
 protected:
  Numbers gathered(const std::vector<double>& mine) const {
    Numbers result(cells, 0.0);
    const distribution::BlockPartition rows(origins, comm_.size());
    std::copy(mine.begin(), mine.end(), result.begin() + rows.begin(comm_.rank()) * destinations);
    comm_.sum(std::span<double>(result));
    return result;
  }

  /// E(y_t | y_g) = E y_t + C_tg C_gg⁻¹ (y_g − E y_g) with the covariance C = (AᵀA)⁻¹.
  double expectation(Index target, const std::vector<Index>& given, const Numbers& y) const {
    const Matrix a = dense(x_[0], x_[1], x_[2]);
    const Matrix covariance = oracle::inverse(oracle::multiply(oracle::transpose(a), a));
    const Numbers mean = oracle::solve(a, trend_);
    const auto n = static_cast<Index>(given.size());
    Matrix gram(n, n);
    Numbers rest;
    for (Index i = 0; i < n; ++i) {
      const Index at = given[static_cast<std::size_t>(i)];
      rest.push_back(y[static_cast<std::size_t>(at)] - mean[static_cast<std::size_t>(at)]);
      for (Index j = 0; j < n; ++j) gram(i, j) = covariance(at, given[static_cast<std::size_t>(j)]);
    }
    const Numbers solution = oracle::solve(gram, rest);
    double value = mean[static_cast<std::size_t>(target)];
    for (Index i = 0; i < n; ++i) {
      value += covariance(target, given[static_cast<std::size_t>(i)]) *
               solution[static_cast<std::size_t>(i)];
    }
    return value;
  }

  const Numbers x_{0.3, 0.2, -0.1};
  const Numbers trend_ = oracle::random_vector(cells, 31);
  const std::string m9_ = "kron(I, I) - o*kron(V, I) - d*kron(I, W) - w*kron(V, W)";
};

TEST_F(BestPredictor, OfUnobservedFlowsIsTheConditionalExpectation) {
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  Numbers y = oracle::random_vector(cells, 32);
  const std::vector<Index> hidden{2, 9, 10, 33};
  std::vector<Index> observed;
  for (Index i = 0; i < cells; ++i) {
    if (std::ranges::find(hidden, i) == hidden.end()) observed.push_back(i);
  }
  for (const Index i : hidden) {
    y[static_cast<std::size_t>(i)] = std::numeric_limits<double>::quiet_NaN();
  }
  const auto found = predict_best(comm_, workspace_, a, m, x_, owned(y), owned(trend_), 1e-13, 200);
  EXPECT_TRUE(found.converged);
  EXPECT_EQ(found.unobserved, 4);
  const Numbers completed = gathered(found.completed);
  for (const Index i : hidden) {
    EXPECT_NEAR(completed[static_cast<std::size_t>(i)], expectation(i, observed, y), 1e-10) << i;
  }
  EXPECT_EQ(completed[0], y[0]);
  EXPECT_FALSE(
      predict_best(comm_, workspace_, a, m, x_, owned(y), owned(trend_), 1e-13, 1).converged);
}

TEST_F(BestPredictor, LeavesFlowsOutBesideUnobservedOnes) {
  for (const bool sparse : {false, true}) {
    sparse_ = sparse;
    if (sparse) use(isolated(origins, 3), nearly_defective(destinations));
    const FlowFilter a = filter(m9_, {"o", "d", "w"});
    const FlowMatrices m = matrices(a);
    Numbers y = oracle::random_vector(cells, 32);
    const std::vector<Index> hidden{2, 9, 10, 33};
    for (const Index i : hidden) {
      y[static_cast<std::size_t>(i)] = std::numeric_limits<double>::quiet_NaN();
    }
    const auto found =
        predict_best(comm_, workspace_, a, m, x_, owned(y), owned(trend_), 1e-14, 200);
    const Numbers predicted = gathered(found.leave_one_out);
    for (Index i = 0; i < cells; ++i) {
      std::vector<Index> others;
      for (Index j = 0; j < cells; ++j) {
        if (j != i && std::ranges::find(hidden, j) == hidden.end()) others.push_back(j);
      }
      EXPECT_NEAR(predicted[static_cast<std::size_t>(i)], expectation(i, others, y), 1e-10) << i;
    }
  }
}

TEST_F(BestPredictor, LeavesEveryFlowOut) {
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  const Numbers y = oracle::random_vector(cells, 32);
  const auto found = predict_best(comm_, workspace_, a, m, x_, owned(y), owned(trend_), 1e-13, 200);
  EXPECT_EQ(found.iterations, 0);
  const Numbers predicted = gathered(found.leave_one_out);
  for (const Index i : {Index{0}, Index{11}, Index{34}}) {
    std::vector<Index> others;
    for (Index j = 0; j < cells; ++j) {
      if (j != i) others.push_back(j);
    }
    EXPECT_NEAR(predicted[static_cast<std::size_t>(i)], expectation(i, others, y), 1e-10) << i;
  }
}

}  // namespace
}  // namespace kronwerk::models
