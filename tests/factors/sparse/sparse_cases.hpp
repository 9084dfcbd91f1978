#pragma once

// Matrices and checks that the tests of the sparse factors share.

#include <hwy/targets.h>
#include <mpi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::factors::test {

using oracle::Matrix;

inline communication::Communicator world() {
  return communication::Communicator::duplicate(MPI_COMM_WORLD);
}

/// The entries of a dense matrix that are not zero, in memory of this rank.
inline communication::SharedSparse to_shared(const Matrix& matrix) {
  std::vector<Index> offsets{0};
  std::vector<std::int32_t> indices;
  std::vector<double> values;
  for (Index i = 0; i < matrix.rows; ++i) {
    for (Index j = 0; j < matrix.cols; ++j) {
      if (matrix(i, j) == 0.0) continue;
      indices.push_back(static_cast<std::int32_t>(j));
      values.push_back(matrix(i, j));
    }
    offsets.push_back(static_cast<Index>(indices.size()));
  }
  communication::SharedSparse result;
  result.rows = matrix.rows;
  result.cols = matrix.cols;
  result.row_offsets = communication::SharedArray<Index>::from_private(offsets);
  result.column_indices = communication::SharedArray<std::int32_t>::from_private(indices);
  result.values = communication::SharedArray<double>::from_private(values);
  return result;
}

inline FactorPtr sparse_factor(const std::string& name, const Matrix& matrix) {
  return make_sparse(name, to_shared(matrix));
}

inline void normalise_rows(Matrix& w) {
  for (Index i = 0; i < w.rows; ++i) {
    double sum = 0;
    for (Index j = 0; j < w.cols; ++j) sum += w(i, j);
    for (Index j = 0; j < w.cols && sum != 0.0; ++j) w(i, j) /= sum;
  }
}

enum class Graph { ring, line, directed, islands, random_symmetric, random_directed, nearly_dense };

/// A row-normalised weight matrix; at extent 1 it is zero.
inline Matrix weights(Graph graph, Index n, std::uint64_t seed = 1) {
  Matrix w(n, n);
  const std::vector<double> random = oracle::random_vector(n * n, seed);
  const double density = 5.0 / static_cast<double>(n + 1);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      if (i == j) continue;
      const double draw = (random[static_cast<std::size_t>(i * n + j)] + 1.0) / 2.0;
      const double mirrored =
          (random[static_cast<std::size_t>(std::min(i, j) * n + std::max(i, j))] + 1.0) / 2.0;
      const Index step = (j - i + n) % n;
      bool linked = false;
      switch (graph) {
        case Graph::ring:
          linked = step == 1 || step == n - 1;
          break;
        case Graph::line:
          linked = j == i + 1 || j == i - 1;
          break;
        case Graph::directed:
          linked = step == 1 || step == 3 % n;
          break;
        case Graph::islands:
          linked = i % 3 != 0 && j % 3 != 0 && mirrored < 3 * density;
          break;
        case Graph::random_symmetric:
          linked = mirrored < density;
          break;
        case Graph::random_directed:
          linked = draw < density;
          break;
        case Graph::nearly_dense:
          linked = draw < 0.7;
          break;
      }
      if (linked) w(i, j) = graph == Graph::nearly_dense ? 0.1 + draw : 1.0;
    }
  }
  normalise_rows(w);
  return w;
}

inline const std::vector<Graph>& all_graphs() {
  static const std::vector<Graph> graphs{Graph::ring,
                                         Graph::line,
                                         Graph::directed,
                                         Graph::islands,
                                         Graph::random_symmetric,
                                         Graph::random_directed,
                                         Graph::nearly_dense};
  return graphs;
}

/// I - rho*W
inline Matrix shifted(const Matrix& w, double rho) {
  return oracle::add(1.0, oracle::identity(w.rows), -rho, w);
}

/// One fibre of a view, and the whole view with its margins.
template <typename ViewType>
std::vector<double> fibre(const ViewType& view, Index l, Index r) {
  std::vector<double> result;
  for (Index i = 0; i < view.extent; ++i) {
    result.push_back(view.data[l * view.left_stride + i * view.row_stride + r]);
  }
  return result;
}

/// A block with margins between its rows and fibres, so that writing outside shows.
class Block {
 public:
  Block(Index left, Index extent, Index right, std::uint64_t seed, Index margin = 3)
      : values_(oracle::random_vector((left + 1) * (extent * (right + margin) + margin) + 1, seed)),
        view_{values_.data(),
              left,
              extent,
              right,
              right == 1 ? extent + margin : extent * (right + margin) + margin,
              right == 1 ? 1 : right + margin} {}
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  const View& view() const { return view_; }
  std::vector<double>& values() { return values_; }

  /// The values that lie outside the view.
  std::vector<double> margins() const {
    std::vector<bool> inside(values_.size(), false);
    for (Index l = 0; l < view_.left; ++l) {
      for (Index i = 0; i < view_.extent; ++i) {
        for (Index r = 0; r < view_.right; ++r) {
          inside[static_cast<std::size_t>(l * view_.left_stride + i * view_.row_stride + r)] = true;
        }
      }
    }
    std::vector<double> result;
    for (std::size_t k = 0; k < values_.size(); ++k) {
      if (!inside[k]) result.push_back(values_[k]);
    }
    return result;
  }

 private:
  std::vector<double> values_;
  View view_;
};

/// While it lives, vector code runs for these targets only.
class RestrictedTargets {
 public:
  explicit RestrictedTargets(std::int64_t targets) {
    hwy::SetSupportedTargetsForTest(targets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  ~RestrictedTargets() {
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  RestrictedTargets(const RestrictedTargets&) = delete;
  RestrictedTargets& operator=(const RestrictedTargets&) = delete;
};

/// Runs `work` with the best vector instructions, with AVX2 and with the portable ones.
template <typename Work>
void with_each_target(const Work& work) {
  work();
  const std::int64_t available = hwy::SupportedTargets();
  if ((available & HWY_AVX2) != 0) {
    const RestrictedTargets avx2(HWY_AVX2);
    work();
  }
  const RestrictedTargets portable(HWY_EMU128 | HWY_SCALAR);
  work();
}

}  // namespace kronwerk::factors::test
