#pragma once

#include <string>

#include "kronwerk/operators/krylov/stochastic.hpp"

namespace kronwerk::application {

/// "± 0.012, quadrature error 3e-9", for summaries.
std::string error_text(const operators::StochasticValue& value);
/// Why an estimate whose quadratures have not settled is no result.
std::string not_settled_text(const operators::StochasticValue& value);

/// "± 0.012, bias below 3e-9", for summaries of estimated derivatives.
std::string bias_text(const operators::StochasticValue& value);

}  // namespace kronwerk::application
