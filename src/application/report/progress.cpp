#include "application/report/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "application/command_line/terminal.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

// Before that, a share says nothing of the rest.
constexpr double least_seconds = 2;
constexpr double seconds_between_lines = 60;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string time_text(double seconds) {
  if (seconds < 90) return fmt::format("{:.0f} s", seconds);
  if (seconds < 5400) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

}  // namespace

void WorkDone::set(const std::string& unit, core::Index done, core::Index total, double seconds) {
  if (unit != unit_ || total != total_ || done < done_) {
    first_ = seconds;
    first_done_ = done;
  }
  unit_ = unit;
  done_ = done;
  total_ = total;
  last_ = seconds;
}

std::string WorkDone::text(double seconds) const {
  if (unit_.empty()) return "";
  const bool bytes = unit_ == "bytes";
  const auto count = [&](core::Index number) {
    return bytes ? core::format_bytes(static_cast<double>(number)) : core::format_count(number);
  };
  std::string text = bytes ? count(done_) : fmt::format("{} {}", unit_, count(done_));
  if (total_ <= 0) return text;
  const double share = static_cast<double>(done_) / static_cast<double>(total_);
  text += fmt::format(" of {} ({:.0f} %", count(total_), 100 * std::min(share, 1.0));
  const auto gained = static_cast<double>(done_ - first_done_);
  if (gained > 0 && last_ - first_ >= least_seconds) {
    const double rest = static_cast<double>(total_ - done_) * (last_ - first_) / gained;
    text += fmt::format(", {} left", time_text(std::max(0.0, rest - (seconds - last_))));
  }
  return text + ")";
}

Progress::Progress(Shown shown) : shown_(shown) {
  if (shown_ != Shown::nowhere) thread_ = std::thread([this] { draw_while_enabled(); });
}

Progress::~Progress() {
  if (shown_ == Shown::nowhere) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  end();
}

void Progress::begin(const std::string& stage) {
  if (shown_ == Shown::nowhere) return;
  const std::lock_guard lock(mutex_);
  stage_ = stage;
  within_.forget();
  started_ = now();
}

void Progress::set(const std::string& unit, core::Index done, core::Index total) {
  if (shown_ == Shown::nowhere) return;
  const std::lock_guard lock(mutex_);
  position_.set(unit, done, total, now());
}

void Progress::set_within(const std::string& unit, core::Index done, core::Index total) {
  if (shown_ == Shown::nowhere) return;
  const std::lock_guard lock(mutex_);
  within_.set(unit, done, total, now());
}

void Progress::end() {
  if (shown_ == Shown::nowhere) return;
  const std::lock_guard lock(mutex_);
  stage_.clear();
  if (drawn_) print_in_place("\r\033[K");
  drawn_ = false;
}

std::string Progress::line(double seconds) const {
  const std::string position = position_.text(seconds), within = within_.text(seconds);
  return fmt::format("{:<12}{:>8.0f} s  {}{}{}", stage_, seconds - started_, position,
                     position.empty() || within.empty() ? "" : "; ", within);
}

void Progress::print_line(double seconds) {
  printed_ = seconds;
  if (shown_ == Shown::in_lines) {
    print_now(line(seconds) + "\n");
  } else {
    print_to_log(line(seconds) + "\n");
  }
}

void Progress::draw_while_enabled() {
  std::unique_lock lock(mutex_);
  printed_ = now();
  while (!stopping_) {
    wake_.wait_for(lock, std::chrono::milliseconds(500));
    const double seconds = now();
    if (stopping_ || stage_.empty() || seconds - started_ < least_seconds) continue;
    if (seconds - printed_ >= seconds_between_lines) {
      if (shown_ == Shown::in_place && drawn_) print_in_place("\r\033[K");
      print_line(seconds);
    }
    if (shown_ != Shown::in_place) continue;
    print_in_place("\r\033[K" + line(seconds));
    drawn_ = true;
  }
}

}  // namespace kronwerk::application
