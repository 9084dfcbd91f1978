#include "kronwerk/core/interruption.hpp"

#include <utility>

namespace kronwerk::core {
namespace {

std::function<void()>& present_check() {
  static std::function<void()> check;
  return check;
}

int uninterrupted = 0;  // how many Uninterrupted live

}  // namespace

void set_interruption_check(std::function<void()> check) {
  present_check() = std::move(check);
}

void check_interruption() {
  if (uninterrupted > 0) return;
  if (const auto& check = present_check()) check();
}

Uninterrupted::Uninterrupted() noexcept {
  ++uninterrupted;
}

Uninterrupted::~Uninterrupted() {
  --uninterrupted;
}

}  // namespace kronwerk::core
