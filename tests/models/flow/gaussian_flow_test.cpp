#include "kronwerk/models/flow/gaussian_flow.hpp"

#include <numeric>

#include "models/flow/flow_fixture.hpp"

namespace kronwerk::models {
namespace {

const std::string full = "kron(I, I) - o*kron(V, I) - d*kron(I, W) - w*kron(V, W)";
const std::vector<std::string> all{"o", "d", "w"};

double inner(const Numbers& x, const Numbers& y) {
  return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
}

/// What the dense definition gives at (o, d, w), δ and σ².
class GaussianFlowTest : public FlowFixture, public ::testing::WithParamInterface<FilterActsOn> {
 protected:
  /// N(0, …) with the residual r = Ay - Zδ or A(y - Zδ), summed over the years.
  double log_likelihood(const Numbers& at) const {
    const Matrix a = dense(at[0], at[1], at[2]);
    const Numbers delta(at.begin() + 3, at.end() - 1);
    const double sigma2 = at.back();
    double sum = 0;
    for (const Numbers& y : years_) {
      const Numbers trend = oracle::multiply(design(), delta);
      Numbers r = y;
      if (GetParam() == FilterActsOn::errors) {
        for (std::size_t i = 0; i < r.size(); ++i) r[i] -= trend[i];
        r = oracle::multiply(a, r);
      } else {
        r = oracle::multiply(a, r);
        for (std::size_t i = 0; i < r.size(); ++i) r[i] -= trend[i];
      }
      sum += oracle::log_abs_det(a) - cells / 2.0 * std::log(2 * std::numbers::pi * sigma2) -
             inner(r, r) / (2 * sigma2);
    }
    return sum;
  }
  /// At the δ and σ² that are best for (o, d, w): (o, d, w, δ, σ²).
  Numbers best(double o, double d, double w) const {
    const Matrix a = dense(o, d, w);
    const Matrix z = GetParam() == FilterActsOn::errors ? oracle::multiply(a, design()) : design();
    const Matrix zt = oracle::transpose(z);
    Numbers right(4, 0.0);
    for (const Numbers& y : years_) {
      const Numbers part = oracle::multiply(zt, oracle::multiply(a, y));
      for (std::size_t j = 0; j < 4; ++j) right[j] += part[j] / static_cast<double>(years_.size());
    }
    const Numbers delta = oracle::solve(oracle::multiply(zt, z), right);
    double squares = 0;
    for (const Numbers& y : years_) {
      Numbers r = oracle::multiply(a, y);
      const Numbers trend = oracle::multiply(z, delta);
      for (std::size_t i = 0; i < r.size(); ++i) r[i] -= trend[i];
      squares += inner(r, r);
    }
    Numbers result{o, d, w};
    result.insert(result.end(), delta.begin(), delta.end());
    result.push_back(squares / static_cast<double>(cells * std::ssize(years_)));
    return result;
  }

  GaussianFlow model(const FlowFilter& filter, const FilterDeterminant& log_det) const {
    std::vector<Numbers> blocks;
    for (const Numbers& y : years_) blocks.push_back(owned(y));
    auto moments =
        find_moments(comm_, workspace_, filter, matrices(filter), columns(), blocks, GetParam());
    return {filter, log_det, std::move(moments), std::ssize(years_), texts(columns())};
  }

  void expect_dense_values() const {
    const FlowFilter whole = filter(full, all);
    const auto log_det = determinant(whole);
    const GaussianFlow flow = model(whole, *log_det);
    const Numbers at{0.25, 0.3, -0.1};
    const auto value = flow.evaluate(at);
    const Numbers expected = best(0.25, 0.3, -0.1);
    EXPECT_NEAR(value.log_likelihood, log_likelihood(expected), 1e-10);
    EXPECT_NEAR(value.sigma2, expected.back(), 1e-12);
    for (std::size_t j = 0; j < 4; ++j) {
      EXPECT_NEAR(value.squares.coefficients[j], expected[3 + j], 1e-11);
    }
    constexpr double step = 1e-4;
    for (std::size_t p = 0; p < 3; ++p) {
      Numbers above = at, below = at;
      above[p] += step;
      below[p] -= step;
      const double difference = (log_likelihood(best(above[0], above[1], above[2])) -
                                 log_likelihood(best(below[0], below[1], below[2]))) /
                                (2 * step);
      EXPECT_NEAR(value.gradient[p], difference, 1e-6 * (1 + std::abs(difference)));
      const auto upper = flow.evaluate(above).gradient;
      const auto lower = flow.evaluate(below).gradient;
      for (std::size_t q = 0; q < 3; ++q) {
        const double second = (upper[q] - lower[q]) / (2 * step);
        EXPECT_NEAR(value.hessian[p * 3 + q], second, 1e-5 * (1 + std::abs(second)));
      }
    }
  }

  std::vector<Numbers> years_{oracle::random_vector(cells, 21)};
};

TEST_P(GaussianFlowTest, IsTheDenseLikelihoodWithItsDerivatives) {
  expect_dense_values();
}

TEST_P(GaussianFlowTest, SumsOverYearsThatShareTheParameters) {
  years_.push_back(oracle::random_vector(cells, 22));
  years_.push_back(oracle::random_vector(cells, 23));
  expect_dense_values();
}

TEST_P(GaussianFlowTest, HoldsForNearlyDefectiveWeights) {
  use(nearly_defective(origins), nearly_defective(destinations));
  expect_dense_values();
}

TEST_P(GaussianFlowTest, HoldsForSparseWeightsOfNeighbours) {
  sparse_ = true;
  Matrix chain(origins, origins);
  for (Index i = 0; i + 1 < origins; ++i) chain(i, i + 1) = chain(i + 1, i) = 0.5;
  use(chain, weights(destinations, 2));
  expect_dense_values();
}

TEST_P(GaussianFlowTest, GivesTheInformationOfAllParameters) {
  const FlowFilter whole = filter(full, all);
  const auto log_det = determinant(whole);
  const GaussianFlow flow = model(whole, *log_det);
  const Numbers at = best(0.2, 0.1, 0.05);
  const auto information = flow.information(std::span(at).first(3));
  const std::size_t n = at.size();
  ASSERT_EQ(information.size(), n * n);
  constexpr double step = 1e-3;
  for (std::size_t a = 0; a < n; ++a) {
    for (std::size_t b = 0; b < n; ++b) {
      // Fourth order: by differences of two widths.
      const auto second = [&](double h) {
        const auto moved = [&](double by_a, double by_b) {
          Numbers x = at;
          x[a] += by_a * h;
          x[b] += by_b * h;
          return log_likelihood(x);
        };
        return (moved(1, 1) - moved(1, -1) - moved(-1, 1) + moved(-1, -1)) / (4 * h * h);
      };
      const double expected = -(4 * second(step) - second(2 * step)) / 3;
      EXPECT_NEAR(information[a * n + b], expected, 1e-5 * (1 + std::abs(expected)))
          << a << ", " << b;
    }
  }
}

TEST_P(GaussianFlowTest, NestedModelsAgreeAtTheBorder) {
  const FlowFilter whole = filter(full, all);
  const FlowFilter product = filter("kron(I - o*V, I - d*W)", {"o", "d"});
  const auto whole_det = determinant(whole);
  const auto product_det = determinant(product);
  const auto a = model(whole, *whole_det).evaluate(Numbers{0.4, 0.2, -0.08});
  const auto b = model(product, *product_det).evaluate(Numbers{0.4, 0.2});
  EXPECT_NEAR(a.log_likelihood, b.log_likelihood, 1e-10);
  // dℓ/do of the product: by o, and by w = -o d.
  EXPECT_NEAR(b.gradient[0], a.gradient[0] - 0.2 * a.gradient[2], 1e-9);
  const FlowFilter one = filter("kron(I, I) - o*kron(V, I) - 0.3*kron(I, W)", {"o"});
  const auto one_det = determinant(one);
  EXPECT_NEAR(model(one, *one_det).evaluate(Numbers{0.1}).log_likelihood,
              model(whole, *whole_det).evaluate(Numbers{0.1, 0.3, 0}).log_likelihood, 1e-10);
}

TEST_P(GaussianFlowTest, NamesColumnsThatAreCombinationsOfOthers) {
  const FlowFilter whole = filter(full, all);
  const auto log_det = determinant(whole);
  auto list = columns();
  FlowColumn twice = list[1];
  twice.text = "twice";
  for (double& value : twice.origin) value = 2 * value - 3;
  list.push_back(twice);
  const std::vector<Numbers> blocks{owned(years_[0])};
  const auto check = [&](const std::vector<FlowColumn>& with) {
    GaussianFlow flow(
        whole, *log_det,
        find_moments(comm_, workspace_, whole, matrices(whole), with, blocks, GetParam()), 1,
        texts(with));
    flow.check_columns(Numbers{0.1, 0.1, 0});
  };
  check(columns());
  const auto message_of = [&](const std::vector<FlowColumn>& with) -> std::string {
    try {
      check(with);
    } catch (const core::DataError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_NE(message_of(list).find("'twice' of the mean is a linear combination of 'kron(1, 1)' "
                                  "and 'kron(u, 1)'"),
            std::string::npos)
      << message_of(list);
  list.back().origin.assign(origins, 0);
  EXPECT_NE(message_of(list).find("'twice' of the mean is zero"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Filters, GaussianFlowTest,
                         ::testing::Values(FilterActsOn::response, FilterActsOn::errors), name_of);

/// Columns along the diagonal need a square grid.
class FlowDiagonal : public FlowFixture, public ::testing::WithParamInterface<FilterActsOn> {};

TEST_P(FlowDiagonal, EntersLikeTheGridThatItIs) {
  use(weights(5, 1), weights(5, 3));
  const FlowFilter whole = filter(full, all);
  ASSERT_EQ(whole.extents(), (core::Extents{5, 5}));
  const Numbers d = oracle::random_vector(5, 9);
  Numbers as_grid(25, 0.0);
  for (std::size_t i = 0; i < 5; ++i) as_grid[i * 6] = d[i];
  const distribution::BlockPartition rows(5, comm_.size());
  const auto part = [&](const Numbers& grid) {
    const auto begin = grid.begin() + rows.begin(comm_.rank()) * 5;
    return Numbers{begin, begin + rows.count(comm_.rank()) * 5};
  };
  std::vector<FlowColumn> list{
      {FlowColumn::Kind::kron,
       "kron(u, v)",
       oracle::random_vector(5, 4),
       oracle::random_vector(5, 5),
       {}},
      {FlowColumn::Kind::grid, "grid(g)", {}, {}, part(oracle::random_vector(25, 8))},
      {FlowColumn::Kind::diagonal, "diagonal(1)", Numbers(5, 1), {}, {}},
      {FlowColumn::Kind::diagonal, "diagonal(d)", d, {}, {}}};
  const std::vector<Numbers> years{part(oracle::random_vector(25, 11))};
  const auto moments = [&] {
    return find_moments(comm_, workspace_, whole, matrices(whole), list, years, GetParam());
  };
  const FlowMoments factored = moments();
  list[3] = {FlowColumn::Kind::grid, "grid(d)", {}, {}, part(as_grid)};
  const FlowMoments as_grids = moments();
  EXPECT_LT(oracle::relative_error(factored.yy, as_grids.yy), 1e-14);
  EXPECT_LT(oracle::relative_error(factored.zy, as_grids.zy), 1e-14);
  EXPECT_LT(oracle::relative_error(factored.zz, as_grids.zz), 1e-14);
  // And the values themselves.
  Numbers sum(years[0].size(), 0.0);
  for (const FlowColumn& column : list) {
    add_column(column, 2, rows.begin(comm_.rank()), 5, sum);
  }
  double whole_sum = 0;
  for (const double value : sum) whole_sum += value;
  double expected = 5;
  for (const double value : d) expected += value;
  for (const double value : oracle::random_vector(25, 8)) expected += value;
  double u = 0, v = 0;
  for (const double value : list[0].origin) u += value;
  for (const double value : list[0].destination) v += value;
  EXPECT_NEAR(comm_.sum(whole_sum), 2 * (expected + u * v), 1e-12);
}

INSTANTIATE_TEST_SUITE_P(Filters, FlowDiagonal,
                         ::testing::Values(FilterActsOn::response, FilterActsOn::errors), name_of);

}  // namespace
}  // namespace kronwerk::models
