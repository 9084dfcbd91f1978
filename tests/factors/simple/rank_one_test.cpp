#include "factors/dense/dense_case.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/base/chain.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::factors {
namespace {

using oracle::Matrix;

const communication::Communicator& comm() {
  static const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  return comm;
}

Matrix dense(const Factor& factor) {
  Matrix result(factor.rows(), factor.cols());
  factor.add_to_dense(1, result.values);
  return result;
}

void expect_near(const std::vector<double>& found, const std::vector<double>& expected,
                 double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], tolerance);
}

/// Applied along a mode of views of any strides, and its transpose.
void expect_applies(const FactorPtr& factor) {
  const Matrix a = dense(*factor);
  for (const bool transposed : {false, true}) {
    const Matrix matrix = transposed ? oracle::transpose(a) : a;
    for (const Index right : {1, 3}) {
      StridedBlock x(2, matrix.cols, right, 2, 1);
      StridedBlock y(2, matrix.rows, right, 1, 3);
      x.fill(8);
      factor->apply(x.const_view(), y.view(), transposed);
      const Matrix expected = oracle::multiply(matrix, x.fibres());
      expect_near(y.fibres().values, expected.values, 1e-13);
      EXPECT_TRUE(y.gaps_untouched());
    }
  }
}

TEST(RankOne, IsAppliedAlongAMode) {
  expect_applies(make_ones(5, 5));
  expect_applies(make_ones(5, 3));
  expect_applies(make_rank_one("u v'", {1, -2, 0.5}, {3, 1}));
  expect_applies(make_reflection_of_ones(7));
  const FactorPtr turned = transpose(comm(), "v u'", make_rank_one("u v'", {1, -2, 5}, {3, 1}));
  EXPECT_EQ(turned->kind(), Kind::rank_one);
  expect_near(dense(*turned).values, {3, -6, 15, 1, -2, 5}, 0);
}

TEST(RankOne, TakesTheVectorOfOnesToTheFirstAxis) {
  for (const Index n : {1, 2, 9}) {
    const Matrix h = dense(*make_reflection_of_ones(n));
    expect_near(oracle::multiply(h, h).values, oracle::identity(n).values, 1e-14);
    const auto image = oracle::multiply(h, std::vector<double>(static_cast<std::size_t>(n), 1.0));
    EXPECT_NEAR(image[0], -std::sqrt(static_cast<double>(n)), 1e-14);
    for (std::size_t i = 1; i < image.size(); ++i) EXPECT_NEAR(image[i], 0, 1e-14);
  }
}

TEST(RankOne, StaysOneWithMultiplesOfTheIdentityAndHasAnInverse) {
  for (const Index n : {1, 2, 5}) {
    for (const double shift : {0.7, -1.5}) {
      const std::vector<std::pair<double, FactorPtr>> terms{{shift, make_identity(n)},
                                                            {-0.4, make_ones(n, n)}};
      const FactorPtr sum = linear_combination(comm(), "s*I + t*J", terms);
      EXPECT_EQ(sum->kind(), Kind::rank_one);
      expect_applies(sum);
      const Matrix a = dense(*sum);
      expect_near(sum->diagonal(), std::vector<double>(static_cast<std::size_t>(n), shift - 0.4),
                  1e-15);
      factorise_all({sum});
      const Factorisation& found = *sum->factorisation();
      EXPECT_NEAR(found.determinant().log_abs, oracle::log_abs_det(a), 1e-13);
      const double other = shift - 0.4 * static_cast<double>(n);
      EXPECT_EQ(found.determinant().sign, (other < 0) != (shift < 0 && n % 2 == 0) ? -1 : 1);
      const auto b = oracle::random_vector(n, 3);
      std::vector<double> x = b;
      found.solve(ConstView::contiguous(x.data(), 1, n, 1), View::contiguous(x.data(), 1, n, 1),
                  false);
      expect_near(oracle::multiply(a, x), b, 1e-13);
    }
  }
}

TEST(RankOne, IsRefusedAsSingularByItsName) {
  const FactorPtr ones = make_ones(3, 3);
  try {
    factorise_all({ones});
    ADD_FAILURE() << "nothing was thrown";
  } catch (const core::DataError& error) {
    EXPECT_NE(std::string(error.what()).find("'ones(3)' (3 x 3) is singular"), std::string::npos)
        << error.what();
  }
  const std::vector<std::pair<double, FactorPtr>> centring{{1, make_identity(4)},
                                                           {-0.25, make_ones(4, 4)}};
  EXPECT_THROW(factorise_all({linear_combination(comm(), "C", centring)}), core::DataError);
}

TEST(RankOne, GivesTheEigenvectorsOfOnesWithoutADecomposition) {
  const Index before = decomposition_count();
  const std::vector<BasisRequest> requests{{{Link{make_ones(6, 6)}}}};
  const BasisPtr basis = find_bases(comm(), requests).bases[0];
  ASSERT_TRUE(basis);
  EXPECT_EQ(decomposition_count(), before);
  EXPECT_EQ(basis->eigenvalues[0], 6.0);
  EXPECT_EQ(basis->eigenvalues[5], 0.0);
  EXPECT_EQ(basis->to_basis[0].factor->kind(), Kind::rank_one);
  EXPECT_EQ(basis->description, "reflection of ones (6 x 6)");
}

}  // namespace
}  // namespace kronwerk::factors
