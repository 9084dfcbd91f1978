// Declared in kernels/tiles/tile_tables.hpp.
// Steps that end an evaluation: sums, selections, running maxima; and the loop over columns.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/simd_targets.hpp"
#include "kernels/tiles/selection.hpp"
#include "kernels/tiles/tile_tables.hpp"
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tiles/tile_results.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "kernels/tiles/tile_steps-inl.hpp"
// clang-format on

#ifndef KRONWERK_KERNELS_RAISE_SHIFTS
#define KRONWERK_KERNELS_RAISE_SHIFTS
namespace kronwerk::kernels {

// Above the shift, exponentials may grow by this before the sums are scaled down.
template <typename T>
constexpr T headroom = sizeof(T) == 8 ? T{300} : T{40};

// Raises the shifts (NaN as long as there is none) of those rows whose values are too large for
// them, and puts the differences in place of the values.
template <typename T>
void raise_shifts(const Step<T>& step, const Context<T>& context, T* values) {
  const Index lanes = context.lanes;
  for (Index r = 0; r < row_group; ++r) {
    T* row = values + r * lanes;
    T& shift = context.shifts[step.b * row_group + r];
    T greatest = -std::numeric_limits<T>::infinity();
    for (Index lane = 0; lane < lanes; ++lane) {
      if (row[lane] > greatest && std::isfinite(row[lane])) greatest = row[lane];
    }
    if (std::isfinite(greatest) && !(greatest <= shift + headroom<T>)) {
      const T factor = std::isnan(shift) ? T{0} : std::exp(shift - greatest);
      for (Index k = 0; k < step.count; ++k) {
        T* sums = context.accumulators + ((step.a + k) * row_group + r) * lanes;
        for (Index lane = 0; lane < lanes; ++lane) {
          if (std::isfinite(sums[lane])) sums[lane] *= factor;
        }
      }
      shift = greatest;
    }
    for (Index lane = 0; lane < lanes; ++lane) {
      // exp of a difference of infinities: 0 for -infinity, infinity for +infinity.
      if (!std::isinf(row[lane])) row[lane] -= shift;
    }
  }
}

}  // namespace kronwerk::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace kronwerk::kernels::HWY_NAMESPACE {

// new sum = sum + what the value adds
struct PlainTerm {
  template <typename T>
  static HWY_INLINE Vec<T> add(const Step<T>*, const T*, const Context<T>*, int, Vec<T> a,
                               Vec<T> sum) {
    return hn::Add(sum, a);
  }
};
struct ColumnTerm {
  template <typename T>
  static HWY_INLINE Vec<T> add(const Step<T>* step, const T* columns, const Context<T>*, int,
                               Vec<T> a, Vec<T> sum) {
    return hn::MulAdd(a, hn::Load(Tag<T>(), columns + step->b), sum);
  }
};
struct SlotTerm {
  template <typename T>
  static HWY_INLINE Vec<T> add(const Step<T>* step, const T*, const Context<T>* context, int r,
                               Vec<T> a, Vec<T> sum) {
    const Tag<T> d;
    const T* slot = context->slots + step->b + r * static_cast<Index>(hn::Lanes(d));
    return hn::MulAdd(a, hn::Load(d, slot), sum);
  }
};
struct SquareTerm {
  template <typename T>
  static HWY_INLINE Vec<T> add(const Step<T>*, const T*, const Context<T>*, int, Vec<T> a,
                               Vec<T> sum) {
    return hn::MulAdd(a, a, sum);
  }
};
struct NonzeroTerm {
  template <typename T>
  static HWY_INLINE Vec<T> add(const Step<T>*, const T*, const Context<T>*, int, Vec<T> a,
                               Vec<T> sum) {
    const Tag<T> d;
    const auto counts = hn::Gt(hn::Abs(a), hn::Zero(d));
    return hn::Add(sum, hn::IfThenElseZero(counts, hn::Set(d, T{1})));
  }
};
struct ZeroTerm {
  template <typename T>
  static HWY_INLINE Vec<T> add(const Step<T>*, const T*, const Context<T>*, int, Vec<T> a,
                               Vec<T> sum) {
    const Tag<T> d;
    return hn::Add(sum, hn::IfThenElseZero(hn::Eq(a, hn::Zero(d)), hn::Set(d, T{1})));
  }
};
struct NanTerm {
  template <typename T>
  static HWY_INLINE Vec<T> add(const Step<T>*, const T*, const Context<T>*, int, Vec<T> a,
                               Vec<T> sum) {
    const Tag<T> d;
    return hn::Add(sum, hn::IfThenZeroElse(hn::Eq(a, a), hn::Set(d, T{1})));
  }
};

template <typename T, class Term, bool masked>
HWY_INLINE Vec<T> with_term(const Step<T>* step, const T* columns, const Context<T>* context, int r,
                            Vec<T> a, Vec<T> sum) {
  const Vec<T> next = Term::template add<T>(step, columns, context, r, a, sum);
  if constexpr (masked) {
    const Tag<T> d;
    return hn::IfThenElse(hn::FirstN(d, static_cast<std::size_t>(context->remaining)), next, sum);
  }
  return next;
}

// Accumulator 0 is S; the others are in memory.
template <typename T, class Term, bool masked>
void accumulate(const Step<T>* step, const T* columns, const T* rows, Context<T>* context,
                Vec<T> a0, Vec<T> a1, Vec<T> a2, Vec<T> a3, Vec<T> s0, Vec<T> s1, Vec<T> s2,
                Vec<T> s3) {
  const Tag<T> d;
  if (step->a == 0) {
    s0 = with_term<T, Term, masked>(step, columns, context, 0, a0, s0);
    s1 = with_term<T, Term, masked>(step, columns, context, 1, a1, s1);
    s2 = with_term<T, Term, masked>(step, columns, context, 2, a2, s2);
    s3 = with_term<T, Term, masked>(step, columns, context, 3, a3, s3);
  } else {
    const auto lanes = static_cast<Index>(hn::Lanes(d));
    T* sums = context->accumulators + step->a * row_group * lanes;
    hn::Store(with_term<T, Term, masked>(step, columns, context, 0, a0, hn::Load(d, sums)), d,
              sums);
    sums += lanes;
    hn::Store(with_term<T, Term, masked>(step, columns, context, 1, a1, hn::Load(d, sums)), d,
              sums);
    sums += lanes;
    hn::Store(with_term<T, Term, masked>(step, columns, context, 2, a2, hn::Load(d, sums)), d,
              sums);
    sums += lanes;
    hn::Store(with_term<T, Term, masked>(step, columns, context, 3, a3, hn::Load(d, sums)), d,
              sums);
  }
  return go_on<T>(step, columns, rows, context, a0, a1, a2, a3, s0, s1, s2, s3);
}

template <typename T>
HWY_INLINE void store_four(T* place, Index stride, Vec<T> v0, Vec<T> v1, Vec<T> v2, Vec<T> v3) {
  const Tag<T> d;
  hn::Store(v0, d, place);
  hn::Store(v1, d, place + stride);
  hn::Store(v2, d, place + 2 * stride);
  hn::Store(v3, d, place + 3 * stride);
}

template <typename T, bool ties>
HWY_INLINE hn::Mask<Tag<T>> above(Vec<T> values, Vec<T> threshold) {
  if constexpr (ties) {
    return hn::Gt(values, threshold);
  } else {
    return hn::Ge(values, threshold);
  }
}

template <typename T, bool masked, bool ties>
HWY_INLINE void offer_row(const Step<T>* step, const T* columns, Context<T>* context, int r,
                          Vec<T> values) {
  const Tag<T> d;
  const Vec<T> threshold = hn::Set(d, context->thresholds[step->a * row_group + r]);
  auto below = hn::Not(above<T, ties>(values, threshold));
  if constexpr (masked) {
    below = hn::And(below, hn::FirstN(d, static_cast<std::size_t>(context->remaining)));
  }
  if (hn::AllFalse(d, below)) return;
  hn::Store(values, d, context->scratch);
  std::uint8_t bytes[8] = {};
  hn::StoreMaskBits(d, below, bytes);
  context->selections->offer(step->a, r, context->scratch, bytes[0] | unsigned{bytes[1]} << 8,
                             columns - context->columns);
}

template <typename T, bool masked, bool ties>
HWY_NOINLINE void offer_rows(const Step<T>* step, const T* columns, Context<T>* context, Vec<T> a0,
                             Vec<T> a1, Vec<T> a2, Vec<T> a3) {
  offer_row<T, masked, ties>(step, columns, context, 0, a0);
  offer_row<T, masked, ties>(step, columns, context, 1, a1);
  offer_row<T, masked, ties>(step, columns, context, 2, a2);
  offer_row<T, masked, ties>(step, columns, context, 3, a3);
}

template <typename T, bool masked, bool ties>
void offer_values(const Step<T>* step, const T* columns, const T* rows, Context<T>* context,
                  Vec<T> a0, Vec<T> a1, Vec<T> a2, Vec<T> a3, Vec<T> s0, Vec<T> s1, Vec<T> s2,
                  Vec<T> s3) {
  offer_rows<T, masked, ties>(step, columns, context, a0, a1, a2, a3);
  return go_on<T>(step, columns, rows, context, a0, a1, a2, a3, s0, s1, s2, s3);
}

// One comparison per value: is there any that is not at or above its row's threshold, or NaN?
template <typename T, bool masked, bool ties>
void keep_least(const Step<T>* step, const T* columns, const T* rows, Context<T>* context,
                Vec<T> a0, Vec<T> a1, Vec<T> a2, Vec<T> a3, Vec<T> s0, Vec<T> s1, Vec<T> s2,
                Vec<T> s3) {
  const Tag<T> d;
  const T* thresholds = context->thresholds + step->a * row_group;
  const Vec<T> t0 = hn::Set(d, thresholds[0]);
  const Vec<T> t1 = hn::Set(d, thresholds[1]);
  const Vec<T> t2 = hn::Set(d, thresholds[2]);
  const Vec<T> t3 = hn::Set(d, thresholds[3]);
  const bool all_above =
      hn::AllTrue(d, hn::And(hn::And(above<T, ties>(a0, t0), above<T, ties>(a1, t1)),
                             hn::And(above<T, ties>(a2, t2), above<T, ties>(a3, t3))));
  if (HWY_UNLIKELY(!all_above)) {
    return offer_values<T, masked, ties>(step, columns, rows, context, a0, a1, a2, a3, s0, s1, s2,
                                         s3);
  }
  return go_on<T>(step, columns, rows, context, a0, a1, a2, a3, s0, s1, s2, s3);
}

template <typename T>
void raise_maximum(const Step<T>* step, const T* columns, const T* rows, Context<T>* context,
                   Vec<T> a0, Vec<T> a1, Vec<T> a2, Vec<T> a3, Vec<T> s0, Vec<T> s1, Vec<T> s2,
                   Vec<T> s3) {
  const Tag<T> d;
  T* values = context->scratch;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  store_four<T>(values, lanes, a0, a1, a2, a3);
  T* sums = context->accumulators;
  store_four<T>(sums, lanes, s0, s1, s2, s3);
  raise_shifts(*step, *context, values);
  return go_on<T>(step, columns, rows, context, hn::Load(d, values), hn::Load(d, values + lanes),
                  hn::Load(d, values + 2 * lanes), hn::Load(d, values + 3 * lanes),
                  hn::Load(d, sums), hn::Load(d, sums + lanes), hn::Load(d, sums + 2 * lanes),
                  hn::Load(d, sums + 3 * lanes));
}

template <typename T>
void subtract_maximum(const Step<T>* step, const T* columns, const T* rows, Context<T>* context,
                      Vec<T> a0, Vec<T> a1, Vec<T> a2, Vec<T> a3, Vec<T> s0, Vec<T> s1, Vec<T> s2,
                      Vec<T> s3) {
  const Tag<T> d;
  const T* shifts = context->shifts + step->b * row_group;
  const Vec<T> bound = hn::Set(d, headroom<T>);
  const Vec<T> d0 = hn::Sub(a0, hn::Set(d, shifts[0]));
  const Vec<T> d1 = hn::Sub(a1, hn::Set(d, shifts[1]));
  const Vec<T> d2 = hn::Sub(a2, hn::Set(d, shifts[2]));
  const Vec<T> d3 = hn::Sub(a3, hn::Set(d, shifts[3]));
  const bool fits = hn::AllTrue(d, hn::And(hn::And(hn::Le(d0, bound), hn::Le(d1, bound)),
                                           hn::And(hn::Le(d2, bound), hn::Le(d3, bound))));
  if (HWY_UNLIKELY(!fits)) {
    return raise_maximum<T>(step, columns, rows, context, a0, a1, a2, a3, s0, s1, s2, s3);
  }
  return go_on<T>(step, columns, rows, context, d0, d1, d2, d3, s0, s1, s2, s3);
}

template <typename T, bool masked>
void store_tile(const Step<T>* step, const T* columns, const T* rows, Context<T>* context,
                Vec<T> a0, Vec<T> a1, Vec<T> a2, Vec<T> a3, Vec<T> s0, Vec<T> s1, Vec<T> s2,
                Vec<T> s3) {
  T* place = context->tile + (columns - context->columns);
  if constexpr (masked) {
    // Zeros in the columns that are not there, where products are made of the tile.
    const Tag<T> d;
    const auto valid = hn::FirstN(d, static_cast<std::size_t>(context->remaining));
    store_four<T>(place, context->tile_stride, hn::IfThenElseZero(valid, a0),
                  hn::IfThenElseZero(valid, a1), hn::IfThenElseZero(valid, a2),
                  hn::IfThenElseZero(valid, a3));
  } else {
    store_four<T>(place, context->tile_stride, a0, a1, a2, a3);
  }
  return go_on<T>(step, columns, rows, context, a0, a1, a2, a3, s0, s1, s2, s3);
}

// step->a: values to advance by; step->b: steps from here back to the first.
template <typename T>
void next_columns(const Step<T>* step, const T* columns, const T* rows, Context<T>* context,
                  Vec<T> a0, Vec<T> a1, Vec<T> a2, Vec<T> a3, Vec<T> s0, Vec<T> s1, Vec<T> s2,
                  Vec<T> s3) {
  columns += step->a;
#if KRONWERK_KERNELS_JUMPS
  if (HWY_LIKELY(columns < context->end)) {
    step += step->b;
    return reinterpret_cast<StepFunction<T>>(step->function)(step, columns, rows, context, a0, a1,
                                                             a2, a3, s0, s1, s2, s3);
  }
#else
  static_cast<void>(a0), static_cast<void>(a1), static_cast<void>(a2), static_cast<void>(a3);
  static_cast<void>(columns), static_cast<void>(rows);
  context->round_done = true;
#endif
  store_four<T>(context->accumulators, static_cast<Index>(hn::Lanes(Tag<T>())), s0, s1, s2, s3);
}

template <typename T>
void enter_steps(const Step<T>* step, const T* columns, const T* rows, Context<T>& context) {
  const Tag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const T* sums = context.accumulators;
  const Vec<T> zero = hn::Zero(d);
  reinterpret_cast<StepFunction<T>>(step->function)(
      step, columns, rows, &context, zero, zero, zero, zero, hn::Load(d, sums),
      hn::Load(d, sums + lanes), hn::Load(d, sums + 2 * lanes), hn::Load(d, sums + 3 * lanes));
#if !KRONWERK_KERNELS_JUMPS
  const T* state = context.state;
  while (!context.round_done) {
    ++step;
    reinterpret_cast<StepFunction<T>>(step->function)(
        step, columns, rows, &context, hn::Load(d, state), hn::Load(d, state + lanes),
        hn::Load(d, state + 2 * lanes), hn::Load(d, state + 3 * lanes),
        hn::Load(d, state + 4 * lanes), hn::Load(d, state + 5 * lanes),
        hn::Load(d, state + 6 * lanes), hn::Load(d, state + 7 * lanes));
  }
  context.round_done = false;
#endif
}

template <typename T>
void run_steps(const Step<T>* main, const Step<T>* tail, Index count, Index advance,
               const T* columns, const T* rows, Context<T>& context) {
  const Index step = advance * static_cast<Index>(hn::Lanes(Tag<T>()));
  const Index whole = count / step * step;
  context.columns = columns;
  context.end = columns + whole;
#if KRONWERK_KERNELS_JUMPS
  if (whole > 0) enter_steps<T>(main, columns, rows, context);
#else
  for (Index c = 0; c < whole; c += step) enter_steps<T>(main, columns + c, rows, context);
#endif
  if (whole == count) return;
  context.remaining = count - whole;
  enter_steps<T>(tail, columns + whole, rows, context);
}

// Sum of the lanes, in double.
HWY_INLINE double add_lanes_of(const double* values) {
  const Tag<double> d;
  return hn::GetLane(hn::SumOfLanes(d, hn::Load(d, values)));
}
HWY_INLINE double add_lanes_of(const float* values) {
  const Tag<double> d;
  const hn::Rebind<float, Tag<double>> part;
  Vec<double> sum = hn::Zero(d);
  for (std::size_t lane = 0; lane < hn::Lanes(Tag<float>()); lane += hn::Lanes(part)) {
    sum = hn::Add(sum, hn::PromoteTo(d, hn::Load(part, values + lane)));
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

template <typename T>
void add_all_lanes(const T* accumulators, Index count, double* sums) {
  const auto lanes = static_cast<Index>(hn::Lanes(Tag<T>()));
  for (Index k = 0; k < count * row_group; ++k) sums[k] = add_lanes_of(accumulators + k * lanes);
}

// Four rows by `width` columns of v at once: all sums in registers.
template <typename T, int width>
void multiply_some(const T* tile, const T* v, Index stride, Index columns, double* out,
                   Index row_step, Index width_step) {
  const Tag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  Vec<T> sums[4 * width];
#pragma GCC unroll 16
  for (int k = 0; k < 4 * width; ++k) sums[k] = hn::Zero(d);
  for (Index c = 0; c < columns; c += lanes) {
    // Past the last column, zeros times infinity would be NaN.
    const auto valid = hn::FirstN(d, static_cast<std::size_t>(columns - c));
    const Vec<T> f0 = hn::Load(d, tile + c);
    const Vec<T> f1 = hn::Load(d, tile + stride + c);
    const Vec<T> f2 = hn::Load(d, tile + 2 * stride + c);
    const Vec<T> f3 = hn::Load(d, tile + 3 * stride + c);
#pragma GCC unroll 8
    for (int w = 0; w < width; ++w) {
      const Vec<T> values = hn::MaskedLoad(valid, d, v + w * stride + c);
      sums[4 * w] = hn::MulAdd(f0, values, sums[4 * w]);
      sums[4 * w + 1] = hn::MulAdd(f1, values, sums[4 * w + 1]);
      sums[4 * w + 2] = hn::MulAdd(f2, values, sums[4 * w + 2]);
      sums[4 * w + 3] = hn::MulAdd(f3, values, sums[4 * w + 3]);
    }
  }
  HWY_ALIGN T lanes_of[HWY_MAX_BYTES / sizeof(T)] = {};
#pragma GCC unroll 16
  for (int k = 0; k < 4 * width; ++k) {
    hn::Store(sums[k], d, lanes_of);
    out[k % 4 * row_step + k / 4 * width_step] += add_lanes_of(lanes_of);
  }
}

template <typename T>
void multiply_tile(const T* tile, const T* v, Index stride, Index columns, Index width, double* out,
                   Index row_step, Index width_step) {
  constexpr int block = HWY_TARGET == HWY_AVX3 ? 4 : 2;
  Index w = 0;
  for (; w + block <= width; w += block) {
    multiply_some<T, block>(tile, v + w * stride, stride, columns, out + w * width_step, row_step,
                            width_step);
  }
  for (; w < width; ++w) {
    multiply_some<T, 1>(tile, v + w * stride, stride, columns, out + w * width_step, row_step,
                        width_step);
  }
}

template <typename T, class Term>
void enter_term(FunctionTable<T>& table, Opcode opcode) {
  enter<T>(table, accumulate<T, Term, false>, opcode, OperandKind::uniform, false);
  enter<T>(table, accumulate<T, Term, true>, opcode, OperandKind::uniform, true);
}

template <typename T>
void enter_all(TileCode<T>& tiles) {
  FunctionTable<T>& table = tiles.functions;
  enter_term<T, PlainTerm>(table, Opcode::sum);
  enter_term<T, ColumnTerm>(table, Opcode::sum_products);
  enter_term<T, SlotTerm>(table, Opcode::sum_slots);
  enter_term<T, SquareTerm>(table, Opcode::sum_squares);
  enter_term<T, NonzeroTerm>(table, Opcode::count_nonzero);
  enter_term<T, ZeroTerm>(table, Opcode::count_zero);
  enter_term<T, NanTerm>(table, Opcode::count_nan);
  const OperandKind none = OperandKind::uniform;
  enter<T>(table, keep_least<T, false, false>, Opcode::keep_least, none, false);
  enter<T>(table, keep_least<T, true, false>, Opcode::keep_least, none, true);
  enter<T>(table, keep_least<T, false, true>, Opcode::keep_least_ties, none, false);
  enter<T>(table, keep_least<T, true, true>, Opcode::keep_least_ties, none, true);
  enter_both<T>(table, subtract_maximum<T>, Opcode::subtract_maximum);
  enter<T>(table, store_tile<T, false>, Opcode::store_tile, none, false);
  enter<T>(table, store_tile<T, true>, Opcode::store_tile, none, true);
  enter_both<T>(table, next_columns<T>, Opcode::next);
  tiles.run = run_steps<T>;
  tiles.add_lanes = add_all_lanes<T>;
  tiles.multiply = multiply_tile<T>;
}

void enter_results_double(TileCode<double>& tiles) {
  enter_all<double>(tiles);
}

void enter_results_float(TileCode<float>& tiles) {
  enter_all<float>(tiles);
}

}  // namespace kronwerk::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kronwerk::kernels {

HWY_EXPORT(enter_results_double);
HWY_EXPORT(enter_results_float);

template <>
void enter_results(TileCode<double>& tiles) {
  HWY_DYNAMIC_DISPATCH(enter_results_double)(tiles);
}

template <>
void enter_results(TileCode<float>& tiles) {
  HWY_DYNAMIC_DISPATCH(enter_results_float)(tiles);
}

std::int64_t tile_targets() {
  return hwy::SupportedTargets() & HWY_TARGETS;
}

}  // namespace kronwerk::kernels
#endif
