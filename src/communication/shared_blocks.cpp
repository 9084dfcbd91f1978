#include <cstddef>
#include <string>
#include <vector>

#include "kronwerk/communication/shared_array.hpp"
#include "shared_segment.hpp"

namespace kronwerk::communication {

struct SharedBlocks::State {
  const Communicator* comm;
  Placement placement;
  core::Index capacity = 0;
  std::vector<int> node_rank;   // of every rank on this node, in the node's order: comm rank
  std::vector<Mapping> blocks;  // by node rank
  bool shared = false;

  void clear() noexcept {
    for (Mapping& block : blocks) unmap(block);
    capacity = 0;
  }
  ~State() { clear(); }
};

SharedBlocks::SharedBlocks(const Communicator& comm, Placement placement)
    : state_(std::make_unique<State>()) {
  state_->comm = &comm;
  state_->placement = placement;
  const Communicator& node = comm.node();
  state_->blocks.resize(static_cast<std::size_t>(node.size()));
  state_->node_rank.resize(static_cast<std::size_t>(node.size()));
  const int rank = comm.rank();
  check_mpi(MPI_Allgather(&rank, 1, MPI_INT, state_->node_rank.data(), 1, MPI_INT, node.get()));
}

SharedBlocks::SharedBlocks(SharedBlocks&&) noexcept = default;
SharedBlocks& SharedBlocks::operator=(SharedBlocks&&) noexcept = default;
SharedBlocks::~SharedBlocks() = default;

const Communicator& SharedBlocks::comm() const noexcept {
  return *state_->comm;
}
core::Index SharedBlocks::capacity() const noexcept {
  return state_->capacity;
}

double* SharedBlocks::local() const noexcept {
  return on_node(state_->comm->rank());
}

double* SharedBlocks::on_node(int rank) const noexcept {
  if (!state_->shared && rank != state_->comm->rank()) return nullptr;
  const auto& ranks = state_->node_rank;
  const auto found = std::lower_bound(ranks.begin(), ranks.end(), rank);
  if (found == ranks.end() || *found != rank) return nullptr;
  const auto index = static_cast<std::size_t>(found - ranks.begin());
  return reinterpret_cast<double*>(state_->blocks[index].data);
}

namespace {

/// Creates this rank's segment and maps those of the node's other ranks. Collective on the node.
/// Leaves `blocks` partly mapped and returns false if any rank of the node fails.
bool share_blocks(const Communicator& node, std::size_t size, std::vector<Mapping>& blocks) {
  std::vector<core::Index> sizes(blocks.size());
  const auto own_size = static_cast<core::Index>(size);
  check_mpi(MPI_Allgather(&own_size, 1, MPI_INT64_T, sizes.data(), 1, MPI_INT64_T, node.get()));
  const std::string own_name = new_segment_name();
  bool failed = false;
  const auto own = static_cast<std::size_t>(node.rank());
  try {
    blocks[own] = create_segment(own_name, size);
  } catch (const core::ResourceError&) {
    failed = true;
  }
  failed = node.any(failed);
  for (int rank = 0; rank < node.size(); ++rank) {
    const std::string name = node.broadcast(own_name, rank);
    if (failed || rank == node.rank()) continue;
    try {
      const auto index = static_cast<std::size_t>(rank);
      blocks[index] = open_segment(name, static_cast<std::size_t>(sizes[index]));
    } catch (const core::ResourceError&) {
      failed = true;
    }
  }
  failed = node.any(failed);
  unlink_segment(own_name);
  return !failed;
}

}  // namespace

void SharedBlocks::reserve(core::Index count) {
  State& state = *state_;
  if (!state.comm->any(count > state.capacity)) return;
  // Never empty: a rank that owns nothing must still be reachable, or its peers would send
  // messages.
  const core::Index wanted = std::max<core::Index>({count, state.capacity, 1});
  const auto size = static_cast<std::size_t>(wanted) * sizeof(double);
  state.clear();
  const Communicator& node = state.comm->node();
  state.shared = state.placement == Placement::automatic && node.size() > 1 &&
                 share_blocks(node, size, state.blocks);
  collectively(*state.comm, [&] {
    if (state.shared) return;
    state.clear();
    state.blocks[static_cast<std::size_t>(node.rank())] = map_private(size);
  });
  state.capacity = wanted;
}

}  // namespace kronwerk::communication
