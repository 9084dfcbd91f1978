#pragma once

#include <cblas.h>

#include <complex>
#include <functional>
#include <span>
#include <type_traits>
#include <vector>

#include "kronwerk/core/extents.hpp"
#include "models/flow_effects/region_sums.hpp"

namespace kronwerk::models {

using core::Index;

/// c (m, n) = a (m, k) times b (n, k) transposed; row-major, without conjugation.
inline void multiply_by_transpose(int m, int n, int k, const double* a, const double* b,
                                  double* c) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1.0, a, k, b, k, 0.0, c, n);
}
inline void multiply_by_transpose(int m, int n, int k, const std::complex<double>* a,
                                  const std::complex<double>* b, std::complex<double>* c) {
  const std::complex<double> one = 1, zero = 0;
  cblas_zgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, &one, a, k, b, k, &zero, c, n);
}

/// Sums over row r, column r, their crossing and everything of the changes x yᵀ of flows, for
/// many changes of one region r after the other, in eigenvectors (SpectralEffects).
template <typename Scalar>
class SpectralSums {
 public:
  /// What a region sums with: rows of P and Q, and of the weighted sums of their rows, Λᵀ P and
  /// Λ Q.
  struct Rows {
    const Scalar* origin;
    const Scalar* destination;
    const Scalar* origin_sum;
    const Scalar* destination_sum;
  };
  /// Writes 1/q_ab, (count, values), for the eigenvalues a from `first` on.
  using Inverse = std::function<void(std::size_t first, std::size_t count, Scalar* values)>;

  /// @param origin_weights  how many eigenvalues each of the origins' stands for
  SpectralSums(std::vector<double> origin_weights, std::size_t destinations, Inverse inverse,
               std::vector<RegionSums>& regions)
      : weights_(std::move(origin_weights)),
        width_(destinations),
        inverse_(std::move(inverse)),
        regions_(&regions) {
    for (auto* left : {&left_, &left_sum_}) left->resize(most * weights_.size());
    for (auto* right : {&right_, &right_sum_}) right->resize(most * width_);
    block_.resize(block_rows * width_);
    for (auto* image : {&image_, &image_sum_}) image->resize(most * block_rows);
  }

  /// One change of region `region`, `scale` times x yᵀ.
  /// @param x, y  in eigenvectors
  void add(std::size_t region, double scale, const Rows& rows, const Scalar* x, const Scalar* y) {
    const std::size_t item = items_.size();
    for (std::size_t a = 0; a < weights_.size(); ++a) {
      left_[item * weights_.size() + a] = rows.origin[a] * x[a];
      left_sum_[item * weights_.size() + a] = rows.origin_sum[a] * x[a];
    }
    for (std::size_t b = 0; b < width_; ++b) {
      right_[item * width_ + b] = rows.destination[b] * y[b];
      right_sum_[item * width_ + b] = rows.destination_sum[b] * y[b];
    }
    items_.push_back({region, scale});
    if (items_.size() == most) finish();
  }

  /// What was added is in the sums then.
  void finish() {
    const std::size_t values = weights_.size();
    for (std::size_t first = 0; first < values && !items_.empty(); first += block_rows) {
      const std::size_t count = std::min(block_rows, values - first);
      inverse_(first, count, block_.data());
      const int m = static_cast<int>(items_.size());
      const int n = static_cast<int>(count);
      const int k = static_cast<int>(width_);
      multiply_by_transpose(m, n, k, right_.data(), block_.data(), image_.data());
      multiply_by_transpose(m, n, k, right_sum_.data(), block_.data(), image_sum_.data());
      for (std::size_t item = 0; item < items_.size(); ++item) {
        const Scalar* left = left_.data() + item * values + first;
        const Scalar* left_sum = left_sum_.data() + item * values + first;
        const Scalar* image = image_.data() + item * count;
        const Scalar* image_sum = image_sum_.data() + item * count;
        RegionSums sums;
        for (std::size_t a = 0; a < count; ++a) {
          const double weight = weights_[first + a];
          sums.crossing += weight * real(left[a] * image[a]);
          sums.row += weight * real(left[a] * image_sum[a]);
          sums.column += weight * real(left_sum[a] * image[a]);
          sums.all += weight * real(left_sum[a] * image_sum[a]);
        }
        RegionSums& region = (*regions_)[items_[item].region];
        const double scale = items_[item].scale;
        region.crossing += scale * sums.crossing;
        region.row += scale * sums.row;
        region.column += scale * sums.column;
        region.all += scale * sums.all;
      }
    }
    items_.clear();
  }

 private:
  static constexpr std::size_t most = 256;        ///< changes at once
  static constexpr std::size_t block_rows = 256;  ///< of 1/q at once
  static double real(double value) { return value; }
  static double real(const std::complex<double>& value) { return value.real(); }

  struct Item {
    std::size_t region;
    double scale;
  };
  std::vector<double> weights_;
  std::size_t width_;
  Inverse inverse_;
  std::vector<RegionSums>* regions_;
  std::vector<Item> items_;
  std::vector<Scalar> left_, left_sum_, right_, right_sum_, block_, image_, image_sum_;
};

}  // namespace kronwerk::models
