#include "models/flow_effects/series_effects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kronwerk/core/interruption.hpp"
#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "models/flow_effects/region_sums.hpp"

namespace kronwerk::models {
namespace {

/// Powers that are tried, and what may be left of the series next to all of it.
constexpr std::size_t most_powers = 256;
constexpr double remainder = 1e-15;
/// Changes at once.
constexpr std::size_t block = 64;

/// The least of the 1- and the ∞-norm. Local.
double norm_of(const factors::Chain& matrix) {
  std::vector<double> rows(static_cast<std::size_t>(factors::rows(matrix)), 0.0);
  double columns = 0;
  factors::for_column_panels(matrix, 0, factors::cols(matrix),
                             [&](Index /*first*/, Index count, std::span<const double> panel) {
                               std::vector<double> sums(static_cast<std::size_t>(count), 0.0);
                               for (std::size_t i = 0; i < panel.size(); ++i) {
                                 const double value = std::abs(panel[i]);
                                 rows[i / sums.size()] += value;
                                 sums[i % sums.size()] += value;
                               }
                               columns = std::max(columns, *std::ranges::max_element(sums));
                               core::check_interruption();
                             });
  return std::min(columns, *std::ranges::max_element(rows));
}

}  // namespace

std::optional<SeriesEffects> SeriesEffects::make(const communication::Communicator& comm,
                                                 const FlowFilter& filter,
                                                 const FlowMatrices& matrices) {
  SeriesEffects result;
  result.comm_ = &comm;
  result.filter_ = &filter;
  for (const std::size_t mode : {0U, 1U}) {
    for (std::size_t m = 0; m < matrices[mode].size(); ++m) {
      if (filter.matrices(mode)[m]->is_identity()) continue;
      if (!result.matrices_[mode].empty()) return std::nullopt;
      result.matrices_[mode] = matrices[mode][m];
    }
    if (result.matrices_[mode].empty()) {
      result.matrices_[mode] = {{factors::make_identity(filter.extents()[mode])}};
    }
  }
  communication::collectively(comm, [&] {
    for (const std::size_t mode : {0U, 1U}) result.norms_[mode] = norm_of(result.matrices_[mode]);
  });
  return result;
}

// 1/q with q = c_00 + c_10 a + c_01 b + c_11 ab; in units of the norms.
bool SeriesEffects::find_series(std::span<const double> c) {
  double q[2][2] = {};
  for (std::size_t t = 0; t < c.size(); ++t) {
    const auto& term = filter_->terms()[t];
    const int k = filter_->matrices(0)[term.origin]->is_identity() ? 0 : 1;
    const int l = filter_->matrices(1)[term.destination]->is_identity() ? 0 : 1;
    q[k][l] += c[t] * (k == 1 ? norms_[0] : 1.0) * (l == 1 ? norms_[1] : 1.0);
  }
  if (q[0][0] == 0) return false;
  std::vector<double> a(most_powers * most_powers, 0.0);
  std::vector<double> shells(most_powers, 0.0);  // with k or l at most that
  for (std::size_t k = 0; k < most_powers; ++k) {
    for (std::size_t l = 0; l < most_powers; ++l) {
      double value = k + l == 0 ? 1.0 : 0.0;
      if (k > 0) value -= q[1][0] * a[(k - 1) * most_powers + l];
      if (l > 0) value -= q[0][1] * a[k * most_powers + l - 1];
      if (k > 0 && l > 0) value -= q[1][1] * a[(k - 1) * most_powers + l - 1];
      a[k * most_powers + l] = value / q[0][0];
      shells[std::max(k, l)] += std::abs(a[k * most_powers + l]);
    }
  }
  const double all = std::accumulate(shells.begin(), shells.end(), 0.0);
  double left = 0;
  powers_ = most_powers;
  while (powers_ > 1 && left + shells[powers_ - 1] <= remainder * all) {
    left += shells[--powers_];
  }
  // With a quarter of the shells without effect what is beyond the last one has none.
  if (!std::isfinite(all) || powers_ > most_powers * 3 / 4) return false;
  series_.assign(powers_ * powers_, 0.0);
  for (std::size_t k = 0; k < powers_; ++k) {
    for (std::size_t l = 0; l < powers_; ++l) {
      series_[k * powers_ + l] = a[k * most_powers + l] /
                                 std::pow(norms_[0], static_cast<double>(k)) /
                                 std::pow(norms_[1], static_cast<double>(l));
    }
  }
  return true;
}

/// The sums of one rank's regions, for changes x yᵀ that are collected and found a block at a time.
class SeriesEffects::Sums {
 public:
  Sums(const SeriesEffects& series, const CellWeights& weights, Index begin,
       std::vector<RegionSums>& regions)
      : series_(series),
        weights_(weights),
        begin_(begin),
        regions_(regions),
        n_(static_cast<std::size_t>(series.filter_->extents()[0])) {
    for (auto& panel : panels_) panel.resize(n_ * block);
  }

  /// One change by region `region`. @param x, y  n numbers with a stride
  void add(Index region, double scale, std::span<const double> x, std::size_t stride_x,
           std::span<const double> y, std::size_t stride_y) {
    const std::size_t place = items_.size();
    for (std::size_t i = 0; i < n_; ++i) {
      panels_[0][i * block + place] = x[i * stride_x];
      panels_[1][i * block + place] = y[i * stride_y];
    }
    items_.push_back({region, scale});
    if (items_.size() == block) finish();
  }

  void finish() {
    if (items_.empty()) return;
    const std::size_t powers = series_.powers_;
    for (const std::size_t mode : {0U, 1U}) find_powers(mode);
    const auto& a = series_.series_;
    for (std::size_t item = 0; item < items_.size(); ++item) {
      double crossing = 0, row = 0, column = 0, all = 0;
      for (std::size_t k = 0; k < powers; ++k) {
        double here = 0, there = 0;
        for (std::size_t l = 0; l < powers; ++l) {
          here += a[k * powers + l] * at_[1][l * block + item];
          there += a[k * powers + l] * sums_[1][l * block + item];
        }
        crossing += at_[0][k * block + item] * here;
        row += at_[0][k * block + item] * there;
        column += sums_[0][k * block + item] * here;
        all += sums_[0][k * block + item] * there;
      }
      const auto [region, scale] = items_[item];
      RegionSums& sums = regions_[static_cast<std::size_t>(region - begin_)];
      sums.row += scale * row;
      sums.column += scale * column;
      sums.crossing += scale * crossing;
      sums.all += scale * all;
    }
    items_.clear();
    core::check_interruption();
  }

 private:
  /// Of every power of a mode's matrix applied to the changes, what it is at the change's own
  /// region, and its weighted sum.
  void find_powers(std::size_t mode) {
    const factors::LocalProduct matrix({series_.matrices_[mode]});
    const auto extent = static_cast<Index>(n_);
    const auto width = static_cast<Index>(block);
    at_[mode].assign(series_.powers_ * block, 0.0);
    sums_[mode].assign(series_.powers_ * block, 0.0);
    std::vector<double>& panel = panels_[mode];
    image_.resize(panel.size());
    for (std::size_t power = 0; power < series_.powers_; ++power) {
      double* sums = sums_[mode].data() + power * block;
      for (std::size_t i = 0; i < n_; ++i) {
        for (std::size_t item = 0; item < items_.size(); ++item) {
          sums[item] += weight(mode, item, i) * panel[i * block + item];
        }
      }
      for (std::size_t item = 0; item < items_.size(); ++item) {
        const auto region = static_cast<std::size_t>(items_[item].region);
        at_[mode][power * block + item] = panel[region * block + item];
      }
      matrix.apply(factors::ConstView::contiguous(panel.data(), 1, extent, width),
                   factors::View::contiguous(image_.data(), 1, extent, width));
      std::swap(panel, image_);
    }
  }
  double weight(std::size_t mode, std::size_t item, std::size_t i) const {
    if (weights_.none()) return 1;
    const Index region = items_[item].region;
    return (mode == 0 ? weights_.column(region) : weights_.row(region))[i];
  }

  struct Item {
    Index region;
    double scale;
  };
  const SeriesEffects& series_;
  const CellWeights& weights_;
  Index begin_;
  std::vector<RegionSums>& regions_;
  std::size_t n_;
  std::vector<Item> items_;
  std::array<std::vector<double>, 2> panels_;     ///< (n, block): the changes' x, and y
  std::array<std::vector<double>, 2> at_, sums_;  ///< (powers, block)
  std::vector<double> image_;
};

bool SeriesEffects::add(const std::vector<const AttributeUse*>& uses,
                        std::span<const double> coefficients, std::span<const double> c,
                        const CellWeights& weights, FlowEffects& effects) {
  if (!find_series(c)) return false;
  const std::size_t n = effects.total.size();
  const distribution::BlockPartition regions(static_cast<Index>(n), comm_->size());
  const Index begin = regions.begin(comm_->rank());
  std::vector<RegionSums> own;
  communication::collectively(*comm_, [&] {
    own.resize(static_cast<std::size_t>(regions.count(comm_->rank())));
    Sums sums(*this, weights, begin, own);
    std::vector<double> unit(n, 0.0);
    for (const AttributeUse* use : uses) {
      const double coefficient = coefficients[use->column];
      factors::for_column_panels(use->matrix, begin, regions.end(comm_->rank()),
                                 [&](Index first, Index count, std::span<const double> panel) {
                                   const auto width = static_cast<std::size_t>(count);
                                   for (std::size_t k = 0; k < width; ++k) {
                                     const Index region = first + static_cast<Index>(k);
                                     const auto column = panel.subspan(k);
                                     if (use->place == AttributeUse::Place::origin) {
                                       sums.add(region, coefficient, column, width, use->other, 1);
                                     } else if (use->place == AttributeUse::Place::destination) {
                                       sums.add(region, coefficient, use->other, 1, column, width);
                                     } else {
                                       for (std::size_t i = 0; i < n; ++i) {
                                         if (column[i * width] == 0) continue;
                                         unit[i] = 1;
                                         sums.add(region, coefficient * column[i * width], unit, 1,
                                                  unit, 1);
                                         unit[i] = 0;
                                       }
                                     }
                                   }
                                 });
    }
    sums.finish();
  });
  add_region_sums(*comm_, weights, begin, own, effects);
  return true;
}

std::string SeriesEffects::description() const {
  return fmt::format("by the powers of both modes' matrices up to {}", powers_ - 1);
}

}  // namespace kronwerk::models
