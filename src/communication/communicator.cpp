#include "kronwerk/communication/communicator.hpp"

#include <fmt/format.h>

#include <array>
#include <map>
#include <utility>

#include "communication/call_check.hpp"
#include "communication/test_nodes.hpp"
#include "kronwerk/distribution/node_map.hpp"

namespace kronwerk::communication {

namespace {

template <typename T>
T reduce(MPI_Comm comm, T value, MPI_Datatype type, MPI_Op operation) {
  T result{};
  check_mpi(MPI_Allreduce(&value, &result, 1, type, operation, comm));
  return result;
}

/// Before a collective: are all ranks about to make it?
void expect(const std::unique_ptr<CallCheck>& check, const char* name, core::Index count, int root,
            const core::SourceLocation& where) {
  if (check) check->compare({name, count, root, where});
}

}  // namespace

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
  check_ = CallCheck::make(comm_);
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
      check_(std::move(other.check_)),
      node_(std::move(other.node_)),
      nodes_(std::move(other.nodes_)),
      leaders_(std::move(other.leaders_)) {}

Communicator& Communicator::operator=(Communicator&& other) noexcept {
  std::swap(comm_, other.comm_);
  std::swap(rank_, other.rank_);
  std::swap(size_, other.size_);
  std::swap(check_, other.check_);
  std::swap(node_, other.node_);
  std::swap(nodes_, other.nodes_);
  std::swap(leaders_, other.leaders_);
  return *this;
}

Communicator::~Communicator() {
  if (comm_ == MPI_COMM_NULL) return;
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized != 0) {
    static_cast<void>(check_.release());
    return;
  }
  MPI_Comm_free(&comm_);
}

const Communicator& Communicator::node() const {
  if (!node_) {
    expect(check_, "the first node()", 0, 0, Where::current());
    MPI_Comm node = MPI_COMM_NULL;
    check_mpi(MPI_Comm_split_type(comm_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node));
    auto found = std::unique_ptr<Communicator>(new Communicator(node));
    if (const std::optional<int> pretended = pretended_node(comm_)) {
      check_mpi(MPI_Comm_split(found->comm_, *pretended, rank_, &node));
      found.reset(new Communicator(node));
    }
    node_ = std::move(found);
  }
  return *node_;
}

const distribution::NodeMap& Communicator::nodes() const {
  if (!nodes_) {
    const core::Index lowest = node().min(core::Index{rank_});
    expect(check_, "the first nodes()", 1, 0, Where::current());
    std::vector<core::Index> roots(static_cast<std::size_t>(size_));
    check_mpi(MPI_Allgather(&lowest, 1, MPI_INT64_T, roots.data(), 1, MPI_INT64_T, comm_));
    std::map<core::Index, int> numbers;
    std::vector<int> node_of;
    for (const core::Index root : roots) {
      const auto found = numbers.try_emplace(root, static_cast<int>(numbers.size())).first;
      node_of.push_back(found->second);
    }
    nodes_ = std::make_unique<distribution::NodeMap>(std::move(node_of));
  }
  return *nodes_;
}

int Communicator::node_count() const {
  return nodes().nodes();
}

const Communicator* Communicator::leaders() const {
  if (!leaders_) {
    expect(check_, "the first leaders()", 0, 0, Where::current());
    MPI_Comm found = MPI_COMM_NULL;
    check_mpi(MPI_Comm_split(comm_, node().is_root() ? 0 : MPI_UNDEFINED, rank_, &found));
    leaders_.emplace();
    if (found != MPI_COMM_NULL) leaders_->reset(new Communicator(found));
  }
  return leaders_->get();
}

void Communicator::barrier(Where where) const {
  expect(check_, "barrier", 0, 0, where);
  check_mpi(MPI_Barrier(comm_));
}

double Communicator::sum(double value, Where where) const {
  expect(check_, "sum", 1, 0, where);
  return reduce(comm_, value, MPI_DOUBLE, MPI_SUM);
}
double Communicator::max(double value, Where where) const {
  expect(check_, "max", 1, 0, where);
  return reduce(comm_, value, MPI_DOUBLE, MPI_MAX);
}
double Communicator::min(double value, Where where) const {
  expect(check_, "min", 1, 0, where);
  return reduce(comm_, value, MPI_DOUBLE, MPI_MIN);
}
core::Index Communicator::sum(core::Index value, Where where) const {
  expect(check_, "sum", 1, 0, where);
  return reduce(comm_, value, MPI_INT64_T, MPI_SUM);
}
core::Index Communicator::max(core::Index value, Where where) const {
  expect(check_, "max", 1, 0, where);
  return reduce(comm_, value, MPI_INT64_T, MPI_MAX);
}
core::Index Communicator::min(core::Index value, Where where) const {
  expect(check_, "min", 1, 0, where);
  return reduce(comm_, value, MPI_INT64_T, MPI_MIN);
}
bool Communicator::any(bool value, Where where) const {
  expect(check_, "any", 1, 0, where);
  return reduce(comm_, value ? 1 : 0, MPI_INT, MPI_MAX) != 0;
}

void Communicator::sum(std::span<double> values, Where where) const {
  expect(check_, "sum", std::ssize(values), 0, where);
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data(), core::narrow<int>(values.size()), MPI_DOUBLE,
                          MPI_SUM, comm_));
}

void Communicator::sum(std::span<core::Index> values, Where where) const {
  expect(check_, "sum", std::ssize(values), 0, where);
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data(), core::narrow<int>(values.size()),
                          MPI_INT64_T, MPI_SUM, comm_));
}

std::string Communicator::broadcast(std::string text, int root, Where where) const {
  core::Index length = std::ssize(text);
  broadcast(std::span(&length, 1), root, where);
  text.resize(static_cast<std::size_t>(length));
  check_mpi(MPI_Bcast(text.data(), core::narrow<int>(length), MPI_CHAR, root, comm_));
  return text;
}

void Communicator::broadcast(std::span<double> values, int root, Where where) const {
  expect(check_, "broadcast", std::ssize(values), root, where);
  check_mpi(MPI_Bcast(values.data(), core::narrow<int>(values.size()), MPI_DOUBLE, root, comm_));
}

void Communicator::broadcast(std::span<core::Index> values, int root, Where where) const {
  expect(check_, "broadcast", std::ssize(values), root, where);
  check_mpi(MPI_Bcast(values.data(), core::narrow<int>(values.size()), MPI_INT64_T, root, comm_));
}

std::vector<double> Communicator::gather_all(double value, Where where) const {
  expect(check_, "gather_all", 1, 0, where);
  std::vector<double> values(static_cast<std::size_t>(size_));
  check_mpi(MPI_Allgather(&value, 1, MPI_DOUBLE, values.data(), 1, MPI_DOUBLE, comm_));
  return values;
}

}  // namespace kronwerk::communication
