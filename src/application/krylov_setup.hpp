#pragma once

#include <optional>
#include <string>
#include <vector>

#include "application/spectral_form.hpp"
#include "kronwerk/operators/krylov.hpp"

namespace kronwerk::application {

/// What is known of an operator before it is iterated with: the inner product in which it is
/// symmetric, whether it is definite there, and a simpler operator near it.
struct KrylovSetup {
  operators::KrylovMethod method = operators::KrylovMethod::gmres;
  /// D = ⊗ diag(d_k) with D·Op symmetric, if there is one: one list per mode, empty for ones.
  std::optional<std::vector<std::vector<double>>> weights;
  /// The nearest Kronecker product or Kronecker sum; nothing if none is regular.
  std::optional<expressions::SumOfProducts> near;
  std::optional<SpectralForm> near_form;  ///< of a Kronecker sum
  std::string description;                ///< "cg in the inner product …, preconditioned by …"

  /// True if the inner product is not the ordinary one.
  bool weighted() const;
};

/// Finds all that from the factors alone. Collective.
KrylovSetup set_up_krylov(OperatorData& data, const expressions::SumOfProducts& sum);

}  // namespace kronwerk::application
