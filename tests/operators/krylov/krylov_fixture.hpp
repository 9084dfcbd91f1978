#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "kronwerk/operators/krylov/krylov.hpp"
#include "operators/base/dense_operator.hpp"

namespace kronwerk::operators {

inline oracle::Matrix positive_definite(std::int64_t n, std::uint64_t seed) {
  const oracle::Matrix a = oracle::random_matrix(n, n, seed);
  return oracle::add(1.0, oracle::multiply(a, oracle::transpose(a)), 0.5, oracle::identity(n));
}

class KrylovTest : public testing::Test {
 protected:
  static constexpr Index rows = 7;  // the grid of one column is 7 x 5
  static constexpr Index size = 35;

  distribution::Layout layout(Index batch) const {
    if (batch == 1) return {{rows, 5}, 1, comm_.size()};
    return {{batch, rows, 5}, 2, comm_.size()};
  }

  std::shared_ptr<const DenseOperator> make(std::vector<oracle::Matrix> matrices,
                                            Index batch = 1) const {
    return std::make_shared<DenseOperator>(comm_, layout(batch), std::move(matrices));
  }

  std::vector<double> local(Index batch, const std::vector<double>& whole) const {
    const auto l = layout(batch);
    const auto begin = whole.begin() + l.home_begin(comm_.rank());
    return {begin, begin + l.home_size(comm_.rank())};
  }

  std::vector<double> whole(Index batch, const std::vector<double>& block) const {
    const auto l = layout(batch);
    std::vector<double> result(static_cast<std::size_t>(l.size()), 0.0);
    std::copy(block.begin(), block.end(), result.begin() + l.home_begin(comm_.rank()));
    comm_.sum(result);
    return result;
  }

  struct Solution {
    KrylovOutcome outcome;
    std::vector<double> x;
  };
  Solution solve(KrylovSolver& solver, Index batch, const std::vector<double>& b,
                 bool transposed = false, const std::vector<double>& start = {}) const {
    auto x = local(batch, start.empty() ? std::vector<double>(b.size(), 0.0) : start);
    auto outcome = solver.solve(local(batch, b), x, transposed);
    return {std::move(outcome), whole(batch, x)};
  }

  static void expect_columns(const std::vector<double>& x, const std::vector<double>& b,
                             const std::vector<oracle::Matrix>& matrices, double tolerance) {
    const auto length = static_cast<std::size_t>(matrices[0].rows);
    for (std::size_t column = 0; column < b.size() / length; ++column) {
      const auto& matrix = matrices[std::min(column, matrices.size() - 1)];
      const std::span<const double> right(b.data() + column * length, length);
      const std::span<const double> found(x.data() + column * length, length);
      EXPECT_LE(oracle::relative_error(oracle::multiply(matrix, found), right), tolerance)
          << "column " << column;
      EXPECT_LE(oracle::relative_error(found, oracle::solve(matrix, right)), 1e3 * tolerance)
          << "column " << column;
    }
  }

  static KrylovSettings settings(KrylovMethod method, double tolerance = 1e-10,
                                 Index max_iterations = 500) {
    return {method, tolerance, max_iterations, {}};
  }

  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
};

}  // namespace kronwerk::operators
