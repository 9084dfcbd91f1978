#pragma once

#include <cstdint>

#include "kronwerk/core/extents.hpp"

// The dense tiles: C = A B for matrices too small or too skinny for a BLAS, vectorised over
// the columns of C, with the instruction set chosen at run time.
namespace kronwerk::factors {

using core::Index;

/// A (rows x depth) with any two strides.
struct StridedMatrix {
  const double* data = nullptr;
  Index row_stride = 0;
  Index column_stride = 1;
};

/// C_s = A B_s for s = 0 … count - 1, where B_s = b + s b_step (depth x cols, rows contiguous) and
/// C_s = c + s c_step (rows x cols, rows contiguous). C must not overlap A or B.
struct SlabProduct {
  Index rows = 0;
  Index cols = 0;
  Index depth = 0;
  StridedMatrix a;
  const double* b = nullptr;
  Index b_row_stride = 0;
  double* c = nullptr;
  Index c_row_stride = 0;
  Index count = 1;
  Index b_step = 0;
  Index c_step = 0;
};

/// For right > 1: A is the factor, B_s a slab of the block. Local; uses Scratch::packed_columns.
void multiply_slabs(const SlabProduct& product);

/// Doubles that pack_columns() writes for a depth x cols matrix.
Index packed_size(Index depth, Index cols);
/// Stores B (depth x cols, any strides) in the order in which multiply_packed() reads it.
/// @param packed  packed_size(depth, cols) doubles
void pack_columns(Index depth, Index cols, const StridedMatrix& b, double* packed);
/// For right == 1: C = A B, where A (rows x depth) are the fibres and `product.b` was made by
/// pack_columns(). count must be 1.
void multiply_packed(const SlabProduct& product);

/// "AVX3", "AVX2", …: the instruction set that the kernels use on this machine.
const char* dense_target();
/// Highway's bits of all instruction sets that the kernels were compiled for and this machine has.
std::int64_t dense_targets();

}  // namespace kronwerk::factors
