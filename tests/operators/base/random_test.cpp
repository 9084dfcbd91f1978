#include "kronwerk/operators/base/random.hpp"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <array>
#include <cmath>
#include <numbers>
#include <vector>

namespace kronwerk::operators {
namespace {

using Words = std::array<std::uint32_t, 4>;

/// Philox4x32-10 by its definition.
Words philox(Words counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  return counter;
}

double uniform(std::uint32_t high, std::uint32_t low) {
  return static_cast<double>(((std::uint64_t{high} << 32) | low) >> 11) * 0x1p-53;
}

double expected(RandomKind kind, std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  const auto lower = [](std::uint64_t v) { return static_cast<std::uint32_t>(v); };
  const Words bits =
      philox({lower(index / 2), lower((index / 2) >> 32), lower(stream), lower(stream >> 32)},
             {lower(seed), lower(seed >> 32)});
  const double u = uniform(bits[0], bits[1]);
  const double v = uniform(bits[2], bits[3]);
  if (kind == RandomKind::uniform) return index % 2 == 0 ? u : v;
  const double radius = std::sqrt(-2 * std::log(1 - u));
  const double angle = 2 * std::numbers::pi * v;
  return radius * (index % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

TEST(RandomTest, ReferenceGivesTheKnownAnswer) {
  // Of the Random123 distribution: a counter and a key of zeros, and of ones.
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

void expect_reference() {
  constexpr std::uint64_t seed = 0x123456789abcdef1, stream = 0xfedcba9800000007;
  for (const Index first : {Index{0}, Index{7}, Index{1} << 33, (Index{1} << 33) - 5}) {
    for (const std::size_t count : {0, 1, 2, 5, 16, 33, 100}) {
      for (const RandomKind kind : {RandomKind::uniform, RandomKind::normal}) {
        std::vector<double> values(count);
        fill_random(kind, seed, stream, first, values);
        for (std::size_t i = 0; i < count; ++i) {
          const double value = expected(kind, seed, stream, static_cast<std::uint64_t>(first) + i);
          EXPECT_NEAR(values[i], value, kind == RandomKind::uniform ? 0 : 4e-15)
              << first << " " << i;
        }
      }
    }
  }
}

TEST(RandomTest, EveryPartOfASequenceIsTheReferenceOnEveryInstructionSet) {
  expect_reference();
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    expect_reference();
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(RandomTest, StreamZeroIsThePlainSequence) {
  std::vector<double> plain(50), stream(50);
  fill_random(RandomKind::normal, 3, 11, plain);
  fill_random(RandomKind::normal, 3, 0, 11, stream);
  EXPECT_EQ(plain, stream);
}

TEST(RandomTest, NormalValuesHaveTheMomentsOfTheNormalDistribution) {
  constexpr std::size_t count = 1 << 20;
  std::vector<double> values(count);
  fill_random(RandomKind::normal, 5, 9, 0, values);
  std::array<double, 5> moments{};
  for (const double value : values) {
    for (std::size_t k = 1; k < 5; ++k) moments[k] += std::pow(value, static_cast<double>(k));
  }
  const double scale = 1 / static_cast<double>(count);
  EXPECT_NEAR(moments[1] * scale, 0, 5 * std::sqrt(scale));
  EXPECT_NEAR(moments[2] * scale, 1, 5 * std::sqrt(2 * scale));
  EXPECT_NEAR(moments[3] * scale, 0, 5 * std::sqrt(15 * scale));
  EXPECT_NEAR(moments[4] * scale, 3, 5 * std::sqrt(96 * scale));
}

}  // namespace
}  // namespace kronwerk::operators
