#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kronwerk/methods/spectral_form.hpp"
#include "kronwerk/operators/krylov/krylov.hpp"
#include "kronwerk/operators/nearest/nearest_kronecker.hpp"

namespace kronwerk::methods {

/// An inner product (weights per mode, empty for ones) in which an operator is known to be
/// symmetric and positive definite, with a lower bound of its eigenvalues.
struct DefiniteForm {
  std::vector<std::vector<double>> weights;
  double least = 0;

  /// True if the inner product is not the ordinary one.
  bool weighted() const;
};

/// What is known of an operator before it is iterated with: the inner product in which it is
/// symmetric, whether it is definite there, and a simpler operator near it.
struct KrylovSetup {
  operators::KrylovMethod method = operators::KrylovMethod::gmres;
  /// d_k with D^½ Op D^-½ symmetric for D = ⊗ diag(d_k), if there are such: one list per mode,
  /// empty for ones.
  std::optional<std::vector<std::vector<double>>> weights;
  /// Whatever the method, which needs a definite preconditioner too.
  std::optional<DefiniteForm> definite;
  /// The distinct factors of every mode, and the operator as a sum over them; empty if they were
  /// not looked at.
  std::vector<std::vector<expressions::FactorNodePtr>> factors;
  operators::FactorGrams grams;
  /// P_k = Σ_i near_product[k][i] factors[k][i]: the nearest Kronecker product; empty if there is
  /// none.
  std::vector<std::vector<double>> near_product;
  /// The nearest Kronecker sum in its bases, where that is taken instead.
  std::optional<SpectralForm> near_sum;
  /// The factors of each mode commute, and so do operator and preconditioner.
  bool commuting = false;
  std::string preconditioner;  ///< "preconditioned by …"

  /// "cg in the inner product …, preconditioned by …"
  std::string description() const;

  /// True if the inner product is not the ordinary one.
  bool weighted() const;
};

/// Finds all that from the factors alone. Collective.
KrylovSetup set_up_krylov(OperatorData& data, const expressions::SumOfProducts& sum);

}  // namespace kronwerk::methods
