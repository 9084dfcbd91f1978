#include "application/restart/kept_iterate.hpp"

#include <fmt/format.h>

#include <utility>

#include "application/session/signals.hpp"

namespace kronwerk::application {

using core::Index;

void KeptIterate::begin(std::string name, Index size, Index offset) {
  present_ = {std::move(name), size, offset};
}

bool KeptIterate::start(std::span<double> x) const {
  Checkpoint& checkpoint = context_.checkpoint;
  if (!checkpoint.has_vector(present_.name, present_.size)) return false;
  checkpoint.read_vector(present_.name, present_.offset, x);
  checkpoint.goes_on_with("an iterate of the " + present_.name);
  return true;
}

void KeptIterate::note(const operators::KrylovIterate& iterate) {
  Checkpoint& checkpoint = context_.checkpoint;
  if (!checkpoint.keeps()) return;
  const Index here = termination_requested()                        ? 2
                     : checkpoint.due_here(Checkpoint::Cost::large) ? 1
                                                                    : 0;
  const Index wanted = context_.comm.max(here);
  if (wanted == 0) return;
  std::vector<double> room;
  const auto save = [&] { keep(iterate(room)); };
  // Who ends the job will save it.
  if (wanted == 2) return save();
  context_.stages.run("checkpoint", [&] {
    save();
    checkpoint.save();
  });
}

void KeptIterate::keep(std::span<const double> x) {
  Checkpoint& checkpoint = context_.checkpoint;
  for (Solve& each : ended_) {
    if (!std::exchange(each.kept, true)) {
      checkpoint.set_vector(each.name, each.size, each.offset, each.solution);
    }
  }
  checkpoint.set_vector(present_.name, present_.size, present_.offset, x);
}

void KeptIterate::end(std::span<const double> x) {
  present_.solution = x;
  ended_.push_back(present_);
}

void KeptIterate::forget() {
  context_.checkpoint.erase_vectors();
  ended_.clear();
}

}  // namespace kronwerk::application
