#include "operators/spectral/spectral_simd.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/simd_targets.hpp"
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "operators/spectral/spectral_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace kronwerk::operators::spectral::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Doubles = hn::ScalableTag<double>;

inline Index lane_count() {
  return static_cast<Index>(hn::Lanes(Doubles()));
}

// Two arrays are what a Kronecker sum needs, whatever its number of modes.
void combine_two(double a, const double* x, double b, const double* y, Index count, double* out) {
  const Doubles d;
  const Index lanes = lane_count();
  const auto first = hn::Set(d, a);
  const auto second = hn::Set(d, b);
  Index j = 0;
  for (; j + lanes <= count; j += lanes) {
    hn::StoreU(hn::MulAdd(first, hn::LoadU(d, x + j), hn::Mul(second, hn::LoadU(d, y + j))), d,
               out + j);
  }
  for (; j < count; ++j) out[j] = a * x[j] + b * y[j];
}

void combine_one(double a, const double* x, bool add, Index count, double* out) {
  const Doubles d;
  const Index lanes = lane_count();
  const auto first = hn::Set(d, a);
  Index j = 0;
  for (; j + lanes <= count; j += lanes) {
    const auto product = hn::Mul(first, hn::LoadU(d, x + j));
    hn::StoreU(add ? hn::Add(product, hn::LoadU(d, out + j)) : product, d, out + j);
  }
  for (; j < count; ++j) out[j] = a * x[j] + (add ? out[j] : 0.0);
}

void combine_here(std::span<const double> weights, const double* const* arrays, Index begin,
                  Index count, double* out) {
  std::size_t r = 0;
  if (weights.size() >= 2) {
    combine_two(weights[0], arrays[0] + begin, weights[1], arrays[1] + begin, count, out);
    r = 2;
  }
  for (; r < weights.size(); ++r) combine_one(weights[r], arrays[r] + begin, r > 0, count, out);
}

void divide_here(const double* divisors, Index count, double* x) {
  const Doubles d;
  const Index lanes = lane_count();
  Index j = 0;
  for (; j + lanes <= count; j += lanes) {
    hn::StoreU(hn::Div(hn::LoadU(d, x + j), hn::LoadU(d, divisors + j)), d, x + j);
  }
  for (; j < count; ++j) x[j] /= divisors[j];
}

void multiply_here(const double* factors, Index count, double* x) {
  const Doubles d;
  const Index lanes = lane_count();
  Index j = 0;
  for (; j + lanes <= count; j += lanes) {
    hn::StoreU(hn::Mul(hn::LoadU(d, x + j), hn::LoadU(d, factors + j)), d, x + j);
  }
  for (; j < count; ++j) x[j] *= factors[j];
}

void magnitudes_here(const double* re, const double* im, Index count, double* out) {
  const Doubles d;
  const Index lanes = lane_count();
  Index j = 0;
  for (; j + lanes <= count; j += lanes) {
    const auto a = hn::LoadU(d, re + j);
    const auto b = hn::LoadU(d, im + j);
    hn::StoreU(hn::Sqrt(hn::MulAdd(a, a, hn::Mul(b, b))), d, out + j);
  }
  for (; j < count; ++j) out[j] = std::sqrt(re[j] * re[j] + im[j] * im[j]);
}

Magnitudes range_here(const double* values, Index count) {
  const Doubles d;
  const Index lanes = lane_count();
  auto least = hn::Set(d, std::numeric_limits<double>::infinity());
  auto greatest = hn::Zero(d);
  Index j = 0;
  for (; j + lanes <= count; j += lanes) {
    const auto value = hn::Abs(hn::LoadU(d, values + j));
    least = hn::Min(least, value);
    greatest = hn::Max(greatest, value);
  }
  Magnitudes result{hn::GetLane(hn::MinOfLanes(d, least)),
                    hn::GetLane(hn::MaxOfLanes(d, greatest))};
  for (; j < count; ++j) {
    result.smallest = std::min(result.smallest, std::abs(values[j]));
    result.largest = std::max(result.largest, std::abs(values[j]));
  }
  return result;
}

// Normal numbers only. Half a run at a time: 512 mantissas of [1, 2) cannot overflow, whatever the
// number of lanes.
LogProduct log_product_here(const double* values, Index count) {
  const Doubles d;
  const hn::RebindToSigned<Doubles> di;
  const Index lanes = lane_count();
  const auto one = hn::Set(d, 1.0);
  const auto mantissa_bits = hn::Set(di, (std::int64_t{1} << 52) - 1);
  const auto bias = hn::Set(di, 1023);
  constexpr int most_lanes = HWY_MAX_BYTES / 8;
  HWY_ALIGN double lane_products[most_lanes];
  HWY_ALIGN std::int64_t lane_sums[most_lanes];
  LogProduct result{0, 0};
  double product = 1;
  std::int64_t exponents = 0;
  Index j = 0;
  const auto include = [&](double value) {
    int exponent = 0;
    product *= std::frexp(value, &exponent);
    exponents += exponent;
  };
  while (j + lanes <= count) {
    auto products = one;
    auto sums = hn::Zero(di);
    const Index end = std::min(count, j + run_length / 2);
    for (; j + lanes <= end; j += lanes) {
      const auto value = hn::LoadU(d, values + j);
      const auto bits = hn::BitCast(di, hn::Abs(value));
      const auto mantissa = hn::Or(hn::BitCast(d, hn::And(bits, mantissa_bits)), one);
      products = hn::Mul(products, mantissa);
      sums = hn::Add(sums, hn::Sub(hn::ShiftRight<52>(bits), bias));
      result.negative += static_cast<Index>(hn::CountTrue(d, hn::Lt(value, hn::Zero(d))));
    }
    hn::Store(products, d, lane_products);
    hn::Store(sums, di, lane_sums);
    for (Index lane = 0; lane < lanes; ++lane) {
      include(lane_products[lane]);
      exponents += lane_sums[lane];
    }
  }
  for (; j < count; ++j) {
    include(std::abs(values[j]));
    result.negative += values[j] < 0;
  }
  constexpr double log_2 = 0.693147180559945309417;
  result.log_abs = std::log(product) + static_cast<double>(exponents) * log_2;
  return result;
}

double sum_of_ratios_here(const double* numerators, const double* denominators, Index count) {
  const Doubles d;
  const Index lanes = lane_count();
  auto sums = hn::Zero(d);
  Index j = 0;
  for (; j + lanes <= count; j += lanes) {
    sums = hn::Add(sums, hn::Div(hn::LoadU(d, numerators + j), hn::LoadU(d, denominators + j)));
  }
  double sum = hn::GetLane(hn::SumOfLanes(d, sums));
  for (; j < count; ++j) sum += numerators[j] / denominators[j];
  return sum;
}

}  // namespace kronwerk::operators::spectral::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kronwerk::operators::spectral {

HWY_EXPORT(combine_here);
HWY_EXPORT(divide_here);
HWY_EXPORT(multiply_here);
HWY_EXPORT(magnitudes_here);
HWY_EXPORT(range_here);
HWY_EXPORT(log_product_here);
HWY_EXPORT(sum_of_ratios_here);

void combine(std::span<const double> weights, const double* const* arrays, Index first, Index count,
             double* out) {
  HWY_DYNAMIC_DISPATCH(combine_here)(weights, arrays, first, count, out);
}

void divide(const double* divisors, Index count, double* x) {
  HWY_DYNAMIC_DISPATCH(divide_here)(divisors, count, x);
}

void multiply(const double* factors, Index count, double* x) {
  HWY_DYNAMIC_DISPATCH(multiply_here)(factors, count, x);
}

void magnitudes(const double* re, const double* im, Index count, double* out) {
  HWY_DYNAMIC_DISPATCH(magnitudes_here)(re, im, count, out);
}

Magnitudes range_of(const double* values, Index count) {
  return HWY_DYNAMIC_DISPATCH(range_here)(values, count);
}

LogProduct log_product(const double* values, Index count) {
  const Magnitudes range = range_of(values, count);
  if (range.smallest >= std::numeric_limits<double>::min()) {
    return HWY_DYNAMIC_DISPATCH(log_product_here)(values, count);
  }
  LogProduct result{0, 0};
  for (Index j = 0; j < count; ++j) {
    result.log_abs += std::log(std::abs(values[j]));
    result.negative += values[j] < 0;
  }
  return result;
}

double sum_of_ratios(const double* numerators, const double* denominators, Index count) {
  return HWY_DYNAMIC_DISPATCH(sum_of_ratios_here)(numerators, denominators, count);
}

}  // namespace kronwerk::operators::spectral
#endif
