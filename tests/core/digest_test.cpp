#include "kronwerk/core/digest.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace kronwerk::core {
namespace {

TEST(Digest, TellsTextsThatDifferInOneBitLengthOrOrder) {
  const std::string text(100, 'a');
  std::set<std::uint64_t> found{digest(text)};
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = 'c';
    EXPECT_TRUE(found.insert(digest(other)).second) << i;
    EXPECT_TRUE(found.insert(digest(text.substr(0, i))).second) << i;
  }
  EXPECT_NE(digest("12345678abcdefgh"), digest("abcdefgh12345678"));
  EXPECT_NE(digest(std::string_view("\0", 1)), digest(""));
}

TEST(Digest, PiecesMakeOneDigest) {
  EXPECT_NE(digest("b", digest("a")), digest("a", digest("b")));
  EXPECT_EQ(digest("b", digest("a")), digest("b", digest("a")));
}

}  // namespace
}  // namespace kronwerk::core
