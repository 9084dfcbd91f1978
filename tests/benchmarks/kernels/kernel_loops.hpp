#pragma once

#include "kronwerk/core/extents.hpp"

/// Sums over kernel functions written by hand for three-dimensional points, one loop each, as good
/// as we can write them: what the evaluation of formulas is measured against.
namespace kronwerk::benchmarks {

using core::Index;

enum class Loop {
  gaussian,      ///< exp(-d^2/2) b
  laplacian,     ///< exp(-d) b
  cauchy,        ///< b / (1 + d^2)
  multiquadric,  ///< b / sqrt(1 + d^2)
  matern,        ///< (1 + sqrt(3) d) exp(-sqrt(3) d) b
  linear,        ///< (x.y) b
  polynomial,    ///< (x.y + 1)^3 b
  energy,        ///< -d b
  compact,       ///< max(0, 1 - d^2) b
  sigmoid,       ///< tanh(x.y + 1/2) b
  force,         ///< exp(-d^2/2) (y - x) b, a vector
};

/// Coordinates [3][count], aligned to 64 bytes, rows a multiple of 4 and columns of 16; b is 0 in
/// columns that are only there for that.
template <typename T>
struct LoopPoints {
  const T* x = nullptr;
  Index rows = 0;
  const T* y = nullptr;
  const T* b = nullptr;
  Index columns = 0;
};

/// out (rows), or (rows x 3) for a vector.
void run_loop(Loop loop, const LoopPoints<double>& points, double* out);
void run_loop(Loop loop, const LoopPoints<float>& points, double* out);

}  // namespace kronwerk::benchmarks
