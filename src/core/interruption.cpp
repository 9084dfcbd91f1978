#include "kronwerk/core/interruption.hpp"

#include <utility>

namespace kronwerk::core {
namespace {

std::function<void()>& present_check() {
  static std::function<void()> check;
  return check;
}

}  // namespace

void set_interruption_check(std::function<void()> check) {
  present_check() = std::move(check);
}

void check_interruption() {
  if (const auto& check = present_check()) check();
}

}  // namespace kronwerk::core
