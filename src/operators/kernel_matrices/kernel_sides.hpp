#pragma once

#include <span>
#include <string>
#include <vector>

#include "kronwerk/kernels/formula/cloud.hpp"
#include "kronwerk/kernels/formula/expression.hpp"

namespace kronwerk::operators {

using core::Index;

/// Names under which the indices of points travel; no formula can hold them.
inline constexpr const char* row_index_name = "@row";
inline constexpr const char* column_index_name = "@column";

bool uses_indices(const kernels::Expression& formula);

/// The same function with `i` and `j` read from variables of the two names above, for points that
/// are not consecutive.
kernels::Expression with_explicit_indices(const kernels::Expression& formula);

/// Adds the variable that with_explicit_indices() reads.
void add_indices(kernels::Side& side, const char* name);

/// Numbers per point of all variables.
Index values_per_point(const kernels::Side& side);
/// Writes the values of one point, variable after variable.
void pack_point(const kernels::Side& side, Index point, double* out);
/// The side of `count` points that pack_point() wrote, `stride` numbers apart.
kernels::Side unpack_points(const kernels::Side& like, const double* packed, Index count,
                            Index stride);

/// "x holds NaN at point 17" for the first value that is not finite, or "".
std::string find_not_finite(const kernels::Side& side);

}  // namespace kronwerk::operators
