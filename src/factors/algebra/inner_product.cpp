// Declared in kronwerk/factors/spectra/bases.hpp.
#include <fmt/format.h>

#include <cstdint>
#include <numeric>

#include "factors/dense/dense_factor.hpp"
#include "factors/simple/kernel_factor.hpp"
#include "factors/sparse/sparse_factor.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::factors {
namespace {

bool is_diagonal(const Factor& factor) {
  return factor.kind() == Kind::identity || factor.kind() == Kind::diagonal;
}

double dot(std::span<const double> a, std::span<const double> b) {
  // Row by row below; a few partial sums keep the rounding and the latency small.
  constexpr std::size_t lanes = 8;
  double sums[lanes] = {};
  std::size_t i = 0;
  for (; i + lanes <= a.size(); i += lanes) {
    for (std::size_t l = 0; l < lanes; ++l) sums[l] += a[i + l] * b[i + l];
  }
  double rest = 0;
  for (; i < a.size(); ++i) rest += a[i] * b[i];
  return std::accumulate(sums, sums + lanes, rest);
}

double dot(const DenseView& a, const DenseView& b) {
  double sum = 0;
  const auto cols = static_cast<std::size_t>(a.cols);
  for (Index i = 0; i < a.rows; ++i) {
    sum +=
        dot(std::span(a.data + i * a.row_stride, cols), std::span(b.data + i * b.row_stride, cols));
  }
  return sum;
}

double dot(const SparseView& a, const DenseView& b) {
  double sum = 0;
  for (Index i = 0; i < a.rows; ++i) {
    double row = 0;
    for (Index k = a.offsets[static_cast<std::size_t>(i)];
         k < a.offsets[static_cast<std::size_t>(i) + 1]; ++k) {
      const auto at = static_cast<std::size_t>(k);
      row += a.values[at] * b.data[i * b.row_stride + a.indices[at]];
    }
    sum += row;
  }
  return sum;
}

// Columns ascend in both.
double dot(const SparseView& a, const SparseView& b) {
  double sum = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(a.rows); ++i) {
    auto k = static_cast<std::size_t>(a.offsets[i]);
    auto l = static_cast<std::size_t>(b.offsets[i]);
    const auto k_end = static_cast<std::size_t>(a.offsets[i + 1]);
    const auto l_end = static_cast<std::size_t>(b.offsets[i + 1]);
    double row = 0;
    while (k < k_end && l < l_end) {
      const std::int32_t difference = a.indices[k] - b.indices[l];
      if (difference == 0) row += a.values[k] * b.values[l];
      k += difference <= 0 ? 1 : 0;
      l += difference >= 0 ? 1 : 0;
    }
    sum += row;
  }
  return sum;
}

// The values of a factor that is neither sparse nor diagonal; `copy` holds them where nobody else
// does.
DenseView dense_view(const Factor& factor, std::vector<double>& copy) {
  if (factor.kind() == Kind::dense) return static_cast<const DenseFactor&>(factor).view();
  copy = dense_copy(factor);
  return DenseView::row_major(copy.data(), factor.rows(), factor.cols());
}

double local_product(const Factor& a, const Factor& b) {
  if (is_diagonal(a) || is_diagonal(b)) return dot(a.diagonal(), b.diagonal());
  if (a.kind() == Kind::sparse && b.kind() != Kind::sparse) return local_product(b, a);
  if (a.kind() == Kind::sparse) {
    return dot(static_cast<const SparseFactor&>(a).view(),
               static_cast<const SparseFactor&>(b).view());
  }
  std::vector<double> first;
  std::vector<double> second;
  const DenseView dense = dense_view(a, first);
  if (b.kind() == Kind::sparse) return dot(static_cast<const SparseFactor&>(b).view(), dense);
  return dot(dense, dense_view(b, second));
}

// One rank computes, so that the result is the same to the last bit on all.
template <typename Compute>
double on_one_rank(const communication::Communicator& comm, const Compute& compute) {
  double result = 0;
  communication::on_root(comm, [&] { result = compute(); });
  comm.broadcast(std::span(&result, 1));
  return result;
}

}  // namespace

double inner_product(const communication::Communicator& comm, const Factor& a, const Factor& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) {
    throw core::ShapeError(
        fmt::format("the inner product of '{}' ({} x {}) and '{}' ({} x {}) needs equal shapes",
                    a.name(), a.rows(), a.cols(), b.name(), b.rows(), b.cols()));
  }
  return on_one_rank(comm, [&] { return local_product(a, b); });
}

double trace(const communication::Communicator& comm, const Factor& factor) {
  if (factor.rows() != factor.cols()) {
    throw core::ShapeError(fmt::format("'{}' is {} x {}; only square matrices have a trace",
                                       factor.name(), factor.rows(), factor.cols()));
  }
  return on_one_rank(comm, [&] {
    const std::vector<double> diagonal = factor.diagonal();
    return std::accumulate(diagonal.begin(), diagonal.end(), 0.0);
  });
}

}  // namespace kronwerk::factors
