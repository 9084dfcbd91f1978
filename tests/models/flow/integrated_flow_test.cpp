#include "kronwerk/models/flow/integrated_flow.hpp"

#include <cmath>
#include <numeric>

#include "kronwerk/core/error.hpp"
#include "models/flow/flow_fixture.hpp"

namespace kronwerk::models {
namespace {

const std::string full = "kron(I, I) - o*kron(V, I) - d*kron(I, W) - w*kron(V, W)";
const std::vector<std::string> all{"o", "d", "w"};
constexpr double shape = 3;
constexpr double scale = 2;

class IntegratedFlowTest : public FlowFixture, public ::testing::WithParamInterface<FilterActsOn> {
 protected:
  IntegratedFlow model(const FlowFilter& filter, const FilterDeterminant& log_det) const {
    std::vector<Numbers> blocks;
    for (const Numbers& y : years_) blocks.push_back(owned(y));
    return {
        filter, log_det,
        find_moments(comm_, workspace_, filter, matrices(filter), columns(), blocks, GetParam()),
        shape, scale};
  }

  std::vector<Numbers> years_{oracle::random_vector(cells, 21), oracle::random_vector(cells, 22)};

  struct Dense {
    double value = 0;
    Numbers coefficients;
    double squares = 0;
    Matrix gram;  ///< of all years
  };
  /// log ∫∫ N(Ay; Zδ, σ² I) |A| dδ p(σ²) dσ² up to a constant, from dense matrices.
  Dense dense_density(const Numbers& at) const {
    const Matrix a = dense(at[0], at[1], at[2]);
    const Matrix z = GetParam() == FilterActsOn::errors ? oracle::multiply(a, design()) : design();
    const Matrix zt = oracle::transpose(z);
    const auto years = static_cast<double>(years_.size());
    Matrix gram = oracle::multiply(zt, z);
    Numbers right(4, 0.0);
    for (const Numbers& y : years_) {
      const Numbers part = oracle::multiply(zt, oracle::multiply(a, y));
      for (std::size_t j = 0; j < 4; ++j) right[j] += part[j] / years;
    }
    Dense result;
    result.gram = gram;
    for (double& value : result.gram.values) value *= years;
    result.coefficients = oracle::solve(gram, right);
    for (const Numbers& y : years_) {
      Numbers r = oracle::multiply(a, y);
      const Numbers trend = oracle::multiply(z, result.coefficients);
      for (std::size_t i = 0; i < r.size(); ++i) {
        result.squares += (r[i] - trend[i]) * (r[i] - trend[i]);
      }
    }
    const double power = shape + (static_cast<double>(cells) * years - 4) / 2;
    result.value = years * oracle::log_abs_det(a) - oracle::log_abs_det(gram) / 2 -
                   power * std::log(scale + result.squares / 2);
    return result;
  }
};

TEST_P(IntegratedFlowTest, IsTheDenseIntegralWithItsGradient) {
  const FlowFilter whole = filter(full, all);
  const auto log_det = determinant(whole);
  const IntegratedFlow flow = model(whole, *log_det);
  const Numbers at{0.25, 0.3, -0.1}, other{0.1, -0.2, 0.05};
  const auto found = flow.evaluate(at);
  // Constants differ.
  EXPECT_NEAR(found.value - flow.evaluate(other).value,
              dense_density(at).value - dense_density(other).value, 1e-9);
  constexpr double step = 1e-5;
  for (std::size_t p = 0; p < 3; ++p) {
    Numbers above = at, below = at;
    above[p] += step;
    below[p] -= step;
    EXPECT_NEAR(found.gradient[p],
                (dense_density(above).value - dense_density(below).value) / (2 * step), 1e-5)
        << p;
  }
}

TEST_P(IntegratedFlowTest, DrawsHaveTheMomentsOfTheConditionalDensities) {
  const FlowFilter whole = filter(full, all);
  const auto log_det = determinant(whole);
  const IntegratedFlow flow = model(whole, *log_det);
  const Numbers at{0.25, 0.3, -0.1};
  const Dense expected = dense_density(at);
  constexpr int draws = 4000;
  double mean = 0;
  Numbers coefficients(4, 0.0), squares(4, 0.0);
  for (int i = 0; i < draws; ++i) {
    const auto given = flow.draw(at, 7, static_cast<std::uint64_t>(i) + (1U << 20));
    mean += given.sigma2 / draws;
    for (std::size_t j = 0; j < 4; ++j) {
      const double z = given.coefficients[j] - expected.coefficients[j];
      coefficients[j] += z / draws;
      squares[j] += z * z / draws;
    }
  }
  const double power =
      shape + (static_cast<double>(cells) * static_cast<double>(years_.size()) - 4) / 2;
  const double variance_mean = (scale + expected.squares / 2) / (power - 1);
  EXPECT_NEAR(mean, variance_mean, 5 * variance_mean / std::sqrt(draws * (power - 2)));
  for (std::size_t j = 0; j < 4; ++j) {
    EXPECT_NEAR(coefficients[j], 0, 5 * std::sqrt(squares[j] / draws)) << j;
    Numbers unit(4, 0.0);
    unit[j] = 1;
    const double variance = variance_mean * oracle::solve(expected.gram, unit)[j];
    EXPECT_NEAR(squares[j], variance, 0.15 * variance) << j;
  }
  // The same place of the same seed draws the same.
  EXPECT_EQ(flow.draw(at, 7, 5).coefficients, flow.draw(at, 7, 5).coefficients);
  EXPECT_NE(flow.draw(at, 7, 5).sigma2, flow.draw(at, 7, 6).sigma2);
}

INSTANTIATE_TEST_SUITE_P(ActsOn, IntegratedFlowTest,
                         ::testing::Values(FilterActsOn::response, FilterActsOn::errors));

}  // namespace
}  // namespace kronwerk::models
