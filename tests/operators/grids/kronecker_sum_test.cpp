#include "kronwerk/operators/grids/kronecker_sum.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "kronwerk/distribution/partition.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::operators {
namespace {

using Vectors = std::vector<std::vector<double>>;

std::vector<double> range(Index count) {
  std::vector<double> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0.0);
  return values;
}

Vectors random_diagonals(const Extents& extents) {
  Vectors result;
  for (const Index extent : extents) result.push_back(oracle::random_vector(extent, result.size()));
  return result;
}

/// By the definition, in extended precision.
std::vector<double> expected_sums(const Vectors& diagonals) {
  std::vector<long double> sums{0};
  for (const auto& diagonal : diagonals) {
    std::vector<long double> longer;
    for (const long double sum : sums) {
      for (const double value : diagonal) longer.push_back(sum + value);
    }
    sums = std::move(longer);
  }
  return {sums.begin(), sums.end()};
}

/// One mode, many modes, extents of 1, primes, rows too short for a vector and longer than a table,
/// and a block that is larger than a cache.
const std::vector<Extents> grids{{5},
                                 {1},
                                 {2, 3, 4},
                                 {1, 7, 1},
                                 {13, 1, 11, 2},
                                 {3, 2500},
                                 {2, 20000},
                                 {5000, 3},
                                 {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2},
                                 {37, 40, 41},
                                 {700, 1, 751}};

class KroneckerSum : public testing::Test {
 protected:
  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
};

TEST_F(KroneckerSum, OfRangesIsTheKnownSequence) {
  const Vectors diagonals{range(2), range(3), range(4)};
  std::vector<double> values(24);
  kronecker_sum_diagonal(diagonals, 0, values);
  EXPECT_EQ(values, (std::vector<double>{0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5,
                                         1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6}));
}

TEST_F(KroneckerSum, IsTheDefinitionForEveryGridAndPartition) {
  for (const Extents& extents : grids) {
    SCOPED_TRACE(core::to_text(extents));
    const Vectors diagonals = random_diagonals(extents);
    const auto expected = expected_sums(diagonals);
    std::vector<double> whole(expected.size());
    kronecker_sum_diagonal(diagonals, 0, whole);
    ASSERT_LT(oracle::relative_error(whole, expected), 1e-15);
    // The same bits from the parts of five ranks, whatever place in a row they begin at.
    const distribution::BlockPartition part(std::ssize(whole), 5);
    for (int rank = 0; rank < 5; ++rank) {
      std::vector<double> own(static_cast<std::size_t>(part.count(rank)));
      kronecker_sum_diagonal(diagonals, part.begin(rank), own);
      EXPECT_TRUE(std::equal(own.begin(), own.end(), whole.begin() + part.begin(rank)));
    }
  }
}

TEST_F(KroneckerSum, ScalesAccumulatesAndInverts) {
  for (const Extents& extents : grids) {
    SCOPED_TRACE(core::to_text(extents));
    Vectors diagonals = random_diagonals(extents);
    for (double& value : diagonals.front()) value += 40;
    const auto sums = expected_sums(diagonals);
    const Index begin = std::ssize(sums) / 3;
    const auto count = sums.size() - static_cast<std::size_t>(begin);
    std::vector<double> start(count, 0.5);
    std::vector<double> scaled(count), added = start, inverse(count), inverse_added = start;
    kronecker_sum_diagonal(diagonals, begin, scaled, -2);
    kronecker_sum_diagonal(diagonals, begin, added, 3, true);
    kronecker_sum_diagonal(diagonals, begin, inverse, 7, false, SumFunction::reciprocal);
    kronecker_sum_diagonal(diagonals, begin, inverse_added, 1, true, SumFunction::reciprocal);
    for (std::size_t i = 0; i < count; ++i) {
      const double s = sums[static_cast<std::size_t>(begin) + i];
      ASSERT_NEAR(scaled[i], -2 * s, 1e-13);
      ASSERT_NEAR(added[i], 0.5 + 3 * s, 1e-13);
      ASSERT_NEAR(inverse[i], 7 / s, 1e-14);
      ASSERT_NEAR(inverse_added[i], 0.5 + 1 / s, 1e-14);
    }
  }
}

TEST_F(KroneckerSum, IsVisitedInPiecesThatFollowEachOther) {
  for (const Extents& extents : grids) {
    SCOPED_TRACE(core::to_text(extents));
    const Vectors diagonals = random_diagonals(extents);
    const auto expected = expected_sums(diagonals);
    const Index begin = std::ssize(expected) / 7;
    Index next = begin;
    visit_kronecker_sum(diagonals, begin, std::ssize(expected) - begin,
                        [&](Index first, std::span<double> piece) {
                          ASSERT_EQ(first, next);
                          for (const double value : piece) {
                            ASSERT_NEAR(value, expected[static_cast<std::size_t>(next)], 1e-14);
                            ++next;
                          }
                        });
    EXPECT_EQ(next, std::ssize(expected));
  }
}

TEST_F(KroneckerSum, DeterminantIsTheProductOfTheSums) {
  for (const Extents& extents : grids) {
    SCOPED_TRACE(core::to_text(extents));
    const Vectors diagonals = random_diagonals(extents);
    long double log_abs = 0;
    int sign = 1;
    for (const double s : expected_sums(diagonals)) {
      log_abs += std::log(std::abs(static_cast<long double>(s)));
      if (s < 0) sign = -sign;
    }
    const auto found = kronecker_sum_determinant(comm_, diagonals);
    EXPECT_EQ(found.sign, sign);
    EXPECT_NEAR(found.log_abs, static_cast<double>(log_abs),
                1e-13 * (1 + std::abs(static_cast<double>(log_abs))));
  }
}

TEST_F(KroneckerSum, DeterminantTakesTinyHugeAndEqualValues) {
  const double tiny = 0x1p-1060;
  const double huge = 0x1p1000;
  const auto log_of = [&](const Vectors& diagonals) {
    return kronecker_sum_determinant(comm_, diagonals).log_abs;
  };
  // 600 x 20 equal values: any product of mantissas without exponents would leave the range.
  EXPECT_NEAR(log_of({std::vector<double>(600, huge), std::vector<double>(20, 0)}),
              12000 * 1000 * std::log(2), 1e-6);
  EXPECT_NEAR(log_of({std::vector<double>(600, tiny), std::vector<double>(20, 0)}),
              -12000 * 1060 * std::log(2), 1e-6);
  // Just below one: exponents and mantissas must not cancel each other.
  const double below = 1 - 0x1p-30;
  EXPECT_NEAR(log_of({std::vector<double>(100, below), std::vector<double>(100, 0)}),
              1e4 * std::log1p(-0x1p-30), 1e-12);
}

TEST_F(KroneckerSum, DeterminantOfASingularSumIsZero) {
  const auto found = kronecker_sum_determinant(comm_, Vectors{{1, 2, 3}, {5, -2, 7, 8}});
  EXPECT_EQ(found.sign, 0);
  EXPECT_EQ(found.log_abs, -std::numeric_limits<double>::infinity());
}

TEST_F(KroneckerSum, RefusesWhatHasNoValue) {
  std::vector<double> values(4);
  EXPECT_THROW(kronecker_sum_diagonal(Vectors{}, 0, values), core::ShapeError);
  EXPECT_THROW(kronecker_sum_diagonal(Vectors{{1, 2, 3}}, 0, values), core::ShapeError);
  EXPECT_THROW(kronecker_sum_diagonal(Vectors{{1, 2, 3, 4}}, 1, values), core::ShapeError);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double largest = std::numeric_limits<double>::max();
  EXPECT_THROW(kronecker_sum_determinant(comm_, Vectors{{1, nan}, {2}}), core::DataError);
  EXPECT_THROW(kronecker_sum_determinant(comm_, Vectors{{1, largest}, {largest}}), core::DataError);
}

}  // namespace
}  // namespace kronwerk::operators
