#pragma once

// What the tests of dense, diagonal and identity factors and of local products share.
#include <gtest/gtest.h>
#include <mpi.h>

#include <span>
#include <string>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/factors/base/chain.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::factors {

inline FactorPtr dense_factor(const oracle::Matrix& matrix, const std::string& name = "A") {
  communication::SharedDense shared;
  shared.rows = matrix.rows;
  shared.cols = matrix.cols;
  shared.values = communication::SharedArray<double>::from_private(matrix.values);
  return make_dense(name, std::move(shared));
}

/// Factorises on the communicator of all ranks. Collective.
inline void factorise_all(const std::vector<FactorPtr>& factors) {
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  factorise(comm, factors);
}

/// A block whose rows and slabs lie apart, the gaps filled with a mark that must survive.
struct StridedBlock {
  static constexpr double mark = -777.25;

  StridedBlock(Index left, Index extent, Index right, Index row_gap, Index left_gap)
      : left_count(left), extent_count(extent), right_count(right), row_stride(right + row_gap) {
    left_stride = extent * row_stride + left_gap;
    values.assign(static_cast<std::size_t>(left * left_stride + 1), mark);
  }

  View view() {
    return {values.data(), left_count, extent_count, right_count, left_stride, row_stride};
  }
  ConstView const_view() const {
    return {values.data(), left_count, extent_count, right_count, left_stride, row_stride};
  }
  std::size_t position(Index l, Index i, Index r) const {
    return static_cast<std::size_t>(l * left_stride + i * row_stride + r);
  }
  void fill(std::uint64_t seed) {
    const auto numbers = oracle::random_vector(left_count * extent_count * right_count, seed);
    std::size_t next = 0;
    for (Index l = 0; l < left_count; ++l) {
      for (Index i = 0; i < extent_count; ++i) {
        for (Index r = 0; r < right_count; ++r) values[position(l, i, r)] = numbers[next++];
      }
    }
  }
  /// Fibre (l, r) as column l * right + r.
  oracle::Matrix fibres() const {
    oracle::Matrix result(extent_count, left_count * right_count);
    for (Index l = 0; l < left_count; ++l) {
      for (Index i = 0; i < extent_count; ++i) {
        for (Index r = 0; r < right_count; ++r) {
          result(i, l * right_count + r) = values[position(l, i, r)];
        }
      }
    }
    return result;
  }
  bool gaps_untouched() const {
    std::vector<double> rest = values;
    for (Index l = 0; l < left_count; ++l) {
      for (Index i = 0; i < extent_count; ++i) {
        for (Index r = 0; r < right_count; ++r) rest[position(l, i, r)] = mark;
      }
    }
    return std::all_of(rest.begin(), rest.end(), [](double value) { return value == mark; });
  }

  Index left_count;
  Index extent_count;
  Index right_count;
  Index row_stride;
  Index left_stride = 0;
  std::vector<double> values;
};

}  // namespace kronwerk::factors
