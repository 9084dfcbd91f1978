#include "application/determinants/estimate_text.hpp"

#include <fmt/format.h>

namespace kronwerk::application {

std::string error_text(const operators::StochasticValue& value) {
  return fmt::format("± {:.2g}, quadrature error {:.1g}", value.standard_error,
                     value.quadrature_error);
}

std::string not_settled_text(const operators::StochasticValue& value) {
  return fmt::format(
      "the Lanczos quadrature of the log determinant has not settled after {} steps: it may be off "
      "by {:.2g} beside its standard error of {:.2g}",
      value.steps, value.quadrature_error, value.standard_error);
}

std::string bias_text(const operators::StochasticValue& value) {
  return fmt::format("± {:.2g}, bias below {:.1g}", value.standard_error, value.bias_bound);
}

}  // namespace kronwerk::application
