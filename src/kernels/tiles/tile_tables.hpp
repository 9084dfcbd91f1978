#pragma once

#include "kernels/tiles/tile_dispatch.hpp"

namespace kronwerk::kernels {

/// The parts of the table of an instruction set, one source file each; chosen for this processor.
template <typename T>
void enter_arithmetic(TileCode<T>& tiles);
template <typename T>
void enter_functions(TileCode<T>& tiles);
template <typename T>
void enter_results(TileCode<T>& tiles);

template <>
void enter_arithmetic(TileCode<double>& tiles);
template <>
void enter_arithmetic(TileCode<float>& tiles);
template <>
void enter_functions(TileCode<double>& tiles);
template <>
void enter_functions(TileCode<float>& tiles);
template <>
void enter_results(TileCode<double>& tiles);
template <>
void enter_results(TileCode<float>& tiles);

}  // namespace kronwerk::kernels
