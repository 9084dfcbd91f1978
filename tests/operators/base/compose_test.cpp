#include <gtest/gtest.h>

#include "operators/base/operator_fixture.hpp"

namespace kronwerk::operators {
namespace {

class ComposeTest : public OperatorFixture {
 protected:
  OperatorPtr matrix(const oracle::Matrix& dense, Extents in, Extents out) const {
    return std::make_shared<const MatrixOperator>(comm_, std::move(in), std::move(out), dense);
  }
};

TEST_F(ComposeTest, TheLastOperatorActsFirst) {
  const auto a = oracle::random_matrix(4, 15, 1);
  const auto b = oracle::random_matrix(15, 6, 2);
  const auto c = oracle::random_matrix(6, 7, 3);
  const std::vector<OperatorPtr> operators{matrix(a, {5, 3}, {2, 2}), matrix(b, {3, 2}, {5, 3}),
                                           matrix(c, {7}, {3, 2})};
  const auto dense = oracle::multiply(a, oracle::multiply(b, c));
  expect_is(*compose(1.0, operators), dense, 1e-13);
  expect_is(*compose(-2.5, operators), oracle::add(-2.5, dense, 0, dense), 1e-13);
}

TEST_F(ComposeTest, OneOperatorIsScaledOrHandedBack) {
  const auto a = oracle::random_matrix(4, 6, 1);
  const auto op = matrix(a, {3, 2}, {2, 2});
  EXPECT_EQ(compose(1.0, {op}), op);
  expect_is(*compose(3.0, {op}), oracle::add(3, a, 0, a), 1e-14);
}

TEST_F(ComposeTest, NeighboursThatDoNotConformAreRefusedWithBothGrids) {
  const auto a = matrix(oracle::random_matrix(4, 6, 1), {3, 2}, {2, 2});
  const auto b = matrix(oracle::random_matrix(6, 6, 1), {6}, {2, 3});
  try {
    compose(1.0, {a, b});
    FAIL() << "3 x 2 after 2 x 3 was accepted";
  } catch (const core::ShapeError& error) {
    EXPECT_NE(std::string(error.what()).find("3 x 2"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("2 x 3"), std::string::npos) << error.what();
  }
  EXPECT_THROW(compose(1.0, {}), core::ShapeError);
}

TEST_F(ComposeTest, ASumAppliesAllOperators) {
  const auto a = oracle::random_matrix(4, 6, 1);
  const auto b = oracle::random_matrix(4, 6, 2);
  const auto c = oracle::random_matrix(4, 6, 3);
  const auto op =
      add({matrix(a, {3, 2}, {2, 2}), matrix(b, {3, 2}, {2, 2}), matrix(c, {3, 2}, {2, 2})});
  expect_is(*op, oracle::add(1, oracle::add(1, a, 1, b), 1, c), 1e-14);
}

TEST_F(ComposeTest, ASumOfUnlikeLayoutsIsRefused) {
  const auto a = matrix(oracle::random_matrix(4, 6, 1), {3, 2}, {2, 2});
  const auto b = matrix(oracle::random_matrix(4, 6, 2), {2, 3}, {2, 2});
  EXPECT_THROW(add({a, b}), core::ShapeError);
  EXPECT_THROW(add({}), core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::operators
