#include "application/fit/fit_checkpoint.hpp"

#include <fmt/format.h>

namespace kronwerk::application {
namespace {

constexpr const char* fit = "fit";

}  // namespace

void keep_fit(Checkpoint& checkpoint, const models::FitState& state) {
  checkpoint.set_text(fit, models::to_text(state));
  checkpoint.save_if_due(Checkpoint::Cost::small);
}

std::optional<models::FitState> kept_fit(Checkpoint& checkpoint) {
  const std::string* text = checkpoint.text(fit);
  if (text == nullptr) return std::nullopt;
  models::FitState state = models::parse_fit_state(*text);
  std::size_t evaluations = state.evaluations.size();
  for (const auto& start : state.starts) {
    // Of a start that goes on they are either listed above or done with.
    if (start.finished || state.evaluations.empty())
      evaluations += static_cast<std::size_t>(start.evaluations);
  }
  checkpoint.goes_on_with(fmt::format("{} evaluations", evaluations));
  return state;
}

}  // namespace kronwerk::application
