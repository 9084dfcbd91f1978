#include "models/flow_counts/separable_solves.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::models {
namespace {

/// Of coefficients beside the largest, where they count as rounding.
constexpr double rounding = 1e-15;

/// Coefficients of the terms as a matrix over the distinct matrices of the modes.
class Coefficients {
 public:
  /// @param coefficient  of a term
  template <typename Get>
  Coefficients(const FlowFilter& filter, const FlowMatrices& matrices, Get coefficient)
      : cols_(matrices[1].size()), values_(matrices[0].size() * cols_, 0.0) {
    for (std::size_t t = 0; t < filter.terms().size(); ++t) {
      const auto& term = filter.terms()[t];
      values_[term.origin * cols_ + term.destination] += coefficient(t);
    }
    for (const double value : values_) largest_ = std::max(largest_, std::abs(value));
  }

  bool is_zero() const { return largest_ == 0; }
  /// x of x yᵀ for a given y of one mode (0: x itself is given), if the matrix is that.
  std::optional<std::vector<double>> divided(std::size_t mode, const std::vector<double>& y) const {
    const auto pivot = static_cast<std::size_t>(
        std::ranges::max_element(y, [](double a, double b) { return std::abs(a) < std::abs(b); }) -
        y.begin());
    const std::size_t count = values_.size() / y.size();
    std::vector<double> x(count);
    const auto at = [&](std::size_t of_x, std::size_t of_y) {
      return mode == 1 ? values_[of_x * cols_ + of_y] : values_[of_y * cols_ + of_x];
    };
    for (std::size_t i = 0; i < count; ++i) {
      x[i] = at(i, pivot) / y[pivot];
      for (std::size_t j = 0; j < y.size(); ++j) {
        if (std::abs(at(i, j) - x[i] * y[j]) > rounding * largest_) return std::nullopt;
      }
    }
    return x;
  }
  bool equals(const std::vector<double>& x, const std::vector<double>& y) const {
    double scale = largest_;
    for (const double a : x) {
      for (const double b : y) scale = std::max(scale, std::abs(a * b));
    }
    for (std::size_t i = 0; i < x.size(); ++i) {
      for (std::size_t j = 0; j < y.size(); ++j) {
        if (std::abs(values_[i * cols_ + j] - x[i] * y[j]) > rounding * scale) return false;
      }
    }
    return true;
  }

 private:
  std::size_t cols_;
  std::vector<double> values_;
  double largest_ = 0;
};

/// Σ w_m M_m of a mode; null if it is zero.
factors::FactorPtr combine(const communication::Communicator& comm,
                           const std::vector<factors::Chain>& matrices,
                           const std::vector<double>& weights) {
  std::vector<std::pair<double, factors::FactorPtr>> terms;
  for (std::size_t m = 0; m < matrices.size(); ++m) {
    if (weights[m] == 0) continue;
    terms.emplace_back(weights[m], factors::multiply(comm, "A_k", matrices[m]));
  }
  if (terms.empty()) return nullptr;
  return factors::linear_combination(comm, "the derivative of the filter", terms);
}

/// The mode that a parameter is of, and the weights of ∂O or ∂D.
struct Derivative {
  std::size_t mode = 0;
  std::vector<double> weights;
};

std::optional<Derivative> derivative_of(const Coefficients& c, const SeparableModes& modes) {
  for (const std::size_t mode : {0U, 1U}) {
    if (auto weights = c.divided(1 - mode, modes.weights[1 - mode])) {
      return Derivative{mode, std::move(*weights)};
    }
  }
  return std::nullopt;
}

bool second_follow(const FlowFilter& filter, const FlowMatrices& matrices,
                   const FilterCoefficients& c, const std::vector<Derivative>& derivatives) {
  const std::size_t p = derivatives.size();
  for (std::size_t k = 0; k < p; ++k) {
    for (std::size_t l = 0; l <= k; ++l) {
      const Coefficients second(filter, matrices,
                                [&](std::size_t t) { return c.second[(t * p + k) * p + l]; });
      const Derivative& a = derivatives[derivatives[k].mode == 0 ? k : l];
      const Derivative& b = derivatives[derivatives[k].mode == 0 ? l : k];
      const bool apart = derivatives[k].mode != derivatives[l].mode;
      if (apart ? !second.equals(a.weights, b.weights) : !second.is_zero()) return false;
    }
  }
  return true;
}

}  // namespace

SeparableSolves::SeparableSolves(operators::KroneckerProduct inverse, std::vector<Slope> slopes)
    : inverse_(std::move(inverse)),
      transposed_(inverse_.transposed()),
      slopes_(std::move(slopes)) {}

std::unique_ptr<SeparableSolves> SeparableSolves::make(
    const communication::Communicator& comm,
    const std::shared_ptr<communication::SharedBlocks>& workspace, const FlowFilter& filter,
    const FlowMatrices& matrices, const ColumnSolver& columns,
    const FilterCoefficients& coefficients) {
  const auto modes = columns.separate(coefficients.value);
  if (!modes) return nullptr;
  const std::size_t p = filter.parameters().size();
  std::vector<Derivative> derivatives;
  for (std::size_t k = 0; k < p; ++k) {
    const Coefficients first(filter, matrices,
                             [&](std::size_t t) { return coefficients.first[t * p + k]; });
    auto derivative = derivative_of(first, *modes);
    if (!derivative) return nullptr;
    derivatives.push_back(std::move(*derivative));
  }
  if (!second_follow(filter, matrices, coefficients, derivatives)) return nullptr;
  const auto product = [&](std::vector<factors::Chain> chains) {
    return operators::KroneckerProduct(comm, workspace, 1.0, std::move(chains), 1);
  };
  std::vector<Slope> slopes;
  for (const Derivative& each : derivatives) {
    const factors::FactorPtr matrix = combine(comm, matrices[each.mode], each.weights);
    if (!matrix) return nullptr;
    std::vector<factors::Chain> chains;
    for (const Index extent : filter.extents()) {
      chains.push_back({{factors::make_identity(extent)}});
    }
    chains[each.mode] = {{modes->matrices[each.mode], false, true}, {matrix}};
    auto forward = product(std::move(chains));
    auto transposed = forward.transposed();
    slopes.push_back({each.mode == 0, std::move(forward), std::move(transposed)});
  }
  auto inverse =
      product({{{modes->matrices[0], false, true}}, {{modes->matrices[1], false, true}}});
  return std::unique_ptr<SeparableSolves>(
      new SeparableSolves(std::move(inverse), std::move(slopes)));
}

void SeparableSolves::solve(std::span<const double> b, std::span<double> x, bool transposed) const {
  (transposed ? transposed_ : inverse_).apply(b, x);
}

void SeparableSolves::apply_slope(std::size_t k, std::span<const double> x, std::span<double> y,
                                  bool transposed) const {
  (transposed ? slopes_[k].transposed : slopes_[k].forward).apply(x, y);
}

}  // namespace kronwerk::models
