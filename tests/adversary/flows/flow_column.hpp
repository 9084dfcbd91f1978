#pragma once

// Columns of a flow model's mean as they are written, and as vectors over the grid.

#include <string>
#include <vector>

#include "adversary/jobs/random.hpp"
#include "adversary/material/material.hpp"

namespace kronwerk::adversary {

/// 1, a vector, or matrices times one.
struct ColumnSide {
  struct Name {
    std::string matrix;
    bool transposed = false;
  };
  std::vector<Name> matrices;
  std::string vector = "1";

  std::string text() const;
  /// The product of the matrices, I without any.
  Matrix before(const Leaves& leaves, Index extent) const;
  Vector values(const Leaves& leaves, Index extent) const;
};

struct FlowColumn {
  enum class Kind { kron, diagonal, grid };
  Kind kind = Kind::kron;
  ColumnSide origin;  ///< of a diagonal its vector, of a grid its name
  ColumnSide destination;

  std::string text() const;
  std::vector<std::string> names() const;
  /// Over the grid, N numbers.
  Vector values(const Leaves& leaves, Index origins, Index destinations) const;
  /// Its change by a unit more of the attribute at every region, a column for each.
  Matrix shocks(const Leaves& leaves, const std::string& attribute, Index regions) const;
};

}  // namespace kronwerk::adversary
