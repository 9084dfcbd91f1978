#include "kronwerk/core/progress.hpp"

#include <utility>

namespace kronwerk::core {
namespace {

ProgressListener& listener_of_process() {
  static ProgressListener listener;
  return listener;
}

}  // namespace

void set_progress_listener(ProgressListener listener) {
  listener_of_process() = std::move(listener);
}

void report_progress(std::string_view unit, Index done, Index total) {
  if (const auto& listener = listener_of_process()) listener(unit, done, total);
}

}  // namespace kronwerk::core
