#include "models/posterior/normal_quantile.hpp"

#include <boost/math/special_functions/erf.hpp>
#include <numbers>

namespace kronwerk::models {

double normal_quantile(double p) {
  return -std::numbers::sqrt2 * boost::math::erfc_inv(2 * p);
}

}  // namespace kronwerk::models
