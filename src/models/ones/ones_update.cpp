// Covariances with terms of ones beside terms without, such as K_s ⊗ K_t + K_s ⊗ J + J ⊗ K_t + σ²
// I, by Woodbury's formula (1950). See src/MATHEMATICS.md, "Gaussian models".
#include "models/ones/ones_update.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "factors/base/lapack.hpp"
#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/factors/dense/dense_values.hpp"
#include "kronwerk/factors/dense/shared_dense.hpp"
#include "models/ones/core_eigenvectors.hpp"
#include "models/ones/ones_product.hpp"

namespace kronwerk::models {

using distribution::BlockPartition;
using factors::FactorPtr;

namespace {

// Rows that are multiplied together.
constexpr Index panel = 256;

std::vector<std::vector<bool>> sets_of(const Covariance& covariance,
                                       const std::vector<ScaledProduct>& products) {
  std::vector<std::vector<bool>> result;
  for (const ScaledProduct& product : products) {
    const auto ones = ones_of(covariance, product);
    if (std::ranges::find(result, ones) == result.end()) result.push_back(ones);
  }
  return result;
}

void scale_columns(Index rows, const std::vector<double>& scale, Index stride, double* x) {
  for (Index row = 0; row < rows; ++row) {
    for (std::size_t i = 0; i < scale.size(); ++i)
      x[row * stride + static_cast<Index>(i)] *= scale[i];
  }
}

}  // namespace

OnesUpdate::OnesUpdate(const Covariance& covariance, const std::vector<ScaledProduct>& products)
    : comm_(&covariance.comm()), columns_(covariance.spectrum(), sets_of(covariance, products)) {
  BasisMatrices matrices;
  for (const auto& set : columns_.sets()) {
    std::vector<ScaledProduct> own;
    for (const ScaledProduct& product : products) {
      if (ones_of(covariance, product) == set.ones) own.push_back(product);
    }
    roots_.push_back(root_of(covariance, matrices, own, set));
    double squares = 1;
    for (std::size_t mode = 0; mode < set.ones.size(); ++mode) {
      if (!set.ones[mode]) continue;
      double sum = 0;
      for (const double each : columns_.vector(mode)) sum += each * each;
      squares *= sum;
    }
    const double root = *std::ranges::max_element(roots_.back().roots);
    largest_ += root * root * squares;
  }
  factorise();
}

OnesUpdate::Root OnesUpdate::root_of(const Covariance& covariance, BasisMatrices& matrices,
                                     const std::vector<ScaledProduct>& products,
                                     const OnesColumns::Set& set) const {
  std::vector<OnesProduct> terms;
  for (const ScaledProduct& product : products) {
    terms.emplace_back(covariance, matrices, product, set);
  }
  const auto entry = [&](Index row, Index column) {
    double sum = 0;
    for (const OnesProduct& term : terms) sum += term.at(row, column);
    return sum;
  };
  Root root;
  if (std::ranges::all_of(terms, &OnesProduct::diagonal)) {
    for (Index i = 0; i < set.size; ++i) root.roots.push_back(entry(i, i));
  } else {
    const FactorPtr sum =
        factors::make_shared_dense_by_rows(*comm_, "the covariance's terms with ones", set.size,
                                           set.size, [&](Index first, Index count, double* out) {
                                             for (Index i = first; i < first + count; ++i) {
                                               for (Index j = 0; j < set.size; ++j)
                                                 *out++ = entry(i, j);
                                             }
                                           });
    auto found = core_eigenvectors(*comm_, sum);
    root = {std::move(found.values), std::move(found.vectors)};
  }
  for (double& each : root.roots) each = std::sqrt(each);
  return root;
}

void OnesUpdate::multiply_rows(Index count, const double* x, bool transposed, double* out) const {
  const Index r = size();
  std::vector<double> scaled;
  for (std::size_t s = 0; s < roots_.size(); ++s) {
    const auto& set = columns_.sets()[s];
    const Root& root = roots_[s];
    const double* from = x + set.first;
    double* to = out + set.first;
    if (!root.vectors) {
      for (Index row = 0; row < count; ++row) std::copy_n(from + row * r, set.size, to + row * r);
      scale_columns(count, root.roots, r, to);
      continue;
    }
    Index stride = r;
    if (transposed) {
      scaled.resize(static_cast<std::size_t>(count * set.size));
      for (Index row = 0; row < count; ++row) {
        std::copy_n(from + row * r, set.size, scaled.data() + row * set.size);
      }
      scale_columns(count, root.roots, stride = set.size, scaled.data());
      from = scaled.data();
    }
    const int n = core::narrow<int>(set.size);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans,
                core::narrow<int>(count), n, n, 1.0, from, core::narrow<int>(stride),
                factors::dense_values(*root.vectors).data(), n, 0.0, to, core::narrow<int>(r));
    if (!transposed) scale_columns(count, root.roots, r, to);
  }
}

void OnesUpdate::divide_rows(Index count, const double* x, double* out) const {
  const Index r = size();
  for (std::size_t s = 0; s < roots_.size(); ++s) {
    const auto& set = columns_.sets()[s];
    const Root& root = roots_[s];
    double* to = out + set.first;
    const double largest = *std::ranges::max_element(root.roots);
    const double least =
        largest * std::sqrt(std::numeric_limits<double>::epsilon() * static_cast<double>(set.size));
    std::vector<double> reciprocals;
    for (const double each : root.roots) reciprocals.push_back(each > least ? 1 / each : 0);
    if (root.vectors) {
      const int n = core::narrow<int>(set.size), stride = core::narrow<int>(r);
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, core::narrow<int>(count), n, n, 1.0,
                  x + set.first, stride, factors::dense_values(*root.vectors).data(), n, 0.0, to,
                  stride);
    } else {
      for (Index row = 0; row < count; ++row) {
        std::copy_n(x + set.first + row * r, set.size, to + row * r);
      }
    }
    scale_columns(count, reciprocals, r, to);
  }
}

/// TᵀXT (transposed), or T X Tᵀ, of a symmetric matrix, once per node: a product of rows twice.
FactorPtr OnesUpdate::congruent(const FactorPtr& matrix, bool transposed) const {
  const Index r = size();
  const BlockPartition part(r, comm_->node().size());
  const Index begin = part.begin(comm_->node().rank()), end = part.end(comm_->node().rank());
  const double* x = factors::dense_values(*matrix).data();
  const FactorPtr half = factors::make_shared_dense(
      *comm_, "half of the core of ones", r, r, [&](std::span<double> values) {
        for (Index row = begin; row < end; row += panel) {
          multiply_rows(std::min(panel, end - row), x + row * r, !transposed,
                        values.data() + row * r);
        }
      });
  const double* halves = factors::dense_values(*half).data();
  return factors::make_shared_dense(
      *comm_, "the core of ones", r, r, [&](std::span<double> values) {
        std::vector<double> rows(static_cast<std::size_t>(std::min(panel, r) * r));
        for (Index row = begin; row < end; row += panel) {
          const Index count = std::min(panel, end - row);
          for (Index j = 0; j < r; ++j) {
            for (Index i = 0; i < count; ++i) {
              rows[static_cast<std::size_t>(i * r + j)] = halves[j * r + row + i];
            }
          }
          multiply_rows(count, rows.data(), !transposed, values.data() + row * r);
        }
      });
}

void OnesUpdate::factorise() {
  const Index r = size();
  const auto& node = comm_->node();
  const FactorPtr gram = factors::make_shared_dense(
      *comm_, "the columns of ones", r, r, [&](std::span<double> values) {
        for (const auto& set : columns_.sets()) {
          const BlockPartition part(set.size, node.size());
          for (Index row = part.begin(node.rank()); row < part.end(node.rank()); ++row) {
            double* out = values.data() + (set.first + row) * r;
            std::fill_n(out, r, 0.0);
            columns_.add_row(set, row, columns_.sets(), out);
          }
        }
      });
  const FactorPtr core = congruent(gram, true);
  factor_ = factors::make_shared_dense(
      *comm_, "the factor of the core of ones", r, r, [&](std::span<double> values) {
        if (!node.is_root()) return;
        std::ranges::copy(factors::dense_values(*core), values.begin());
        for (Index i = 0; i < r; ++i) values[static_cast<std::size_t>(i * (r + 1))] += 1;
        const int order = core::narrow<int>(r);
        int info = 0;
        dpotrf_("U", &order, values.data(), &order, &info, 1);
        if (info == 0) return;
        throw core::DataError(
            "the covariance is singular to working precision; terms with ones need noise beside "
            "them, such as sigma^2*I, or more of it");
      });
  for (Index i = 0; i < r; ++i) {
    log_determinant_ += 2 * std::log(factor()[static_cast<std::size_t>(i * (r + 1))]);
  }
}

std::span<const double> OnesUpdate::factor() const {
  return factors::dense_values(*factor_);
}

std::span<const double> OnesUpdate::posterior() const {
  if (!posterior_) {
    const Index r = size();
    const FactorPtr inverse = factors::make_shared_dense(
        *comm_, "the inverse core of ones", r, r, [&](std::span<double> values) {
          if (!comm_->node().is_root()) return;
          std::ranges::copy(factor(), values.begin());
          const int order = core::narrow<int>(r);
          int info = 0;
          dpotri_("U", &order, values.data(), &order, &info, 1);
          for (Index i = 0; i < r; ++i) {
            for (Index j = 0; j < i; ++j) {
              values[static_cast<std::size_t>(j * r + i)] =
                  values[static_cast<std::size_t>(i * r + j)];
            }
          }
        });
    posterior_ = congruent(inverse, false);
  }
  return factors::dense_values(*posterior_);
}

/// The rows of a batch, spread over the ranks: work(count, rows), which every rank then has all of.
template <typename Work>
void OnesUpdate::on_rows(Index batch, std::span<double> sums, const Work& work) const {
  comm_->sum(sums);
  const BlockPartition part(batch, comm_->size());
  const Index begin = part.begin(comm_->rank()) * size(), end = part.end(comm_->rank()) * size();
  std::fill(sums.begin(), sums.begin() + begin, 0.0);
  std::fill(sums.begin() + end, sums.end(), 0.0);
  if (end > begin) work((end - begin) / size(), sums.data() + begin);
  comm_->sum(sums);
}

void OnesUpdate::divide_once(Index first, Index batch, std::span<double> x) const {
  const Index r = size();
  const auto scale = [&] {
    columns_.eigenvalues().for_runs(first, std::ssize(x),
                                    [&](const double* e, Index offset, Index count) {
                                      double* place = x.data() + offset;
                                      for (Index i = 0; i < count; ++i) place[i] /= e[i];
                                    });
  };
  std::vector<double> right(x.begin(), x.end());
  std::vector<double> sums(static_cast<std::size_t>(batch * r), 0.0);
  scale();
  columns_.gather(first, x, sums);
  on_rows(batch, sums, [&](Index count, double* rows) {
    const int order = core::narrow<int>(r), number = core::narrow<int>(count);
    std::vector<double> part(static_cast<std::size_t>(count * r));
    multiply_rows(count, rows, false, part.data());
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, number, order, 1.0,
                factor().data(), order, part.data(), order);
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, number, order,
                -1.0, factor().data(), order, part.data(), order);
    multiply_rows(count, part.data(), true, rows);
  });
  std::ranges::copy(right, x.begin());
  columns_.spread(first, sums, x);
  scale();
}

void OnesUpdate::divide(Index first, Index batch, std::span<double> x) const {
  std::vector<double> residual(x.begin(), x.end());
  divide_once(first, batch, x);
  // What the formula loses where terms with ones are much larger than the noise.
  std::vector<double> sums(static_cast<std::size_t>(batch * size()), 0.0);
  columns_.gather(first, x, sums);
  on_rows(batch, sums, [&](Index count, double* rows) {
    std::vector<double> part(static_cast<std::size_t>(count * size()));
    multiply_rows(count, rows, false, part.data());
    multiply_rows(count, part.data(), true, rows);
    for (Index i = 0; i < count * size(); ++i) rows[i] = -rows[i];
  });
  columns_.spread(first, sums, residual);
  columns_.eigenvalues().for_runs(first, std::ssize(x),
                                  [&](const double* e, Index offset, Index count) {
                                    const double* place = x.data() + offset;
                                    double* rest = residual.data() + offset;
                                    for (Index i = 0; i < count; ++i) rest[i] -= e[i] * place[i];
                                  });
  divide_once(first, batch, residual);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += residual[i];
}

/// With E = diag(e), W = U T and A = C Cᵀ, X = E^-½ − E⁻¹ W C⁻ᵀ(I + C)⁻¹ Wᵀ E^-½ has X Xᵀ = E⁻¹ −
/// E⁻¹ W A⁻¹ Wᵀ E⁻¹.
void OnesUpdate::divide_by_root(Index first, Index batch, std::span<double> x) const {
  const Index r = size();
  std::vector<double> sums(static_cast<std::size_t>(batch * r), 0.0);
  columns_.eigenvalues().for_runs(first, std::ssize(x),
                                  [&](const double* e, Index offset, Index count) {
                                    double* place = x.data() + offset;
                                    for (Index i = 0; i < count; ++i) place[i] /= std::sqrt(e[i]);
                                  });
  columns_.gather(first, x, sums);
  on_rows(batch, sums, [&](Index count, double* rows) {
    const int order = core::narrow<int>(r), number = core::narrow<int>(count);
    std::vector<double> part(static_cast<std::size_t>(count * r));
    multiply_rows(count, rows, false, part.data());
    for (Index row = 0; row < count; ++row) {
      double* values = part.data() + row * r;
      for (Index i = 0; i < r; ++i) {
        const double* own = factor().data() + i * r;
        values[i] -= cblas_ddot(core::narrow<int>(i), own, 1, values, 1);
        values[i] /= 1 + own[i];
      }
    }
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, number, order,
                1.0, factor().data(), order, part.data(), order);
    multiply_rows(count, part.data(), true, rows);
  });
  std::vector<double> columns(x.size(), 0.0);
  columns_.spread(first, sums, columns);
  columns_.eigenvalues().for_runs(first, std::ssize(x),
                                  [&](const double* e, Index offset, Index count) {
                                    for (Index i = 0; i < count; ++i) {
                                      const auto place = static_cast<std::size_t>(offset + i);
                                      x[place] -= columns[place] / e[i];
                                    }
                                  });
}

}  // namespace kronwerk::models
