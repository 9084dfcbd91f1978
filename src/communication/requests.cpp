#include "kronwerk/communication/requests.hpp"

#include <algorithm>

namespace kronwerk::communication {

using core::Index;

void Requests::send(const double* data, Index count, int rank, MPI_Comm comm) {
  for (Index begin = 0; begin < count; begin += largest_piece_) {
    const auto piece = static_cast<int>(std::min(largest_piece_, count - begin));
    check_mpi(MPI_Isend(data + begin, piece, MPI_DOUBLE, rank, 0, comm, &requests_.emplace_back()));
  }
}

void Requests::receive(double* data, Index count, int rank, MPI_Comm comm) {
  for (Index begin = 0; begin < count; begin += largest_piece_) {
    const auto piece = static_cast<int>(std::min(largest_piece_, count - begin));
    check_mpi(MPI_Irecv(data + begin, piece, MPI_DOUBLE, rank, 0, comm, &requests_.emplace_back()));
  }
}

void Requests::progress() {
  if (requests_.empty()) return;
  int done = 0;
  check_mpi(MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &done,
                        MPI_STATUSES_IGNORE));
  if (done != 0) requests_.clear();
}

void Requests::wait() {
  if (requests_.empty()) return;
  check_mpi(MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE));
  requests_.clear();
}

}  // namespace kronwerk::communication
