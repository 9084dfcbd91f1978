#pragma once

#include <optional>
#include <vector>

#include "kronwerk/factors/base/chain.hpp"

namespace kronwerk::factors {

/// The stored entries of a matrix in compressed rows: row i has the entries offsets[i] …
/// offsets[i + 1] - 1, columns ascending and distinct.
struct StoredEntries {
  std::vector<Index> offsets{0};
  std::vector<Index> columns;
  std::vector<double> values;

  Index rows() const { return static_cast<Index>(offsets.size()) - 1; }
};

/// The entries of a chain that is one identity, diagonal or sparse factor, perhaps transposed;
/// nothing for inverses, dense factors and products. Local: every caller has its own copy.
std::optional<StoredEntries> stored_entries(const Chain& chain);

}  // namespace kronwerk::factors
