#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "kronwerk/operators/base/linear_operator.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::operators {

/// A dense matrix per column as an operator: what is applied is gathered first, so any matrix will
/// do. `batch` matrices act on the columns of a batch (the same one on all if only one is given).
class DenseOperator final : public LinearOperator {
 public:
  DenseOperator(const communication::Communicator& comm, distribution::Layout layout,
                std::vector<oracle::Matrix> matrices)
      : LinearOperator(comm, layout, layout), matrices_(std::move(matrices)) {
    for (const auto& matrix : matrices_) transposed_.push_back(oracle::transpose(matrix));
  }
  /// How many times it was applied, to columns together.
  int applications() const noexcept { return applications_; }

 private:
  void do_apply(std::span<const double> x, std::span<double> y, bool transposed,
                bool accumulate) const override {
    ++applications_;
    const auto& layout = input_layout();
    const auto begin = static_cast<std::size_t>(layout.home_begin(comm().rank()));
    std::vector<double> whole(static_cast<std::size_t>(layout.size()));
    std::copy(x.begin(), x.end(), whole.begin() + static_cast<std::ptrdiff_t>(begin));
    comm().sum(whole);
    const auto length = static_cast<std::size_t>(matrices_[0].rows);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t column = (begin + i) / length;
      const auto row = static_cast<std::int64_t>((begin + i) % length);
      const auto& all = transposed ? transposed_ : matrices_;
      const auto& matrix = all[std::min(column, all.size() - 1)];
      double sum = 0;
      for (std::size_t j = 0; j < length; ++j) {
        sum += matrix(row, static_cast<std::int64_t>(j)) * whole[column * length + j];
      }
      y[i] = accumulate ? y[i] + sum : sum;
    }
  }

  std::vector<oracle::Matrix> matrices_;
  std::vector<oracle::Matrix> transposed_;
  mutable int applications_ = 0;
};

}  // namespace kronwerk::operators
