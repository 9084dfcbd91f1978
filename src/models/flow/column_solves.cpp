#include "kronwerk/models/flow/column_solves.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::models {
namespace {

/// Up to which a vector counts as one that a matrix only scales, and a residual as small.
constexpr double tolerance = 1e-13;
constexpr double residual_tolerance = 1e-12;
/// More different scales than this are no structure.
constexpr std::size_t most_pieces = 4;

double norm(std::span<const double> x) {
  double sum = 0;
  for (const double value : x) sum += value * value;
  return std::sqrt(sum);
}

/// C = α βᵀ of a matrix of coefficients, if it is that to rounding.
struct RankOne {
  std::vector<double> left;
  std::vector<double> right;
};
std::optional<RankOne> rank_one(const std::vector<double>& c, std::size_t rows, std::size_t cols) {
  const auto largest =
      std::ranges::max_element(c, [](double a, double b) { return std::abs(a) < std::abs(b); });
  if (largest == c.end() || *largest == 0) return std::nullopt;
  const auto place = static_cast<std::size_t>(largest - c.begin());
  const std::size_t row = place / cols;
  const std::size_t col = place % cols;
  RankOne result;
  for (std::size_t i = 0; i < rows; ++i) result.left.push_back(c[i * cols + col] / *largest);
  for (std::size_t j = 0; j < cols; ++j) result.right.push_back(c[row * cols + j]);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < cols; ++j) {
      const double error = c[i * cols + j] - result.left[i] * result.right[j];
      if (std::abs(error) > 4e-16 * std::abs(*largest)) return std::nullopt;
    }
  }
  return result;
}

/// Empty where a small solve is not accurate: the large one refines, and says what it reached.
std::vector<double> solve_small(const factors::Factor& factor, std::span<const double> vector) {
  std::vector<double> solution(vector.begin(), vector.end());
  std::vector<double> residual(vector.size());
  const auto n = std::ssize(vector);
  const auto view = factors::View::contiguous(solution.data(), 1, n, 1);
  factor.factorisation()->solve(view, view, false);
  factor.apply(view, factors::View::contiguous(residual.data(), 1, n, 1), false);
  for (std::size_t i = 0; i < residual.size(); ++i) residual[i] -= vector[i];
  if (!(norm(residual) <= residual_tolerance * norm(vector))) return {};
  return solution;
}

}  // namespace

ColumnSolver::ColumnSolver(const communication::Communicator& comm, const FlowFilter& filter,
                           const FlowMatrices& matrices)
    : comm_(&comm), filter_(&filter), matrices_(&matrices) {}

std::vector<ColumnSolver::Piece> ColumnSolver::pieces(std::size_t mode,
                                                      std::span<const double> vector) const {
  const auto& matrices = (*matrices_)[mode];
  std::vector<std::vector<double>> images;
  for (const auto& matrix : matrices) images.push_back(multiply(matrix, vector));
  // Entries with the same ratios are one piece.
  std::vector<Piece> result;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    if (vector[i] == 0) continue;
    std::vector<double> ratios;
    for (const auto& image : images) ratios.push_back(image[i] / vector[i]);
    auto piece = std::ranges::find_if(result, [&](const Piece& other) {
      for (std::size_t m = 0; m < ratios.size(); ++m) {
        const double scale = std::max(1.0, std::abs(ratios[m]));
        if (std::abs(ratios[m] - other.scales[m]) > tolerance * scale) return false;
      }
      return true;
    });
    if (piece == result.end()) {
      if (result.size() == most_pieces) return {};
      piece = result.insert(result.end(), {std::vector<double>(vector.size(), 0.0), ratios});
    }
    piece->vector[i] = vector[i];
  }
  for (const Piece& piece : result) {
    for (std::size_t m = 0; m < matrices.size(); ++m) {
      std::vector<double> image = multiply(matrices[m], piece.vector);
      for (std::size_t i = 0; i < image.size(); ++i) image[i] -= piece.scales[m] * piece.vector[i];
      if (norm(image) > tolerance * norm(piece.vector)) return {};
    }
  }
  return result;
}

// What was kept for other coefficients is of no use any more.
void ColumnSolver::keep_for(std::span<const double> coefficients) const {
  if (std::ranges::equal(coefficients_, coefficients)) return;
  coefficients_.assign(coefficients.begin(), coefficients.end());
  combined_.clear();
}

factors::FactorPtr ColumnSolver::combine(std::size_t mode, std::span<const double> weights) const {
  auto& kept = combined_[{mode, {weights.begin(), weights.end()}}];
  if (kept) return kept;
  const auto& matrices = (*matrices_)[mode];
  std::vector<std::pair<double, factors::FactorPtr>> terms;
  for (std::size_t m = 0; m < matrices.size(); ++m) {
    if (weights[m] == 0) continue;
    const factors::Chain& chain = matrices[m];
    const bool plain = chain.size() == 1 && !chain.front().inverse && !chain.front().transposed;
    terms.emplace_back(weights[m],
                       plain ? chain.front().factor : factors::multiply(*comm_, "A", chain));
  }
  if (terms.empty()) return nullptr;
  const factors::FactorPtr factor = factors::linear_combination(*comm_, "the filter", terms);
  factors::factorise(*comm_, std::span(&factor, 1));
  return kept = factor;
}

namespace {

std::optional<RankOne> rank_one_of(const FlowFilter& filter, const FlowMatrices& matrices,
                                   std::span<const double> c) {
  const std::size_t cols = matrices[1].size();
  std::vector<double> matrix(matrices[0].size() * cols, 0.0);
  for (std::size_t t = 0; t < c.size(); ++t) {
    const auto& term = filter.terms()[t];
    matrix[term.origin * cols + term.destination] += c[t];
  }
  return rank_one(matrix, matrices[0].size(), cols);
}

}  // namespace

std::optional<SeparableModes> ColumnSolver::separate(std::span<const double> c) const {
  keep_for(c);
  const auto parts = rank_one_of(*filter_, *matrices_, c);
  if (!parts) return std::nullopt;
  SeparableModes modes{{parts->left, parts->right}, {}};
  for (const std::size_t mode : {0U, 1U}) {
    modes.matrices[mode] = combine(mode, modes.weights[mode]);
    if (!modes.matrices[mode]) return std::nullopt;
    const std::vector<double> ones(static_cast<std::size_t>(filter_->extents()[mode]), 1.0);
    if (solve_small(*modes.matrices[mode], ones).empty()) return std::nullopt;
  }
  return modes;
}

std::vector<ColumnSolver::Reduced> ColumnSolver::reduce_separably(std::size_t mode,
                                                                  std::span<const double> vector,
                                                                  std::span<const double> c) const {
  const auto parts = rank_one_of(*filter_, *matrices_, c);
  if (!parts) return {};
  const factors::FactorPtr own = combine(mode, mode == 0 ? parts->left : parts->right);
  const factors::FactorPtr other = combine(1 - mode, mode == 0 ? parts->right : parts->left);
  if (!own || !other) return {};
  auto solution = solve_small(*own, vector);
  if (solution.empty()) return {};
  return {{std::move(solution), other}};
}

std::vector<ColumnSolver::Reduced> ColumnSolver::reduce(std::size_t mode,
                                                        std::span<const double> vector,
                                                        std::span<const double> c) const {
  keep_for(c);
  if (auto separable = reduce_separably(mode, vector, c); !separable.empty()) return separable;
  std::vector<Reduced> result;
  for (const Piece& piece : pieces(mode, vector)) {
    std::vector<double> weights((*matrices_)[1 - mode].size(), 0.0);
    for (std::size_t t = 0; t < c.size(); ++t) {
      const auto& term = filter_->terms()[t];
      weights[mode == 1 ? term.origin : term.destination] +=
          c[t] * piece.scales[mode == 1 ? term.destination : term.origin];
    }
    const factors::FactorPtr matrix = combine(1 - mode, weights);
    if (!matrix) return {};
    result.push_back({piece.vector, matrix});
  }
  return result;
}

std::vector<FlowProduct> ColumnSolver::solve(const FlowColumn& column,
                                             std::span<const double> c) const {
  if (column.kind != FlowColumn::Kind::kron) return {};
  for (const std::size_t mode : {1U, 0U}) {
    const auto reduced = reduce(mode, mode == 1 ? column.destination : column.origin, c);
    std::vector<FlowProduct> result;
    for (const Reduced& part : reduced) {
      auto solution = solve_small(*part.matrix, mode == 1 ? column.origin : column.destination);
      if (solution.empty()) return {};
      result.push_back(mode == 1 ? FlowProduct{std::move(solution), part.vector}
                                 : FlowProduct{part.vector, std::move(solution)});
    }
    if (!result.empty()) return result;
  }
  return {};
}

void add_products(const std::vector<FlowProduct>& products, double weight, Index first, Index n_d,
                  std::span<double> values) {
  for (const FlowProduct& product : products) {
    const FlowColumn column{FlowColumn::Kind::kron, "", product.origin, product.destination, {}};
    add_column(column, weight, first, n_d, values);
  }
}

}  // namespace kronwerk::models
