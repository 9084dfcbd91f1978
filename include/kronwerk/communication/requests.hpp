#pragma once

#include <vector>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::communication {

/// Messages under way. What they read or fill must stay where it is until wait() has returned.
///
/// A message may have any number of entries: it travels as pieces that one MPI call can take, and
/// since MPI keeps the order of messages between two ranks, sender and receiver need not agree on
/// more than the count and the largest piece.
class Requests {
 public:
  /// @param largest_piece  entries per MPI call, well below 2^31; tests take less
  explicit Requests(core::Index largest_piece = core::Index{1} << 28)
      : largest_piece_(largest_piece) {}

  void send(const double* data, core::Index count, int rank, MPI_Comm comm);
  void receive(double* data, core::Index count, int rank, MPI_Comm comm);
  /// Lets MPI move what it can; large messages travel only while some MPI call is active.
  void progress();
  void wait();

 private:
  core::Index largest_piece_;
  std::vector<MPI_Request> requests_;
};

}  // namespace kronwerk::communication
