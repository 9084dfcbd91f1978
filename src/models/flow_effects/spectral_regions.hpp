#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "kronwerk/core/interruption.hpp"
#include "kronwerk/models/flow_effects/effects.hpp"
#include "models/flow_effects/spectral_mode.hpp"
#include "models/flow_effects/spectral_sums.hpp"

namespace kronwerk::models {

/// The sums of one rank's regions, with real eigenvectors or complex ones. Local.
template <typename Scalar>
class SpectralRegions {
 public:
  using Table = std::vector<Scalar>;

  /// All must outlive this. @param c  of the filter's terms
  /// @param begin, end  the regions, of which this rank has the weights' rows and columns
  SpectralRegions(const std::array<SpectralMode, 2>& modes,
                  const std::vector<FlowFilter::Term>& terms, std::span<const double> c,
                  const CellWeights& weights, Index begin, Index end)
      : modes_(modes),
        terms_(terms),
        weights_(weights),
        begin_(begin),
        end_(end),
        regions_(static_cast<std::size_t>(end - begin)),
        c_(c),
        sums_(
            weights_of(modes[0]), modes[1].values.size(),
            [this](std::size_t first, std::size_t count, Scalar* values) {
              invert(first, count, values);
            },
            regions_) {
    for (const double value : c) scale_ += std::abs(value);
    if (!weights.none()) return;
    for (const std::size_t mode : {0U, 1U})
      ones_[mode] = along(mode, Side::right, std::vector<double>(extent(), 1.0));
  }

  /// Of every region, for the changes of Zδ by all uses together.
  const std::vector<RegionSums>& find(const std::vector<const AttributeUse*>& uses,
                                      std::span<const double> coefficients) {
    for (Index first = begin_; first < end_; first += block) {
      const Index count = std::min(block, end_ - first);
      first_ = first;
      for (const std::size_t mode : {0U, 1U}) {
        rows_[mode] = rows_of<Scalar>(modes_[mode], Side::right, first, count);
        if (weights_.none()) continue;
        const auto values = mode == 0 ? weights_.column(first) : weights_.row(first);
        weighted_[mode] = product_of<Scalar>(modes_[mode], Side::right, values.data(), count);
      }
      for (const AttributeUse* use : uses) {
        if (use->place == AttributeUse::Place::diagonal) {
          add_diagonal(*use, coefficients[use->column], first, count);
        } else {
          add_column(*use, coefficients[use->column], first, count);
        }
      }
      sums_.finish();
      core::check_interruption();
    }
    return regions_;
  }

 private:
  static std::vector<double> weights_of(const SpectralMode& mode) {
    std::vector<double> result;
    for (const SpectralMode::Value& value : mode.values) result.push_back(value.weight);
    return result;
  }
  std::size_t extent() const { return static_cast<std::size_t>(modes_[0].right->rows()); }
  /// vᵀ P or P⁻¹ v.
  Table along(std::size_t mode, Side side, std::span<const double> v) const {
    return product_of<Scalar>(modes_[mode], side, v.data(), 1);
  }

  /// 1/q of the origins' eigenvalues from `first` on.
  void invert(std::size_t first, std::size_t count, Scalar* values) const {
    const SpectralMode& origins = modes_[0];
    const SpectralMode& destinations = modes_[1];
    const std::size_t width = destinations.values.size();
    Table weights(destinations.matrices.size());
    Scalar at = 0;
    for (std::size_t a = 0; a < count; ++a) {
      std::ranges::fill(weights, Scalar(0));
      for (std::size_t t = 0; t < c_.size(); ++t) {
        set_coordinate(origins.matrices[terms_[t].origin][first + a], at);
        weights[terms_[t].destination] += c_[t] * at;
      }
      for (std::size_t b = 0; b < width; ++b) {
        Scalar q = 0;
        for (std::size_t m = 0; m < weights.size(); ++m) {
          set_coordinate(destinations.matrices[m][b], at);
          q += weights[m] * at;
        }
        if (!(std::abs(q) > rounding * scale_)) {
          throw core::SingularError("the filter is singular at these parameters");
        }
        values[a * width + b] = 1.0 / q;
      }
    }
  }

  typename SpectralSums<Scalar>::Rows at(std::size_t local) const {
    const auto row = [&](const Table& values, std::size_t mode) {
      return values.data() + local * modes_[mode].values.size();
    };
    return {row(rows_[0], 0), row(rows_[1], 1),
            weights_.none() ? ones_[0].data() : row(weighted_[0], 0),
            weights_.none() ? ones_[1].data() : row(weighted_[1], 1)};
  }

  // (M e_r) vᵀ or u (M e_r)ᵀ.
  void add_column(const AttributeUse& use, double coefficient, Index first, Index count) {
    const bool from = use.place == AttributeUse::Place::origin;
    const std::size_t own = from ? 0 : 1;
    const Table other = along(1 - own, Side::left, use.other);
    Table moving;
    if (factors::is_identity(use.matrix)) {
      moving = rows_of<Scalar>(modes_[own], Side::left, first, count);
    } else {
      std::vector<double> columns(static_cast<std::size_t>(count) * extent());
      factors::for_column_panels(
          use.matrix, first, first + count,
          [&](Index begin, Index width, std::span<const double> panel) {
            for (std::size_t i = 0; i < extent(); ++i) {
              for (Index k = 0; k < width; ++k) {
                columns[static_cast<std::size_t>(begin - first + k) * extent() + i] =
                    panel[i * static_cast<std::size_t>(width) + static_cast<std::size_t>(k)];
              }
            }
          });
      moving = product_of<Scalar>(modes_[own], Side::left, columns.data(), count);
    }
    const std::size_t width = modes_[own].values.size();
    for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) {
      const Scalar* mine = moving.data() + k * width;
      sums_.add(place(k), coefficient, at(k), from ? mine : other.data(),
                from ? other.data() : mine);
    }
  }

  // diag(M e_r): a change e_i e_iᵀ for every i with M_ir.
  void add_diagonal(const AttributeUse& use, double coefficient, Index first, Index count) {
    factors::for_column_panels(
        use.matrix, first, first + count,
        [&](Index begin, Index width, std::span<const double> panel) {
          for (Index i = 0; i < std::ssize(panel) / width; ++i) {
            const double* entries = panel.data() + i * width;
            if (std::all_of(entries, entries + width, [](double x) { return x == 0; })) continue;
            const Table x = rows_of<Scalar>(modes_[0], Side::left, i, 1);
            const Table y = rows_of<Scalar>(modes_[1], Side::left, i, 1);
            for (Index k = 0; k < width; ++k) {
              if (entries[k] == 0) continue;
              const auto local = static_cast<std::size_t>(begin - first + k);
              sums_.add(place(local), coefficient * entries[k], at(local), x.data(), y.data());
            }
          }
        });
  }
  std::size_t place(std::size_t local) const {
    return static_cast<std::size_t>(first_ - begin_) + local;
  }

  /// Regions at once.
  static constexpr Index block = 128;
  /// Of q next to the filter's coefficients.
  static constexpr double rounding = 1e-14;

  const std::array<SpectralMode, 2>& modes_;
  const std::vector<FlowFilter::Term>& terms_;
  const CellWeights& weights_;
  Index begin_, end_;
  Index first_ = 0;
  std::vector<RegionSums> regions_;
  std::span<const double> c_;
  double scale_ = 0;
  SpectralSums<Scalar> sums_;
  std::array<Table, 2> ones_;      ///< 1ᵀ P and 1ᵀ Q
  std::array<Table, 2> rows_;      ///< of P and Q, of the present regions
  std::array<Table, 2> weighted_;  ///< of Λᵀ P and Λ Q
};

}  // namespace kronwerk::models
