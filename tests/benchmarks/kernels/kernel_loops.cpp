#include "benchmarks/kernels/kernel_loops.hpp"

#include <algorithm>

#include "core/simd_targets.hpp"
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "benchmarks/kernels/kernel_loops.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
#include "kernels/tiles/vector_math-inl.hpp"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace kronwerk::benchmarks::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
namespace math = kernels::HWY_NAMESPACE;
template <typename T>
using Tag = hn::ScalableTag<T>;
template <typename T>
using Vec = hn::Vec<Tag<T>>;

struct Distance {
  template <typename T>
  static HWY_INLINE Vec<T> of(Vec<T> x0, Vec<T> x1, Vec<T> x2, Vec<T> y0, Vec<T> y1, Vec<T> y2) {
    const Vec<T> d0 = hn::Sub(x0, y0);
    const Vec<T> d1 = hn::Sub(x1, y1);
    const Vec<T> d2 = hn::Sub(x2, y2);
    return hn::MulAdd(d2, d2, hn::MulAdd(d1, d1, hn::Mul(d0, d0)));
  }
};
struct Product {
  template <typename T>
  static HWY_INLINE Vec<T> of(Vec<T> x0, Vec<T> x1, Vec<T> x2, Vec<T> y0, Vec<T> y1, Vec<T> y2) {
    return hn::MulAdd(x2, y2, hn::MulAdd(x1, y1, hn::Mul(x0, y0)));
  }
};

struct Gaussian : Distance {
  template <typename T>
  static HWY_INLINE Vec<T> value(Vec<T> u) {
    const Tag<T> d;
    return math::exp2_of<T>(d, hn::Mul(u, hn::Set(d, T(-0.5 * 1.44269504088896340736))));
  }
};
struct Laplacian : Distance {
  template <typename T>
  static HWY_INLINE Vec<T> value(Vec<T> u) {
    const Tag<T> d;
    return math::exp2_of<T>(d, hn::Mul(hn::Sqrt(u), hn::Set(d, T(-1.44269504088896340736))));
  }
};
struct Cauchy : Distance {
  template <typename T>
  static HWY_INLINE Vec<T> value(Vec<T> u) {
    const Vec<T> one = hn::Set(Tag<T>(), T{1});
    return hn::Div(one, hn::Add(one, u));
  }
};
struct Multiquadric : Distance {
  template <typename T>
  static HWY_INLINE Vec<T> value(Vec<T> u) {
    const Vec<T> one = hn::Set(Tag<T>(), T{1});
    return hn::Div(one, hn::Sqrt(hn::Add(one, u)));
  }
};
struct Matern : Distance {
  template <typename T>
  static HWY_INLINE Vec<T> value(Vec<T> u) {
    const Tag<T> d;
    const Vec<T> t = hn::Mul(hn::Sqrt(u), hn::Set(d, T(1.7320508075688772)));
    const Vec<T> e = math::exp2_of<T>(d, hn::Mul(t, hn::Set(d, T(-1.44269504088896340736))));
    return hn::MulAdd(t, e, e);
  }
};
struct Linear : Product {
  template <typename T>
  static HWY_INLINE Vec<T> value(Vec<T> u) {
    return u;
  }
};
struct Polynomial : Product {
  template <typename T>
  static HWY_INLINE Vec<T> value(Vec<T> u) {
    const Vec<T> v = hn::Add(u, hn::Set(Tag<T>(), T{1}));
    return hn::Mul(hn::Mul(v, v), v);
  }
};
struct Energy : Distance {
  template <typename T>
  static HWY_INLINE Vec<T> value(Vec<T> u) {
    return hn::Neg(hn::Sqrt(u));
  }
};
struct Compact : Distance {
  template <typename T>
  static HWY_INLINE Vec<T> value(Vec<T> u) {
    const Tag<T> d;
    return hn::Max(hn::Zero(d), hn::Sub(hn::Set(d, T{1}), u));
  }
};
struct Sigmoid : Product {
  template <typename T>
  static HWY_INLINE Vec<T> value(Vec<T> u) {
    const Tag<T> d;
    return hn::CallTanh(d, hn::Add(u, hn::Set(d, T(0.5))));
  }
};

template <typename T>
HWY_INLINE double add_lanes(Vec<T> sum) {
  const Tag<T> d;
  HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)] = {};
  hn::Store(sum, d, lanes);
  double total = 0;
  for (std::size_t lane = 0; lane < hn::Lanes(d); ++lane) total += static_cast<double>(lanes[lane]);
  return total;
}

constexpr Index tile = 512;

// Four rows at a time, their coordinates and sums in registers.
template <typename T, class F>
void sum_rows(const LoopPoints<T>& p, double* out) {
  const Tag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  std::fill_n(out, p.rows, 0.0);
  for (Index begin = 0; begin < p.columns; begin += tile) {
    const Index end = std::min(p.columns, begin + tile);
    for (Index i = 0; i < p.rows; i += 4) {
      Vec<T> x[12];
      Vec<T> sum[4];
#pragma GCC unroll 12
      for (int k = 0; k < 12; ++k) x[k] = hn::Set(d, p.x[(k % 3) * p.rows + i + k / 3]);
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r) sum[r] = hn::Zero(d);
      for (Index j = begin; j < end; j += lanes) {
        const Vec<T> y0 = hn::Load(d, p.y + j);
        const Vec<T> y1 = hn::Load(d, p.y + p.columns + j);
        const Vec<T> y2 = hn::Load(d, p.y + 2 * p.columns + j);
        const Vec<T> b = hn::Load(d, p.b + j);
#pragma GCC unroll 4
        for (int r = 0; r < 4; ++r) {
          const Vec<T> u = F::template of<T>(x[3 * r], x[3 * r + 1], x[3 * r + 2], y0, y1, y2);
          sum[r] = hn::MulAdd(F::template value<T>(u), b, sum[r]);
        }
      }
      for (int r = 0; r < 4; ++r) out[i + r] += add_lanes<T>(sum[r]);
    }
  }
}

template <typename T>
void sum_forces(const LoopPoints<T>& p, double* out) {
  const Tag<T> d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  std::fill_n(out, 3 * p.rows, 0.0);
  for (Index begin = 0; begin < p.columns; begin += tile) {
    const Index end = std::min(p.columns, begin + tile);
    for (Index i = 0; i < p.rows; i += 2) {
      Vec<T> x[6];
      Vec<T> sum[6];
#pragma GCC unroll 6
      for (int k = 0; k < 6; ++k) {
        x[k] = hn::Set(d, p.x[(k % 3) * p.rows + i + k / 3]);
        sum[k] = hn::Zero(d);
      }
      for (Index j = begin; j < end; j += lanes) {
        const Vec<T> y0 = hn::Load(d, p.y + j);
        const Vec<T> y1 = hn::Load(d, p.y + p.columns + j);
        const Vec<T> y2 = hn::Load(d, p.y + 2 * p.columns + j);
        const Vec<T> b = hn::Load(d, p.b + j);
#pragma GCC unroll 2
        for (int r = 0; r < 2; ++r) {
          const Vec<T> d0 = hn::Sub(y0, x[3 * r]);
          const Vec<T> d1 = hn::Sub(y1, x[3 * r + 1]);
          const Vec<T> d2 = hn::Sub(y2, x[3 * r + 2]);
          const Vec<T> u = hn::MulAdd(d2, d2, hn::MulAdd(d1, d1, hn::Mul(d0, d0)));
          const Vec<T> w = hn::Mul(Gaussian::value<T>(u), b);
          sum[3 * r] = hn::MulAdd(w, d0, sum[3 * r]);
          sum[3 * r + 1] = hn::MulAdd(w, d1, sum[3 * r + 1]);
          sum[3 * r + 2] = hn::MulAdd(w, d2, sum[3 * r + 2]);
        }
      }
      for (int k = 0; k < 6; ++k) out[3 * i + k] += add_lanes<T>(sum[k]);
    }
  }
}

template <typename T>
void run(Loop loop, const LoopPoints<T>& points, double* out) {
  switch (loop) {
    case Loop::gaussian:
      return sum_rows<T, Gaussian>(points, out);
    case Loop::laplacian:
      return sum_rows<T, Laplacian>(points, out);
    case Loop::cauchy:
      return sum_rows<T, Cauchy>(points, out);
    case Loop::multiquadric:
      return sum_rows<T, Multiquadric>(points, out);
    case Loop::matern:
      return sum_rows<T, Matern>(points, out);
    case Loop::linear:
      return sum_rows<T, Linear>(points, out);
    case Loop::polynomial:
      return sum_rows<T, Polynomial>(points, out);
    case Loop::energy:
      return sum_rows<T, Energy>(points, out);
    case Loop::compact:
      return sum_rows<T, Compact>(points, out);
    case Loop::sigmoid:
      return sum_rows<T, Sigmoid>(points, out);
    case Loop::force:
      return sum_forces<T>(points, out);
  }
}

void run_double(Loop loop, const LoopPoints<double>& points, double* out) {
  run(loop, points, out);
}
void run_float(Loop loop, const LoopPoints<float>& points, double* out) {
  run(loop, points, out);
}

}  // namespace kronwerk::benchmarks::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kronwerk::benchmarks {

HWY_EXPORT(run_double);
HWY_EXPORT(run_float);

void run_loop(Loop loop, const LoopPoints<double>& points, double* out) {
  HWY_DYNAMIC_DISPATCH(run_double)(loop, points, out);
}

void run_loop(Loop loop, const LoopPoints<float>& points, double* out) {
  HWY_DYNAMIC_DISPATCH(run_float)(loop, points, out);
}

}  // namespace kronwerk::benchmarks
#endif
