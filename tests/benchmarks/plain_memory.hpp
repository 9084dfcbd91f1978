#pragma once

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include "benchmarks/measure.hpp"

/// What memory does by itself: plain reads and writes of a block, as fast as the cores can.
namespace kronwerk::benchmarks {

/// A block whose lines and pages begin where those of the machine do; touched.
class AlignedValues {
 public:
  explicit AlignedValues(Index count)
      : memory_(static_cast<double*>(std::aligned_alloc(
            4096, (static_cast<std::size_t>(count) * sizeof(double) + 4095) / 4096 * 4096))),
        count_(static_cast<std::size_t>(count)) {
    std::memset(memory_.get(), 0, count_ * sizeof(double));
  }
  std::span<double> span() const { return {memory_.get(), count_}; }

 private:
  struct Free {
    void operator()(double* memory) const { std::free(memory); }
  };
  std::unique_ptr<double, Free> memory_;
  std::size_t count_;
};

/// Fills the block past the cache.
inline void stream_values(std::span<double> values, double value) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::CappedTag<double, 2> d;
  for (std::size_t i = 0; i + 2 <= values.size(); i += 2) {
    hn::Stream(hn::Set(d, value), d, values.data() + i);
  }
  hwy::FlushStream();
}

/// Fills the block by ordinary stores (not with zeros, which some processors write without data).
inline void set_values(std::span<double> values) {
  std::memset(values.data(), 1, values.size_bytes());
}

/// Sum of the block, in as many partial sums as it takes to be limited by memory alone.
using EightDoubles = double __attribute__((vector_size(64), aligned(8)));
__attribute__((target_clones("avx512f", "avx2", "default"))) inline double read_values(
    std::span<const double> values) {
  EightDoubles s0{}, s1{}, s2{}, s3{};
  const double* x = values.data();
  const double* end = x + values.size() / 32 * 32;
  for (; x != end; x += 32) {
    __builtin_prefetch(x + 128);
    __builtin_prefetch(x + 136);
    __builtin_prefetch(x + 144);
    __builtin_prefetch(x + 152);
    EightDoubles a, b, c, d;
    std::memcpy(&a, x, 64);
    std::memcpy(&b, x + 8, 64);
    std::memcpy(&c, x + 16, 64);
    std::memcpy(&d, x + 24, 64);
    s0 += a;
    s1 += b;
    s2 += c;
    s3 += d;
  }
  s0 += s1 + s2 + s3;
  double sum = 0;
  for (int lane = 0; lane < 8; ++lane) sum += s0[lane];
  return sum;
}

struct Times {
  double median = 0;
  double best = 0;
};

/// Like medians_in_turns, with the best of each. Collective.
inline std::vector<Times> times_in_turns(const communication::Communicator& comm, int repeats,
                                         const std::vector<std::function<void()>>& works) {
  for (const auto& work : works) work();
  std::vector<std::vector<double>> times(works.size());
  for (int repeat = 0; repeat < repeats; ++repeat) {
    for (std::size_t i = 0; i < works.size(); ++i) times[i].push_back(seconds(comm, works[i]));
  }
  std::vector<Times> result;
  for (auto& each : times) {
    const double best = *std::min_element(each.begin(), each.end());
    result.push_back({median(std::move(each)), best});
  }
  return result;
}

/// Prints `<name>_seconds` and `<name>_best_seconds`. Collective.
inline void report(const communication::Communicator& comm, const std::string& name, Times times) {
  report(comm, (name + "_seconds").c_str(), times.median);
  report(comm, (name + "_best_seconds").c_str(), times.best);
}

}  // namespace kronwerk::benchmarks
