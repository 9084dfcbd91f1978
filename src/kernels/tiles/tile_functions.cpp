// Declared in kernels/tiles/tile_tables.hpp.
// Steps that apply an elementary function.
#include <cmath>

#include "core/simd_targets.hpp"
#include "kernels/tiles/tile_tables.hpp"
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tiles/tile_functions.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
#include "kernels/tiles/tile_steps-inl.hpp"
#include "kernels/tiles/vector_math-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace kronwerk::kernels::HWY_NAMESPACE {

template <class D, class V>
HWY_INLINE V not_a_number(D d, V) {
  return hn::Set(d, std::numeric_limits<hn::TFromD<D>>::quiet_NaN());
}

// One lane after the other, for arguments that the vector function leaves out.
template <class D, class V>
HWY_NOINLINE V lane_by_lane(D d, V a, hn::TFromD<D> (*function)(hn::TFromD<D>)) {
  HWY_ALIGN hn::TFromD<D> values[HWY_MAX_BYTES / sizeof(hn::TFromD<D>)];
  hn::Store(a, d, values);
  for (std::size_t lane = 0; lane < hn::Lanes(d); ++lane) values[lane] = function(values[lane]);
  return hn::Load(d, values);
}

template <class D, class V>
HWY_NOINLINE V lane_by_lane(D d, V a, V b,
                            hn::TFromD<D> (*function)(hn::TFromD<D>, hn::TFromD<D>)) {
  HWY_ALIGN hn::TFromD<D> first[HWY_MAX_BYTES / sizeof(hn::TFromD<D>)];
  HWY_ALIGN hn::TFromD<D> second[HWY_MAX_BYTES / sizeof(hn::TFromD<D>)];
  hn::Store(a, d, first);
  hn::Store(b, d, second);
  for (std::size_t lane = 0; lane < hn::Lanes(d); ++lane) {
    first[lane] = function(first[lane], second[lane]);
  }
  return hn::Load(d, first);
}

struct Exp {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x) {
    return exp_of<hn::TFromD<D>>(d, x);
  }
};

// -infinity at 0, NaN below.
template <class D, class V>
HWY_INLINE V log_of(D d, V x) {
  using T = hn::TFromD<D>;
  const V infinity = hn::Set(d, std::numeric_limits<T>::infinity());
  V result = hn::CallLog(d, x);
  result = hn::IfThenElse(hn::Lt(x, infinity), result, x);  // +infinity and NaN
  result = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(infinity), result);
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), not_a_number(d, x), result);
}
struct Log {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x) {
    return log_of(d, x);
  }
};
struct XLogX {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x) {
    return hn::IfThenZeroElse(hn::Eq(x, hn::Zero(d)), hn::Mul(x, log_of(d, x)));
  }
};
struct Sqrt {
  template <class D, class V>
  static HWY_INLINE V of(D, V x) {
    return hn::Sqrt(x);
  }
};
struct ReciprocalSqrt {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x) {
    return hn::Div(hn::Set(d, hn::TFromD<D>(1)), hn::Sqrt(x));
  }
};
struct Reciprocal {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x) {
    return hn::Div(hn::Set(d, hn::TFromD<D>(1)), x);
  }
};
struct Square {
  template <class D, class V>
  static HWY_INLINE V of(D, V x) {
    return hn::Mul(x, x);
  }
};
struct Cube {
  template <class D, class V>
  static HWY_INLINE V of(D, V x) {
    return hn::Mul(hn::Mul(x, x), x);
  }
};
struct Abs {
  template <class D, class V>
  static HWY_INLINE V of(D, V x) {
    return hn::Abs(x);
  }
};
struct Sign {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x) {
    const V one = hn::CopySign(hn::Set(d, hn::TFromD<D>(1)), x);
    return hn::IfThenZeroElse(hn::Eq(x, hn::Zero(d)), hn::IfThenElse(hn::Eq(x, x), one, x));
  }
};
struct StepFrom {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x) {
    return hn::IfThenElseZero(hn::Ge(x, hn::Zero(d)), hn::Set(d, hn::TFromD<D>(1)));
  }
};
struct Relu {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x) {
    return hn::IfThenZeroElse(hn::Le(x, hn::Zero(d)), x);
  }
};
struct Round {
  template <class D, class V>
  static HWY_INLINE V of(D, V x) {
    return hn::Round(x);
  }
};
struct Floor {
  template <class D, class V>
  static HWY_INLINE V of(D, V x) {
    return hn::Floor(x);
  }
};

// Beyond this the argument reduction of the vector functions is not exact enough; NaN is beyond.
template <class D, class V>
HWY_INLINE bool reducible(D d, V x) {
  return hn::AllTrue(d, hn::Le(hn::Abs(x), hn::Set(d, hn::TFromD<D>(30000))));
}
template <class D, class V>
HWY_INLINE V sin_of(D d, V x) {
  if (!reducible(d, x)) return lane_by_lane(d, x, &std::sin);
  return hn::CallSin(d, x);
}
template <class D, class V>
HWY_INLINE V cos_of(D d, V x) {
  if (!reducible(d, x)) return lane_by_lane(d, x, &std::cos);
  return hn::CallCos(d, x);
}
struct Sin {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x) {
    return sin_of(d, x);
  }
};
struct Cos {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x) {
    return cos_of(d, x);
  }
};
struct Tan {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x) {
    return hn::Div(sin_of(d, x), cos_of(d, x));
  }
};
struct Sinc {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x) {
    const V one = hn::Set(d, hn::TFromD<D>(1));
    return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), one, hn::Div(sin_of(d, x), x));
  }
};
template <class D, class V>
HWY_INLINE auto outside_one(D d, V x) {
  return hn::Gt(hn::Abs(x), hn::Set(d, hn::TFromD<D>(1)));
}
struct Asin {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x) {
    return hn::IfThenElse(outside_one(d, x), not_a_number(d, x), hn::CallAsin(d, x));
  }
};
struct Acos {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x) {
    return hn::IfThenElse(outside_one(d, x), not_a_number(d, x), hn::CallAcos(d, x));
  }
};
struct Atan {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x) {
    return hn::CallAtan(d, x);
  }
};
struct Tanh {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x) {
    using T = hn::TFromD<D>;
    // 1 from here on; and infinity and NaN are left out.
    const V bounded = hn::Min(hn::Set(d, T(40)), hn::Abs(x));
    return hn::IfThenElse(hn::Eq(x, x), hn::CopySign(hn::CallTanh(d, bounded), x), x);
  }
};

struct Power {
  template <class D, class V>
  static HWY_INLINE V of(D d, V a, V b) {
    return lane_by_lane(d, a, b, &std::pow);
  }
};
struct Atan2 {
  template <class D, class V>
  static HWY_INLINE V of(D d, V a, V b) {
    return lane_by_lane(d, a, b, &std::atan2);
  }
};
struct Mod {
  template <class D, class V>
  static HWY_INLINE V of(D, V a, V b) {
    // Not fused, as the definition has it.
    const V whole = hn::Mul(b, hn::Floor(hn::Div(a, b)));
    return hn::Sub(a, whole);
  }
};

template <typename T, class Function>
void function_step(const Step<T>* step, const T* columns, const T* rows, Context<T>* context,
                   Vec<T> a0, Vec<T> a1, Vec<T> a2, Vec<T> a3, Vec<T> s0, Vec<T> s1, Vec<T> s2,
                   Vec<T> s3) {
  const Tag<T> d;
  return go_on<T>(step, columns, rows, context, Function::of(d, a0), Function::of(d, a1),
                  Function::of(d, a2), Function::of(d, a3), s0, s1, s2, s3);
}

template <typename T>
void exp_scaled(const Step<T>* step, const T* columns, const T* rows, Context<T>* context,
                Vec<T> a0, Vec<T> a1, Vec<T> a2, Vec<T> a3, Vec<T> s0, Vec<T> s1, Vec<T> s2,
                Vec<T> s3) {
  const Tag<T> d;
  const Vec<T> factor = hn::Set(d, step->number);
  a0 = exp2_of<T>(d, hn::Mul(a0, factor));
  a1 = exp2_of<T>(d, hn::Mul(a1, factor));
  a2 = exp2_of<T>(d, hn::Mul(a2, factor));
  a3 = exp2_of<T>(d, hn::Mul(a3, factor));
  return go_on<T>(step, columns, rows, context, a0, a1, a2, a3, s0, s1, s2, s3);
}

template <typename T, class Function>
void function_of_slot(const Step<T>* step, const T* columns, const T* rows, Context<T>* context,
                      Vec<T> a0, Vec<T> a1, Vec<T> a2, Vec<T> a3, Vec<T> s0, Vec<T> s1, Vec<T> s2,
                      Vec<T> s3) {
  const Tag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const T* b = context->slots + step->a;
  a0 = Function::of(d, a0, hn::Load(d, b));
  a1 = Function::of(d, a1, hn::Load(d, b + lanes));
  a2 = Function::of(d, a2, hn::Load(d, b + 2 * lanes));
  a3 = Function::of(d, a3, hn::Load(d, b + 3 * lanes));
  return go_on<T>(step, columns, rows, context, a0, a1, a2, a3, s0, s1, s2, s3);
}

template <typename T, class Function>
void enter_function(FunctionTable<T>& table, Opcode opcode) {
  enter_both<T>(table, function_step<T, Function>, opcode);
}

template <typename T>
void enter_functions(FunctionTable<T>& table) {
  enter_function<T, Exp>(table, Opcode::exp);
  enter_both<T>(table, exp_scaled<T>, Opcode::exp_scaled);
  enter_function<T, Log>(table, Opcode::log);
  enter_function<T, Sqrt>(table, Opcode::sqrt);
  enter_function<T, ReciprocalSqrt>(table, Opcode::rsqrt);
  enter_function<T, Reciprocal>(table, Opcode::reciprocal);
  enter_function<T, Square>(table, Opcode::square);
  enter_function<T, Cube>(table, Opcode::cube);
  enter_function<T, Abs>(table, Opcode::abs);
  enter_function<T, Sign>(table, Opcode::sign);
  enter_function<T, StepFrom>(table, Opcode::step);
  enter_function<T, Relu>(table, Opcode::relu);
  enter_function<T, Sin>(table, Opcode::sin);
  enter_function<T, Cos>(table, Opcode::cos);
  enter_function<T, Tan>(table, Opcode::tan);
  enter_function<T, Asin>(table, Opcode::asin);
  enter_function<T, Acos>(table, Opcode::acos);
  enter_function<T, Atan>(table, Opcode::atan);
  enter_function<T, Tanh>(table, Opcode::tanh);
  enter_function<T, XLogX>(table, Opcode::xlogx);
  enter_function<T, Sinc>(table, Opcode::sinc);
  enter_function<T, Round>(table, Opcode::round);
  enter_function<T, Floor>(table, Opcode::floor);
  enter_both<T>(table, function_of_slot<T, Power>, Opcode::power);
  enter_both<T>(table, function_of_slot<T, Atan2>, Opcode::atan2);
  enter_both<T>(table, function_of_slot<T, Mod>, Opcode::mod);
}

void enter_functions_double(TileCode<double>& tiles) {
  enter_functions<double>(tiles.functions);
}

void enter_functions_float(TileCode<float>& tiles) {
  enter_functions<float>(tiles.functions);
}

}  // namespace kronwerk::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kronwerk::kernels {

HWY_EXPORT(enter_functions_double);
HWY_EXPORT(enter_functions_float);

template <>
void enter_functions(TileCode<double>& tiles) {
  HWY_DYNAMIC_DISPATCH(enter_functions_double)(tiles);
}

template <>
void enter_functions(TileCode<float>& tiles) {
  HWY_DYNAMIC_DISPATCH(enter_functions_float)(tiles);
}

}  // namespace kronwerk::kernels
#endif
