#pragma once

#include <cstdint>

#include "kronwerk/communication/shared_array.hpp"

namespace kronwerk::communication {

/// A dense matrix in row-major order, once per node.
struct SharedDense {
  core::Index rows = 0;
  core::Index cols = 0;
  SharedArray<double> values;  ///< rows * cols
};

/// A sparse matrix in compressed-row form, once per node. Within a row the column indices ascend
/// and are distinct.
struct SharedSparse {
  core::Index rows = 0;
  core::Index cols = 0;
  SharedArray<core::Index> row_offsets;      ///< rows + 1
  SharedArray<std::int32_t> column_indices;  ///< one per stored entry
  SharedArray<double> values;                ///< one per stored entry
};

}  // namespace kronwerk::communication
