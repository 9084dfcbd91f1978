#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "kronwerk/operators/base/linear_operator.hpp"
#include "operators/products/product_fixture.hpp"

namespace kronwerk::operators {

/// A dense matrix as an operator, by its definition: every rank gathers the whole vector.
class MatrixOperator final : public LinearOperator {
 public:
  MatrixOperator(const communication::Communicator& comm, Extents in, Extents out,
                 oracle::Matrix matrix, int leading_modes = 1)
      : LinearOperator(comm, {std::move(in), leading_modes, comm.size()},
                       {std::move(out), leading_modes, comm.size()}),
        matrix_(std::move(matrix)) {}

 private:
  void do_apply(std::span<const double> x, std::span<double> y, bool transposed,
                bool accumulate) const override {
    const auto& from = transposed ? output_layout() : input_layout();
    const auto& to = transposed ? input_layout() : output_layout();
    std::vector<double> whole(static_cast<std::size_t>(from.size()), 0.0);
    std::copy(x.begin(), x.end(), whole.begin() + from.home_begin(comm().rank()));
    comm().sum(whole);
    const auto result = oracle::multiply(transposed ? oracle::transpose(matrix_) : matrix_, whole);
    const auto first = static_cast<std::size_t>(to.home_begin(comm().rank()));
    for (std::size_t i = 0; i < y.size(); ++i) {
      y[i] = (accumulate ? y[i] : 0.0) + result[first + i];
    }
  }

  oracle::Matrix matrix_;
};

/// Applications of any operator to vectors that every rank holds whole.
class OperatorFixture : public ProductFixture {
 protected:
  using ProductFixture::apply;

  std::vector<double> apply(const LinearOperator& op, const std::vector<double>& x) const {
    std::vector<double> y(static_cast<std::size_t>(op.output_layout().home_size(comm_.rank())));
    op.apply(local(op.input_layout(), x), y);
    return whole(op.output_layout(), y);
  }

  std::vector<double> apply_transposed(const LinearOperator& op,
                                       const std::vector<double>& x) const {
    std::vector<double> y(static_cast<std::size_t>(op.input_layout().home_size(comm_.rank())));
    op.apply_transposed(local(op.output_layout(), x), y);
    return whole(op.input_layout(), y);
  }

  /// Compares both directions with a dense matrix, plain and accumulating.
  void expect_is(const LinearOperator& op, const oracle::Matrix& dense, double tolerance) const {
    const auto x = oracle::random_vector(dense.cols, 11);
    const auto z = oracle::random_vector(dense.rows, 12);
    expect_close(apply(op, x), oracle::multiply(dense, x), tolerance);
    expect_close(apply_transposed(op, z), oracle::multiply(oracle::transpose(dense), z), tolerance);
    expect_accumulates(op, tolerance);
  }

  /// y += Op x and y += Opᵀ x add to what was there.
  void expect_accumulates(const LinearOperator& op, double tolerance) const {
    const auto x = oracle::random_vector(op.input_layout().size(), 13);
    const auto z = oracle::random_vector(op.output_layout().size(), 14);
    auto forward = local(op.output_layout(), z);
    op.apply(local(op.input_layout(), x), forward, true);
    expect_close(whole(op.output_layout(), forward), plus(apply(op, x), z), tolerance);
    auto backward = local(op.input_layout(), x);
    op.apply_transposed(local(op.output_layout(), z), backward, true);
    expect_close(whole(op.input_layout(), backward), plus(apply_transposed(op, z), x), tolerance);
  }

 private:
  static std::vector<double> plus(std::vector<double> a, const std::vector<double>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
    return a;
  }
};

}  // namespace kronwerk::operators
