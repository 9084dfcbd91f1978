#include "application/session/signals.hpp"

#include <csignal>

namespace kronwerk::application {
namespace {

volatile std::sig_atomic_t terminated = 0;

extern "C" void on_termination(int /*signal*/) {
  terminated = 1;
}

}  // namespace

void catch_termination() {
  struct sigaction action = {};
  action.sa_handler = on_termination;
  sigemptyset(&action.sa_mask);
  // Interrupted reads and writes of the libraries go on; the flag is looked at between stages.
  action.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &action, nullptr);
}

bool termination_requested() noexcept {
  return terminated != 0;
}

void check_termination(const communication::Communicator& comm) {
  if (comm.any(termination_requested())) {
    throw core::Terminated("terminated by SIGTERM; no result was written");
  }
}

}  // namespace kronwerk::application
