#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace kronwerk::operators {

/// Four systems of n equations side by side, solved by Gaussian elimination with partial pivoting
/// (LU): backward stable whatever their entries are, since for n <= 4 no entry grows by more
/// than 8. The loops over the four have a fixed length, so that compilers vectorise them.
template <int n>
class SmallSystems {
 public:
  static constexpr int lanes = 4;

  double* at(int row, int column) { return values_[row][column]; }
  /// All entries 0.
  void clear();
  void factorise();
  /// The solution of system `lane` in place of its right-hand side.
  void solve(int lane, double* b) const;

 private:
  void exchange(int row, int pivot);

  alignas(32) double values_[n][n][lanes];  ///< L, U and the reciprocals of U's diagonal
  alignas(32) std::int64_t order_[n][lanes];
};

template <int n>
void SmallSystems<n>::clear() {
  for (auto& row : values_) {
    for (auto& entry : row) {
      for (double& value : entry) value = 0;
    }
  }
}

/// Where the entry of `row` below the pivot is larger, the two rows change places.
template <int n>
void SmallSystems<n>::exchange(int row, int pivot) {
  bool swap[lanes];
  for (int lane = 0; lane < lanes; ++lane) {
    swap[lane] = std::abs(values_[row][pivot][lane]) > std::abs(values_[pivot][pivot][lane]);
  }
  for (int column = 0; column < n; ++column) {
    for (int lane = 0; lane < lanes; ++lane) {
      const double a = values_[pivot][column][lane];
      const double b = values_[row][column][lane];
      values_[pivot][column][lane] = swap[lane] ? b : a;
      values_[row][column][lane] = swap[lane] ? a : b;
    }
  }
  for (int lane = 0; lane < lanes; ++lane) {
    const std::int64_t a = order_[pivot][lane];
    const std::int64_t b = order_[row][lane];
    order_[pivot][lane] = swap[lane] ? b : a;
    order_[row][lane] = swap[lane] ? a : b;
  }
}

template <int n>
void SmallSystems<n>::factorise() {
  for (int row = 0; row < n; ++row) {
    for (int lane = 0; lane < lanes; ++lane) order_[row][lane] = row;
  }
  for (int pivot = 0; pivot < n; ++pivot) {
    for (int row = pivot + 1; row < n; ++row) exchange(row, pivot);
    for (int lane = 0; lane < lanes; ++lane) {
      values_[pivot][pivot][lane] = 1 / values_[pivot][pivot][lane];
    }
    for (int row = pivot + 1; row < n; ++row) {
      for (int lane = 0; lane < lanes; ++lane) {
        values_[row][pivot][lane] *= values_[pivot][pivot][lane];
      }
      for (int column = pivot + 1; column < n; ++column) {
        for (int lane = 0; lane < lanes; ++lane) {
          values_[row][column][lane] -= values_[row][pivot][lane] * values_[pivot][column][lane];
        }
      }
    }
  }
}

template <int n>
void SmallSystems<n>::solve(int lane, double* b) const {
  double x[n];
  for (int row = 0; row < n; ++row) {
    x[row] = b[order_[row][lane]];
    for (int column = 0; column < row; ++column) x[row] -= values_[row][column][lane] * x[column];
  }
  for (int row = n - 1; row >= 0; --row) {
    for (int column = row + 1; column < n; ++column) {
      x[row] -= values_[row][column][lane] * x[column];
    }
    x[row] *= values_[row][row][lane];
    b[row] = x[row];
  }
}

}  // namespace kronwerk::operators
