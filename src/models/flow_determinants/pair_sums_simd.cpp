#include "models/flow_determinants/pair_sums_simd.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/simd_targets.hpp"
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/flow_determinants/pair_sums_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace kronwerk::models::pair_sums::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Doubles = hn::ScalableTag<double>;
using Vector = hn::Vec<Doubles>;

/// Values of 2^-100 to 2^100 are multiplied eight at a time before their exponents are taken away.
constexpr Index group = 8;

/// A product of positive numbers as mantissas in [1, 2) and sums of exponents, one of each a lane.
class Product {
 public:
  HWY_INLINE Product() : mantissa_(hn::Set(Doubles(), 1.0)), exponent_(hn::Zero(Integers())) {}
  HWY_INLINE void multiply(Vector value) { mantissa_ = hn::Mul(mantissa_, value); }
  HWY_INLINE void normalise() {
    const Integers di;
    const auto bits = hn::BitCast(di, mantissa_);
    exponent_ = hn::Add(exponent_, hn::Sub(hn::ShiftRight<52>(bits), hn::Set(di, 1023)));
    const auto fraction = hn::And(bits, hn::Set(di, (std::int64_t{1} << 52) - 1));
    mantissa_ = hn::Or(hn::BitCast(Doubles(), fraction), hn::Set(Doubles(), 1.0));
  }
  /// After normalise().
  double log() const {
    constexpr int most_lanes = HWY_MAX_BYTES / 8;
    HWY_ALIGN double mantissas[most_lanes];
    HWY_ALIGN std::int64_t exponents[most_lanes];
    hn::Store(mantissa_, Doubles(), mantissas);
    hn::Store(exponent_, Integers(), exponents);
    double product = 1;
    std::int64_t sum = 0;
    for (std::size_t lane = 0; lane < hn::Lanes(Doubles()); ++lane) {
      product *= mantissas[lane];
      sum += exponents[lane];
    }
    constexpr double log_2 = 0.693147180559945309417;
    return std::log(product) + static_cast<double>(sum) * log_2;
  }

 private:
  using Integers = hn::RebindToSigned<Doubles>;
  Vector mantissa_;
  hn::Vec<Integers> exponent_;
};

HWY_INLINE double total(Vector sums) {
  return hn::GetLane(hn::SumOfLanes(Doubles(), sums));
}

/// All q_j of one sign, and their sizes between 2^-100 and 2^100: those of the first `count` ones,
/// a multiple of group times the lanes. Sums for q = |q| follow by the sign.
template <bool derivatives>
void sum_even(double p, double s, const double* b, Index count, PairSums& sums) {
  const Doubles d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const auto offset = hn::Set(d, p);
  const auto slope = hn::Set(d, s);
  Product product;
  auto r_sum = hn::Zero(d), br_sum = hn::Zero(d), rr_sum = hn::Zero(d), brr_sum = hn::Zero(d),
       bbrr_sum = hn::Zero(d);
  for (Index j = 0; j < count; j += group * lanes) {
    for (Index k = 0; k < group; ++k) {
      const auto x = hn::LoadU(d, b + j + k * lanes);
      const auto q = hn::MulAdd(slope, x, offset);
      product.multiply(hn::Abs(q));
      if constexpr (derivatives) {
        const auto r = hn::Div(hn::Set(d, 1.0), q);
        const auto xr = hn::Mul(x, r);
        r_sum = hn::Add(r_sum, r);
        br_sum = hn::Add(br_sum, xr);
        rr_sum = hn::MulAdd(r, r, rr_sum);
        brr_sum = hn::MulAdd(xr, r, brr_sum);
        bbrr_sum = hn::MulAdd(xr, xr, bbrr_sum);
      }
    }
    product.normalise();
  }
  sums.log_abs += product.log();
  if constexpr (derivatives) {
    sums.reciprocal[0] += total(r_sum);
    sums.first[0] += total(br_sum);
    sums.squared[0] += total(rr_sum);
    sums.first_squared[0] += total(brr_sum);
    sums.second_squared[0] += total(bbrr_sum);
  }
}

void sum_even_here(double p, double s, const double* b, Index count, bool derivatives,
                   PairSums* sums) {
  if (derivatives) {
    sum_even<true>(p, s, b, count, *sums);
  } else {
    sum_even<false>(p, s, b, count, *sums);
  }
}

/// False, with unusable sums, if some |q_j|² is beyond 2^±100.
template <bool derivatives>
bool sum_complex_even(ComplexPair p, ComplexPair s, const double* b_re, const double* b_im,
                      Index count, PairSums& sums) {
  const Doubles d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const auto p_re = hn::Set(d, p.re), p_im = hn::Set(d, p.im);
  const auto s_re = hn::Set(d, s.re), s_im = hn::Set(d, s.im);
  Product product;
  Vector parts[11];
  for (auto& part : parts) part = hn::Zero(d);
  auto least = hn::Set(d, 1.0);
  auto greatest = least;
  for (Index j = 0; j < count; j += group * lanes) {
    for (Index k = 0; k < group; ++k) {
      const auto x = hn::LoadU(d, b_re + j + k * lanes);
      const auto y = hn::LoadU(d, b_im + j + k * lanes);
      const auto re = hn::NegMulAdd(s_im, y, hn::MulAdd(s_re, x, p_re));
      const auto im = hn::MulAdd(s_im, x, hn::MulAdd(s_re, y, p_im));
      const auto square = hn::MulAdd(re, re, hn::Mul(im, im));
      product.multiply(square);
      least = hn::Min(least, square);
      greatest = hn::Max(greatest, square);
      if constexpr (derivatives) {
        const auto inverse = hn::Div(hn::Set(d, 1.0), square);
        const auto r = hn::Mul(re, inverse);
        const auto i = hn::Neg(hn::Mul(im, inverse));
        const auto br = hn::NegMulAdd(y, i, hn::Mul(x, r));
        const auto bi = hn::MulAdd(y, r, hn::Mul(x, i));
        parts[0] = hn::Add(parts[0], r);
        parts[1] = hn::Add(parts[1], i);
        parts[2] = hn::Add(parts[2], br);
        parts[3] = hn::Add(parts[3], bi);
        parts[4] = hn::NegMulAdd(i, i, hn::MulAdd(r, r, parts[4]));
        parts[5] = hn::MulAdd(hn::Add(r, r), i, parts[5]);
        parts[6] = hn::NegMulAdd(bi, i, hn::MulAdd(br, r, parts[6]));
        parts[7] = hn::MulAdd(br, i, hn::MulAdd(bi, r, parts[7]));
        parts[8] = hn::NegMulAdd(bi, bi, hn::MulAdd(br, br, parts[8]));
        parts[9] = hn::MulAdd(hn::Add(br, br), bi, parts[9]);
        parts[10] = hn::Add(parts[10], hn::Sqrt(inverse));
      }
    }
    product.normalise();
  }
  sums.log_abs += 0.5 * product.log();
  if constexpr (derivatives) {
    double* targets[] = {sums.reciprocal, sums.first, sums.squared, sums.first_squared,
                         sums.second_squared};
    for (std::size_t t = 0; t < 5; ++t) {
      for (std::size_t part = 0; part < 2; ++part) targets[t][part] += total(parts[2 * t + part]);
    }
    sums.magnitude += total(parts[10]);
  }
  return hn::GetLane(hn::MinOfLanes(d, least)) > 0x1p-100 &&
         hn::GetLane(hn::MaxOfLanes(d, greatest)) < 0x1p100;
}

bool sum_complex_here(ComplexPair p, ComplexPair s, const double* b_re, const double* b_im,
                      Index count, bool derivatives, PairSums* sums) {
  return derivatives ? sum_complex_even<true>(p, s, b_re, b_im, count, *sums)
                     : sum_complex_even<false>(p, s, b_re, b_im, count, *sums);
}

Index group_size_here() {
  return group * static_cast<Index>(hn::Lanes(Doubles()));
}

}  // namespace kronwerk::models::pair_sums::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <complex>
#include <limits>

namespace kronwerk::models::pair_sums {
namespace {

HWY_EXPORT(sum_even_here);
HWY_EXPORT(sum_complex_here);
HWY_EXPORT(group_size_here);

void add_real(double q, double b, bool derivatives, PairSums& sums) {
  sums.log_abs += std::log(std::abs(q));
  sums.negative += q < 0;
  if (!derivatives) return;
  const double r = 1.0 / q;
  sums.reciprocal[0] += r;
  sums.first[0] += b * r;
  sums.squared[0] += r * r;
  sums.first_squared[0] += b * r * r;
  sums.second_squared[0] += b * r * b * r;
  sums.magnitude += std::abs(r);
}

void add_complex(std::complex<double> q, std::complex<double> b, bool derivatives, PairSums& sums) {
  sums.log_abs += std::log(std::abs(q));
  if (!derivatives) return;
  const std::complex<double> r = 1.0 / q;
  const auto add = [](double* target, std::complex<double> value) {
    target[0] += value.real();
    target[1] += value.imag();
  };
  add(sums.reciprocal, r);
  add(sums.first, b * r);
  add(sums.squared, r * r);
  add(sums.first_squared, b * r * r);
  add(sums.second_squared, b * r * b * r);
  sums.magnitude += std::abs(r);
}

}  // namespace

PairSums sum_real(double p, double s, const Reals& b, bool derivatives) {
  PairSums sums;
  const auto count = static_cast<Index>(b.values.size());
  // q is monotone in b, so that its range is known before it is computed.
  const double low = std::min(p + s * b.least, p + s * b.greatest);
  const double high = std::max(p + s * b.least, p + s * b.greatest);
  const bool one_sign = low > 0 || high < 0;
  const double smallest = std::min(std::abs(low), std::abs(high));
  const double largest = std::max(std::abs(low), std::abs(high));
  Index done = 0;
  if (one_sign && smallest > 0x1p-100 && largest < 0x1p100) {
    const Index unit = HWY_DYNAMIC_DISPATCH(group_size_here)();
    done = count / unit * unit;
    HWY_DYNAMIC_DISPATCH(sum_even_here)(p, s, b.values.data(), done, derivatives, &sums);
    if (low < 0) sums.negative += done;
    sums.magnitude += std::abs(sums.reciprocal[0]);
  }
  for (Index j = done; j < count; ++j) {
    const double x = b.values[static_cast<std::size_t>(j)];
    add_real(p + s * x, x, derivatives, sums);
  }
  return sums;
}

PairSums sum_complex(ComplexPair p, ComplexPair s, std::span<const double> b_re,
                     std::span<const double> b_im, bool derivatives) {
  PairSums sums;
  const auto count = static_cast<Index>(b_re.size());
  const std::complex<double> offset(p.re, p.im);
  const std::complex<double> slope(s.re, s.im);
  const auto value = [&](std::size_t j) { return std::complex<double>(b_re[j], b_im[j]); };
  const Index unit = HWY_DYNAMIC_DISPATCH(group_size_here)();
  Index done = count / unit * unit;
  const bool in_range = HWY_DYNAMIC_DISPATCH(sum_complex_here)(p, s, b_re.data(), b_im.data(), done,
                                                               derivatives, &sums);
  if (!in_range) {
    sums = {};
    done = 0;
  }
  for (auto j = static_cast<std::size_t>(done); j < b_re.size(); ++j) {
    add_complex(offset + slope * value(j), value(j), derivatives, sums);
  }
  return sums;
}

PairSums sum_weighted(double p, double s, std::span<const double> b, std::span<const double> w,
                      bool derivatives) {
  PairSums sums;
  for (std::size_t j = 0; j < b.size(); ++j) {
    const double q = p + s * b[j];
    sums.log_abs += w[j] * std::log(q);  // NaN where q is not positive
    if (!derivatives) continue;
    const double r = 1.0 / q;
    const double br = b[j] * r;
    sums.reciprocal[0] += w[j] * r;
    sums.first[0] += w[j] * br;
    sums.squared[0] += w[j] * r * r;
    sums.first_squared[0] += w[j] * br * r;
    sums.second_squared[0] += w[j] * br * br;
    sums.magnitude += std::abs(w[j] * r);
  }
  return sums;
}

}  // namespace kronwerk::models::pair_sums
#endif
