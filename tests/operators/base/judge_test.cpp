// The judge of solves, on a small dense system that every rank has a piece of.
#include "kronwerk/operators/base/judge.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kronwerk/distribution/partition.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::operators {
namespace {

using oracle::Matrix;
using Numbers = std::vector<double>;

constexpr std::int64_t size = 7;

class JudgeTest : public testing::Test {
 protected:
  JudgeTest() : comm_(communication::Communicator::duplicate(MPI_COMM_WORLD)) {}

  Index first() const { return part_.begin(comm_.rank()) * columns_; }
  /// This rank's piece of columns side by side.
  Numbers piece(const Numbers& all) const {
    const auto begin = all.begin() + first();
    return {begin, begin + part_.count(comm_.rank()) * columns_};
  }
  Numbers gathered(std::span<const double> own) const {
    Numbers all(static_cast<std::size_t>(size * columns_), 0.0);
    std::copy(own.begin(), own.end(), all.begin() + first());
    comm_.sum(std::span<double>(all));
    return all;
  }
  Numbers product(const Matrix& matrix, const Numbers& x) const {
    Numbers y(x.size(), 0.0);
    for (std::int64_t i = 0; i < size; ++i) {
      for (std::int64_t j = 0; j < size; ++j) {
        for (Index c = 0; c < columns_; ++c) {
          y[static_cast<std::size_t>(i * columns_ + c)] +=
              matrix(i, j) * x[static_cast<std::size_t>(j * columns_ + c)];
        }
      }
    }
    return y;
  }
  VectorMap map(const Matrix& matrix) {
    return [this, matrix, turned = oracle::transpose(matrix)](
               std::span<const double> x, std::span<double> y, bool transposed, bool accumulate) {
      ++applications_;
      const Numbers all = piece(product(transposed ? turned : matrix, gathered(x)));
      for (std::size_t i = 0; i < y.size(); ++i) y[i] = (accumulate ? y[i] : 0) + all[i];
    };
  }
  SolveJudge judge(const Matrix& op, VectorMap inverse, double tolerance = 1e-10) {
    return SolveJudge({map(op), std::move(inverse), ColumnNorms::side_by_side(comm_, columns_),
                       first(), tolerance});
  }
  Verdict verdict(SolveJudge&& judge, const Numbers& b, Numbers& x, bool transposed = false) {
    Numbers block = piece(b);
    Numbers own = piece(x);
    const Verdict result = judge.judge(block, own, transposed, [&](std::span<double> again) {
      const Numbers right = piece(b);
      std::copy(right.begin(), right.end(), again.begin());
    });
    x = gathered(own);
    return result;
  }
  /// A well-conditioned matrix that is not symmetric.
  static Matrix regular() {
    return oracle::add(1, oracle::random_matrix(size, size, 5), 4, oracle::identity(size));
  }

  communication::Communicator comm_;
  Index columns_ = 1;
  distribution::BlockPartition part_{size, comm_.size()};
  int applications_ = 0;
};

TEST_F(JudgeTest, AGoodSolutionCostsOneApplication) {
  const Matrix a = regular();
  const Numbers b = oracle::random_vector(size, 1);
  Numbers x = oracle::solve(a, b);
  const Numbers before = x;
  const Verdict found = verdict(judge(a, map(oracle::inverse(a))), b, x);
  EXPECT_TRUE(found.accepted);
  EXPECT_EQ(found.refinements, 0);
  EXPECT_LT(found.worst(), 1e-14);
  EXPECT_FALSE(found.rounding);
  EXPECT_EQ(applications_, 1);
  EXPECT_EQ(x, before);
}

TEST_F(JudgeTest, AnInverseThatIsALittleWrongIsRefined) {
  const Matrix a = regular();
  Matrix wrong = oracle::inverse(a);
  wrong(2, 3) *= 1.001;
  for (const bool transposed : {false, true}) {
    const Numbers b = oracle::random_vector(size, 2);
    Numbers x = product(transposed ? oracle::transpose(wrong) : wrong, b);
    const Verdict found = verdict(judge(a, map(wrong)), b, x, transposed);
    EXPECT_TRUE(found.accepted) << found.reason();
    EXPECT_GE(found.refinements, 1);
    EXPECT_LE(found.worst(), 1e-10);
    EXPECT_FALSE(found.rounding);
    const Numbers exact = oracle::solve(transposed ? oracle::transpose(a) : a, b);
    EXPECT_LT(oracle::relative_error(x, exact), 1e-9);
  }
}

TEST_F(JudgeTest, AnInverseThatIsWrongIsNotAccepted) {
  const Matrix a = regular();
  const Matrix wrong = oracle::identity(size);
  const Numbers b = oracle::random_vector(size, 3);
  Numbers x = b;
  const Verdict found = verdict(judge(a, map(wrong)), b, x);
  EXPECT_FALSE(found.accepted);
  EXPECT_EQ(found.refinements, 0);
  EXPECT_EQ(x, b);  // what does not help is not taken
  EXPECT_NE(found.reason().find("residual"), std::string::npos) << found.reason();
}

TEST_F(JudgeTest, WithoutAnInverseNothingIsRefined) {
  const Matrix a = regular();
  const Numbers b = oracle::random_vector(size, 4);
  Numbers x = oracle::solve(a, b);
  x[0] *= 1 + 1e-8;
  const Verdict found = verdict(judge(a, {}), b, x);
  EXPECT_FALSE(found.accepted);
  EXPECT_EQ(applications_, 1);
}

TEST_F(JudgeTest, ALargeRightHandSideDoesNotHideASmallOne) {
  columns_ = 3;
  const Matrix a = regular();
  Numbers b = oracle::random_vector(size * columns_, 5);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] *= i % 3 == 0 ? 1e12 : 1;
  Numbers x = product(oracle::inverse(a), b);
  for (std::size_t i = 0; i < b.size(); ++i) x[i] *= i % 3 == 1 ? 1.001 : 1;
  const Verdict found = verdict(judge(a, {}), b, x);
  EXPECT_FALSE(found.accepted);
  EXPECT_LT(found.residuals[0], 1e-13);
  EXPECT_NEAR(found.residuals[1], 1e-3, 1e-8);
  EXPECT_LT(found.residuals[2], 1e-13);
  EXPECT_NE(found.reason().find("right-hand side 1"), std::string::npos) << found.reason();
}

TEST_F(JudgeTest, TinyAndHugeRightHandSidesAreJudgedLikeOthers) {
  for (const double scale : {1e-170, 1e-300, 1e170, 1e300}) {
    const Matrix a = regular();
    Numbers b = oracle::random_vector(size, 6);
    for (double& each : b) each *= scale;
    Numbers x = product(oracle::inverse(a), b);
    EXPECT_LT(verdict(judge(a, {}), b, x).worst(), 1e-13) << scale;
    for (double& each : x) each *= 1.01;
    EXPECT_NEAR(verdict(judge(a, {}), b, x).worst(), 0.01, 1e-10) << scale;
    const Verdict refined = verdict(judge(a, map(oracle::inverse(a))), b, x);
    EXPECT_TRUE(refined.accepted) << scale << refined.reason();
    EXPECT_EQ(refined.refinements, 1);
  }
}

TEST_F(JudgeTest, ARightHandSideOfZeroHasTheSolutionZero) {
  const Matrix a = regular();
  const Numbers b(size, 0.0);
  Numbers x(size, 0.0);
  const Verdict zero = verdict(judge(a, {}), b, x);
  EXPECT_TRUE(zero.accepted);
  EXPECT_EQ(zero.worst(), 0);
  x[3] = 1e-200;
  EXPECT_FALSE(verdict(judge(a, {}), b, x).accepted);
}

TEST_F(JudgeTest, NaNIsNeverAccepted) {
  const Matrix a = regular();
  const Numbers b = oracle::random_vector(size, 7);
  Numbers x = oracle::solve(a, b);
  x[2] = std::numeric_limits<double>::quiet_NaN();
  const Verdict found = verdict(judge(a, map(oracle::inverse(a))), b, x);
  EXPECT_FALSE(found.accepted);
  EXPECT_TRUE(std::isnan(found.worst()));
}

TEST_F(JudgeTest, RoundingLevelIsAcceptedWithConditionAndError) {
  // Of condition 1e12: b has parts that only a large x can make, so that no x leaves 1e-16 ‖b‖.
  Matrix a = oracle::identity(size);
  a(size - 1, size - 1) = 1e-12;
  const Matrix turn = oracle::random_matrix(size, size, 8);
  a = oracle::multiply(oracle::multiply(turn, a), oracle::transpose(turn));
  const Numbers b = oracle::random_vector(size, 9);
  Numbers x = oracle::solve(a, b);
  const Verdict found = verdict(judge(a, map(oracle::inverse(a)), 1e-16), b, x);
  EXPECT_TRUE(found.accepted) << found.reason();
  ASSERT_TRUE(found.rounding);
  EXPECT_GT(found.worst(), 1e-16);
  EXPECT_LE(found.rounding->backward_error, 2.3e-15);
  EXPECT_GT(found.rounding->condition, 1e11);
  EXPECT_LT(found.rounding->condition, 1e16);
  EXPECT_GT(found.rounding->error, 0);
}

TEST_F(JudgeTest, RoundingExcusesNoMoreThanTenRoundoffs) {
  Matrix a = oracle::identity(size);
  a(size - 1, size - 1) = 1e-8;
  const Matrix useless = oracle::add(-1, oracle::identity(size), 0, a);
  const Numbers b(size, 1.0);
  // With ‖Op‖ = 1 and ‖x‖ = 1e8, rounding may leave 2.2e-7.
  for (const double residual : {1e-7, 1e-6}) {
    Numbers x = b;
    x[size - 1] = 1e8;
    x[0] += residual;
    const Verdict found = verdict(judge(a, map(useless)), b, x);
    EXPECT_EQ(found.accepted, residual < 2e-7) << found.reason();
    EXPECT_EQ(found.rounding.has_value(), found.accepted);
    EXPECT_NEAR(found.worst(), residual / std::sqrt(size), 1e-12);
  }
}

}  // namespace
}  // namespace kronwerk::operators
