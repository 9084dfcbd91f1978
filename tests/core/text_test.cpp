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
  EXPECT_EQ(nearest_name("NaN", std::vector<std::string>{"man", "nan"}), "nan");
  EXPECT_EQ(suggestion("toleranse", names), " (did you mean 'tolerance'?)");
  EXPECT_EQ(suggestion("colour", names), "");
}

TEST(Utf8, FindsTheFirstByteThatBeginsNoCharacter) {
  const auto npos = std::string_view::npos;
  for (const char* text :
       {"", "abc", "Möbius", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(find_non_utf8(text), npos) << text;
  }
  for (const char* text : {"ab\x80", "ab\xC3", "ab\xC0\x80", "ab\xC1\xBF", "ab\xE0\x9F\xBF",
                           "ab\xED\xA0\x80", "ab\xE2\x82", "ab\xE2(\xA1", "ab\xF0\x8F\xBF\xBF",
                           "ab\xF4\x90\x80\x80", "ab\xF5\x80\x80\x80", "ab\xFF\xFE"}) {
    EXPECT_EQ(find_non_utf8(text), 2U) << text;
  }
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
