#pragma once

#include <complex>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/expressions/structure.hpp"
#include "kronwerk/methods/operator_data.hpp"
#include "kronwerk/models/flow_effects/effects.hpp"

namespace kronwerk::application {

/// How the matrices that a filter has in each mode are related, whatever its parameters are.
/// Collective on the first call for `data`.
expressions::SpectralStructure structure_of(methods::OperatorData& data,
                                            const models::FlowFilter& filter);

/// What every matrix of a mode is in the basis of its structure; for functions of one matrix at the
/// eigenvalues of that. Collective.
models::ModeSpectrum spectrum_of(methods::OperatorData& data,
                                 const expressions::ModeStructure& structure,
                                 const std::vector<expressions::FactorNodePtr>& matrices,
                                 std::span<const std::complex<double>> eigenvalues);

/// Whether a mode's matrix, too large for its eigenvectors to cost nothing, is sparse, so that
/// powers cost less, or not similar to a symmetric one. Collective.
bool bases_are_costly(methods::OperatorData& data, const models::FlowFilter& filter);

/// Eigenvectors in which all matrices of the filter are diagonal, if the matrices of each mode are
/// functions of one with well-conditioned eigenvectors. Collective.
std::optional<models::FilterBases> find_filter_bases(methods::OperatorData& data,
                                                     const models::FlowFilter& filter);

}  // namespace kronwerk::application
