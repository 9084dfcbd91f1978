#include "application/restart/kept_state.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace kronwerk::application {
namespace {

KeptState example() {
  KeptState state;
  state.version = "0.1.0";
  state.configuration = std::numeric_limits<std::uint64_t>::max();
  state.data = {{"a file.h5", 12, 0, 7},
                {"b\"quoted\".h5", 1L << 40, 1'700'000'000'123'456'789, 8}};
  state.numbers = {{"gradient rho", {0.1, -1e-300, 4e300, 0}},
                   {"none", {}},
                   {"limits", {std::numeric_limits<double>::infinity()}}};
  state.texts = {{"fit", "two\nlines, \"quoted\" \\ and end 0123\n"}, {"empty", ""}};
  state.vectors = {{"forward", {"vector-3", 77}}};
  state.result = {"result-1.h5", {{"/result", 2048, 15, 8}, {"/tangent", 4096, 15, 16}}};
  return state;
}

TEST(KeptState, IsReadAgainToTheLastBit) {
  EXPECT_EQ(parse_state(to_text(example())), example());
  EXPECT_EQ(parse_state(to_text(KeptState{})), KeptState{});
  KeptState odd;
  odd.numbers["nan"] = {std::nan("")};
  const auto read = parse_state(to_text(odd));
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(std::isnan(read->numbers.at("nan").at(0)));
}

TEST(KeptState, NoPartOfOneIsTakenForAWhole) {
  const std::string text = to_text(example());
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(parse_state(text.substr(0, length)).has_value()) << length;
  }
  EXPECT_FALSE(parse_state(text + "numbers \"a\" 0\n").has_value());
}

TEST(KeptState, NothingThatWasChangedIsRead) {
  const std::string text = to_text(example());
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string other = text;
    other[at] = other[at] == '1' ? '2' : '1';
    EXPECT_FALSE(parse_state(other).has_value()) << at;
  }
}

TEST(KeptState, AnotherFormatIsNotRead) {
  EXPECT_FALSE(parse_state("kronwerk fit state 2\nseed 1\n").has_value());
  EXPECT_FALSE(parse_state("").has_value());
}

}  // namespace
}  // namespace kronwerk::application
