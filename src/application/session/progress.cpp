#include "application/session/progress.hpp"

#include <fmt/format.h>

#include <chrono>

#include "application/command_line/terminal.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Progress::Progress(bool enabled) : enabled_(enabled) {
  if (enabled_) thread_ = std::thread([this] { draw_while_enabled(); });
}

Progress::~Progress() {
  if (!enabled_) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  end();
}

void Progress::begin(const std::string& stage) {
  if (!enabled_) return;
  const std::lock_guard lock(mutex_);
  stage_ = stage;
  started_ = now();
}

void Progress::set(const std::string& unit, core::Index done, core::Index total) {
  if (!enabled_) return;
  const std::lock_guard lock(mutex_);
  position_ = total > 0 ? fmt::format("{} {} of {}", unit, core::format_count(done),
                                      core::format_count(total))
                        : fmt::format("{} {}", unit, core::format_count(done));
}

void Progress::end() {
  if (!enabled_) return;
  const std::lock_guard lock(mutex_);
  stage_.clear();
  if (drawn_) print_now("\r\033[K");
  drawn_ = false;
}

void Progress::draw_while_enabled() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, std::chrono::milliseconds(500));
    const double seconds = now() - started_;
    if (stopping_ || stage_.empty() || seconds < 2) continue;
    print_now(fmt::format("\r\033[K{:<12}{:>8.0f} s  {}", stage_, seconds, position_));
    drawn_ = true;
  }
}

}  // namespace kronwerk::application
