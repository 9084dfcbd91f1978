#include "kronwerk/communication/row_exchange.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <numeric>
#include <string>

#include "kronwerk/communication/requests.hpp"

namespace kronwerk::communication {
namespace {

using core::Index;

std::vector<int> as_counts(const std::vector<Index>& counts) {
  std::vector<int> result;
  for (const Index count : counts) result.push_back(core::narrow<int>(count));
  return result;
}

std::vector<Index> starts_of(const std::vector<Index>& counts) {
  std::vector<Index> starts(counts.size(), 0);
  std::exclusive_scan(counts.begin(), counts.end(), starts.begin(), Index{0});
  return starts;
}

std::vector<Index> exchange_one_each(const Communicator& comm, const std::vector<Index>& values) {
  std::vector<Index> result(values.size());
  check_mpi(MPI_Alltoall(values.data(), 1, MPI_INT64_T, result.data(), 1, MPI_INT64_T, comm.get()));
  return result;
}

/// Everything written to a shared block before is seen by the node's other ranks afterwards.
void node_barrier(const Communicator& comm) {
  if (comm.node().size() == 1) return;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  comm.node().barrier();
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace

RowExchange::RowExchange(const Communicator& comm, const distribution::BlockPartition& owners,
                         std::vector<Index> needed)
    : needed_(std::move(needed)) {
  collectively(comm, [&] {
    const Index begin = owners.begin(comm.rank());
    const Index end = owners.end(comm.rank());
    for (std::size_t i = 0; i < needed_.size(); ++i) {
      const bool ascending = i == 0 || needed_[i - 1] < needed_[i];
      const bool elsewhere = needed_[i] < begin || needed_[i] >= end;
      if (ascending && elsewhere && needed_[i] >= 0 && needed_[i] < owners.size()) continue;
      throw core::InternalError("row " + std::to_string(needed_[i]) + " of " +
                                std::to_string(owners.size()) + " cannot be asked of another rank");
    }
  });
  const auto ranks = static_cast<std::size_t>(comm.size());
  std::vector<Index> asked(ranks, 0);
  for (const Index row : needed_) ++asked[static_cast<std::size_t>(owners.owner(row))];
  const std::vector<Index> wanted = exchange_one_each(comm, asked);
  const std::vector<Index> ask_starts = starts_of(asked);
  const std::vector<Index> give_starts = starts_of(wanted);
  given_.resize(static_cast<std::size_t>(give_starts.back() + wanted.back()));
  const auto ask_counts = as_counts(asked);
  const auto give_counts = as_counts(wanted);
  const auto ask_places = as_counts(ask_starts);
  const auto give_places = as_counts(give_starts);
  check_mpi(MPI_Alltoallv(needed_.data(), ask_counts.data(), ask_places.data(), MPI_INT64_T,
                          given_.data(), give_counts.data(), give_places.data(), MPI_INT64_T,
                          comm.get()));
  for (Index& row : given_) row -= owners.begin(comm.rank());
  const std::vector<Index> remote = exchange_one_each(comm, give_starts);
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    if (asked[rank] > 0) {
      from_.push_back({static_cast<int>(rank), ask_starts[rank], asked[rank], remote[rank]});
    }
    if (wanted[rank] > 0) {
      to_.push_back({static_cast<int>(rank), give_starts[rank], wanted[rank]});
    }
  }
  most_rows_ = comm.max(given() + this->needed());
}

struct RowExchange::Transfer::Requests {
  communication::Requests list;
};

RowExchange::Transfer::Transfer(const RowExchange& exchange, SharedBlocks& blocks,
                                const double* rows, Index length)
    : exchange_(exchange),
      comm_(blocks.comm()),
      blocks_(blocks),
      length_(length),
      places_(exchange.needed_.size()),
      requests_(std::make_unique<Requests>()) {
  // First what this rank gives, then what it gets as messages.
  const Index given = exchange.given();
  blocks.reserve(exchange.most_rows_ * length);
  double* outbox = blocks.local();
  double* inbox = outbox + given * length;
  for (const Segment& segment : exchange.from_) {
    if (blocks.on_node(segment.rank) != nullptr) continue;
    double* to = inbox + segment.first * length;
    requests_->list.receive(to, segment.count * length, segment.rank, comm_.get());
  }
  for (Index i = 0; i < given && length > 0; ++i) {
    std::memcpy(outbox + i * length, rows + exchange.given_[static_cast<std::size_t>(i)] * length,
                static_cast<std::size_t>(length) * sizeof(double));
  }
  for (const Segment& segment : exchange.to_) {
    if (blocks.on_node(segment.rank) != nullptr) continue;
    const double* from = outbox + segment.first * length;
    requests_->list.send(from, segment.count * length, segment.rank, comm_.get());
  }
}

RowExchange::Transfer::~Transfer() = default;

std::span<const double* const> RowExchange::Transfer::wait() {
  requests_->list.wait();
  node_barrier(comm_);
  const double* inbox = blocks_.local() + exchange_.given() * length_;
  for (const Segment& segment : exchange_.from_) {
    const double* block = blocks_.on_node(segment.rank);
    const double* first =
        block != nullptr ? block + segment.remote * length_ : inbox + segment.first * length_;
    for (Index i = 0; i < segment.count; ++i) {
      places_[static_cast<std::size_t>(segment.first + i)] = first + i * length_;
    }
  }
  return places_;
}

void RowExchange::Transfer::finish() {
  node_barrier(comm_);
}

}  // namespace kronwerk::communication
