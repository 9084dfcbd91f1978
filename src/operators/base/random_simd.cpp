// Philox4x32-10 of Salmon, Moraes, Dror and Shaw (2011) in 64-bit lanes, of whose products of the
// lower halves the processor has one instruction; Box and Muller's (1958) transformation with the
// angle in quarter turns, so that its reduction is exact.
#include "operators/base/random_simd.hpp"

#include <algorithm>

#include "core/simd_targets.hpp"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "operators/base/random_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace kronwerk::operators::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using core::Index;
using Doubles = hn::ScalableTag<double>;
using Words = hn::RebindToUnsigned<Doubles>;
using Signed = hn::RebindToSigned<Doubles>;
using Vector = hn::Vec<Doubles>;
using Bits = hn::Vec<Words>;

/// The 64-bit products of the lower halves of the lanes.
HWY_INLINE Bits multiply_lower(Bits a, Bits b) {
#if HWY_TARGET == HWY_SCALAR  // has no lanes to pair
  constexpr std::uint64_t mask = 0xFFFFFFFF;
  return hn::Set(Words(), (hn::GetLane(a) & mask) * (hn::GetLane(b) & mask));
#else
  const hn::Repartition<std::uint32_t, Words> halves;
  return hn::MulEven(hn::BitCast(halves, a), hn::BitCast(halves, b));
#endif
}

/// Four 32-bit words of every lane's counter, in the lower halves; the upper ones are not cleared.
struct State {
  Bits word[4];
};

HWY_INLINE State philox(State state, std::uint64_t seed) {
  const Words d;
  const auto first_multiplier = hn::Set(d, std::uint64_t{0xD2511F53});
  const auto second_multiplier = hn::Set(d, std::uint64_t{0xCD9E8D57});
  auto key0 = static_cast<std::uint32_t>(seed);
  auto key1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const Bits a = multiply_lower(state.word[0], first_multiplier);
    const Bits b = multiply_lower(state.word[2], second_multiplier);
    const Bits c0 =
        hn::Xor(hn::Xor(hn::ShiftRight<32>(b), state.word[1]), hn::Set(d, std::uint64_t{key0}));
    const Bits c2 =
        hn::Xor(hn::Xor(hn::ShiftRight<32>(a), state.word[3]), hn::Set(d, std::uint64_t{key1}));
    state.word[0] = c0;
    state.word[1] = b;
    state.word[2] = c2;
    state.word[3] = a;
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
  return state;
}

/// [0, 1) with 53 bits from the lower halves of two vectors.
HWY_INLINE Vector uniform(Bits high, Bits low) {
  const Words d;
  const Bits mask = hn::Set(d, std::uint64_t{0xFFFFFFFF});
  const Bits word = hn::Or(hn::ShiftLeft<32>(high), hn::And(low, mask));
  const auto integer = hn::BitCast(Signed(), hn::ShiftRight<11>(word));
  return hn::Mul(hn::ConvertTo(Doubles(), integer), hn::Set(Doubles(), 0x1p-53));
}

/// Σ c_i x^i by Horner's rule, highest coefficient first.
template <std::size_t count>
HWY_INLINE Vector polynomial(Vector x, const double (&coefficients)[count]) {
  const Doubles d;
  Vector result = hn::Set(d, coefficients[0]);
  for (std::size_t i = 1; i < count; ++i) {
    result = hn::MulAdd(result, x, hn::Set(d, coefficients[i]));
  }
  return result;
}

/// cos and sin of 2π v, 0 <= v < 1. Polynomials of fdlibm's __kernel_sin and __kernel_cos.
HWY_INLINE void circle(Vector v, Vector& cosine, Vector& sine) {
  constexpr double sine_terms[] = {1.58969099521155010221e-10, -2.50507602534068634195e-08,
                                   2.75573137070700676789e-06, -1.98412698298579493134e-04,
                                   8.33333333332248946124e-03, -1.66666666666666324348e-01};
  constexpr double cosine_terms[] = {-1.13596475577881948265e-11, 2.08757232129817482790e-09,
                                     -2.75573143513906633035e-07, 2.48015872894767294178e-05,
                                     -1.38888888888741095749e-03, 4.16666666666666019037e-02};
  const Doubles d;
  const Vector quarters = hn::Mul(v, hn::Set(d, 4.0));
  const Vector nearest = hn::Round(quarters);
  const Vector x = hn::Mul(hn::Sub(quarters, nearest), hn::Set(d, 1.57079632679489661923));
  const Vector z = hn::Mul(x, x);
  const Vector s = hn::MulAdd(hn::Mul(x, z), polynomial(z, sine_terms), x);
  const Vector c = hn::MulAdd(hn::Mul(z, z), polynomial(z, cosine_terms),
                              hn::NegMulAdd(z, hn::Set(d, 0.5), hn::Set(d, 1.0)));
  // nearest is 0 to 4: which of the two, and its sign.
  const auto zero = hn::Zero(d);
  const auto one = hn::Eq(nearest, hn::Set(d, 1.0));
  const auto two = hn::Eq(nearest, hn::Set(d, 2.0));
  const auto three = hn::Eq(nearest, hn::Set(d, 3.0));
  const auto odd = hn::Or(one, three);
  const Vector x_part = hn::IfThenElse(odd, s, c);
  const Vector y_part = hn::IfThenElse(odd, c, s);
  cosine = hn::IfThenElse(hn::Or(one, two), hn::Sub(zero, x_part), x_part);
  sine = hn::IfThenElse(hn::Or(two, three), hn::Sub(zero, y_part), y_part);
}

void fill_pairs_here(bool normal, RandomPosition position, Index count, double* out) {
  const Doubles d;
  const Words w;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  HWY_ALIGN double rest[2 * HWY_MAX_BYTES / sizeof(double)];
  for (Index done = 0; done < count; done += lanes) {
    const Bits counter =
        hn::Add(hn::Iota(w, 0), hn::Set(w, position.pair + static_cast<std::uint64_t>(done)));
    const State state = philox({{counter, hn::ShiftRight<32>(counter), hn::Set(w, position.stream),
                                 hn::Set(w, position.stream >> 32)}},
                               position.seed);
    Vector first = uniform(state.word[0], state.word[1]);
    Vector second = uniform(state.word[2], state.word[3]);
    if (normal) {
      // 1 - u lies in (0, 1].
      const Vector radius =
          hn::Sqrt(hn::Mul(hn::Set(d, -2.0), hn::Log(d, hn::Sub(hn::Set(d, 1.0), first))));
      Vector cosine, sine;
      circle(second, cosine, sine);
      first = hn::Mul(radius, cosine);
      second = hn::Mul(radius, sine);
    }
    if (done + lanes <= count) {
      hn::StoreInterleaved2(first, second, d, out + 2 * done);
    } else {
      hn::StoreInterleaved2(first, second, d, rest);
      std::copy_n(rest, 2 * (count - done), out + 2 * done);
    }
  }
}

}  // namespace kronwerk::operators::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kronwerk::operators {

HWY_EXPORT(fill_pairs_here);

void fill_pairs(bool normal, RandomPosition position, core::Index count, double* out) {
  HWY_DYNAMIC_DISPATCH(fill_pairs_here)(normal, position, count, out);
}

}  // namespace kronwerk::operators
#endif
