#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::expressions {

using core::Index;

struct FactorNode;
using FactorNodePtr = std::shared_ptr<const FactorNode>;

/// A matrix, a diagonal, a matrix of ones, or a sum of factor expressions; what a link of a factor
/// refers to.
struct FactorLeaf {
  enum class Kind { matrix, diagonal, ones, sum };
  Kind kind = Kind::matrix;
  Index rows = 0;
  Index cols = 0;
  std::vector<std::pair<double, FactorNodePtr>> terms;  ///< of a sum; at least two
  std::string text;                                     ///< canonical: equal text, equal matrix
};

/// A leaf, its transpose, its inverse, or both.
struct FactorLink {
  std::shared_ptr<const FactorLeaf> leaf;
  bool transposed = false;
  bool inverse = false;
};

/// A factor-level expression with numbers put in for the parameters: the product of its links, the
/// identity if there are none. Immutable.
struct FactorNode {
  Index rows = 0;
  Index cols = 0;
  std::vector<FactorLink> links;
  std::string text;  ///< canonical

  bool is_identity() const noexcept { return links.empty(); }
  /// Whether it is one matrix of ones.
  bool is_ones() const noexcept {
    return links.size() == 1 && !links[0].inverse && links[0].leaf->kind == FactorLeaf::Kind::ones;
  }
};

/// A coefficient pulled out of a factor.
struct ScaledFactor {
  double coefficient = 1;
  FactorNodePtr factor;  ///< with coefficient 0: the zero matrix of this factor's shape
};

FactorNodePtr identity_factor(Index extent);
FactorNodePtr matrix_factor(const std::string& name, Index rows, Index cols);
FactorNodePtr diagonal_factor(const std::string& name, Index extent);
FactorNodePtr ones_factor(Index extent);
FactorNodePtr transpose(const FactorNodePtr& factor);
/// The factor must be square.
FactorNodePtr inverse(const FactorNodePtr& factor);
/// a b, with neighbours X X⁻¹ cancelled.
FactorNodePtr compose(const FactorNodePtr& a, const FactorNodePtr& b);
/// The sum with like terms merged, in canonical order (identities first) and normalised so that its
/// first term has coefficient 1; numbers that agree to rounding are equal.
ScaledFactor sum(const std::vector<std::pair<double, FactorNodePtr>>& terms);

/// True for what becomes a term of a sum without composing or inverting anything: the identity, or
/// one link that is no inverse.
bool is_plain(const FactorNode& factor);

}  // namespace kronwerk::expressions
