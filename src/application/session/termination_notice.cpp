#include "application/session/termination_notice.hpp"

#include <csignal>

#include "application/session/signals.hpp"
#include "kronwerk/core/interruption.hpp"

namespace kronwerk::application {
namespace {

constexpr auto between_looks = std::chrono::milliseconds(20);

}  // namespace

TerminationNotice::TerminationNotice(const communication::Communicator& comm)
    : comm_(communication::Communicator::duplicate(comm.get())) {
  const int rank = comm_.rank();
  sent_.fill(MPI_REQUEST_NULL);
  const auto add = [&](long long neighbour) {
    if (neighbour < comm_.size()) neighbours_.at(count_++) = static_cast<int>(neighbour);
  };
  if (rank > 0) add((rank - 1) / 2);
  add(2LL * rank + 1);
  add(2LL * rank + 2);
  core::set_interruption_check([this] { check(); });
}

// Every message is received before the communicator is freed: where any rank passed one on, all do.
TerminationNotice::~TerminationNotice() {
  core::set_interruption_check({});
  int anywhere = signal_;
  if (MPI_Allreduce(MPI_IN_PLACE, &anywhere, 1, MPI_INT, MPI_MAX, comm_.get()) != MPI_SUCCESS) {
    return;
  }
  if (anywhere == 0) return;
  request_termination(anywhere);
  pass_on();
  for (; heard_ < count_; ++heard_) {
    MPI_Recv(&anywhere, 1, MPI_INT, MPI_ANY_SOURCE, 0, comm_.get(), MPI_STATUS_IGNORE);
  }
  MPI_Waitall(count_, sent_.data(), MPI_STATUSES_IGNORE);
}

int TerminationNotice::exit_code() const {
  const auto signal = static_cast<int>(comm_.max(core::Index{termination_signal()}));
  return 128 + (signal == 0 ? SIGTERM : signal);
}

void TerminationNotice::check() {
  if (!termination_requested()) listen();
  if (!termination_requested()) return;
  pass_on();
  throw_if_terminated();
}

void TerminationNotice::listen() {
  if (count_ == 0) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - listened_ < between_looks) return;
  listened_ = now;
  int arrived = 0;
  communication::check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, 0, comm_.get(), &arrived, MPI_STATUS_IGNORE));
  if (arrived == 0) return;
  int signal = SIGTERM;
  communication::check_mpi(
      MPI_Recv(&signal, 1, MPI_INT, MPI_ANY_SOURCE, 0, comm_.get(), MPI_STATUS_IGNORE));
  ++heard_;
  request_termination(signal);
}

void TerminationNotice::pass_on() {
  if (signal_ != 0) return;
  signal_ = termination_signal();
  for (int n = 0; n < count_; ++n) {
    MPI_Isend(&signal_, 1, MPI_INT, neighbours_.at(n), 0, comm_.get(), &sent_.at(n));
  }
}

}  // namespace kronwerk::application
