#include "kronwerk/operators/grids/projection.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "kronwerk/distribution/partition.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::operators {
namespace {

using Vectors = std::vector<std::vector<double>>;
constexpr double epsilon = std::numeric_limits<double>::epsilon();

std::vector<double> range(Index count, double centre = 0) {
  std::vector<double> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), -centre);
  return values;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Mean of f(x) over the other modes, in extended precision.
template <typename Function>
Vectors mode_means(const Extents& extents, const std::vector<double>& x, Function&& f) {
  Vectors result;
  Index right = core::product(extents);
  for (const Index extent : extents) {
    right /= extent;
    std::vector<long double> sums(static_cast<std::size_t>(extent), 0);
    for (std::size_t p = 0; p < x.size(); ++p) {
      sums[static_cast<std::size_t>(static_cast<Index>(p) / right % extent)] += f(x[p]);
    }
    auto& means = result.emplace_back();
    for (const long double sum : sums) {
      means.push_back(static_cast<double>(sum * static_cast<long double>(extent) /
                                          static_cast<long double>(x.size())));
    }
  }
  return result;
}

class Projection : public testing::Test {
 protected:
  /// Projects a vector that every rank holds whole, each rank giving its part.
  KroneckerSumFit project(const Extents& extents, const std::vector<double>& x,
                          TraceRule rule = TraceRule::split) const {
    const distribution::BlockPartition part(std::ssize(x), comm_.size());
    const Index begin = part.begin(comm_.rank());
    return project_vector(comm_, extents, begin,
                          std::span(x).subspan(static_cast<std::size_t>(begin),
                                               static_cast<std::size_t>(part.count(comm_.rank()))),
                          rule);
  }

  /// In blocks of two rows.
  KroneckerSumFit project(const Extents& extents, const oracle::Matrix& m,
                          TraceRule rule = TraceRule::split) const {
    MatrixProjection projection(comm_, extents);
    const distribution::BlockPartition part(m.rows, comm_.size());
    for (Index row = part.begin(comm_.rank()); row < part.end(comm_.rank()); row += 2) {
      const Index rows = std::min<Index>(2, part.end(comm_.rank()) - row);
      projection.add_rows(row,
                          std::span(m.values).subspan(static_cast<std::size_t>(row * m.cols),
                                                      static_cast<std::size_t>(rows * m.cols)));
    }
    return projection.finish(rule);
  }

  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
};

/// The Kronecker sum of the matrices, with an offset.
oracle::Matrix kronecker_sum(const Extents& extents, const Vectors& factors, double offset) {
  oracle::Matrix sum(core::product(extents), core::product(extents));
  for (Index i = 0; i < sum.rows; ++i) sum(i, i) = offset;
  for (std::size_t k = 0; k < extents.size(); ++k) {
    std::vector<oracle::Matrix> term;
    for (const Index extent : extents) term.push_back(oracle::identity(extent));
    term[k].values = factors[k];
    sum = oracle::add(1, sum, 1, oracle::kron(term));
  }
  return sum;
}

std::vector<double> kronecker_sum(const Vectors& factors, double offset) {
  std::size_t size = 1;
  for (const auto& factor : factors) size *= factor.size();
  std::vector<double> sum(size, offset);
  kronecker_sum_diagonal(factors, 0, sum, 1, true);
  return sum;
}

TEST_F(Projection, OfCentredRangesRecoversThem) {
  const Vectors factors{range(50, 24.5), range(100, 49.5), range(150, 74.5)};
  const Extents extents{50, 100, 150};
  const auto fit = project(extents, kronecker_sum(factors, 0));
  for (std::size_t k = 0; k < factors.size(); ++k) {
    for (std::size_t i = 0; i < factors[k].size(); ++i) {
      EXPECT_NEAR(fit.factors[k][i], factors[k][i], 1e-12);
    }
  }
  EXPECT_NEAR(fit.mean, 0, 1e-12);
  EXPECT_LT(fit.residual, 1e-15);
  EXPECT_EQ(fit.explained, 1);
}

TEST_F(Projection, OfTracelessMatricesRecoversThem) {
  const Extents extents{3, 2};
  const Vectors factors{range(9, 4), range(4, 1.5)};
  const auto fit = project(extents, kronecker_sum(extents, factors, 0));
  for (std::size_t k = 0; k < factors.size(); ++k) {
    EXPECT_LT(oracle::relative_error(fit.factors[k], factors[k]), 1e-15);
  }
  EXPECT_LT(fit.residual, 1e-15);
}

TEST_F(Projection, MeansOfARangeMatrixAreTheKnownOnes) {
  const auto fit = project({3, 2, 2}, oracle::Matrix(12, 12, range(144)), TraceRule::none);
  // Without the mean of the diagonal, 71.5.
  EXPECT_EQ(fit.factors[1], (std::vector<double>{58.5 - 71.5, 60.5, 82.5, 84.5 - 71.5}));
  EXPECT_EQ(fit.offset, 71.5);
}

TEST_F(Projection, TraceRulesMoveTheMeanOnly) {
  const Extents extents{3, 1, 4};
  const auto x = oracle::random_vector(12, 3);
  const double mean = mean_of(x);
  const auto split = project(extents, x);
  const auto first = project(extents, x, TraceRule::first);
  const auto none = project(extents, x, TraceRule::none);
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(mean_of(split.factors[k]), mean / 3, 1e-15);
    EXPECT_NEAR(mean_of(first.factors[k]), k == 0 ? mean : 0, 1e-15);
    EXPECT_NEAR(mean_of(none.factors[k]), 0, 1e-15);
  }
  EXPECT_NEAR(none.offset, mean, 1e-15);
  EXPECT_EQ(split.offset, 0);
  EXPECT_EQ(first.offset, 0);
  const auto sum = kronecker_sum(split.factors, 0);
  EXPECT_LT(oracle::relative_error(kronecker_sum(first.factors, 0), sum), 1e-14);
  EXPECT_LT(oracle::relative_error(kronecker_sum(none.factors, none.offset), sum), 1e-14);
  const auto matrix = oracle::random_matrix(12, 12, 4);
  const auto matrix_split = project(extents, matrix);
  const auto matrix_sum = kronecker_sum(extents, matrix_split.factors, 0);
  for (const auto rule : {TraceRule::first, TraceRule::none}) {
    const auto other = project(extents, matrix, rule);
    EXPECT_LT(
        oracle::relative_error(kronecker_sum(extents, other.factors, other.offset), matrix_sum),
        1e-14);
  }
}

TEST_F(Projection, ResidualIsOrthogonalToEveryKroneckerSum) {
  std::uint64_t seed = 50;
  for (const Extents& extents :
       std::vector<Extents>{{5, 7}, {2, 3, 4}, {1, 6, 1}, {11}, {2, 1, 2, 3}}) {
    SCOPED_TRACE(core::to_text(extents));
    const Index size = core::product(extents);
    const auto m = oracle::random_matrix(size, size, ++seed);
    const auto fit = project(extents, m);
    const auto rest = oracle::add(1, m, -1, kronecker_sum(extents, fit.factors, 0));
    for (int trial = 0; trial < 5; ++trial) {
      Vectors random;
      for (const Index extent : extents) {
        random.push_back(oracle::random_vector(extent * extent, ++seed));
      }
      const auto other = kronecker_sum(extents, random, 0);
      double product = 0;
      for (std::size_t i = 0; i < rest.values.size(); ++i) {
        product += rest.values[i] * other.values[i];
      }
      EXPECT_NEAR(product, 0, 1e-12);
    }
    const auto zero = oracle::Matrix(size, size);
    const double expected = oracle::relative_error(oracle::add(1, m, -1, rest), m);
    EXPECT_NEAR(fit.residual, expected, 1e-14);
    EXPECT_NEAR(fit.norm, oracle::relative_error(m, zero), 1e-12);
  }
}

TEST_F(Projection, OfAVectorIsTheMeansOverTheOtherModes) {
  for (const Extents& extents : std::vector<Extents>{{7},
                                                     {5, 3},
                                                     {1, 6, 1},
                                                     {3, 2500},
                                                     {2, 20001},
                                                     {4001, 3},
                                                     {9, 13, 17, 2},
                                                     {2, 3, 2, 3, 2, 3, 2, 3, 2, 3},
                                                     {50, 100, 61}}) {
    SCOPED_TRACE(core::to_text(extents));
    const auto x = oracle::random_vector(core::product(extents), 8);
    const auto fit = project(extents, x, TraceRule::none);
    const auto means = mode_means(extents, x, [](double v) { return v; });
    EXPECT_NEAR(fit.mean, mean_of(x), 1e-13);
    for (std::size_t k = 0; k < extents.size(); ++k) {
      for (std::size_t i = 0; i < means[k].size(); ++i) {
        ASSERT_NEAR(fit.factors[k][i] + fit.mean, means[k][i], 4 * epsilon);
      }
    }
    const auto sum = kronecker_sum(fit.factors, fit.offset);
    EXPECT_NEAR(fit.residual, oracle::relative_error(sum, x), 1e-12);
  }
}

TEST_F(Projection, ErrorOfMeansIsBoundedUnderCancellation) {
  // Large values that cancel to a thousandth of their size at different places of every fibre.
  for (const Extents& extents : std::vector<Extents>{{300, 4001}, {31, 40, 37}, {1200, 300}}) {
    SCOPED_TRACE(core::to_text(extents));
    auto x = oracle::random_vector(core::product(extents), 21);
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] += (i * 7919 % 1000 < 500 ? 1e6 : -1e6) * (1 + 1e-3 * x[i]);
    }
    const auto fit = project(extents, x, TraceRule::none);
    const auto means = mode_means(extents, x, [](double v) { return v; });
    const auto sizes = mode_means(extents, x, [](double v) { return std::abs(v); });
    for (std::size_t k = 0; k < extents.size(); ++k) {
      for (std::size_t i = 0; i < means[k].size(); ++i) {
        // One rounding more for adding the mean of all back.
        ASSERT_NEAR(fit.factors[k][i] + fit.mean, means[k][i], 4 * epsilon * sizes[k][i]);
      }
    }
  }
}

TEST_F(Projection, OfOneModeReturnsTheInput) {
  const auto x = oracle::random_vector(13, 5);
  const auto fit = project({13}, x);
  EXPECT_EQ(fit.factors.at(0), x);
  EXPECT_EQ(fit.residual, 0);
  const auto m = oracle::random_matrix(5, 5, 5);
  const auto matrix_fit = project({5}, m);
  EXPECT_EQ(matrix_fit.factors.at(0), m.values);
  EXPECT_EQ(matrix_fit.residual, 0);
}

TEST_F(Projection, SmallResidualsAreNotLostInRounding) {
  const Extents extents{20, 31};
  Vectors factors{oracle::random_vector(20, 1), oracle::random_vector(31, 2)};
  auto x = kronecker_sum(factors, 100);
  x[17] += 1e-7;
  const auto fit = project(extents, x);
  const double expected = 1e-7 * std::sqrt(19.0 / 20 * 30.0 / 31);
  EXPECT_NEAR(fit.residual * fit.norm, expected, 1e-11);
  const Vectors small{oracle::random_vector(9, 1), oracle::random_vector(16, 2)};
  auto m = kronecker_sum({3, 4}, small, 100);
  m(0, 11) += 1e-9;
  const auto matrix_fit = project({3, 4}, m);
  EXPECT_NEAR(matrix_fit.residual * matrix_fit.norm, 1e-9, 1e-12);
}

TEST_F(Projection, OfAnInverseIsThatOfItsValues) {
  for (const Extents& extents : std::vector<Extents>{{7}, {40, 30}, {3, 2500}, {9, 13, 17, 2}}) {
    SCOPED_TRACE(core::to_text(extents));
    Vectors spectra;
    for (const Index extent : extents) {
      spectra.push_back(oracle::random_vector(extent, spectra.size()));
      for (double& value : spectra.back()) value += 1.5;
    }
    std::vector<double> inverse(static_cast<std::size_t>(core::product(extents)));
    kronecker_sum_diagonal(spectra, 0, inverse, 1, false, SumFunction::reciprocal);
    const auto expected = project(extents, inverse);
    const auto found = project_inverse(comm_, spectra);
    for (std::size_t k = 0; k < extents.size(); ++k) {
      EXPECT_LT(oracle::relative_error(found.factors[k], expected.factors[k]), 1e-14);
    }
    EXPECT_NEAR(found.residual, expected.residual, 1e-13);
  }
  EXPECT_THROW(project_inverse(comm_, Vectors{{1, 2}, {3, -2}}), core::DataError);
}

TEST_F(Projection, RefusesBadInputOnEveryRank) {
  EXPECT_THROW(project({}, std::vector<double>{}), core::ShapeError);
  EXPECT_THROW(project({3, 0}, std::vector<double>{}), core::ShapeError);
  std::vector<double> x(12, 1);
  x[5] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(project({3, 4}, x), core::DataError);
  x[5] = std::numeric_limits<double>::infinity();
  EXPECT_THROW(project({3, 4}, x), core::DataError);
  oracle::Matrix m(4, 4);
  m(3, 0) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(project({2, 2}, m), core::DataError);
  MatrixProjection projection(comm_, {2, 2});
  EXPECT_THROW(projection.add_rows(0, std::vector<double>(7)), core::ShapeError);
  EXPECT_THROW(projection.add_rows(3, std::vector<double>(8)), core::ShapeError);
  EXPECT_THROW(projection.finish(), core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::operators
