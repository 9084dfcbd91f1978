// Declared in models/ones/ones_update.hpp.
// See src/MATHEMATICS.md, "Gaussian models".
#include <cblas.h>

#include <algorithm>

#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/factors/dense/dense_values.hpp"
#include "kronwerk/factors/dense/shared_dense.hpp"
#include "models/ones/ones_product.hpp"
#include "models/ones/ones_update.hpp"

namespace kronwerk::models {

using distribution::BlockPartition;
using factors::FactorPtr;

namespace {

// Rows whose entries are summed together.
constexpr Index panel = 256;

/// U_Sᵀα̃ of every observation. Collective.
std::vector<double> sums_of(const communication::Communicator& comm, const OnesColumns& columns,
                            Index first, Index observations, std::span<const double> weights) {
  std::vector<double> sums(static_cast<std::size_t>(observations * columns.size()), 0.0);
  columns.gather(first, weights, sums);
  comm.sum(sums);
  return sums;
}

}  // namespace

void OnesUpdate::add_gradient(const Covariance& covariance, BasisMatrices& matrices, Index first,
                              Index observations, Index determinants,
                              std::span<const double> weights,
                              const std::vector<std::vector<ScaledProduct>>& derivatives,
                              std::span<double> gradient) const {
  std::vector<std::vector<bool>> done;
  for (const auto& derivative : derivatives) {
    for (const ScaledProduct& product : derivative) {
      const auto ones = ones_of(covariance, product);
      if (std::ranges::find(done, ones) != done.end()) continue;
      add_set(covariance, matrices, ones, first, observations, determinants, weights, derivatives,
              gradient);
      done.push_back(ones);
    }
  }
}

/// All products of one set S: Σ_ab B_ab ½ (Σ_i ββᵀ − d H)_ab with β = U_Sᵀα̃ and
/// H = U_Sᵀ(VᵀKV)⁻¹U_S = G − XXᵀ, G = U_Sᵀ diag(1/e) U_S, X = U_Sᵀ diag(1/e) U T C⁻ᵀ.
void OnesUpdate::add_set(const Covariance& covariance, BasisMatrices& matrices,
                         const std::vector<bool>& ones, Index first, Index observations,
                         Index determinants, std::span<const double> weights,
                         const std::vector<std::vector<ScaledProduct>>& derivatives,
                         std::span<double> gradient) const {
  const OnesColumns own(covariance.spectrum(), {ones});
  const OnesColumns::Set& set = own.sets().front();
  std::vector<std::pair<std::size_t, OnesProduct>> products;
  bool diagonal = true;
  for (std::size_t p = 0; p < derivatives.size(); ++p) {
    for (const ScaledProduct& product : derivatives[p]) {
      if (product.scale == 0 || ones_of(covariance, product) != ones) continue;
      products.emplace_back(p, OnesProduct(covariance, matrices, product, set));
      diagonal = diagonal && products.back().second.diagonal();
    }
  }
  const auto sums = sums_of(*comm_, own, first, observations, weights);
  const Index r = size(), n = set.size, width = r + n;
  const auto times = static_cast<double>(determinants);
  const auto& node = comm_->node();
  const BlockPartition shared(n, node.size()), spread(n, comm_->size());
  FactorPtr crossing;  // [X, G]
  if (determinants > 0) {
    auto others = columns_.sets();
    others.push_back(set);
    others.back().first = r;
    crossing = factors::make_shared_dense(
        *comm_, "derivatives of terms with ones", n, width, [&](std::span<double> values) {
          const Index begin = shared.begin(node.rank()), end = shared.end(node.rank());
          std::vector<double> rows(static_cast<std::size_t>(panel * r)), images(rows.size());
          for (Index row = begin; row < end; row += panel) {
            const Index count = std::min(panel, end - row);
            double* place = values.data() + row * width;
            std::fill_n(place, count * width, 0.0);
            for (Index i = 0; i < count; ++i) {
              columns_.add_row(set, row + i, others, place + i * width);
              std::copy_n(place + i * width, r, rows.data() + i * r);
            }
            multiply_rows(count, rows.data(), false, images.data());
            const int order = core::narrow<int>(r);
            cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit,
                        core::narrow<int>(count), order, 1.0, factor().data(), order, images.data(),
                        order);
            for (Index i = 0; i < count; ++i) {
              std::copy_n(images.data() + i * r, r, place + i * width);
            }
          }
        });
  }
  std::vector<double> entries(static_cast<std::size_t>(panel * n));
  for (Index row = spread.begin(comm_->rank()); row < spread.end(comm_->rank()); row += panel) {
    const Index count = std::min(panel, spread.end(comm_->rank()) - row);
    const int few = core::narrow<int>(count), all = core::narrow<int>(n);
    std::ranges::fill(entries, 0.0);
    if (crossing && !diagonal) {
      const double* x = factors::dense_values(*crossing).data();
      for (Index i = 0; i < count; ++i) {
        for (Index j = 0; j < n; ++j) {
          entries[static_cast<std::size_t>(i * n + j)] = -times * x[(row + i) * width + r + j];
        }
      }
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, few, all, core::narrow<int>(r), times,
                  x + row * width, core::narrow<int>(width), x, core::narrow<int>(width), 1.0,
                  entries.data(), all);
    } else if (crossing) {
      for (Index i = 0; i < count; ++i) {
        const double* x = factors::dense_values(*crossing).data() + (row + i) * width;
        const double square = cblas_ddot(core::narrow<int>(r), x, 1, x, 1);
        entries[static_cast<std::size_t>(i * n + row + i)] = times * (square - x[r + row + i]);
      }
    }
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, few, all, core::narrow<int>(observations),
                1.0, sums.data() + row, all, sums.data(), all, 1.0, entries.data(), all);
    for (const auto& [p, product] : products) {
      double sum = 0;
      for (Index i = 0; i < count; ++i) {
        const double* own_entries = entries.data() + i * n;
        if (product.diagonal()) {
          sum += own_entries[row + i] * product.at(row + i, row + i);
          continue;
        }
        for (Index j = 0; j < n; ++j) sum += own_entries[j] * product.at(row + i, j);
      }
      gradient[p] += 0.5 * sum;
    }
  }
}

}  // namespace kronwerk::models
