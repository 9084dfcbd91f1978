// Declared in kronwerk/communication/shared_array.hpp.
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "communication/shared_segment.hpp"
#include "kronwerk/communication/map_nodes.hpp"
#include "kronwerk/communication/shared_array.hpp"

namespace kronwerk::communication {

struct SharedBlocks::State {
  const Communicator* comm;
  Placement placement;
  core::Index capacity = 0;
  std::vector<int> node_rank;   // of every rank on this node, in the node's order: comm rank
  std::vector<Mapping> blocks;  // by node rank
  distribution::NodeMap nodes;
  bool shared = false;
  bool all_shared = false;  // on every node

  State(const Communicator& of, Placement where)
      : comm(&of), placement(where), nodes(map_nodes(of)) {}

  void clear() noexcept {
    for (Mapping& block : blocks) block = {};
    capacity = 0;
  }
};

SharedBlocks::SharedBlocks(const Communicator& comm, Placement placement)
    : state_(std::make_unique<State>(comm, placement)) {
  remove_stale_segments_once();
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
const distribution::NodeMap& SharedBlocks::nodes() const noexcept {
  return state_->nodes;
}
bool SharedBlocks::reach_each_other() const noexcept {
  return state_->all_shared;
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
  return reinterpret_cast<double*>(state_->blocks[index].data());
}

namespace {

/// What a rank tells the others of its node about its segment.
struct Announcement {
  std::array<char, 56> name{};  ///< empty if there is none
  core::Index size = 0;
};

/// Creates this rank's segment and maps those of the node's other ranks. Collective on the node.
/// Leaves `blocks` partly mapped and returns false if any rank of the node fails.
bool share_blocks(const Communicator& node, std::size_t size, std::vector<Mapping>& blocks) {
  const auto own = static_cast<std::size_t>(node.rank());
  NamedSegment segment;
  Announcement mine;
  mine.size = static_cast<core::Index>(size);
  try {
    segment = create_segment(size);
    segment.name().copy(mine.name.data(), mine.name.size() - 1);
    blocks[own] = segment.take_mapping();
  } catch (const core::ResourceError&) {
    // Its absence is announced.
  }
  std::vector<Announcement> all(blocks.size());
  constexpr int bytes = sizeof(Announcement);
  check_mpi(MPI_Allgather(&mine, bytes, MPI_BYTE, all.data(), bytes, MPI_BYTE, node.get()));
  bool failed = std::any_of(all.begin(), all.end(),
                            [](const Announcement& each) { return each.name[0] == '\0'; });
  for (std::size_t rank = 0; rank < all.size() && !failed; ++rank) {
    if (rank == own) continue;
    try {
      blocks[rank] = open_segment(all[rank].name.data(), static_cast<std::size_t>(all[rank].size));
    } catch (const core::ResourceError&) {
      failed = true;
    }
  }
  // Nobody needs the name afterwards.
  return !node.any(failed);
}

}  // namespace

void SharedBlocks::reserve(core::Index count) {
  State& state = *state_;
  if (count <= state.capacity) return;
  // Never empty: a rank that owns nothing must still be reachable, or its peers would send
  // messages.
  const core::Index wanted = std::max<core::Index>(count, 1);
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
  state.all_shared = !state.comm->any(node.size() > 1 && !state.shared);
  state.capacity = wanted;
}

}  // namespace kronwerk::communication
