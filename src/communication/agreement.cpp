// Declared in kronwerk/communication/communicator.hpp.
// Failures that only some ranks see.
#include <fmt/format.h>

#include <exception>
#include <new>
#include <utility>

#include "communication/call_check.hpp"
#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::communication {

std::optional<Failure> failure_of(const std::function<void()>& work, int rank,
                                  core::SourceLocation where) {
  Failure failure;
  try {
    work();
    return std::nullopt;
  } catch (const core::Error& error) {
    failure = {error.kind(), error.what()};
  } catch (const std::bad_alloc&) {
    failure = {core::ErrorKind::resource,
               fmt::format("rank {} ran out of memory; use more ranks or nodes", rank)};
  } catch (const std::exception& error) {
    failure.message = error.what();
  } catch (...) {
    failure.message = fmt::format("rank {} failed in the work at {}:{} with an unknown exception",
                                  rank, where.file_name(), where.line());
  }
  if (failure.message.empty()) {
    failure.message = fmt::format("rank {} failed in the work at {}:{} without saying why", rank,
                                  where.file_name(), where.line());
  }
  return failure;
}

void collectively(const Communicator& comm, const std::function<void()>& work,
                  core::SourceLocation where) {
  if (comm.check_) comm.check_->compare({"collectively", 0, 0, where});
  std::optional<Failure> failure;
  {
    const CallCheck::Inside inside(comm.check_.get(), where);
    failure = failure_of(work, comm.rank(), where);
  }
  int first = failure ? comm.rank() : comm.size();
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, comm.get()), where);
  if (first == comm.size()) return;
  auto kind = static_cast<core::Index>(failure ? failure->kind : core::ErrorKind::internal);
  comm.broadcast(std::span(&kind, 1), first, where);
  const std::string message =
      comm.broadcast(failure ? std::move(failure->message) : "", first, where);
  core::throw_error(static_cast<core::ErrorKind>(kind), message, where);
}

void on_root(const Communicator& comm, const std::function<void()>& work,
             core::SourceLocation where) {
  collectively(
      comm,
      [&] {
        if (comm.is_root()) work();
      },
      where);
}

}  // namespace kronwerk::communication
