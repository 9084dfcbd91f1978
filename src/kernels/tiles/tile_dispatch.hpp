#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/engine/instruction.hpp"

namespace kronwerk::kernels {

constexpr Index row_group = 4;   ///< rows that are evaluated together
constexpr Index alignment = 64;  ///< bytes, of everything that vectors are loaded from
constexpr Index most_lanes = 16;

/// A bound instruction: offsets in values instead of numbers of slots.
template <typename T>
struct Step {
  void (*function)() = nullptr;  ///< of the type that tile_steps-inl.hpp defines
  Index a = 0;
  Index b = 0;
  Index stride = 0;  ///< from one column value to the next
  Index count = 0;
  T number = 0;
  T second_number = 0;
};

/// Functions of sqdist and dot by number of components; 0 stands for any number.
using PairwiseTable = std::array<void (*)(), 5>;

template <typename T>
class Selections;

/// What the steps of one run (four rows, one tile of columns) read and write beside registers.
template <typename T>
struct Context {
  const T* end = nullptr;      ///< where the columns of the run end
  const T* columns = nullptr;  ///< where those of the tile begin
  Index remaining = 0;         ///< of the last, partial vector
  T* accumulators = nullptr;   ///< [accumulator][row][lane]
  T* shifts = nullptr;         ///< [shift][row]
  T* slots = nullptr;          ///< [slot][row][lane]
  T* tile = nullptr;           ///< [row][column]
  Index tile_stride = 0;
  const T* thresholds = nullptr;  ///< [selection][row]
  Selections<T>* selections = nullptr;
  Index lanes = 0;
  /// Of steps that leave the registers for a moment; not on the stack, so that they can jump on.
  alignas(alignment) T scratch[static_cast<std::size_t>(row_group * most_lanes)] = {};
  /// A and S between steps, where they cannot stay in registers.
  alignas(alignment) T state[static_cast<std::size_t>(2 * row_group * most_lanes)] = {};
  bool round_done = false;
};

/// The functions of one instruction set.
template <typename T>
struct TileCode {
  Index lanes = 0;
  std::array<void (*)(), static_cast<std::size_t>(function_count)> functions{};
  PairwiseTable sqdist{};
  PairwiseTable dot{};
  /// The whole vectors of `count` columns by `main`, the rest by `tail`. `advance` is the number of
  /// vectors per round: one, or four along one side.
  void (*run)(const Step<T>* main, const Step<T>* tail, Index count, Index advance,
              const T* columns, const T* rows, Context<T>& context) = nullptr;
  /// sums[accumulator][row] = sum of the lanes.
  void (*add_lanes)(const T* accumulators, Index count, double* sums) = nullptr;
  /// out[row * row_step + w * width_step] += tile (row_group x columns) times v, given as
  /// [width][columns]; the tile has zeros up to the next multiple of the lanes.
  void (*multiply)(const T* tile, const T* v, Index stride, Index columns, Index width, double* out,
                   Index row_step, Index width_step) = nullptr;
};

/// For the processor this runs on.
template <typename T>
TileCode<T> tile_code();

/// The instruction sets there is code for that this processor has, as bits of Highway's.
std::int64_t tile_targets();

/// Steps of `code`, ending in `next`. @param stride  between column values, in values
template <typename T>
struct BoundCode {
  BoundCode() = default;
  BoundCode(const Code& code, const TileCode<T>& tiles, Index stride, Index advance, bool ties);
  std::vector<Step<T>> main;
  std::vector<Step<T>> tail;
};

}  // namespace kronwerk::kernels
