#pragma once

#include <cstdint>
#include <vector>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::io {

/// A sparse matrix of one process in compressed-row form; columns ascend within a row.
struct SparseMatrix {
  core::Index rows = 0;
  core::Index cols = 0;
  std::vector<core::Index> row_offsets;      ///< rows + 1
  std::vector<std::int32_t> column_indices;  ///< one per stored entry
  std::vector<double> values;                ///< one per stored entry
};

}  // namespace kronwerk::io
