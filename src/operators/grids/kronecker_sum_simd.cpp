// Values of a Kronecker sum of diagonals, as fast as memory takes them, and Σ log|s| without
// storing them.
#include "operators/grids/kronecker_sum_simd.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/simd_targets.hpp"
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "operators/grids/kronecker_sum_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace kronwerk::operators::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using core::Index;
using Doubles = hn::ScalableTag<double>;
using Bits = hn::RebindToUnsigned<Doubles>;
using Vector = hn::Vec<Doubles>;

struct Sum {
  double of(double s) const { return s; }
  Vector of(Vector s) const { return s; }
};

struct Reciprocal {
  double numerator;
  double of(double s) const { return numerator / s; }
  Vector of(Vector s) const { return hn::Div(hn::Set(Doubles(), numerator), s); }
};

template <TileStore store>
void put(Vector value, double* out) {
  const Doubles d;
  if constexpr (store == TileStore::stream) {
    hn::Stream(value, d, out);
  } else if constexpr (store == TileStore::accumulate) {
    hn::StoreU(hn::Add(hn::LoadU(d, out), value), d, out);
  } else {
    hn::StoreU(value, d, out);
  }
}

template <TileStore store, typename Function>
void store_row(double row_sum, const double* table, Index columns, const Function& function,
               double* out) {
  const Doubles d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const auto store_one = [&](Index c) {
    const double value = function.of(row_sum + table[c]);
    out[c] = store == TileStore::accumulate ? out[c] + value : value;
  };
  Index c = 0;
  if constexpr (store == TileStore::stream) {
    // Streamed vectors must be aligned.
    const std::uintptr_t line = static_cast<std::uintptr_t>(lanes) * sizeof(double);
    for (; c < columns && reinterpret_cast<std::uintptr_t>(out + c) % line != 0; ++c) store_one(c);
  }
  const Vector start = hn::Set(d, row_sum);
  for (; c + 4 * lanes <= columns; c += 4 * lanes) {
    for (Index v = c; v < c + 4 * lanes; v += lanes) {
      put<store>(function.of(hn::Add(start, hn::LoadU(d, table + v))), out + v);
    }
  }
  for (; c + lanes <= columns; c += lanes) {
    put<store>(function.of(hn::Add(start, hn::LoadU(d, table + c))), out + c);
  }
  for (; c < columns; ++c) store_one(c);
}

template <typename Function>
void store_tile(const SumTile& tile, const Function& function, double* out, TileStore store) {
  for (Index r = 0; r < tile.rows; ++r, out += tile.columns) {
    const double row_sum = tile.row_sums[r];
    switch (store) {
      case TileStore::overwrite:
        store_row<TileStore::overwrite>(row_sum, tile.table, tile.columns, function, out);
        break;
      case TileStore::stream:
        store_row<TileStore::stream>(row_sum, tile.table, tile.columns, function, out);
        break;
      case TileStore::accumulate:
        store_row<TileStore::accumulate>(row_sum, tile.table, tile.columns, function, out);
        break;
    }
  }
}

void store_sums_here(const SumTile& tile, double* out, TileStore store) {
  store_tile(tile, Sum(), out, store);
}

void store_reciprocals_here(const SumTile& tile, double numerator, double* out, TileStore store) {
  store_tile(tile, Reciprocal{numerator}, out, store);
}

// |s| is cut as in the logarithms of Sun's libm: with the bits of 1 - √½ added, the exponent field
// is that of |s| / √½ and the rest, put upon √½, the mantissa in [√½, √2).
constexpr std::uint64_t root_half = 0x3FE6A09E667F3BCDULL;
constexpr std::uint64_t one = 0x3FF0000000000000ULL;
constexpr std::uint64_t fraction = 0x000FFFFFFFFFFFFFULL;

class LogAccumulator {
 public:
  LogAccumulator()
      : signs_(hn::Zero(Doubles())),
        least_(hn::Set(Doubles(), 1.0)),
        greatest_(least_),
        exponents_(hn::Zero(Bits())),
        even_(least_),
        odd_(least_) {}
  void add(Vector s, int slot) {
    const Doubles d;
    const Bits b;
    const Vector size = hn::Abs(s);
    signs_ = hn::Xor(signs_, s);
    least_ = hn::Min(least_, size);
    greatest_ = hn::Max(greatest_, size);
    const auto shifted = hn::Add(hn::BitCast(b, size), hn::Set(b, one - root_half));
    exponents_ = hn::Add(exponents_, hn::ShiftRight<52>(shifted));
    const auto mantissa = hn::Add(hn::And(shifted, hn::Set(b, fraction)), hn::Set(b, root_half));
    (slot == 0 ? even_ : odd_) = hn::Mul(slot == 0 ? even_ : odd_, hn::BitCast(d, mantissa));
  }
  // At most 1000 vectors since the last call: each slot is within 2^±500/2 then.
  void take_logarithms() {
    const Doubles d;
    alignas(64) double products[HWY_MAX_BYTES / sizeof(double)];
    hn::Store(hn::Mul(even_, odd_), d, products);
    for (std::size_t lane = 0; lane < hn::Lanes(d); ++lane) logarithms_ += std::log(products[lane]);
    even_ = odd_ = hn::Set(d, 1.0);
  }
  LogProduct result(Index vectors) const {
    const Doubles d;
    const Bits b;
    alignas(64) std::uint64_t words[HWY_MAX_BYTES / sizeof(double)];
    LogProduct product;
    product.log_mantissas = logarithms_;
    hn::Store(exponents_, b, words);
    for (std::size_t lane = 0; lane < hn::Lanes(d); ++lane) {
      product.exponent += static_cast<Index>(words[lane]) - 1023 * vectors;
    }
    hn::Store(hn::BitCast(b, signs_), b, words);
    for (std::size_t lane = 0; lane < hn::Lanes(d); ++lane) {
      product.negative = product.negative != ((words[lane] >> 63) != 0);
    }
    product.least = hn::GetLane(hn::MinOfLanes(d, least_));
    product.greatest = hn::GetLane(hn::MaxOfLanes(d, greatest_));
    return product;
  }

 private:
  Vector signs_;
  Vector least_;
  Vector greatest_;
  hn::Vec<Bits> exponents_;
  Vector even_;
  Vector odd_;
  double logarithms_ = 0;
};

LogProduct multiply_sums_here(const SumTile& tile) {
  const Doubles d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const Index whole = tile.columns / lanes * lanes;
  // The last columns are read with the end of the last whole vector, whose other lanes are ones.
  const auto remaining = static_cast<std::size_t>(tile.columns - whole);
  const auto fresh = hn::Not(hn::FirstN(d, static_cast<std::size_t>(lanes) - remaining));
  constexpr Index flush = 500;
  LogAccumulator sums;
  Index pending = 0;
  Index vectors = 0;
  for (Index r = 0; r < tile.rows; ++r) {
    const Vector start = hn::Set(d, tile.row_sums[r]);
    for (Index first = 0; first < whole; first += flush * lanes) {
      const Index last = std::min(whole, first + flush * lanes);
      const Index count = (last - first) / lanes;
      if (pending + count > 2 * flush) {
        sums.take_logarithms();
        pending = 0;
      }
      Index c = first;
      for (; c + 2 * lanes <= last; c += 2 * lanes) {
        sums.add(hn::Add(start, hn::LoadU(d, tile.table + c)), 0);
        sums.add(hn::Add(start, hn::LoadU(d, tile.table + c + lanes)), 1);
      }
      if (c < last) sums.add(hn::Add(start, hn::LoadU(d, tile.table + c)), 0);
      pending += count + 1;
      vectors += count;
    }
    if (remaining > 0) {
      const Vector s = hn::Add(start, hn::LoadU(d, tile.table + tile.columns - lanes));
      sums.add(hn::IfThenElse(fresh, s, hn::Set(d, 1.0)), 1);
      ++pending;
      ++vectors;
    }
  }
  sums.take_logarithms();
  return sums.result(vectors);
}

}  // namespace kronwerk::operators::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <hwy/cache_control.h>

namespace kronwerk::operators {

HWY_EXPORT(store_sums_here);
HWY_EXPORT(store_reciprocals_here);
HWY_EXPORT(multiply_sums_here);

void store_sums(const SumTile& tile, double* out, TileStore store) {
  HWY_DYNAMIC_DISPATCH(store_sums_here)(tile, out, store);
}

void store_reciprocals(const SumTile& tile, double numerator, double* out, TileStore store) {
  HWY_DYNAMIC_DISPATCH(store_reciprocals_here)(tile, numerator, out, store);
}

void finish_streaming() {
  hwy::FlushStream();
}

LogProduct multiply_sums(const SumTile& tile) {
  return HWY_DYNAMIC_DISPATCH(multiply_sums_here)(tile);
}

}  // namespace kronwerk::operators
#endif
