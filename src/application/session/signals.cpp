#include "application/session/signals.hpp"

#include <csignal>
#include <utility>

namespace kronwerk::application {
namespace {

volatile std::sig_atomic_t received = 0;

std::function<void()>& observer() {
  static std::function<void()> present;
  return present;
}

extern "C" void on_termination(int signal) {
  received = signal;
}

void catch_signal(int signal, int flags) {
  struct sigaction action = {};
  action.sa_handler = on_termination;
  sigemptyset(&action.sa_mask);
  action.sa_flags = flags;
  sigaction(signal, &action, nullptr);
}

}  // namespace

void catch_termination() {
  // Interrupted reads and writes of the libraries go on; the flag is looked at between stages and
  // in our own loops.
  catch_signal(SIGTERM, SA_RESTART);
  // Whoever asks twice does not want to wait.
  catch_signal(SIGINT, SA_RESTART | SA_RESETHAND);
}

bool termination_requested() noexcept {
  return received != 0;
}

void request_termination(int signal) noexcept {
  if (received == 0) received = signal;
}

int termination_signal() noexcept {
  return received;
}

void throw_if_terminated() {
  if (!termination_requested()) return;
  throw core::Terminated(received == SIGINT ? "interrupted by SIGINT; no result was written"
                                            : "terminated by SIGTERM; no result was written");
}

void observe_termination_checks(std::function<void()> wanted) {
  observer() = std::move(wanted);
}

void forget_termination() noexcept {
  received = 0;
}

void check_termination(const communication::Communicator& comm) {
  if (observer()) observer()();
  const bool anywhere = comm.any(termination_requested());
  if (!anywhere) return;
  // Every rank has the same message, whichever was reached.
  request_termination(static_cast<int>(comm.max(core::Index{termination_signal()})));
  throw_if_terminated();
}

}  // namespace kronwerk::application
