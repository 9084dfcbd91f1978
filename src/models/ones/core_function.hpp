#pragma once

#include <memory>

#include "models/ones/ones_core.hpp"

namespace kronwerk::models {

/// V f(VᵀKV) Vᵀ for a covariance with a dense core and `batch` vectors. Collective.
OperatorPtr make_core_function(const communication::Communicator& comm,
                               std::shared_ptr<const OnesCore> core, OperatorPtr to_basis,
                               OperatorPtr from_basis, Index batch, OnesCore::Function function);

}  // namespace kronwerk::models
