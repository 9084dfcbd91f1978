#pragma once

#include <functional>

namespace kronwerk::core {

/// What long work calls to learn that it is no longer wanted; throws to end it. One per process,
/// set and taken away ({}) by whoever knows why work may end, while no work runs.
void set_interruption_check(std::function<void()> check);

/// A point at which long work of this process may end: calls the check, if there is one. Costs some
/// nanoseconds.
///
/// Local, so only for work whose failures are agreed on before the next collective.
/// @throws Terminated from the check
void check_interruption();

/// While one lives, check_interruption() does nothing in this process: for what a job that is ended
/// still has to save.
class Uninterrupted {
 public:
  Uninterrupted() noexcept;
  Uninterrupted(const Uninterrupted&) = delete;
  Uninterrupted& operator=(const Uninterrupted&) = delete;
  ~Uninterrupted();
};

}  // namespace kronwerk::core
