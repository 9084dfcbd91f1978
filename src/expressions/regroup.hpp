#pragma once

#include "expressions/terms.hpp"

namespace kronwerk::expressions {

/// The same sum, written over its atoms (the summands of sums that are applied as they are) where
/// that shows it to be simpler: as one product if the coefficients over the atoms have rank one;
/// otherwise with fewer linearly independent parts other than the identity on the leading or the
/// trailing side of some split, hence fewer vectors to exchange (design section 4), or as many and
/// less work. Otherwise it stays as it is.
Terms combined(Terms terms);

}  // namespace kronwerk::expressions
