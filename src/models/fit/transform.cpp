#include "kronwerk/models/fit/transform.hpp"

#include <cmath>

namespace kronwerk::models {

Scale choose_scale(double lower) {
  return lower >= 0 ? Scale::log : Scale::identity;
}

double to_free(Scale scale, double x) {
  return scale == Scale::log ? std::log(x) : x;
}

double from_free(Scale scale, double u) {
  return scale == Scale::log ? std::exp(u) : u;
}

double derivative_of(Scale scale, double x) {
  return scale == Scale::log ? x : 1;
}

}  // namespace kronwerk::models
