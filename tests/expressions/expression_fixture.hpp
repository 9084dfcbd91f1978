#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "kronwerk/expressions/expression.hpp"
#include "kronwerk/expressions/lowering.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::expressions {

/// A few small matrices and parameters, and the dense matrix that a simplified formula stands for,
/// found by lowering it and applying it to unit vectors.
class ExpressionFixture : public testing::Test {
 protected:
  ExpressionFixture() {
    for (const auto& [name, matrix] :
         std::map<std::string, oracle::Matrix>{{"W", w_}, {"V", v_}, {"B", b_}, {"C", c_}}) {
      symbols_.matrices[name] = {matrix.rows, matrix.cols, false, false, 0};
      data_[name] = factors::make_dense(
          name, {matrix.rows, matrix.cols,
                 communication::SharedArray<double>::from_private(matrix.values)});
    }
    symbols_.matrices["v"] = {3, 1, true, false, 0};
    data_["v"] = factors::make_diagonal("v", std::vector<double>{2, -1, 0.5});
    symbols_.matrices["u"] = {6, 1, true, false, 0, {}};
    symbols_.matrices["g"] = {6, 1, true, false, 0, {3, 2}};
    grid_vectors_["u"] = {1.5, -2, 3, 0.25, -1, 4};
    grid_vectors_["g"] = {-1, 0.5, 2, 3, -0.75, 1.25};
    symbols_.parameters = {{"rho", 0.3}, {"tau", -0.2}};
  }

  static oracle::Matrix minus_scaled(const oracle::Matrix& matrix, double rho) {
    return oracle::add(1, oracle::identity(matrix.rows), -rho, matrix);
  }

  SumOfProducts simplified(const std::string& formula) const {
    return simplify(analyse(formula, symbols_, "test.yaml:1"), symbols_.parameters);
  }

  oracle::Matrix dense(const SumOfProducts& sum) const {
    oracle::Matrix result(core::product(sum.row_extents), core::product(sum.col_extents));
    Lowering lowering(comm_, data_);
    for (const LoweredProduct& term : lowering.lower(sum)) {
      oracle::Matrix product = dense(term.scale, term.chains);
      for (const LoweredProduct::Step& step : term.steps) {
        for (const GridDiagonal& diagonal : step.diagonals) {
          product = oracle::multiply(product, grid_diagonal(diagonal.name, diagonal.inverse));
        }
        product = oracle::multiply(product, dense(1, step.chains));
      }
      result = oracle::add(1, result, 1, product);
    }
    return result;
  }

  oracle::Matrix grid_diagonal(const std::string& name, bool inverse = false) const {
    const std::vector<double>& values = grid_vectors_.at(name);
    oracle::Matrix result(std::ssize(values), std::ssize(values));
    for (Index i = 0; i < std::ssize(values); ++i) {
      const double value = values[static_cast<std::size_t>(i)];
      result(i, i) = inverse ? 1 / value : value;
    }
    return result;
  }

  oracle::Matrix dense(double scale, const std::vector<factors::Chain>& chains) const {
    Index rows = 1;
    Index cols = 1;
    for (const factors::Chain& chain : chains) {
      rows *= factors::rows(chain);
      cols *= factors::cols(chain);
    }
    oracle::Matrix result(rows, cols);
    auto workspace = std::make_shared<operators::Workspace>(comm_);
    const operators::KroneckerProduct op(comm_, workspace, scale, chains);
    const auto& in = op.input_layout();
    const Index begin = op.output_layout().home_begin(comm_.rank());
    for (Index column = 0; column < cols; ++column) {
      std::vector<double> unit(static_cast<std::size_t>(in.home_size(comm_.rank())), 0.0);
      const Index place = column - in.home_begin(comm_.rank());
      if (place >= 0 && place < std::ssize(unit)) unit[static_cast<std::size_t>(place)] = 1;
      std::vector<double> block(
          static_cast<std::size_t>(op.output_layout().home_size(comm_.rank())));
      op.apply(unit, block);
      for (std::size_t i = 0; i < block.size(); ++i) {
        result(begin + static_cast<Index>(i), column) = block[i];
      }
    }
    comm_.sum(result.values);
    return result;
  }

  void check(const std::string& formula, const oracle::Matrix& expected) const {
    EXPECT_LE(oracle::relative_error(dense(simplified(formula)), expected), 1e-13) << formula;
  }

  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
  oracle::Matrix w_ = oracle::random_regular(3, 1);
  oracle::Matrix v_ = oracle::random_matrix(3, 3, 2);
  oracle::Matrix b_ = oracle::random_regular(2, 3);
  oracle::Matrix c_ = oracle::random_matrix(3, 2, 4);
  oracle::Matrix diagonal_ = oracle::Matrix(3, 3, {2, 0, 0, 0, -1, 0, 0, 0, 0.5});
  std::map<std::string, std::vector<double>> grid_vectors_;
  Symbols symbols_;
  std::map<std::string, factors::FactorPtr> data_;
};

}  // namespace kronwerk::expressions
