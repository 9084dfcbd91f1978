// Per target: included once for each instruction set.
#if defined(KRONWERK_KERNELS_TILE_STEPS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef KRONWERK_KERNELS_TILE_STEPS_INL
#undef KRONWERK_KERNELS_TILE_STEPS_INL
#else
#define KRONWERK_KERNELS_TILE_STEPS_INL
#endif

#include <hwy/highway.h>

#include "kernels/tiles/tile_dispatch.hpp"

// Every step ends by calling the next one with the same arguments, which the compiler makes a jump:
// A and S stay in registers from step to step ("threaded code": Bell 1973; with vectors in
// registers as in the raster pipeline of Skia). Where calls at the end of a function do not surely
// become jumps, the stack would grow: there every step leaves the vectors in the context and
// returns.
#undef KRONWERK_KERNELS_JUMPS
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !HWY_IS_ASAN && !HWY_IS_MSAN && \
    HWY_ARCH_X86 && (HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2)
#define KRONWERK_KERNELS_JUMPS 1
#else
#define KRONWERK_KERNELS_JUMPS 0
#endif

HWY_BEFORE_NAMESPACE();
namespace kronwerk::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
template <typename T>
using Tag = hn::ScalableTag<T>;
template <typename T>
using Vec = hn::Vec<Tag<T>>;

template <typename T>
using StepFunction = void (*)(const Step<T>* step, const T* columns, const T* rows,
                              Context<T>* context, Vec<T> a0, Vec<T> a1, Vec<T> a2, Vec<T> a3,
                              Vec<T> s0, Vec<T> s1, Vec<T> s2, Vec<T> s3);

template <typename T>
HWY_INLINE void go_on(const Step<T>* step, const T* columns, const T* rows, Context<T>* context,
                      Vec<T> a0, Vec<T> a1, Vec<T> a2, Vec<T> a3, Vec<T> s0, Vec<T> s1, Vec<T> s2,
                      Vec<T> s3) {
#if KRONWERK_KERNELS_JUMPS
  return reinterpret_cast<StepFunction<T>>(step[1].function)(step + 1, columns, rows, context, a0,
                                                             a1, a2, a3, s0, s1, s2, s3);
#else
  static_cast<void>(step), static_cast<void>(columns), static_cast<void>(rows);
  const Tag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  T* state = context->state;
  hn::Store(a0, d, state);
  hn::Store(a1, d, state + lanes);
  hn::Store(a2, d, state + 2 * lanes);
  hn::Store(a3, d, state + 3 * lanes);
  hn::Store(s0, d, state + 4 * lanes);
  hn::Store(s1, d, state + 5 * lanes);
  hn::Store(s2, d, state + 6 * lanes);
  hn::Store(s3, d, state + 7 * lanes);
#endif
}

template <typename T>
using FunctionTable = std::array<void (*)(), static_cast<std::size_t>(function_count)>;

template <typename T>
void enter(FunctionTable<T>& table, StepFunction<T> function, Opcode opcode,
           OperandKind kind = OperandKind::uniform, bool masked = false) {
  table[static_cast<std::size_t>(function_index(opcode, kind, masked))] =
      reinterpret_cast<void (*)()>(function);
}

// The same whether the columns are whole vectors or not.
template <typename T>
void enter_both(FunctionTable<T>& table, StepFunction<T> function, Opcode opcode) {
  enter<T>(table, function, opcode, OperandKind::uniform, false);
  enter<T>(table, function, opcode, OperandKind::uniform, true);
}

// The operands of row r.
struct UniformOperand {
  static constexpr OperandKind kind = OperandKind::uniform;
  template <typename T>
  static HWY_INLINE Vec<T> get(const Step<T>* step, const T*, const T*, const Context<T>*, int) {
    return hn::Set(Tag<T>(), step->number);
  }
};

struct RowOperand {
  static constexpr OperandKind kind = OperandKind::row;
  template <typename T>
  static HWY_INLINE Vec<T> get(const Step<T>* step, const T*, const T* rows, const Context<T>*,
                               int r) {
    return hn::Set(Tag<T>(), rows[step->a + r]);
  }
};

struct ColumnOperand {
  static constexpr OperandKind kind = OperandKind::column;
  template <typename T>
  static HWY_INLINE Vec<T> get(const Step<T>* step, const T* columns, const T*, const Context<T>*,
                               int) {
    return hn::Load(Tag<T>(), columns + step->a);
  }
};

struct SlotOperand {
  static constexpr OperandKind kind = OperandKind::slot;
  template <typename T>
  static HWY_INLINE Vec<T> get(const Step<T>* step, const T*, const T*, const Context<T>* context,
                               int r) {
    const Tag<T> d;
    return hn::Load(d, context->slots + step->a + r * static_cast<Index>(hn::Lanes(d)));
  }
};

}  // namespace kronwerk::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
