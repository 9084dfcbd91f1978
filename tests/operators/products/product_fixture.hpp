#pragma once

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::operators {

/// Products of small dense factors, and their application to vectors that every rank holds whole.
class ProductFixture : public testing::Test {
 protected:
  static factors::FactorPtr make_factor(const oracle::Matrix& matrix) {
    return factors::make_dense("A",
                               {matrix.rows, matrix.cols,
                                communication::SharedArray<double>::from_private(matrix.values)});
  }

  static std::vector<factors::Chain> chains(const std::vector<oracle::Matrix>& matrices) {
    std::vector<factors::Chain> result;
    for (const auto& matrix : matrices) result.push_back({{make_factor(matrix), false, false}});
    return result;
  }

  KroneckerProduct make(const std::vector<oracle::Matrix>& matrices, double scale = 1) const {
    return {comm_, workspace_, scale, chains(matrices)};
  }

  static std::vector<oracle::Matrix> random_matrices(
      const std::vector<std::pair<Index, Index>>& shapes) {
    std::vector<oracle::Matrix> result;
    std::uint64_t seed = 100;
    for (const auto& [rows, cols] : shapes) {
      result.push_back(oracle::random_matrix(rows, cols, ++seed));
    }
    return result;
  }

  /// This rank's home block of a vector.
  std::vector<double> local(const distribution::Layout& layout,
                            const std::vector<double>& whole) const {
    const auto begin = whole.begin() + layout.home_begin(comm_.rank());
    return {begin, begin + layout.home_size(comm_.rank())};
  }

  /// The whole vector of this rank's blocks.
  std::vector<double> whole(const distribution::Layout& layout,
                            const std::vector<double>& block) const {
    std::vector<double> result(static_cast<std::size_t>(layout.size()), 0.0);
    std::copy(block.begin(), block.end(), result.begin() + layout.home_begin(comm_.rank()));
    comm_.sum(result);
    return result;
  }

  std::vector<double> apply(const KroneckerProduct& op, const std::vector<double>& x) const {
    const auto from = local(op.input_layout(), x);
    std::vector<double> to(static_cast<std::size_t>(op.output_layout().home_size(comm_.rank())));
    op.apply(from, to);
    return whole(op.output_layout(), to);
  }

  static void expect_close(const std::vector<double>& found, const std::vector<double>& expected,
                           double tolerance) {
    EXPECT_LE(oracle::relative_error(found, expected), tolerance);
  }

  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
  std::shared_ptr<Workspace> workspace_ = std::make_shared<Workspace>(comm_);
};

}  // namespace kronwerk::operators
