// Per target: included once for each instruction set.
#if defined(KRONWERK_KERNELS_VECTOR_MATH_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef KRONWERK_KERNELS_VECTOR_MATH_INL
#undef KRONWERK_KERNELS_VECTOR_MATH_INL
#else
#define KRONWERK_KERNELS_VECTOR_MATH_INL
#endif

#include <hwy/highway.h>

#include <limits>

HWY_BEFORE_NAMESPACE();
namespace kronwerk::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// 2^r on [-1/2, 1/2]: relative minimax polynomials (Remez), to 2e-16 and 3e-18 in double, 2e-9 in
// float. The constant term is 1, so that 2^0 is 1.
template <bool precise, class V>
HWY_INLINE V exp2_polynomial(hn::ScalableTag<double> d, V r) {
  V p;
  if constexpr (precise) {
    p = hn::Set(d, 4.4352795678376005815e-10);
    p = hn::MulAdd(p, r, hn::Set(d, 7.0741056456513295289e-9));
    p = hn::MulAdd(p, r, hn::Set(d, 1.0178198045153186953e-7));
    p = hn::MulAdd(p, r, hn::Set(d, 1.3215433089597820178e-6));
    p = hn::MulAdd(p, r, hn::Set(d, 0.000015252733489925429239));
    p = hn::MulAdd(p, r, hn::Set(d, 0.00015403530462514257392));
    p = hn::MulAdd(p, r, hn::Set(d, 0.0013333558146789994279));
    p = hn::MulAdd(p, r, hn::Set(d, 0.0096181291075883358084));
    p = hn::MulAdd(p, r, hn::Set(d, 0.055504108664819921274));
    p = hn::MulAdd(p, r, hn::Set(d, 0.24022650695910156201));
    p = hn::MulAdd(p, r, hn::Set(d, 0.69314718055994533046));
  } else {
    p = hn::Set(d, 7.0372792916660396042e-9);
    p = hn::MulAdd(p, r, hn::Set(d, 1.0208538068367601611e-7));
    p = hn::MulAdd(p, r, hn::Set(d, 1.3215662836812170401e-6));
    p = hn::MulAdd(p, r, hn::Set(d, 0.000015252658115733586098));
    p = hn::MulAdd(p, r, hn::Set(d, 0.00015403529961113817509));
    p = hn::MulAdd(p, r, hn::Set(d, 0.0013333558228562724491));
    p = hn::MulAdd(p, r, hn::Set(d, 0.009618129108034624444));
    p = hn::MulAdd(p, r, hn::Set(d, 0.05550410866445882861));
    p = hn::MulAdd(p, r, hn::Set(d, 0.24022650695908767603));
    p = hn::MulAdd(p, r, hn::Set(d, 0.69314718055994977498));
  }
  return hn::MulAdd(p, r, hn::Set(d, 1.0));
}

template <bool precise, class V>
HWY_INLINE V exp2_polynomial(hn::ScalableTag<float> d, V r) {
  V p = hn::Set(d, 0.0001534580190769831214F);
  p = hn::MulAdd(p, r, hn::Set(d, 0.0013399931319683407294F));
  p = hn::MulAdd(p, r, hn::Set(d, 0.0096184890033321830883F));
  p = hn::MulAdd(p, r, hn::Set(d, 0.055503287769756726913F));
  p = hn::MulAdd(p, r, hn::Set(d, 0.24022646890097842143F));
  p = hn::MulAdd(p, r, hn::Set(d, 0.69314720573679891623F));
  return hn::MulAdd(p, r, hn::Set(d, 1.0F));
}

template <typename T>
struct ExponentRange;

template <>
struct ExponentRange<double> {
  static constexpr double magic = 6755399441055744.0 + 1022.0;  // 1.5 * 2^52, so that n + 1022
  static constexpr int mantissa_bits = 52;                      // is in the lowest bits
  static constexpr double least = -1021.0;                      // smaller results are 0
  static constexpr double greatest = 1024.0;                    // from here on infinite
  static constexpr double log2e_high = 1.44269504088896340736;
  static constexpr double log2e_low = 2.0355273740931033e-17;
};

template <>
struct ExponentRange<float> {
  static constexpr float magic = 12582912.0F + 126.0F;
  static constexpr int mantissa_bits = 23;
  static constexpr float least = -125.0F;
  static constexpr float greatest = 128.0F;
  static constexpr float log2e_high = 1.44269502162933349609F;
  static constexpr float log2e_low = 1.92596299112661746887e-8F;
};

#if HWY_TARGET == HWY_AVX3
HWY_INLINE hn::Vec512<double> scale_by_power(hn::Vec512<double> p, hn::Vec512<double> n) {
  return hn::Vec512<double>{_mm512_scalef_pd(p.raw, n.raw)};
}
HWY_INLINE hn::Vec512<float> scale_by_power(hn::Vec512<float> p, hn::Vec512<float> n) {
  return hn::Vec512<float>{_mm512_scalef_ps(p.raw, n.raw)};
}
#endif

// 2^(n + r) for a polynomial's value p = 2^r; t decides on what is out of range, NaN included.
template <typename T, class V>
HWY_INLINE V assemble_power(hn::ScalableTag<T> d, V p, V n, V t) {
#if HWY_TARGET == HWY_AVX3
  static_cast<void>(d);
  static_cast<void>(t);
  return scale_by_power(p, n);
#else
  using Range = ExponentRange<T>;
  const hn::RebindToUnsigned<decltype(d)> bits;
  const auto shifted = hn::BitCast(bits, hn::Add(n, hn::Set(d, Range::magic)));
  const V half = hn::BitCast(d, hn::ShiftLeft<Range::mantissa_bits>(shifted));
  V result = hn::Mul(hn::Add(p, p), half);
  result = hn::IfThenZeroElse(hn::Lt(t, hn::Set(d, Range::least)), result);
  const V infinity = hn::Set(d, std::numeric_limits<T>::infinity());
  result = hn::IfThenElse(hn::Ge(t, hn::Set(d, Range::greatest)), infinity, result);
  return hn::IfThenElse(hn::Eq(t, t), result, t);
#endif
}

// 2^t. The second argument of Min and Max is what x86 returns for NaN.
template <typename T, class V>
HWY_INLINE V exp2_of(hn::ScalableTag<T> d, V t) {
  using Range = ExponentRange<T>;
  const V low = hn::Set(d, Range::least - T{200});
  const V high = hn::Set(d, Range::greatest + T{1});
  const V bounded = hn::Min(high, hn::Max(low, t));
  const V n = hn::Round(bounded);
  return assemble_power<T>(d, exp2_polynomial<false>(d, hn::Sub(bounded, n)), n, t);
}

// e^x with the reduced argument to full precision.
template <typename T, class V>
HWY_INLINE V exp_of(hn::ScalableTag<T> d, V x) {
  using Range = ExponentRange<T>;
  const V low = hn::Set(d, (Range::least - T{200}) * T(0.693));
  const V high = hn::Set(d, (Range::greatest + T{2}) * T(0.6932));
  const V bounded = hn::Min(high, hn::Max(low, x));
  const V factor = hn::Set(d, Range::log2e_high);
  const V t = hn::Mul(bounded, factor);
  const V n = hn::Round(t);
  const V r = hn::MulAdd(bounded, hn::Set(d, Range::log2e_low), hn::MulSub(bounded, factor, n));
  return assemble_power<T>(d, exp2_polynomial<true>(d, r), n, hn::Mul(x, factor));
}

}  // namespace kronwerk::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
