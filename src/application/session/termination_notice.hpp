#pragma once

#include <array>
#include <chrono>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::application {

/// Passes a signal that reached one rank on to all others while they work, so that work of one rank
/// never goes on for the rest of a job that ends: from rank to rank along a binary tree, at most
/// three messages of each. It is the process's core::check_interruption() while it lives.
///
/// Construction and destruction are collective.
class TerminationNotice {
 public:
  explicit TerminationNotice(const communication::Communicator& comm);
  TerminationNotice(const TerminationNotice&) = delete;
  TerminationNotice& operator=(const TerminationNotice&) = delete;
  ~TerminationNotice();

  /// 128 + the signal that ended the job, on every rank; 143 if several did. Collective.
  int exit_code() const;

 private:
  static constexpr int most_neighbours = 3;

  void check();
  void listen();
  void pass_on();

  communication::Communicator comm_;
  std::array<int, most_neighbours> neighbours_{};
  std::array<MPI_Request, most_neighbours> sent_{};
  int count_ = 0;   ///< of neighbours
  int heard_ = 0;   ///< messages received
  int signal_ = 0;  ///< what was passed on
  std::chrono::steady_clock::time_point listened_{};
};

}  // namespace kronwerk::application
