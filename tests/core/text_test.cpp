#include "kronwerk/core/text.hpp"

#include <gtest/gtest.h>

namespace kronwerk::core {
namespace {

TEST(NearestName, FindsATypingErrorAndNothingFarther) {
  const std::vector<std::string> names{"tolerance", "method", "max_iterations"};
  EXPECT_EQ(nearest_name("toleranse", names), "tolerance");
  EXPECT_EQ(nearest_name("metod", names), "method");
  EXPECT_EQ(nearest_name("roh", std::vector<std::string>{"W", "rho"}), "rho");
  EXPECT_EQ(nearest_name("colour", names), "");
  EXPECT_EQ(suggestion("toleranse", names), " (did you mean 'tolerance'?)");
  EXPECT_EQ(suggestion("colour", names), "");
}

TEST(Format, BytesSecondsAndCounts) {
  EXPECT_EQ(format_bytes(0), "0 bytes");
  EXPECT_EQ(format_bytes(1536), "1.54 kB");
  EXPECT_EQ(format_bytes(3e12), "3 TB");
  EXPECT_EQ(format_seconds(0.0012), "1.2 ms");
  EXPECT_EQ(format_seconds(123), "2 min 03 s");
  EXPECT_EQ(format_count(9653449), "9,653,449");
  EXPECT_EQ(format_count(-1000), "-1,000");
  EXPECT_EQ(format_count(12), "12");
}

}  // namespace
}  // namespace kronwerk::core
