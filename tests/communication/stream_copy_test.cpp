#include "communication/stream_copy.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace kronwerk::communication {
namespace {

TEST(StreamCopy, CopiesExactlyTheRangeForEveryAlignment) {
  std::vector<double> from(100);
  std::iota(from.begin(), from.end(), 1.0);
  for (std::ptrdiff_t offset = 0; offset < 9; ++offset) {
    for (std::ptrdiff_t count = 0; count < 40; ++count) {
      std::vector<double> to(64, -1.0);
      stream_copy(to.data() + offset, from.data() + 3, count);
      stream_fence();
      for (std::ptrdiff_t i = 0; i < 64; ++i) {
        const bool inside = i >= offset && i < offset + count;
        ASSERT_EQ(to[static_cast<std::size_t>(i)],
                  inside ? from[static_cast<std::size_t>(3 + i - offset)] : -1.0);
      }
    }
  }
}

}  // namespace
}  // namespace kronwerk::communication
