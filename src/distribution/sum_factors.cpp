// Declared in kronwerk/distribution/sum_estimate.hpp.
// The rank of a sum's coefficients. Coefficients are computed by users' formulas, so that equal
// ones may differ by rounding; but a small one may belong to a large matrix, so that nothing is
// small in itself: an entry counts as zero only beside what it was computed from.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kronwerk/distribution/sum_estimate.hpp"

namespace kronwerk::distribution {
namespace {

/// Whether `value` is what rounding leaves of terms whose magnitudes sum to `bound`.
bool is_rounding(double value, double bound) {
  return std::abs(value) <= 64 * std::numeric_limits<double>::epsilon() * bound;
}

/// Gaussian elimination with complete pivoting that remembers how large each entry's terms were.
class Elimination {
 public:
  Elimination(std::span<const double> c, std::size_t rows, std::size_t cols)
      : rows_(rows), cols_(cols), rest_(c.begin(), c.end()), bound_(c.size()) {
    equilibrate();
    for (std::size_t i = 0; i < rest_.size(); ++i) bound_[i] = std::abs(rest_[i]);
  }

  /// Eliminates by the largest entry; false when nothing is left.
  bool step() {
    const auto largest = std::max_element(
        rest_.begin(), rest_.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
    if (largest == rest_.end() || *largest == 0) return false;
    const auto place = static_cast<std::size_t>(largest - rest_.begin());
    const std::size_t pivot_row = place / cols_;
    const std::size_t pivot_col = place % cols_;
    const double pivot = *largest;
    std::vector<double> ratios(rows_, 0.0);
    const std::vector<double> pivots(rest_.begin() + index(pivot_row, 0),
                                     rest_.begin() + index(pivot_row, 0) + index(0, cols_));
    for (std::size_t i = 0; i < rows_; ++i) {
      ratios[i] = rest_[i * cols_ + pivot_col] / pivot;
      if (ratios[i] == 0) continue;
      for (std::size_t j = 0; j < cols_; ++j) subtract(i * cols_ + j, ratios[i] * pivots[j]);
      rest_[i * cols_ + pivot_col] = 0;
    }
    std::fill_n(rest_.begin() + index(pivot_row, 0), cols_, 0.0);
    ratios_.push_back(std::move(ratios));
    pivot_rows_.push_back(pivot_row);
    return true;
  }

  const std::vector<std::size_t>& pivot_rows() const { return pivot_rows_; }

  /// Rows of c in terms of the pivot rows of c: with c = F R for the rows R as they were when they
  /// became pivots, left = F F_p⁻¹, F_p being unit lower triangular.
  std::vector<double> left() const {
    const std::size_t rank = pivot_rows_.size();
    std::vector<double> result(rows_ * rank);
    for (std::size_t i = 0; i < rows_; ++i) {
      for (std::size_t k = rank; k-- > 0;) {
        double value = ratios_[k][i];
        double bound = std::abs(value);
        for (std::size_t later = k + 1; later < rank; ++later) {
          const double known = result[i * rank + later] * ratios_[k][pivot_rows_[later]];
          value -= known;
          bound += std::abs(known);
        }
        result[i * rank + k] = is_rounding(value, bound) ? 0 : value;
      }
    }
    for (std::size_t k = 0; k < rank; ++k) {
      for (std::size_t other = 0; other < rank; ++other) {
        result[pivot_rows_[k] * rank + other] = other == k ? 1 : 0;
      }
    }
    unscale(result);
    return result;
  }

 private:
  static std::ptrdiff_t index(std::size_t row, std::size_t col, std::size_t cols) {
    return static_cast<std::ptrdiff_t>(row * cols + col);
  }
  std::ptrdiff_t index(std::size_t row, std::size_t col) const { return index(row, col, cols_); }

  void subtract(std::size_t place, double value) {
    rest_[place] -= value;
    bound_[place] += std::abs(value);
    if (is_rounding(rest_[place], bound_[place])) rest_[place] = 0;
  }

  /// Rows and columns of like size, by powers of two, so that the pivots are well chosen.
  void equilibrate() {
    const auto scale_to_one = [](double largest) {
      return largest > 0 ? std::ldexp(1.0, -std::ilogb(largest)) : 1.0;
    };
    row_scale_.assign(rows_, 1.0);
    for (std::size_t i = 0; i < rows_; ++i) {
      double largest = 0;
      for (std::size_t j = 0; j < cols_; ++j) {
        largest = std::max(largest, std::abs(rest_[i * cols_ + j]));
      }
      row_scale_[i] = scale_to_one(largest);
      for (std::size_t j = 0; j < cols_; ++j) rest_[i * cols_ + j] *= row_scale_[i];
    }
    for (std::size_t j = 0; j < cols_; ++j) {
      double largest = 0;
      for (std::size_t i = 0; i < rows_; ++i) {
        largest = std::max(largest, std::abs(rest_[i * cols_ + j]));
      }
      for (std::size_t i = 0; i < rows_; ++i) rest_[i * cols_ + j] *= scale_to_one(largest);
    }
  }

  void unscale(std::vector<double>& left) const {
    const std::size_t rank = pivot_rows_.size();
    for (std::size_t i = 0; i < rows_; ++i) {
      for (std::size_t k = 0; k < rank; ++k) {
        left[i * rank + k] *= row_scale_[pivot_rows_[k]] / row_scale_[i];
      }
    }
  }

  std::size_t rows_;
  std::size_t cols_;
  std::vector<double> rest_;
  std::vector<double> bound_;
  std::vector<double> row_scale_;
  std::vector<std::size_t> pivot_rows_;
  std::vector<std::vector<double>> ratios_;
};

}  // namespace

RankFactors factor_by_rows(std::span<const double> c, std::size_t rows, std::size_t cols) {
  Elimination elimination(c, rows, cols);
  while (elimination.step()) {
  }
  RankFactors result;
  result.rank = static_cast<int>(elimination.pivot_rows().size());
  result.left = elimination.left();
  for (const std::size_t row : elimination.pivot_rows()) {
    const auto values = c.subspan(row * cols, cols);
    result.right.insert(result.right.end(), values.begin(), values.end());
  }
  return result;
}

}  // namespace kronwerk::distribution
