// Declared in models/ones/ones_core.hpp.
#include <cblas.h>

#include <algorithm>

#include "kronwerk/distribution/partition.hpp"
#include "models/ones/ones_core.hpp"

namespace kronwerk::models {
namespace {

bool is_identity(const ScaledProduct& product) {
  return std::ranges::all_of(
      product.chains, [](const factors::Chain& chain) { return factors::is_identity(chain); });
}

}  // namespace

std::vector<double> OnesCore::gradient(const Layout& layout, Index observations,
                                       std::span<const double> weights,
                                       const std::vector<std::vector<ScaledProduct>>& derivatives,
                                       Index determinants) const {
  const Index r = size();
  const int order = core::narrow<int>(r);
  const distribution::BlockPartition part(r, comm_->size());
  const Index begin = part.begin(comm_->rank()), rows = part.count(comm_->rank());
  // Rows of Σ_i α_i α_iᵀ − d K⁻¹ on the core, and the squares beside it.
  std::vector<double> matrix(static_cast<std::size_t>(rows * r), 0.0);
  std::vector<double> beside(weights.begin(), weights.end());
  const Index together = std::clamp(summed_together / r, Index{1}, observations);
  std::vector<double> values;
  for (Index first = 0; first < observations; first += together) {
    const Index count = std::min(together, observations - first);
    values.assign(static_cast<std::size_t>(count * r), 0.0);
    for (const Piece& piece : pieces(layout, first, first + count)) {
      for_places(layout, piece, [&](std::size_t place, std::size_t i) {
        const auto number = static_cast<Index>(i);
        const Index row = piece.observation - first + number / piece.count;
        values[static_cast<std::size_t>(row * r + piece.first + number % piece.count)] =
            weights[place];
        beside[place] = 0;
      });
    }
    comm_->sum(values);
    if (rows == 0) continue;
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, core::narrow<int>(rows), order,
                core::narrow<int>(count), 1.0, values.data() + begin, order, values.data(), order,
                1.0, matrix.data(), order);
  }
  if (rows > 0) {
    const double* vectors = eigenvectors().data();
    values.assign(vectors + begin * r, vectors + (begin + rows) * r);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] /= eigenvalues_[i % static_cast<std::size_t>(r)];
    }
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, core::narrow<int>(rows), order, order,
                -static_cast<double>(determinants), values.data(), order, vectors, order, 1.0,
                matrix.data(), order);
  }
  double squares = 0;
  for (const double each : beside) squares += each * each;
  std::vector<double> result(derivatives.size(), 0.0);
  const auto others = static_cast<double>(core::product(extents_) - r);
  for (std::size_t p = 0; p < derivatives.size(); ++p) {
    for (const ScaledProduct& product : derivatives[p]) {
      if (product.scale == 0) continue;
      double sum = 0;
      if (is_identity(product)) {
        sum = squares;
        for (Index row = 0; row < rows; ++row)
          sum += matrix[static_cast<std::size_t>(row * r + begin + row)];
        result[p] += 0.5 * product.scale * sum;
        continue;
      }
      const Term term = term_of(product);
      for (const Index row : term.support) {
        if (row < begin || row >= begin + rows) continue;
        const double* own = matrix.data() + (row - begin) * r;
        for (const Index column : term.support) sum += own[column] * value(term, row, column);
      }
      result[p] += 0.5 * sum;
    }
  }
  comm_->sum(result);
  for (std::size_t p = 0; p < derivatives.size() && others > 0; ++p) {
    for (const ScaledProduct& product : derivatives[p]) {
      if (!is_identity(product)) continue;
      result[p] -= 0.5 * product.scale * static_cast<double>(determinants) * others / background_;
    }
  }
  return result;
}

}  // namespace kronwerk::models
