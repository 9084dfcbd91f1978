#include "models/flow/leave_one_out.hpp"

#include <cblas.h>

#include <algorithm>

#include "kronwerk/core/interruption.hpp"
#include "kronwerk/core/progress.hpp"
#include "models/flow_missing/missing_gram.hpp"
#include "models/flow_missing/missing_state.hpp"

namespace kronwerk::models {

LeaveOneOut::LeaveOneOut(const FlowFilter& filter, const FlowMatrices& matrices,
                         std::span<const double> c, const std::vector<Index>& cells)
    : destinations_(filter.extents()[1]) {
  const std::size_t origins = matrices[0].size();
  const std::size_t others = matrices[1].size();
  weights_.assign(origins * origins, std::vector<double>(others * others, 0.0));
  for (std::size_t t = 0; t < c.size(); ++t) {
    for (std::size_t u = 0; u < c.size(); ++u) {
      const auto& a = filter.terms()[t];
      const auto& b = filter.terms()[u];
      weights_[a.origin * origins + b.origin][a.destination * others + b.destination] +=
          c[t] * c[u];
    }
  }
  for (const std::size_t mode : {0U, 1U}) {
    std::vector<Index> used;
    for (const Index cell : cells) {
      used.push_back(mode == 0 ? cell / destinations_ : cell % destinations_);
    }
    const std::vector<Index> own = used;
    std::ranges::sort(used);
    used.erase(std::unique(used.begin(), used.end()), used.end());
    for (const Index region : own) {
      places_[mode].push_back(
          static_cast<std::size_t>(std::ranges::lower_bound(used, region) - used.begin()));
    }
    for (const auto& a : matrices[mode]) {
      for (const auto& b : matrices[mode]) {
        tables_[mode].push_back({gram_columns(a, b, used), used.size()});
      }
    }
  }
  // Q_mm = L Lᵀ, then its inverse column by column.
  const std::size_t m = cells.size();
  std::vector<double> gram(m * m, 0.0);
  for (std::size_t i = 0; i < m; ++i) {
    const auto row = static_cast<std::size_t>(cells[i] / destinations_);
    const auto column = static_cast<std::size_t>(cells[i] % destinations_);
    for (std::size_t k = 0; k < m; ++k) {
      double& value = gram[i * m + k];
      for (std::size_t a = 0; a < weights_.size(); ++a) {
        const double o = tables_[0][a].values[row * tables_[0][a].width + places_[0][k]];
        for (std::size_t b = 0; b < tables_[1].size(); ++b) {
          const Table& table = tables_[1][b];
          value += weights_[a][b] * o * table.values[column * table.width + places_[1][k]];
        }
      }
    }
  }
  const auto size = static_cast<Index>(m);
  const std::vector<double> lower = cholesky(std::move(gram), size);
  inverse_.assign(m * m, 0.0);
  for (std::size_t i = 0; i < m; ++i) inverse_[i * m + i] = 1;
  solve_lower(lower, size, size, false, inverse_.data());
  solve_lower(lower, size, size, true, inverse_.data());
}

void LeaveOneOut::subtract(Index first, Index last, std::span<double> diagonal) const {
  const std::size_t m = places_[0].size();
  const auto width = static_cast<std::size_t>(destinations_);
  const std::size_t pairs = tables_[1].size();
  std::vector<std::size_t> active;
  std::vector<double> along, block, part, image;
  for (Index row = first; row < last; ++row) {
    // What each unobserved flow is multiplied by at this origin, for every pair of matrices.
    active.clear();
    along.clear();
    for (std::size_t k = 0; k < m; ++k) {
      std::vector<double> weights(pairs, 0.0);
      for (std::size_t a = 0; a < weights_.size(); ++a) {
        const Table& table = tables_[0][a];
        const double o = table.values[static_cast<std::size_t>(row) * table.width + places_[0][k]];
        for (std::size_t b = 0; b < pairs && o != 0; ++b) weights[b] += weights_[a][b] * o;
      }
      if (std::ranges::all_of(weights, [](double weight) { return weight == 0; })) continue;
      active.push_back(k);
      along.insert(along.end(), weights.begin(), weights.end());
    }
    const std::size_t count = active.size();
    if (count == 0) continue;
    block.assign(width * count, 0.0);  // Q_om of this row
    part.resize(count * count);
    for (std::size_t k = 0; k < count; ++k) {
      for (std::size_t l = 0; l < count; ++l) {
        part[k * count + l] = inverse_[active[k] * m + active[l]];
      }
      for (std::size_t b = 0; b < pairs; ++b) {
        const double weight = along[k * pairs + b];
        const Table& table = tables_[1][b];
        for (std::size_t j = 0; j < width && weight != 0; ++j) {
          block[j * count + k] += weight * table.values[j * table.width + places_[1][active[k]]];
        }
      }
    }
    image.resize(width * count);
    const int size = static_cast<int>(count);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(width), size, size, 1.0,
                block.data(), size, part.data(), size, 0.0, image.data(), size);
    double* values = diagonal.data() + static_cast<std::size_t>(row - first) * width;
    for (std::size_t j = 0; j < width; ++j) {
      values[j] -= cblas_ddot(size, block.data() + j * count, 1, image.data() + j * count, 1);
    }
    core::report_progress("row", row + 1 - first, last - first);
    core::check_interruption();
  }
}

}  // namespace kronwerk::models
