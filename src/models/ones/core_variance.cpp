#include "models/ones/core_variance.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/factors/dense/dense_values.hpp"
#include "kronwerk/factors/dense/shared_dense.hpp"
#include "models/ones/ones_core.hpp"

namespace kronwerk::models {

using factors::FactorPtr;

namespace {

// Rows and columns of the products that make a table.
constexpr Index panel = 256;

/// C_t V W diag(1/√λ) of one term, a row for each new point of its modes without ones.
class Table {
 public:
  Table(const Covariance& covariance, double scale, const std::vector<FactorPtr>& projected,
        const Extents& points)
      : core_(covariance.core()), extents_(covariance.extents()), scale_(scale) {
    for (std::size_t mode = 0; mode < projected.size(); ++mode) {
      const bool ones = projected[mode]->kind() == factors::Kind::rank_one;
      values_.push_back(ones ? std::span<const double>() : factors::dense_values(*projected[mode]));
      if (ones) scale_ *= -std::sqrt(static_cast<double>(extents_[mode]));
      points_.push_back(ones ? 1 : points[mode]);
    }
    find_support();
    rows_ = factors::make_shared_dense(
        covariance.comm(), "new points by the core", core::product(points_), core_->size(),
        [&](std::span<double> all) {
          const auto& node = covariance.comm().node();
          const distribution::BlockPartition part(core::product(points_), node.size());
          const Index end = part.end(node.rank());
          for (Index first = part.begin(node.rank()); first < end; first += panel) {
            fill(first, std::min(panel, end - first), all);
          }
        });
  }

  /// Of the new point with these coordinates.
  const double* row(const std::vector<Index>& point) const {
    Index number = 0;
    for (std::size_t mode = 0; mode < points_.size(); ++mode) {
      number = number * points_[mode] + (values_[mode].empty() ? 0 : point[mode]);
    }
    return factors::dense_values(*rows_).data() + number * core_->size();
  }

 private:
  void find_support() {
    for (std::size_t number = 0; number < core_->places().size(); ++number) {
      std::vector<Index> coordinates(extents_.size());
      Index rest = core_->places()[number];
      bool acts = true;
      for (std::size_t mode = extents_.size(); mode-- > 0;) {
        coordinates[mode] = rest % extents_[mode];
        rest /= extents_[mode];
        acts = acts && (coordinates[mode] == 0 || !values_[mode].empty());
      }
      if (!acts) continue;
      support_.push_back(static_cast<Index>(number));
      coordinates_.push_back(std::move(coordinates));
    }
  }

  double value(Index row, std::size_t place) const {
    double result = scale_;
    for (std::size_t mode = points_.size(); mode-- > 0;) {
      if (!values_[mode].empty()) {
        const Index entry = row % points_[mode] * extents_[mode] + coordinates_[place][mode];
        result *= values_[mode][static_cast<std::size_t>(entry)];
      }
      row /= points_[mode];
    }
    return result;
  }

  void fill(Index first, Index count, std::span<double> all) const {
    const Index r = core_->size();
    const int columns = core::narrow<int>(r);
    std::vector<double> left, right;
    std::fill_n(all.data() + first * r, count * r, 0.0);
    for (std::size_t begin = 0; begin < support_.size(); begin += panel) {
      const std::size_t some = std::min<std::size_t>(panel, support_.size() - begin);
      left.resize(static_cast<std::size_t>(count) * some);
      right.resize(some * static_cast<std::size_t>(r));
      for (std::size_t i = 0; i < left.size(); ++i) {
        left[i] = value(first + static_cast<Index>(i / some), begin + i % some);
      }
      for (std::size_t i = 0; i < some; ++i) {
        const double* vectors = core_->eigenvectors().data() + support_[begin + i] * r;
        for (std::size_t j = 0; j < static_cast<std::size_t>(r); ++j) {
          right[i * static_cast<std::size_t>(r) + j] =
              vectors[j] / std::sqrt(core_->eigenvalues()[j]);
        }
      }
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, core::narrow<int>(count), columns,
                  core::narrow<int>(some), 1.0, left.data(), core::narrow<int>(some), right.data(),
                  columns, 1.0, all.data() + first * r, columns);
    }
  }

  const OnesCore* core_;
  Extents extents_;
  double scale_;
  std::vector<std::span<const double>> values_;  ///< of C_t,k V_k; empty where there are ones
  Extents points_;                               ///< 1 where there are ones
  std::vector<Index> support_;                   ///< numbers in the core
  std::vector<std::vector<Index>> coordinates_;  ///< of these
  FactorPtr rows_;
};

}  // namespace

void subtract_explained(const Covariance& covariance,
                        const std::vector<std::vector<FactorPtr>>& projected, const Layout& points,
                        std::span<double> variance) {
  std::vector<Table> tables;
  for (std::size_t t = 0; t < projected.size(); ++t) {
    tables.emplace_back(covariance, covariance.terms().signal[t].scale, projected[t],
                        points.extents());
  }
  const Index first = points.home_begin(covariance.comm().rank());
  const auto r = static_cast<std::size_t>(covariance.core()->size());
  std::vector<double> sum(r);
  std::vector<Index> point(points.extents().size());
  for (std::size_t i = 0; i < variance.size(); ++i) {
    Index rest = first + static_cast<Index>(i);
    for (std::size_t mode = point.size(); mode-- > 0;) {
      point[mode] = rest % points.extents()[mode];
      rest /= points.extents()[mode];
    }
    std::ranges::fill(sum, 0.0);
    for (const Table& table : tables) {
      const double* row = table.row(point);
      for (std::size_t j = 0; j < r; ++j) sum[j] += row[j];
    }
    double square = 0;
    for (const double each : sum) square += each * each;
    variance[i] -= square;
  }
}

}  // namespace kronwerk::models
