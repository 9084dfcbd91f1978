#pragma once

#include "kernels/tiles/tile_dispatch.hpp"

namespace kronwerk::kernels {

/// The parts of the table of an instruction set, one source file each; chosen for this processor.
template <typename T>
void enter_arithmetic(TileKernels<T>& kernels);
template <typename T>
void enter_functions(TileKernels<T>& kernels);
template <typename T>
void enter_results(TileKernels<T>& kernels);

template <>
void enter_arithmetic(TileKernels<double>& kernels);
template <>
void enter_arithmetic(TileKernels<float>& kernels);
template <>
void enter_functions(TileKernels<double>& kernels);
template <>
void enter_functions(TileKernels<float>& kernels);
template <>
void enter_results(TileKernels<double>& kernels);
template <>
void enter_results(TileKernels<float>& kernels);

}  // namespace kronwerk::kernels
