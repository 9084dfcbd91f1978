#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/distribution/estimate.hpp"
#include "kronwerk/expressions/expression.hpp"
#include "kronwerk/factors/base/chain.hpp"

namespace kronwerk::expressions {

struct FactorNode;  // a factor-level expression with numbers put in for the parameters

/// diag(v) of a vector over the whole grid, or its inverse.
struct GridDiagonal {
  std::string name;
  bool inverse = false;
};

/// What follows a product within a term: the (elementwise) product of diagonals over the whole
/// grid, then another Kronecker product.
struct GridStep {
  std::vector<GridDiagonal> diagonals;
  std::vector<std::shared_ptr<const FactorNode>> factors;
};

/// coefficient * (F_1 ⊗ … ⊗ F_K) * Π_s diag(…)_s (G_{s,1} ⊗ … ⊗ G_{s,K}); most terms have no steps.
struct ProductTerm {
  double coefficient = 1;
  std::vector<std::shared_ptr<const FactorNode>> factors;
  std::vector<GridStep> steps{};
};

/// Σ of products over one grid: the form that every operator of design section 6 is brought to.
/// No terms: the zero operator.
struct SumOfProducts {
  Extents row_extents;
  Extents col_extents;
  std::vector<ProductTerm> terms;
  std::string text() const;
};

/// What matrices that depend on parameters are called at the values of these, by their names in
/// formulas: another matrix for other values.
using MatrixNames = std::map<std::string, std::string>;

/// Puts in the parameters' values and simplifies: products of Kronecker products mode by mode,
/// identities dropped, transposes and inverses pushed to the factors, like terms merged.
/// @param names  of the matrices that depend on the parameters; the others keep theirs
/// @throws ConfigurationError for what cannot be brought to this form, naming it
SumOfProducts simplify(const Expression& expression,
                       const std::map<std::string, double>& parameters,
                       const MatrixNames& names = {});

/// One term with numeric factors, ready for operators::ProductSum (or, with steps, compose()).
struct LoweredProduct {
  struct Step {
    std::vector<GridDiagonal> diagonals;
    std::vector<factors::Chain> chains;
  };
  double scale = 1;
  std::vector<factors::Chain> chains;
  std::string text;
  std::vector<Step> steps{};
};

/// Turns simplified expressions into factors; equal sub-expressions (such as I - rho*W used in two
/// modes, or again in the adjoint) become one factor that is built and factorised once.
class Lowering {
 public:
  /// @param comm  must outlive the lowering
  Lowering(const communication::Communicator& comm,
           std::map<std::string, factors::FactorPtr> matrices);
  /// One more matrix. Local.
  void add(const std::string& name, factors::FactorPtr matrix);
  /// A matrix that is given as the product of others, such as {L, Lᵀ}: those links where it stands
  /// alone or in products, the matrix itself (made once) where it is a term of a sum. Local.
  void add(const std::string& name, factors::Chain product);
  /// Forgets the factors that were built and that nobody else holds. Local.
  void forget_unused();
  /// Collective.
  std::vector<LoweredProduct> lower(const SumOfProducts& sum);
  /// One factor of a term. Collective.
  factors::Chain lower(const FactorNode& factor);
  /// The same as one matrix: sparse or diagonal if its parts are. Collective.
  factors::FactorPtr explicit_factor(const FactorNode& factor);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// What `kronwerk plan` needs, without building a factor: flops per fibre are estimated from the
/// shapes and the numbers of stored entries. @param solve  for the inverse of the term
std::vector<distribution::ModeCost> estimate_modes(const ProductTerm& term, const Symbols& symbols,
                                                   bool solve);

/// The same for every Kronecker product of a term with steps: the first, then those of the steps.
std::vector<std::vector<distribution::ModeCost>> estimate_products(const ProductTerm& term,
                                                                   const Symbols& symbols,
                                                                   bool solve);

/// Bytes of the factors (and factorisations, if `solve`) per node, estimated.
double estimate_factor_bytes(const ProductTerm& term, const Symbols& symbols, bool solve);

}  // namespace kronwerk::expressions
