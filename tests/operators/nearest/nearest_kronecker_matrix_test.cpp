#include "kronwerk/operators/nearest/nearest_kronecker_matrix.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kronwerk/distribution/partition.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::operators {
namespace {

class NearestMatrix : public testing::Test {
 protected:
  NearestKroneckerProduct nearest(const ProductShape& shape, const oracle::Matrix& m,
                                  double tolerance = 1e-12, Index passes = 2000) const {
    const distribution::BlockPartition part(m.rows, comm_.size());
    const Index first = part.begin(comm_.rank());
    return nearest_kronecker_product(
        comm_, shape, first,
        std::span(m.values).subspan(static_cast<std::size_t>(first * m.cols),
                                    static_cast<std::size_t>(part.count(comm_.rank()) * m.cols)),
        tolerance, passes);
  }

  static oracle::Matrix product_of(const ProductShape& shape,
                                   const NearestKroneckerProduct& found) {
    return oracle::kron({shape.rows[0], shape.cols[0], found.factors[0]},
                        {shape.rows[1], shape.cols[1], found.factors[1]});
  }

  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
};

/// The largest singular value of the rearrangement, formed, by many power iterations.
double largest_singular_value(const ProductShape& shape, const oracle::Matrix& m) {
  oracle::Matrix r(shape.rows[0] * shape.cols[0], shape.rows[1] * shape.cols[1]);
  for (Index i = 0; i < m.rows; ++i) {
    for (Index j = 0; j < m.cols; ++j) {
      r(i / shape.rows[1] * shape.cols[0] + j / shape.cols[1],
        i % shape.rows[1] * shape.cols[1] + j % shape.cols[1]) = m(i, j);
    }
  }
  const auto square = oracle::multiply(oracle::transpose(r), r);
  auto v = oracle::random_vector(square.cols, 77);
  double value = 0;
  for (int step = 0; step < 5000; ++step) {
    v = oracle::multiply(square, v);
    value = oracle::relative_error(v, std::vector<double>(v.size(), 0.0));
    for (double& each : v) each /= value;
  }
  return std::sqrt(value);
}

TEST_F(NearestMatrix, RecoversAProduct) {
  const ProductShape shape{{3, 5}, {4, 2}};
  const auto m = oracle::kron(oracle::random_matrix(3, 4, 1), oracle::random_matrix(5, 2, 2));
  const auto found = nearest(shape, m);
  EXPECT_LT(found.relative_error, 1e-14);
  EXPECT_LT(oracle::relative_error(product_of(shape, found), m), 1e-14);
  EXPECT_TRUE(found.converged);
}

TEST_F(NearestMatrix, IsTheLeadingSingularPairOfTheRearrangement) {
  std::uint64_t seed = 10;
  for (const ProductShape& shape : std::vector<ProductShape>{{{3, 4}, {3, 4}},
                                                             {{2, 7}, {5, 3}},
                                                             {{1, 6}, {6, 1}},
                                                             {{5, 1}, {1, 3}},
                                                             {{1, 1}, {1, 1}},
                                                             {{6, 6}, {6, 6}}}) {
    const auto m =
        oracle::random_matrix(shape.rows[0] * shape.rows[1], shape.cols[0] * shape.cols[1], ++seed);
    const auto found = nearest(shape, m);
    const double sigma = largest_singular_value(shape, m);
    const double norm = oracle::relative_error(m, oracle::Matrix(m.rows, m.cols));
    EXPECT_NEAR(found.norm, norm, 1e-13 * norm);
    EXPECT_NEAR(found.relative_error, std::sqrt(std::max(0.0, 1 - sigma * sigma / norm / norm)),
                1e-9);
    EXPECT_NEAR(found.relative_error, oracle::relative_error(product_of(shape, found), m), 1e-13);
    const auto norm_a =
        oracle::relative_error(found.factors[0], std::vector<double>(found.factors[0].size(), 0.0));
    EXPECT_NEAR(norm_a, std::sqrt(sigma), 1e-9);
    EXPECT_GT(*std::ranges::max_element(found.factors[0], {}, [](double v) { return std::abs(v); }),
              0);
  }
}

TEST_F(NearestMatrix, EqualSingularValuesEndAtOnceOfThem) {
  // kron(E_11, E_11) + kron(E_22, E_22): two equal singular values, both at half the squares.
  oracle::Matrix m(4, 4);
  m(0, 0) = m(3, 3) = 1;
  const auto found = nearest({{2, 2}, {2, 2}}, m);
  EXPECT_TRUE(found.converged);
  EXPECT_NEAR(found.relative_error, std::sqrt(0.5), 1e-12);
}

TEST_F(NearestMatrix, SaysWhenItDidNotConverge) {
  const auto m = oracle::random_matrix(36, 36, 3);
  const auto found = nearest({{6, 6}, {6, 6}}, m, 1e-14, 2);
  EXPECT_FALSE(found.converged);
  EXPECT_EQ(found.passes, 2);
}

TEST_F(NearestMatrix, OfZeroIsZero) {
  const auto found = nearest({{2, 3}, {2, 3}}, oracle::Matrix(6, 6));
  EXPECT_EQ(found.relative_error, 0);
  EXPECT_EQ(found.factors[1], std::vector<double>(9, 0.0));
}

TEST_F(NearestMatrix, RefusesBadInputOnEveryRank) {
  EXPECT_THROW(nearest({{2, 2}, {2, 3}}, oracle::Matrix(6, 6)), core::ShapeError);
  EXPECT_THROW(nearest({{0, 2}, {2, 3}}, oracle::Matrix(6, 6)), core::ShapeError);
  oracle::Matrix m(6, 6);
  m(4, 1) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(nearest({{2, 3}, {2, 3}}, m), core::DataError);
}

}  // namespace
}  // namespace kronwerk::operators
