// Fixed effects that are absorbed, against the dense design with a dummy for every region.
#include "kronwerk/models/flow/fixed_effects.hpp"

#include <numeric>

#include "models/flow/flow_fixture.hpp"

namespace kronwerk::models {
namespace {

const std::string full = "kron(I, I) - o*kron(V, I) - d*kron(I, W) - w*kron(V, W)";
const std::vector<std::string> all{"o", "d", "w"};

struct Case {
  FilterActsOn acts_on;
  FixedEffects effects;
};

class FixedEffectsTest : public FlowFixture, public ::testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    FlowFixture::SetUp();
    // On the errors the rows must have equal sums.
    if (GetParam().acts_on == FilterActsOn::errors) {
      use(equal_rows(origins, 1), equal_rows(destinations, 2));
    }
  }
  bool on_errors() const { return GetParam().acts_on == FilterActsOn::errors; }
  const FixedEffects& effects() const { return GetParam().effects; }

  Matrix dense_design() const {
    const auto extra = dummies(effects());
    Matrix z(cells, 2 + std::ssize(extra));
    const Numbers u = oracle::random_vector(origins, 5);
    const Numbers v = oracle::random_vector(destinations, 6);
    const Numbers g = oracle::random_vector(cells, 8);
    for (Index at = 0; at < cells; ++at) {
      const auto i = static_cast<std::size_t>(at / destinations);
      const auto j = static_cast<std::size_t>(at % destinations);
      z(at, 0) = u[i] * v[j];
      z(at, 1) = g[static_cast<std::size_t>(at)];
      for (std::size_t k = 0; k < extra.size(); ++k) {
        z(at, static_cast<Index>(k) + 2) = extra[k].origin[i] * extra[k].destination[j];
      }
    }
    return z;
  }

  FlowMoments moments(const FlowFilter& filter, const std::vector<FlowColumn>& columns,
                      const FixedEffects& absorbed) const {
    std::vector<Numbers> blocks;
    for (const Numbers& y : years_) blocks.push_back(owned(y));
    return find_moments(comm_, workspace_, filter, matrices(filter), columns, blocks,
                        GetParam().acts_on, absorbed);
  }
  GaussianFlow model(const FlowFilter& filter, const FilterDeterminant& log_det,
                     const std::vector<FlowColumn>& columns, const FixedEffects& absorbed) const {
    return {filter, log_det, moments(filter, columns, absorbed), std::ssize(years_),
            texts(columns)};
  }

  std::vector<Numbers> years_{oracle::random_vector(cells, 21), oracle::random_vector(cells, 22)};
};

TEST_P(FixedEffectsTest, AreTheLeastSquaresOfTheDenseDesign) {
  const FlowFilter whole = filter(full, all);
  const auto log_det = determinant(whole);
  const Numbers at{0.25, 0.3, -0.1};
  const auto value = model(whole, *log_det, mixed_columns(), effects()).evaluate(at);
  const Matrix a = dense(at[0], at[1], at[2]);
  const Matrix design = dense_design();
  const Matrix z = on_errors() ? oracle::multiply(a, design) : design;
  const Matrix zt = oracle::transpose(z);
  Numbers y = years_[0];
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = (y[i] + years_[1][i]) / 2;
  const Numbers delta =
      oracle::solve(oracle::multiply(zt, z), oracle::multiply(zt, oracle::multiply(a, y)));
  double squares = 0;
  for (const Numbers& year : years_) {
    Numbers r = oracle::multiply(a, year);
    const Numbers trend = oracle::multiply(z, delta);
    for (std::size_t i = 0; i < r.size(); ++i) squares += (r[i] - trend[i]) * (r[i] - trend[i]);
  }
  const double sigma2 = squares / (2 * cells);
  EXPECT_NEAR(value.sigma2, sigma2, 1e-13);
  EXPECT_NEAR(value.log_likelihood,
              2 * oracle::log_abs_det(a) - cells * (1 + std::log(2 * std::numbers::pi * sigma2)),
              1e-10);
  for (std::size_t j = 0; j < 2; ++j) {
    EXPECT_NEAR(value.squares.coefficients[j], delta[j], 1e-12);
  }
  // Zδ + Dα, whatever the normalisation.
  const auto c = whole.coefficients(at).value;
  const FlowMoments sums = moments(whole, mixed_columns(), effects());
  EffectValues found = best_effects(sums, c, value.squares.coefficients);
  const FlowMatrices m = matrices(whole);
  if (on_errors()) {
    found = solve_for_effects(comm_, whole, m, c, found);
    const EffectValues again =
        solve_for_effects(comm_, whole, m, c, apply_to_effects(whole, m, c, found));
    for (const std::size_t mode : {0U, 1U}) {
      ASSERT_EQ(again[mode].size(), found[mode].size());
      for (std::size_t i = 0; i < found[mode].size(); ++i) {
        EXPECT_NEAR(again[mode][i], found[mode][i], 1e-12);
      }
    }
  }
  Numbers trend(cells, 0.0);
  add_effects(found, 0, destinations, trend);
  for (Index i = 0; i < cells; ++i) {
    for (Index j = 0; j < 2; ++j) {
      trend[static_cast<std::size_t>(i)] += design(i, j) * delta[static_cast<std::size_t>(j)];
    }
  }
  EXPECT_LT(oracle::relative_error(trend, oracle::multiply(design, delta)), 1e-12);
  for (const std::size_t mode : {0U, 1U}) EXPECT_EQ(found[mode].empty(), !effects().modes[mode]);
  if (effects().modes[0] && effects().modes[1]) {
    EXPECT_NEAR(std::accumulate(found[1].begin(), found[1].end(), 0.0), 0, 1e-12);
  }
}

TEST_P(FixedEffectsTest, HaveTheDerivativesAndInformationOfDummies) {
  const FlowFilter whole = filter(full, all);
  const auto log_det = determinant(whole);
  auto with_dummies = mixed_columns();
  for (FlowColumn& dummy : dummies(effects())) with_dummies.push_back(std::move(dummy));
  const Numbers at{0.25, 0.3, -0.1};
  const GaussianFlow absorbed = model(whole, *log_det, mixed_columns(), effects());
  const GaussianFlow plain = model(whole, *log_det, with_dummies, {});
  const auto value = absorbed.evaluate(at);
  const auto expected = plain.evaluate(at);
  EXPECT_NEAR(value.log_likelihood, expected.log_likelihood, 1e-10);
  EXPECT_LT(oracle::relative_error(value.gradient, expected.gradient), 1e-11);
  EXPECT_LT(oracle::relative_error(value.hessian, expected.hessian), 1e-11);
  // The covariance of (θ, δ, σ²): the last one behind the dummies.
  const auto square = [](const Numbers& values) {
    const auto n = static_cast<Index>(std::lround(std::sqrt(values.size())));
    Matrix matrix(n, n);
    matrix.values = values;
    return oracle::inverse(matrix);
  };
  const Matrix covariance = square(absorbed.information(at));
  const Matrix wanted = square(plain.information(at));
  ASSERT_EQ(covariance.rows, 6);
  const auto place = [&](Index i) { return i < 5 ? i : wanted.rows - 1; };
  for (Index i = 0; i < 6; ++i) {
    for (Index j = 0; j < 6; ++j) {
      const double scale = std::sqrt(covariance(i, i) * covariance(j, j));
      EXPECT_NEAR(covariance(i, j) / scale, wanted(place(i), place(j)) / scale, 1e-10);
    }
  }
}

TEST_P(FixedEffectsTest, NameColumnsThatTheyContain) {
  const FlowFilter whole = filter(full, all);
  const auto log_det = determinant(whole);
  auto with = mixed_columns();
  const bool of_origins = effects().modes[0];
  with.push_back({FlowColumn::Kind::kron,
                  of_origins ? "kron(pop, 1)" : "kron(1, pop)",
                  of_origins ? oracle::random_vector(origins, 3) : Numbers(origins, 1),
                  of_origins ? Numbers(destinations, 1) : oracle::random_vector(destinations, 3),
                  {}});
  try {
    model(whole, *log_det, with, effects()).check_columns(Numbers{0.1, 0.1, 0});
    FAIL();
  } catch (const core::DataError& error) {
    EXPECT_NE(std::string(error.what())
                  .find("the column '" + with.back().text +
                        "' of the mean is a combination of the fixed effects '" +
                        (of_origins ? "origin'" : "destination'")),
              std::string::npos)
        << error.what();
  }
  model(whole, *log_det, mixed_columns(), effects()).check_columns(Numbers{0.1, 0.1, 0});
}

TEST_P(FixedEffectsTest, CountTheDigitsThatTheMeansTake) {
  use(equal_rows(origins, 1), equal_rows(destinations, 2));
  for (Numbers& year : years_) {
    for (double& value : year) value += 1e5;
  }
  const FlowFilter whole = filter(full, all);
  const auto log_det = determinant(whole);
  const auto value = model(whole, *log_det, mixed_columns(), effects()).evaluate({{0.1, 0.1, 0}});
  EXPECT_GT(value.squares.lost_digits, 9);
}

INSTANTIATE_TEST_SUITE_P(Modes, FixedEffectsTest,
                         ::testing::Values(Case{FilterActsOn::response, {{true, false}}},
                                           Case{FilterActsOn::response, {{false, true}}},
                                           Case{FilterActsOn::response, {{true, true}}},
                                           Case{FilterActsOn::errors, {{true, false}}},
                                           Case{FilterActsOn::errors, {{false, true}}},
                                           Case{FilterActsOn::errors, {{true, true}}}),
                         [](const auto& parameter) {
                           const Case& which = parameter.param;
                           return std::string(which.acts_on == FilterActsOn::errors
                                                  ? "OnErrors"
                                                  : "OnResponse") +
                                  (which.effects.modes[0] ? "OfOrigins" : "") +
                                  (which.effects.modes[1] ? "OfDestinations" : "");
                         });

class UnequalRowsTest : public FlowFixture {};

TEST_F(UnequalRowsTest, AreFoundAmongTheMatricesOfAMode) {
  const FlowFilter whole = filter(full, all);
  const auto found = find_unequal_rows(matrices(whole)[1]);
  ASSERT_TRUE(found);
  EXPECT_EQ(whole.matrices(1)[found->matrix]->text, "W");
  EXPECT_EQ(found->row, destinations - 1);
  EXPECT_EQ(found->sum, 0);
  EXPECT_NEAR(found->first_sum, 1, 1e-15);
  const FlowFilter one = filter("kron(eye(5), eye(7)) - o*kron(V, eye(7))", {"o"});
  EXPECT_FALSE(find_unequal_rows(matrices(one)[1]));
}

}  // namespace
}  // namespace kronwerk::models
