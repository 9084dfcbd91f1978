#pragma once

#include "kronwerk/models/covariance/covariance.hpp"

namespace kronwerk::models {

/// Collective. @throws DataError, naming the eigenvalues, if the smallest value of the spectrum is
/// not positive beyond rounding
void check_positive_definite(const communication::Communicator& comm,
                             const operators::SpectralSum& spectrum, const InverseOfSum& inverse);

/// scale * S⁻¹ by its eigenvectors, with one step of iterative refinement: what S makes of the
/// result is the right-hand side to rounding, however the eigenvectors were found. Keeps two
/// vectors once applied. Local.
/// @param sum      S, symmetric
/// @param inverse  S⁻¹ in its eigenvectors
OperatorPtr make_refined_inverse(double scale, OperatorPtr sum, OperatorPtr inverse);

}  // namespace kronwerk::models
