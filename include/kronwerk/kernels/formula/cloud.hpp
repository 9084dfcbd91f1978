#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::kernels {

using core::Index;

/// The values of one variable at consecutive points, component after component, so that vector
/// instructions run along the points: component c of point p is at values[c * count + p].
struct Cloud {
  int dimension = 1;
  Index count = 0;
  std::vector<double> values;
};

/// From and to the order of files, point after point: (count, dimension), row-major.
Cloud to_cloud(std::span<const double> points, Index count, int dimension);
std::vector<double> from_cloud(const Cloud& cloud);

/// What one side of a kernel matrix is made of: the variables that vary with its index, at the
/// points first, first + 1, …, first + count - 1. Index-free variables are a side of one point.
struct Side {
  Index first = 0;
  Index count = 0;
  std::map<std::string, Cloud> variables;
};

/// The points [begin, begin + count) of a side, counted from its first.
Side part_of(const Side& side, Index begin, Index count);

}  // namespace kronwerk::kernels
