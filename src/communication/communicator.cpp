#include "kronwerk/communication/communicator.hpp"

#include <fmt/format.h>

#include <array>
#include <new>
#include <utility>

namespace kronwerk::communication {

void check_mpi(int code, core::SourceLocation where) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  throw core::MpiError(fmt::format("MPI failed: {}", text.data()), where);
}

Communicator::Communicator(MPI_Comm comm) : comm_(comm) {
  check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN));
  check_mpi(MPI_Comm_rank(comm_, &rank_));
  check_mpi(MPI_Comm_size(comm_, &size_));
}

Communicator Communicator::duplicate(MPI_Comm comm) {
  MPI_Comm copy = MPI_COMM_NULL;
  check_mpi(MPI_Comm_dup(comm, &copy));
  return Communicator(copy);
}

Communicator Communicator::adopt(MPI_Comm comm) {
  return Communicator(comm);
}

Communicator::Communicator(Communicator&& other) noexcept
    : comm_(std::exchange(other.comm_, MPI_COMM_NULL)),
      rank_(other.rank_),
      size_(other.size_),
      node_(std::move(other.node_)),
      node_count_(other.node_count_) {}

Communicator& Communicator::operator=(Communicator&& other) noexcept {
  std::swap(comm_, other.comm_);
  std::swap(rank_, other.rank_);
  std::swap(size_, other.size_);
  std::swap(node_, other.node_);
  std::swap(node_count_, other.node_count_);
  return *this;
}

Communicator::~Communicator() {
  if (comm_ == MPI_COMM_NULL) return;
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized == 0) MPI_Comm_free(&comm_);
}

const Communicator& Communicator::node() const {
  if (!node_) {
    MPI_Comm node = MPI_COMM_NULL;
    check_mpi(MPI_Comm_split_type(comm_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node));
    node_ = std::unique_ptr<Communicator>(new Communicator(node));
  }
  return *node_;
}

int Communicator::node_count() const {
  if (node_count_ == 0) {
    node_count_ = static_cast<int>(sum(core::Index{node().is_root() ? 1 : 0}));
  }
  return node_count_;
}

void Communicator::barrier() const {
  check_mpi(MPI_Barrier(comm_));
}

namespace {

template <typename T>
T reduce(MPI_Comm comm, T value, MPI_Datatype type, MPI_Op operation) {
  T result{};
  check_mpi(MPI_Allreduce(&value, &result, 1, type, operation, comm));
  return result;
}

}  // namespace

double Communicator::sum(double value) const {
  return reduce(comm_, value, MPI_DOUBLE, MPI_SUM);
}
double Communicator::max(double value) const {
  return reduce(comm_, value, MPI_DOUBLE, MPI_MAX);
}
double Communicator::min(double value) const {
  return reduce(comm_, value, MPI_DOUBLE, MPI_MIN);
}
core::Index Communicator::sum(core::Index value) const {
  return reduce(comm_, value, MPI_INT64_T, MPI_SUM);
}
core::Index Communicator::max(core::Index value) const {
  return reduce(comm_, value, MPI_INT64_T, MPI_MAX);
}
core::Index Communicator::min(core::Index value) const {
  return reduce(comm_, value, MPI_INT64_T, MPI_MIN);
}
bool Communicator::any(bool value) const {
  return reduce(comm_, value ? 1 : 0, MPI_INT, MPI_MAX) != 0;
}

void Communicator::sum(std::span<double> values) const {
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data(), core::narrow<int>(values.size()), MPI_DOUBLE,
                          MPI_SUM, comm_));
}

void Communicator::sum(std::span<core::Index> values) const {
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data(), core::narrow<int>(values.size()),
                          MPI_INT64_T, MPI_SUM, comm_));
}

std::string Communicator::broadcast(std::string text, int root) const {
  core::Index length = std::ssize(text);
  broadcast(std::span(&length, 1), root);
  text.resize(static_cast<std::size_t>(length));
  check_mpi(MPI_Bcast(text.data(), core::narrow<int>(length), MPI_CHAR, root, comm_));
  return text;
}

void Communicator::broadcast(std::span<double> values, int root) const {
  check_mpi(MPI_Bcast(values.data(), core::narrow<int>(values.size()), MPI_DOUBLE, root, comm_));
}

void Communicator::broadcast(std::span<core::Index> values, int root) const {
  check_mpi(MPI_Bcast(values.data(), core::narrow<int>(values.size()), MPI_INT64_T, root, comm_));
}

std::vector<double> Communicator::gather_all(double value) const {
  std::vector<double> values(static_cast<std::size_t>(size_));
  check_mpi(MPI_Allgather(&value, 1, MPI_DOUBLE, values.data(), 1, MPI_DOUBLE, comm_));
  return values;
}

void collectively(const Communicator& comm, const std::function<void()>& work) {
  auto kind = core::ErrorKind::internal;
  std::string message;
  bool failed = true;
  try {
    work();
    failed = false;
  } catch (const core::Error& error) {
    kind = error.kind();
    message = error.what();
  } catch (const std::bad_alloc&) {
    kind = core::ErrorKind::resource;
    message = fmt::format("rank {} ran out of memory", comm.rank());
  } catch (const std::exception& error) {
    message = error.what();
  }
  const auto first = static_cast<int>(comm.min(core::Index{failed ? comm.rank() : comm.size()}));
  if (first == comm.size()) return;
  core::Index shared_kind = static_cast<core::Index>(kind);
  comm.broadcast(std::span(&shared_kind, 1), first);
  message = comm.broadcast(std::move(message), first);
  core::throw_error(static_cast<core::ErrorKind>(shared_kind), message);
}

void on_root(const Communicator& comm, const std::function<void()>& work) {
  collectively(comm, [&] {
    if (comm.is_root()) work();
  });
}

}  // namespace kronwerk::communication
