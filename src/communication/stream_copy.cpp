#include "communication/stream_copy.hpp"

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstdint>

namespace kronwerk::communication {

// The baseline target is enough: streamed stores of 16 bytes fill whole lines in the
// write-combining buffers, and memory is the limit.
namespace hn = hwy::HWY_NAMESPACE;

void stream_copy(double* to, const double* from, core::Index count) {
  const hn::CappedTag<double, 8> d;
  const auto lanes = static_cast<core::Index>(hn::Lanes(d));
  constexpr std::uintptr_t line = 64;
  core::Index i = 0;
  while (i < count && reinterpret_cast<std::uintptr_t>(to + i) % line != 0) {
    to[i] = from[i];
    ++i;
  }
  for (; i + lanes <= count; i += lanes) hn::Stream(hn::LoadU(d, from + i), d, to + i);
  for (; i < count; ++i) to[i] = from[i];
}

void stream_fence() {
  hwy::FlushStream();
}

}  // namespace kronwerk::communication
