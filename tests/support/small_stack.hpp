#pragma once

#include <gtest/gtest.h>
#include <pthread.h>

#include <cstddef>
#include <exception>
#include <functional>
#include <string>
#include <vector>

namespace kronwerk::test {

#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
constexpr std::size_t small_stack = 2 << 20;  // frames are several times as large
#else
constexpr std::size_t small_stack = 160 << 10;
#endif

/// Runs `work` in a thread with a stack of `size` bytes; returns what of it was left for the work.
inline std::size_t on_stack(std::size_t size, const std::function<void()>& work) {
  struct Run {
    const std::function<void()>& work;
    std::string failure;
    std::size_t left = 0;
  } run{work, "", 0};
  pthread_attr_t attributes;
  EXPECT_EQ(pthread_attr_init(&attributes), 0);
  EXPECT_EQ(pthread_attr_setstacksize(&attributes, size), 0);
  const auto start = [](void* given) -> void* {
    auto* mine = static_cast<Run*>(given);
    pthread_attr_t own;
    void* lowest = nullptr;
    std::size_t bytes = 0;
    if (pthread_getattr_np(pthread_self(), &own) == 0) {
      pthread_attr_getstack(&own, &lowest, &bytes);
      pthread_attr_destroy(&own);
    }
    mine->left =
        static_cast<std::size_t>(reinterpret_cast<char*>(&own) - static_cast<char*>(lowest));
    try {
      mine->work();
    } catch (const std::exception& error) {
      mine->failure = error.what();
    }
    return nullptr;
  };
  pthread_t thread{};
  EXPECT_EQ(pthread_create(&thread, &attributes, start, &run), 0);
  EXPECT_EQ(pthread_join(thread, nullptr), 0);
  pthread_attr_destroy(&attributes);
  EXPECT_EQ(run.failure, "");
  return run.left;
}

/// Runs `work` with less stack than the smallest that formulas are promised to do with, 256 kB;
/// libraries' thread-local data, which lie on a thread's stack, not counted.
inline void on_small_stack(const std::function<void()>& work) {
  constexpr std::size_t ample = 4 << 20;
  const std::size_t taken = ample - on_stack(ample, [] {});
  on_stack(small_stack + taken, work);
}

/// Formulas as deep as they may be, of a scalar name and an operand.
inline std::vector<std::string> deepest_formulas(const std::string& scalar,
                                                 const std::string& operand,
                                                 const std::string& function) {
  const auto nested = [](int count, const std::string& open, const std::string& inner) {
    std::string text;
    for (int i = 0; i < count; ++i) text += open;
    return text + inner + std::string(static_cast<std::size_t>(count), ')');
  };
  std::string sum = operand, product = operand, power = scalar;
  for (int i = 0; i < 120; ++i) sum += "+" + std::to_string(i + 2) + "*" + operand;
  for (int i = 0; i < 120; ++i) product += "*" + operand;
  for (int i = 0; i < 60; ++i) power += "^" + scalar;
  // Longer chains are grouped in halves; divisions are not.
  std::string long_sum = operand, long_product = scalar, quotient = scalar;
  for (int i = 0; i < 700; ++i) long_sum += (i % 2 == 0 ? "-" : "+2*") + operand;
  for (int i = 0; i < 1500; ++i) long_product += "*" + scalar;
  for (int i = 0; i < 120; ++i) quotient += "/" + scalar;
  long_product += "*" + operand;
  return {nested(63, "(", operand),
          nested(63, function, operand),
          std::string(63, '-') + operand,
          sum,
          product,
          long_sum,
          long_product,
          quotient + "*" + operand,
          power + "*" + operand,
          nested(45, "(" + scalar + "*" + operand + "+", operand),
          "exp(" + nested(38, "sqrt(1+" + scalar + "*", scalar) + ")*" + operand};
}

}  // namespace kronwerk::test
