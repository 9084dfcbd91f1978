// Declared in kernels/tiles/tile_tables.hpp.
// Steps that move values and do arithmetic, for every kind of operand.
#include "core/simd_targets.hpp"
#include "kernels/tiles/tile_tables.hpp"
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tiles/tile_arithmetic.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "kernels/tiles/tile_steps-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace kronwerk::kernels::HWY_NAMESPACE {

struct Load {
  template <class D, class V>
  static HWY_INLINE V of(D, V, V b) {
    return b;
  }
};
struct Add {
  template <class D, class V>
  static HWY_INLINE V of(D, V a, V b) {
    return hn::Add(a, b);
  }
};
struct Subtract {
  template <class D, class V>
  static HWY_INLINE V of(D, V a, V b) {
    return hn::Sub(a, b);
  }
};
struct SubtractFrom {
  template <class D, class V>
  static HWY_INLINE V of(D, V a, V b) {
    return hn::Sub(b, a);
  }
};
struct Multiply {
  template <class D, class V>
  static HWY_INLINE V of(D, V a, V b) {
    return hn::Mul(a, b);
  }
};
struct Divide {
  template <class D, class V>
  static HWY_INLINE V of(D, V a, V b) {
    return hn::Div(a, b);
  }
};
struct DivideInto {
  template <class D, class V>
  static HWY_INLINE V of(D, V a, V b) {
    return hn::Div(b, a);
  }
};
// NaN in either argument gives NaN; 0 and -0 are one number here.
struct Min {
  template <class D, class V>
  static HWY_INLINE V of(D, V a, V b) {
    return hn::IfThenElse(hn::Lt(a, b), a, hn::IfThenElse(hn::Eq(a, a), b, a));
  }
};
struct Max {
  template <class D, class V>
  static HWY_INLINE V of(D, V a, V b) {
    return hn::IfThenElse(hn::Gt(a, b), a, hn::IfThenElse(hn::Eq(a, a), b, a));
  }
};
template <class D, class M>
HWY_INLINE hn::Vec<D> one_where(D d, M mask) {
  return hn::IfThenElseZero(mask, hn::Set(d, hn::TFromD<D>(1)));
}
struct Less {
  template <class D, class V>
  static HWY_INLINE V of(D d, V a, V b) {
    return one_where(d, hn::Lt(a, b));
  }
};
struct LessEqual {
  template <class D, class V>
  static HWY_INLINE V of(D d, V a, V b) {
    return one_where(d, hn::Le(a, b));
  }
};
struct Greater {
  template <class D, class V>
  static HWY_INLINE V of(D d, V a, V b) {
    return one_where(d, hn::Gt(a, b));
  }
};
struct GreaterEqual {
  template <class D, class V>
  static HWY_INLINE V of(D d, V a, V b) {
    return one_where(d, hn::Ge(a, b));
  }
};
struct Equal {
  template <class D, class V>
  static HWY_INLINE V of(D d, V a, V b) {
    return one_where(d, hn::Eq(a, b));
  }
};
struct NotEqual {
  template <class D, class V>
  static HWY_INLINE V of(D d, V a, V b) {
    return hn::IfThenZeroElse(hn::Eq(a, b), hn::Set(d, hn::TFromD<D>(1)));
  }
};

template <typename T, class Operation, class Operand>
void binary(const Step<T>* step, const T* columns, const T* rows, Context<T>* context, Vec<T> a0,
            Vec<T> a1, Vec<T> a2, Vec<T> a3, Vec<T> s0, Vec<T> s1, Vec<T> s2, Vec<T> s3) {
  const Tag<T> d;
  a0 = Operation::of(d, a0, Operand::template get<T>(step, columns, rows, context, 0));
  a1 = Operation::of(d, a1, Operand::template get<T>(step, columns, rows, context, 1));
  a2 = Operation::of(d, a2, Operand::template get<T>(step, columns, rows, context, 2));
  a3 = Operation::of(d, a3, Operand::template get<T>(step, columns, rows, context, 3));
  return go_on<T>(step, columns, rows, context, a0, a1, a2, a3, s0, s1, s2, s3);
}

template <typename T>
void store(const Step<T>* step, const T* columns, const T* rows, Context<T>* context, Vec<T> a0,
           Vec<T> a1, Vec<T> a2, Vec<T> a3, Vec<T> s0, Vec<T> s1, Vec<T> s2, Vec<T> s3) {
  const Tag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  T* slot = context->slots + step->a;
  hn::Store(a0, d, slot);
  hn::Store(a1, d, slot + lanes);
  hn::Store(a2, d, slot + 2 * lanes);
  hn::Store(a3, d, slot + 3 * lanes);
  return go_on<T>(step, columns, rows, context, a0, a1, a2, a3, s0, s1, s2, s3);
}

struct Select {
  template <class D, class V>
  static HWY_INLINE V of(D d, V a, V b, V c) {
    return hn::IfThenElse(hn::Eq(a, hn::Zero(d)), c, b);
  }
};
template <typename T, class Operation>
void of_slots(const Step<T>* step, const T* columns, const T* rows, Context<T>* context, Vec<T> a0,
              Vec<T> a1, Vec<T> a2, Vec<T> a3, Vec<T> s0, Vec<T> s1, Vec<T> s2, Vec<T> s3) {
  const Tag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const T* b = context->slots + step->a;
  const T* c = context->slots + step->b;
  a0 = Operation::of(d, a0, hn::Load(d, b), hn::Load(d, c));
  a1 = Operation::of(d, a1, hn::Load(d, b + lanes), hn::Load(d, c + lanes));
  a2 = Operation::of(d, a2, hn::Load(d, b + 2 * lanes), hn::Load(d, c + 2 * lanes));
  a3 = Operation::of(d, a3, hn::Load(d, b + 3 * lanes), hn::Load(d, c + 3 * lanes));
  return go_on<T>(step, columns, rows, context, a0, a1, a2, a3, s0, s1, s2, s3);
}

template <typename T>
void affine(const Step<T>* step, const T* columns, const T* rows, Context<T>* context, Vec<T> a0,
            Vec<T> a1, Vec<T> a2, Vec<T> a3, Vec<T> s0, Vec<T> s1, Vec<T> s2, Vec<T> s3) {
  const Tag<T> d;
  const Vec<T> factor = hn::Set(d, step->number);
  const Vec<T> term = hn::Set(d, step->second_number);
  return go_on<T>(step, columns, rows, context, hn::MulAdd(a0, factor, term),
                  hn::MulAdd(a1, factor, term), hn::MulAdd(a2, factor, term),
                  hn::MulAdd(a3, factor, term), s0, s1, s2, s3);
}

struct SquaredDifference {
  template <class D, class V>
  static HWY_INLINE V first(D, V x, V y) {
    const V difference = hn::Sub(y, x);
    return hn::Mul(difference, difference);
  }
  template <class D, class V>
  static HWY_INLINE V add(D, V x, V y, V sum) {
    const V difference = hn::Sub(y, x);
    return hn::MulAdd(difference, difference, sum);
  }
};
struct Product {
  template <class D, class V>
  static HWY_INLINE V first(D, V x, V y) {
    return hn::Mul(x, y);
  }
  template <class D, class V>
  static HWY_INLINE V add(D, V x, V y, V sum) {
    return hn::MulAdd(x, y, sum);
  }
};

// Sums over the components of row values (rows + a) and column values (columns + b): `components`
// of them, or any number if that is 0.
template <typename T, class Term, int components>
void pairwise(const Step<T>* step, const T* columns, const T* rows, Context<T>* context, Vec<T> a0,
              Vec<T> a1, Vec<T> a2, Vec<T> a3, Vec<T> s0, Vec<T> s1, Vec<T> s2, Vec<T> s3) {
  const Tag<T> d;
  const T* x = rows + step->a;
  const T* y = columns + step->b;
  const Index stride = step->stride;
  const Index count = components > 0 ? components : step->count;
  Vec<T> values = hn::Load(d, y);
  a0 = Term::first(d, hn::Set(d, x[0]), values);
  a1 = Term::first(d, hn::Set(d, x[1]), values);
  a2 = Term::first(d, hn::Set(d, x[2]), values);
  a3 = Term::first(d, hn::Set(d, x[3]), values);
  for (Index c = 1; c < count; ++c) {
    x += row_group;
    y += stride;
    values = hn::Load(d, y);
    a0 = Term::add(d, hn::Set(d, x[0]), values, a0);
    a1 = Term::add(d, hn::Set(d, x[1]), values, a1);
    a2 = Term::add(d, hn::Set(d, x[2]), values, a2);
    a3 = Term::add(d, hn::Set(d, x[3]), values, a3);
  }
  return go_on<T>(step, columns, rows, context, a0, a1, a2, a3, s0, s1, s2, s3);
}

template <typename T>
void load_stream(const Step<T>* step, const T* columns, const T* rows, Context<T>* context, Vec<T>,
                 Vec<T>, Vec<T>, Vec<T>, Vec<T> s0, Vec<T> s1, Vec<T> s2, Vec<T> s3) {
  const Tag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const T* place = columns + step->a;
  return go_on<T>(step, columns, rows, context, hn::Load(d, place), hn::Load(d, place + lanes),
                  hn::Load(d, place + 2 * lanes), hn::Load(d, place + 3 * lanes), s0, s1, s2, s3);
}

template <typename T>
void store_stream(const Step<T>* step, const T* columns, const T* rows, Context<T>* context,
                  Vec<T> a0, Vec<T> a1, Vec<T> a2, Vec<T> a3, Vec<T> s0, Vec<T> s1, Vec<T> s2,
                  Vec<T> s3) {
  const Tag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  T* place = context->tile + (columns - context->columns) + step->a;
  hn::Store(a0, d, place);
  hn::Store(a1, d, place + lanes);
  hn::Store(a2, d, place + 2 * lanes);
  hn::Store(a3, d, place + 3 * lanes);
  return go_on<T>(step, columns, rows, context, a0, a1, a2, a3, s0, s1, s2, s3);
}

template <typename T, class Operation>
void enter_binary(FunctionTable<T>& table, Opcode opcode) {
  enter<T>(table, binary<T, Operation, UniformOperand>, opcode, OperandKind::uniform);
  enter<T>(table, binary<T, Operation, RowOperand>, opcode, OperandKind::row);
  enter<T>(table, binary<T, Operation, ColumnOperand>, opcode, OperandKind::column);
  enter<T>(table, binary<T, Operation, SlotOperand>, opcode, OperandKind::slot);
}

template <typename T>
void enter_arithmetic(FunctionTable<T>& table) {
  enter_binary<T, Load>(table, Opcode::load);
  enter_binary<T, Add>(table, Opcode::add);
  enter_binary<T, Subtract>(table, Opcode::subtract);
  enter_binary<T, SubtractFrom>(table, Opcode::subtract_from);
  enter_binary<T, Multiply>(table, Opcode::multiply);
  enter_binary<T, Divide>(table, Opcode::divide);
  enter_binary<T, DivideInto>(table, Opcode::divide_into);
  enter_binary<T, Min>(table, Opcode::min);
  enter_binary<T, Max>(table, Opcode::max);
  enter_binary<T, Less>(table, Opcode::less);
  enter_binary<T, LessEqual>(table, Opcode::less_equal);
  enter_binary<T, Greater>(table, Opcode::greater);
  enter_binary<T, GreaterEqual>(table, Opcode::greater_equal);
  enter_binary<T, Equal>(table, Opcode::equal);
  enter_binary<T, NotEqual>(table, Opcode::not_equal);
  enter_both<T>(table, store<T>, Opcode::store);
  enter_both<T>(table, of_slots<T, Select>, Opcode::select);
  enter_both<T>(table, affine<T>, Opcode::affine);
  enter_both<T>(table, load_stream<T>, Opcode::load_stream);
  enter_both<T>(table, store_stream<T>, Opcode::store_stream);
}

// By number of components, 0 standing for more than four.
template <typename T, class Term>
void enter_pairwise(PairwiseTable& table) {
  table[0] = reinterpret_cast<void (*)()>(static_cast<StepFunction<T>>(pairwise<T, Term, 0>));
  table[1] = reinterpret_cast<void (*)()>(static_cast<StepFunction<T>>(pairwise<T, Term, 1>));
  table[2] = reinterpret_cast<void (*)()>(static_cast<StepFunction<T>>(pairwise<T, Term, 2>));
  table[3] = reinterpret_cast<void (*)()>(static_cast<StepFunction<T>>(pairwise<T, Term, 3>));
  table[4] = reinterpret_cast<void (*)()>(static_cast<StepFunction<T>>(pairwise<T, Term, 4>));
}

void enter_arithmetic_double(TileCode<double>& tiles) {
  tiles.lanes = static_cast<Index>(hn::Lanes(Tag<double>()));
  enter_arithmetic<double>(tiles.functions);
  enter_pairwise<double, SquaredDifference>(tiles.sqdist);
  enter_pairwise<double, Product>(tiles.dot);
}

void enter_arithmetic_float(TileCode<float>& tiles) {
  tiles.lanes = static_cast<Index>(hn::Lanes(Tag<float>()));
  enter_arithmetic<float>(tiles.functions);
  enter_pairwise<float, SquaredDifference>(tiles.sqdist);
  enter_pairwise<float, Product>(tiles.dot);
}

}  // namespace kronwerk::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kronwerk::kernels {

HWY_EXPORT(enter_arithmetic_double);
HWY_EXPORT(enter_arithmetic_float);

template <>
void enter_arithmetic(TileCode<double>& tiles) {
  HWY_DYNAMIC_DISPATCH(enter_arithmetic_double)(tiles);
}

template <>
void enter_arithmetic(TileCode<float>& tiles) {
  HWY_DYNAMIC_DISPATCH(enter_arithmetic_float)(tiles);
}

}  // namespace kronwerk::kernels
#endif
