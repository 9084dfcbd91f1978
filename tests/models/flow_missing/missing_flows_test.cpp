#include "kronwerk/models/flow_missing/missing_flows.hpp"

#include <numeric>

#include "kronwerk/models/flow/integrated_flow.hpp"
#include "models/flow/flow_fixture.hpp"

namespace kronwerk::models {
namespace {

/// Against the density of the observed flows alone, N(mean, σ²(AᵀA)⁻¹) at their rows and columns.
class MissingFlowsTest : public FlowFixture, public ::testing::WithParamInterface<FilterActsOn> {
 protected:
  using Cells = std::vector<Index>;

  static Cells observed(const Cells& missing) {
    Cells result;
    for (Index i = 0; i < cells; ++i) {
      if (std::ranges::find(missing, i) == missing.end()) result.push_back(i);
    }
    return result;
  }
  /// At (o, d, w), δ and σ².
  double log_likelihood(const Numbers& at) const {
    const Matrix a = dense(at[0], at[1], at[2]);
    const Matrix inverse = oracle::inverse(a);
    const Matrix covariance = oracle::multiply(inverse, oracle::transpose(inverse));
    Numbers mean = oracle::multiply(design(), Numbers(at.begin() + 3, at.end() - 1));
    if (GetParam() == FilterActsOn::response) mean = oracle::multiply(inverse, mean);
    double sum = 0;
    for (std::size_t year = 0; year < years_.size(); ++year) {
      const Cells kept = observed(missing_[year]);
      const Index n = std::ssize(kept);
      Matrix part(n, n);
      Numbers residual;
      for (Index i = 0; i < n; ++i) {
        const auto cell = static_cast<std::size_t>(kept[static_cast<std::size_t>(i)]);
        residual.push_back(years_[year][cell] - mean[cell]);
        for (Index j = 0; j < n; ++j) {
          part(i, j) = covariance(static_cast<Index>(cell), kept[static_cast<std::size_t>(j)]);
        }
      }
      const Numbers solved = oracle::solve(part, residual);
      sum -= 0.5 * (oracle::log_abs_det(part) +
                    static_cast<double>(n) * std::log(2 * std::numbers::pi * at.back()) +
                    std::inner_product(residual.begin(), residual.end(), solved.begin(), 0.0) /
                        at.back());
    }
    return sum;
  }

  /// With δ and σ² integrated out, under a flat prior and an inverse gamma (3, 2), up to a
  /// constant.
  double integrated(const Numbers& at) const {
    const Matrix a = dense(at[0], at[1], at[2]);
    const Matrix inverse = oracle::inverse(a);
    const Matrix covariance = oracle::multiply(inverse, oracle::transpose(inverse));
    const Matrix means =
        GetParam() == FilterActsOn::response ? oracle::multiply(inverse, design()) : design();
    const Index p = means.cols;
    Matrix gram(p, p);
    Numbers right(static_cast<std::size_t>(p), 0.0);
    double value = 0, squares = 0, count = 0;
    for (std::size_t year = 0; year < years_.size(); ++year) {
      const Cells kept = observed(missing_[year]);
      Cells columns(static_cast<std::size_t>(p));
      std::iota(columns.begin(), columns.end(), 0);
      const Matrix part = oracle::select(covariance, kept, kept);
      const Matrix z = oracle::select(means, kept, columns);
      const Numbers y = oracle::select(years_[year], kept);
      const Numbers solved = oracle::solve(part, y);
      gram =
          oracle::add(1, gram, 1, oracle::multiply(oracle::transpose(z), oracle::solve(part, z)));
      const Numbers more = oracle::multiply(oracle::transpose(z), solved);
      for (std::size_t j = 0; j < right.size(); ++j) right[j] += more[j];
      squares += std::inner_product(y.begin(), y.end(), solved.begin(), 0.0);
      value -= 0.5 * oracle::log_abs_det(part);
      count += static_cast<double>(kept.size());
    }
    const Numbers best = oracle::solve(gram, right);
    squares -= std::inner_product(best.begin(), best.end(), right.begin(), 0.0);
    return value - 0.5 * oracle::log_abs_det(gram) -
           (3 + (count - static_cast<double>(p)) / 2) * std::log(2 + squares / 2);
  }

  void expect_dense_integral() const {
    const FlowFilter whole =
        filter("kron(I, I) - o*kron(V, I) - d*kron(I, W) - w*kron(V, W)", {"o", "d", "w"});
    const auto log_det = determinant(whole);
    const auto numbers = matrices(whole);
    const auto blocks = filled_blocks();
    const IntegratedFlow flow(
        whole, *log_det,
        find_moments(comm_, workspace_, whole, numbers, columns(), blocks, GetParam()), 3, 2,
        MissingFlows(comm_, workspace_, whole, numbers, columns(), blocks, missing_, GetParam()));
    const Numbers at{0.25, 0.3, -0.1}, other{0.1, -0.2, 0.05};
    const auto found = flow.evaluate(at);
    EXPECT_NEAR(found.value - flow.evaluate(other).value, integrated(at) - integrated(other), 1e-9);
    constexpr double step = 1e-5;
    for (std::size_t p = 0; p < 3; ++p) {
      Numbers above = at, below = at;
      above[p] += step;
      below[p] -= step;
      EXPECT_NEAR(found.gradient[p], (integrated(above) - integrated(below)) / (2 * step), 1e-5);
    }
  }

  /// With zeros where a flow is missing.
  std::vector<Numbers> filled_blocks() const {
    std::vector<Numbers> blocks;
    for (std::size_t year = 0; year < years_.size(); ++year) {
      Numbers filled = years_[year];
      for (const Index cell : missing_[year]) filled[static_cast<std::size_t>(cell)] = 0;
      blocks.push_back(owned(filled));
    }
    return blocks;
  }

  GaussianFlow model(const FlowFilter& filter, const FilterDeterminant& log_det) const {
    const auto blocks = filled_blocks();
    const auto numbers = matrices(filter);
    auto moments = find_moments(comm_, workspace_, filter, numbers, columns(), blocks, GetParam());
    MissingFlows missing(comm_, workspace_, filter, numbers, columns(), blocks, missing_,
                         GetParam());
    return {filter,           log_det,           std::move(moments), std::ssize(years_),
            texts(columns()), std::move(missing)};
  }

  void expect_dense_values() const {
    const FlowFilter whole =
        filter("kron(I, I) - o*kron(V, I) - d*kron(I, W) - w*kron(V, W)", {"o", "d", "w"});
    const auto log_det = determinant(whole);
    const GaussianFlow flow = model(whole, *log_det);
    const Numbers at{0.25, 0.3, -0.1};
    const auto value = flow.evaluate(at);
    Numbers all = at;
    all.insert(all.end(), value.squares.coefficients.begin(), value.squares.coefficients.end());
    all.push_back(value.sigma2);
    EXPECT_NEAR(value.log_likelihood, log_likelihood(all), 1e-10);
    // δ and σ² are at their maximum, and the gradient by the others is that of the concentrated
    // likelihood.
    const std::size_t n = all.size();
    constexpr double step = 1e-4;
    for (std::size_t a = 0; a < n; ++a) {
      Numbers above = all, below = all;
      above[a] += step;
      below[a] -= step;
      const double slope = (log_likelihood(above) - log_likelihood(below)) / (2 * step);
      EXPECT_NEAR(a < 3 ? value.gradient[a] : 0, slope, 1e-5 * (1 + std::abs(slope))) << a;
    }
    for (std::size_t p = 0; p < 3; ++p) {
      Numbers above = at, below = at;
      above[p] += step;
      below[p] -= step;
      const auto upper = flow.evaluate(above).gradient;
      const auto lower = flow.evaluate(below).gradient;
      for (std::size_t q = 0; q < 3; ++q) {
        const double second = (upper[q] - lower[q]) / (2 * step);
        EXPECT_NEAR(value.hessian[p * 3 + q], second, 1e-5 * (1 + std::abs(second)));
      }
    }
    const auto information = flow.information(at);
    for (std::size_t a = 0; a < n; ++a) {
      for (std::size_t b = 0; b <= a; ++b) {
        const auto moved = [&](double by_a, double by_b) {
          Numbers x = all;
          x[a] += by_a * 2e-4;
          x[b] += by_b * 2e-4;
          return log_likelihood(x);
        };
        const double expected =
            -(moved(1, 1) - moved(1, -1) - moved(-1, 1) + moved(-1, -1)) / (4 * 4e-8);
        EXPECT_NEAR(information[a * n + b], expected, 1e-3 * (1 + std::abs(expected)))
            << a << ", " << b;
      }
    }
  }

  std::vector<Numbers> years_{oracle::random_vector(cells, 21)};
  std::vector<Cells> missing_{{0, 3, 8, 9, 20, 33, 34}};
};

TEST_P(MissingFlowsTest, LeaveTheDensityOfTheObservedOnes) {
  expect_dense_values();
}

TEST_P(MissingFlowsTest, LeaveTheIntegralOverCoefficientsAndVarianceOfTheObservedOnes) {
  expect_dense_integral();
  years_.push_back(oracle::random_vector(cells, 22));
  missing_.push_back({1, 8, 30});
  expect_dense_integral();
}

TEST_P(MissingFlowsTest, MayDifferFromYearToYear) {
  years_.push_back(oracle::random_vector(cells, 22));
  years_.push_back(oracle::random_vector(cells, 23));
  missing_.push_back({});
  missing_.push_back({1, 8, 30});
  expect_dense_values();
}

TEST_P(MissingFlowsTest, MayBeAWholeOriginOrDestination) {
  missing_[0].clear();
  for (Index i = 0; i < cells; ++i) {
    if (i / destinations == 2 || i % destinations == 6) missing_[0].push_back(i);
  }
  expect_dense_values();
}

INSTANTIATE_TEST_SUITE_P(Filters, MissingFlowsTest,
                         ::testing::Values(FilterActsOn::response, FilterActsOn::errors), name_of);

}  // namespace
}  // namespace kronwerk::models
