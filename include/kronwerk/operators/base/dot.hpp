#pragma once

#include <span>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::operators {

/// <x, y> over all ranks. Collective; the same bits for every call with the same np.
double dot(const communication::Communicator& comm, std::span<const double> x,
           std::span<const double> y);

}  // namespace kronwerk::operators
