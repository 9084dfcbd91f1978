#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kronwerk/methods/operator_data.hpp"
#include "kronwerk/operators/spectral/spectral_operator.hpp"

namespace kronwerk::methods {

/// An operator in bases that make it diagonal (or, for two modes, quasi-triangular), if there are
/// such bases.
struct SpectralForm {
  expressions::SpectralStructure structure;
  std::vector<factors::BasisPtr> bases;           ///< one per mode; empty if there is no form
  std::optional<operators::SpectralSum> sum;      ///< diagonal form
  std::optional<operators::SchurSum> triangular;  ///< otherwise
  std::string why_not;                            ///< empty if there is a form

  explicit operator bool() const noexcept { return why_not.empty(); }
  /// "eigenvectors of W", "Schur form of A", …: distinct bases, for reports.
  std::string description() const;
};

/// Finds the form of a square operator; decompositions come from `data`, which keeps them.
/// Collective.
/// @param eigenvalues_only  the bases themselves are not needed (logdet, eigenvalues)
SpectralForm find_spectral_form(OperatorData& data, const expressions::SumOfProducts& sum,
                                bool eigenvalues_only);

/// Another operator in the bases of `form`, if its factors are functions of the same matrices.
std::optional<std::vector<operators::SpectralTerm>> in_bases_of(
    OperatorData& data, const SpectralForm& form, const expressions::SumOfProducts& other);

}  // namespace kronwerk::methods
