// Declared in kronwerk/expressions/lowering.hpp.
// What a factor will cost, from shapes and stored entries alone, for `kronwerk plan`.
#include <algorithm>
#include <cmath>

#include "expressions/terms.hpp"
#include "kronwerk/expressions/factor_node.hpp"
#include "kronwerk/expressions/lowering.hpp"

namespace kronwerk::expressions {
namespace {

struct MatrixEstimate {
  enum class Kind { diagonal, ones, sparse, dense } kind = Kind::diagonal;
  double rows = 0;
  double cols = 0;
  double stored = 0;
};

struct LinkEstimate {
  double flops_per_fibre = 0;
  double bytes = 0;
};

class Estimator {
 public:
  explicit Estimator(const Symbols& symbols) : symbols_(symbols) {}

  LinkEstimate link(const FactorLink& link, bool inverse) const {
    const MatrixEstimate matrix = of_leaf(*link.leaf);
    LinkEstimate result{2 * matrix.stored, bytes(matrix, matrix.stored)};
    if (!inverse || matrix.kind <= MatrixEstimate::Kind::ones) return result;
    if (matrix.kind == MatrixEstimate::Kind::dense) {
      result.bytes += 8 * matrix.stored;
      return result;
    }
    // Fill of a planar-like graph under nested dissection grows with log n (Lipton, Rose and Tarjan
    // 1979); the constant fits neighbour graphs of counties and of random points.
    const double filled = matrix.stored * (2 + std::log2(std::max(2.0, matrix.rows)) / 2);
    result.flops_per_fibre = 2 * filled;
    result.bytes += bytes(matrix, filled);
    return result;
  }

 private:
  static double bytes(const MatrixEstimate& matrix, double stored) {
    return matrix.kind == MatrixEstimate::Kind::sparse ? 12 * stored + 8 * matrix.rows : 8 * stored;
  }

  MatrixEstimate of_leaf(const FactorLeaf& leaf) const {
    MatrixEstimate result{MatrixEstimate::Kind::diagonal, static_cast<double>(leaf.rows),
                          static_cast<double>(leaf.cols), static_cast<double>(leaf.rows)};
    if (leaf.kind == FactorLeaf::Kind::diagonal) return result;
    if (leaf.kind == FactorLeaf::Kind::ones) {
      result.kind = MatrixEstimate::Kind::ones;
      result.stored *= 2;
      return result;
    }
    if (leaf.kind == FactorLeaf::Kind::matrix) {
      const MatrixSymbol& symbol = symbols_.matrices.at(leaf.text);
      result.kind = symbol.sparse ? MatrixEstimate::Kind::sparse : MatrixEstimate::Kind::dense;
      result.stored =
          symbol.sparse ? static_cast<double>(symbol.stored) : result.rows * result.cols;
      return result;
    }
    double stored = 0;
    for (const auto& [coefficient, term] : leaf.terms) {
      const MatrixEstimate part = of_product(*term);
      // Only the identity is added to ones without a dense matrix.
      const bool dense = result.kind != MatrixEstimate::Kind::diagonal &&
                         part.kind != result.kind &&
                         std::min(result.kind, part.kind) == MatrixEstimate::Kind::ones;
      result.kind = dense ? MatrixEstimate::Kind::dense : std::max(result.kind, part.kind);
      stored += dense ? result.rows * result.cols : part.stored;
    }
    result.stored = std::min(stored, result.rows * result.cols);
    return result;
  }

  MatrixEstimate of_product(const FactorNode& node) const {
    MatrixEstimate result{MatrixEstimate::Kind::diagonal, static_cast<double>(node.rows),
                          static_cast<double>(node.cols), static_cast<double>(node.rows)};
    for (const FactorLink& link : node.links) {
      const MatrixEstimate part = of_leaf(*link.leaf);
      result.kind = std::max(result.kind, link.inverse ? MatrixEstimate::Kind::dense : part.kind);
      result.stored *= std::max(1.0, part.stored / std::max(1.0, part.rows));
    }
    if (result.kind == MatrixEstimate::Kind::dense) result.stored = result.rows * result.cols;
    result.stored = std::min(result.stored, result.rows * result.cols);
    return result;
  }

  const Symbols& symbols_;
};

}  // namespace

std::vector<distribution::ModeCost> estimate_modes(const ProductTerm& term, const Symbols& symbols,
                                                   bool solve) {
  return estimate_products(term, symbols, solve).front();
}

std::vector<std::vector<distribution::ModeCost>> estimate_products(const ProductTerm& term,
                                                                   const Symbols& symbols,
                                                                   bool solve) {
  const Estimator estimator(symbols);
  std::vector<std::vector<distribution::ModeCost>> result;
  for (const auto* product : products(term)) {
    auto& modes = result.emplace_back();
    for (const auto& factor : *product) {
      distribution::ModeCost mode{factor->rows, factor->cols, 0, factor->is_identity()};
      for (const FactorLink& link : factor->links) {
        mode.flops_per_fibre += estimator.link(link, link.inverse != solve).flops_per_fibre;
      }
      modes.push_back(mode);
    }
  }
  return result;
}

double estimate_factor_bytes(const ProductTerm& term, const Symbols& symbols, bool solve) {
  const Estimator estimator(symbols);
  std::map<std::string, double> distinct;  // a factor used in two modes exists once
  for (const auto* product : products(term)) {
    for (const auto& factor : *product) {
      for (const FactorLink& link : factor->links) {
        distinct[link.leaf->text] = estimator.link(link, link.inverse != solve).bytes;
      }
    }
  }
  double total = 0;
  for (const auto& [text, bytes] : distinct) total += bytes;
  return total;
}

}  // namespace kronwerk::expressions
