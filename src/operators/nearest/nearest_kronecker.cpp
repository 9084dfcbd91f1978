// The nearest Kronecker product (Van Loan and Pitsianis 1993) and Kronecker sum (Greenewald, Zhou
// and Hero 2017) of a sum of products. Σ_t c_t ⊗_k F_{k,t} lies in the span of the products of the
// distinct factors; with coordinates in an orthonormal basis of each mode's factors (from their
// Gram matrix) it is a small tensor, and the nearest product is its best approximation of rank one.
// See src/MATHEMATICS.md, "Krylov methods and the nearest product".
#include "kronwerk/operators/nearest/nearest_kronecker.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"
#include "operators/base/small_lapack.hpp"

namespace kronwerk::operators {
namespace {

using Numbers = std::vector<double>;

// Eigenvalues of a Gram matrix of unit factors below this belong to linear dependence.
constexpr double dependence = 1e-13;
constexpr int random_starts = 8;
constexpr std::size_t most_term_starts = 32;
constexpr int most_sweeps = 2000;

double dot(const Numbers& x, const Numbers& y) {
  return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
}

double norm(const Numbers& x) {
  return std::sqrt(dot(x, x));
}

double normalise(Numbers& x) {
  const double length = norm(x);
  if (length > 0) {
    for (double& each : x) each /= length;
  }
  return length;
}

/// One mode's distinct factors in coordinates of an orthonormal basis of their span.
class Coordinates {
 public:
  /// @param gram  count x count
  Coordinates(const Numbers& gram, std::size_t count) : norms_(count, 1.0), columns_(count) {
    for (std::size_t i = 0; i < count; ++i) {
      if (gram[i * count + i] > 0) norms_[i] = std::sqrt(gram[i * count + i]);
    }
    Numbers scaled(count * count);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < count; ++j) {
        // Halves of both triangles, so that rounding leaves it symmetric.
        scaled[i * count + j] =
            0.5 * (gram[i * count + j] + gram[j * count + i]) / norms_[i] / norms_[j];
      }
    }
    eigen_ = symmetric_eigen(std::move(scaled), count);
    const double largest = eigen_.values.empty() ? 0 : eigen_.values.back();
    for (std::size_t e = 0; e < count; ++e) {
      if (eigen_.values[e] > dependence * largest && eigen_.values[e] > 0) kept_.push_back(e);
    }
    for (std::size_t i = 0; i < count; ++i) {
      for (const std::size_t e : kept_) {
        columns_[i].push_back(norms_[i] * std::sqrt(eigen_.values[e]) *
                              eigen_.vectors[e * count + i]);
      }
    }
  }

  std::size_t rank() const { return kept_.size(); }
  /// Coordinates of factor i.
  const Numbers& of(int i) const { return columns_[static_cast<std::size_t>(i)]; }
  /// Coefficients of the factors whose combination has the given coordinates.
  Numbers coefficients(const Numbers& coordinates) const {
    const std::size_t count = columns_.size();
    Numbers result(count, 0.0);
    for (std::size_t k = 0; k < kept_.size(); ++k) {
      const std::size_t e = kept_[k];
      const double weight = coordinates[k] / std::sqrt(eigen_.values[e]);
      for (std::size_t i = 0; i < count; ++i) {
        result[i] += weight * eigen_.vectors[e * count + i] / norms_[i];
      }
    }
    return result;
  }
  /// Whether the factor that weighs most has a negative coefficient.
  bool points_down(const Numbers& coefficients) const {
    std::size_t largest = 0;
    for (std::size_t i = 1; i < coefficients.size(); ++i) {
      const auto weight = [&](std::size_t j) { return std::abs(coefficients[j]) * norms_[j]; };
      // Ties, up to rounding, go to the first.
      if (weight(i) > weight(largest) * (1 + 1e-10)) largest = i;
    }
    return !coefficients.empty() && coefficients[largest] < 0;
  }

 private:
  Numbers norms_;
  SymmetricEigen eigen_;
  std::vector<std::size_t> kept_;
  std::vector<Numbers> columns_;
};

/// A tensor of rank one: value * ⊗ directions of unit length.
struct RankOne {
  double value = 0;
  double relative_error = 1;
  std::vector<Numbers> directions;
};

/// Σ_t c_t ⊗_k (coordinates of factor t_k)
class SmallTensor {
 public:
  SmallTensor(const FactorGrams& sum, const std::vector<Coordinates>& modes)
      : sum_(&sum), modes_(&modes) {}

  RankOne nearest() const {
    if (modes_->size() == 2) return nearest_matrix();
    RankOne best;
    best.value = -1;
    for (auto& directions : starts()) {
      RankOne found = alternate(std::move(directions));
      if (found.value > best.value * (1 + 1e-12)) best = std::move(found);
    }
    const double squared = squared_norm();
    best.relative_error =
        squared > 0 ? std::sqrt(std::max(0.0, 1 - best.value * best.value / squared)) : 0;
    return best;
  }

 private:
  /// Two modes: the leading singular pair.
  RankOne nearest_matrix() const {
    const Coordinates& left = modes_->front();
    const Coordinates& right = modes_->back();
    Numbers matrix(left.rank() * right.rank(), 0.0);
    for (const auto& term : sum_->terms) {
      const Numbers& a = left.of(term.factors[0]);
      const Numbers& b = right.of(term.factors[1]);
      for (std::size_t i = 0; i < a.size(); ++i) {
        for (std::size_t j = 0; j < b.size(); ++j) {
          matrix[i * b.size() + j] += term.coefficient * a[i] * b[j];
        }
      }
    }
    const auto leading = leading_singular(std::move(matrix), left.rank(), right.rank());
    const double whole = std::hypot(leading.value, leading.rest);
    return {leading.value, whole > 0 ? leading.rest / whole : 0, {leading.left, leading.right}};
  }

  /// Alternating least squares: each direction in turn is the best for the others.
  RankOne alternate(std::vector<Numbers> directions) const {
    const std::size_t modes = modes_->size();
    for (Numbers& each : directions) normalise(each);
    double before = 0;
    double value = 0;
    for (int sweep = 0; sweep < most_sweeps; ++sweep) {
      for (std::size_t k = 0; k < modes; ++k) {
        Numbers next((*modes_)[k].rank(), 0.0);
        for (const auto& term : sum_->terms) {
          double weight = term.coefficient;
          for (std::size_t j = 0; j < modes; ++j) {
            if (j != k) weight *= dot((*modes_)[j].of(term.factors[j]), directions[j]);
          }
          const Numbers& own = (*modes_)[k].of(term.factors[k]);
          for (std::size_t i = 0; i < next.size(); ++i) next[i] += weight * own[i];
        }
        value = normalise(next);
        if (!(value > 0)) return {0, 1, std::move(directions)};
        directions[k] = std::move(next);
      }
      if (value <= before * (1 + 1e-15)) break;
      before = value;
    }
    return {value, 1, std::move(directions)};
  }

  std::vector<std::vector<Numbers>> starts() const {
    const std::size_t modes = modes_->size();
    std::vector<std::vector<Numbers>> result;
    std::vector<Numbers> all;
    for (std::size_t k = 0; k < modes; ++k) all.emplace_back((*modes_)[k].rank(), 0.0);
    for (const auto& term : sum_->terms) {
      std::vector<Numbers> own;
      for (std::size_t k = 0; k < modes; ++k) {
        own.push_back((*modes_)[k].of(term.factors[k]));
        for (std::size_t i = 0; i < own[k].size(); ++i) all[k][i] += term.coefficient * own[k][i];
      }
      if (result.size() < most_term_starts) result.push_back(std::move(own));
    }
    result.push_back(std::move(all));
    for (int start = 0; start < random_starts; ++start) {
      std::vector<Numbers> random;
      for (std::size_t k = 0; k < modes; ++k) {
        random.emplace_back((*modes_)[k].rank());
        fill_random(RandomKind::normal, static_cast<std::uint64_t>(start),
                    static_cast<Index>(k) << 32, random.back());
      }
      result.push_back(std::move(random));
    }
    return result;
  }

  double squared_norm() const {
    double result = 0;
    for (const auto& one : sum_->terms) {
      for (const auto& two : sum_->terms) {
        double product = one.coefficient * two.coefficient;
        for (std::size_t k = 0; k < modes_->size(); ++k) {
          product *= dot((*modes_)[k].of(one.factors[k]), (*modes_)[k].of(two.factors[k]));
        }
        result += product;
      }
    }
    return result;
  }

  const FactorGrams* sum_;
  const std::vector<Coordinates>* modes_;
};

/// One per mode; none if the sum is zero for lack of terms or of factors that are not zero.
std::vector<Coordinates> coordinates(const FactorGrams& sum) {
  std::vector<Coordinates> modes;
  for (std::size_t k = 0; k < sum.grams.size() && !sum.terms.empty(); ++k) {
    modes.emplace_back(sum.grams[k], sum.traces[k].size());
    if (modes.back().rank() == 0) return {};
  }
  return modes;
}

/// The modes' coefficients of equal weight; all but the first mode point up.
std::vector<Numbers> balanced(RankOne found, const std::vector<Coordinates>& modes) {
  const double each = std::pow(found.value, 1.0 / static_cast<double>(modes.size()));
  std::vector<Numbers> result;
  bool flipped = false;
  for (std::size_t k = 0; k < modes.size(); ++k) {
    for (double& x : found.directions[k]) x *= each;
    result.push_back(modes[k].coefficients(found.directions[k]));
    if (k == 0 || !modes[k].points_down(result[k])) continue;
    flipped = !flipped;
    for (double& x : result[k]) x = -x;
  }
  if (flipped) {
    for (double& x : result[0]) x = -x;
  }
  return result;
}

double squared_norm_per_point(const FactorGrams& sum) {
  double result = 0;
  for (const auto& one : sum.terms) {
    for (const auto& two : sum.terms) {
      double product = one.coefficient * two.coefficient;
      for (std::size_t k = 0; k < sum.grams.size(); ++k) {
        const auto i = static_cast<std::size_t>(one.factors[k]);
        const auto j = static_cast<std::size_t>(two.factors[k]);
        product *= sum.grams[k][i * sum.traces[k].size() + j] / static_cast<double>(sum.extents[k]);
      }
      result += product;
    }
  }
  return result;
}

}  // namespace

NearestProduct nearest_product(const FactorGrams& sum) {
  NearestProduct result;
  for (const Numbers& traces : sum.traces) result.coefficients.emplace_back(traces.size(), 0.0);
  const auto modes = coordinates(sum);
  if (modes.empty()) return result;
  RankOne found = SmallTensor(sum, modes).nearest();
  if (!(found.value > 0)) return result;
  result.relative_error = found.relative_error;
  result.coefficients = balanced(std::move(found), modes);
  return result;
}

NearestSum nearest_sum(const FactorGrams& sum) {
  const std::size_t modes = sum.grams.size();
  NearestSum result;
  for (const Numbers& traces : sum.traces) result.coefficients.emplace_back(traces.size(), 0.0);
  // The part of mode k is the mean over the other modes: Π_{j≠k} tr(F_j) / n_j times F_k.
  double mean = 0;  // of the diagonal
  for (const auto& term : sum.terms) {
    for (std::size_t k = 0; k <= modes; ++k) {
      double weight = term.coefficient;
      for (std::size_t j = 0; j < modes; ++j) {
        if (j == k) continue;
        weight *= sum.traces[j][static_cast<std::size_t>(term.factors[j])] /
                  static_cast<double>(sum.extents[j]);
      }
      if (k < modes) {
        result.coefficients[k][static_cast<std::size_t>(term.factors[k])] += weight;
      } else {
        mean += weight;
      }
    }
  }
  // Each part's trace contains the whole mean; it must count once.
  result.shift = (1 - static_cast<double>(modes)) * mean;
  double captured = mean * mean;
  for (std::size_t k = 0; k < modes; ++k) {
    const Numbers& a = result.coefficients[k];
    double squared = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      for (std::size_t j = 0; j < a.size(); ++j) {
        squared += a[i] * a[j] * sum.grams[k][i * a.size() + j];
      }
    }
    captured += std::max(0.0, squared / static_cast<double>(sum.extents[k]) - mean * mean);
  }
  const double whole = squared_norm_per_point(sum);
  result.relative_error = whole > 0 ? std::sqrt(std::max(0.0, 1 - captured / whole)) : 0;
  return result;
}

}  // namespace kronwerk::operators
