// Declared in kronwerk/communication/shared_array.hpp.
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "communication/shared_segment.hpp"
#include "kronwerk/communication/shared_array.hpp"
#include "kronwerk/distribution/node_map.hpp"

namespace kronwerk::communication {

struct SharedBlocks::State {
  const Communicator* comm;
  Placement placement;
  core::Index capacity = 0;
  std::vector<Mapping> blocks;  // by the place of the rank on its node
  bool shared = false;
  bool all_shared = false;  // on every node
  std::jthread touching;    // of this rank's block

  void clear() noexcept {
    touching = {};
    for (Mapping& block : blocks) block = {};
    capacity = 0;
  }
};

SharedBlocks::SharedBlocks(const Communicator& comm, Placement placement)
    : state_(std::make_unique<State>()) {
  remove_stale_segments_once();
  state_->comm = &comm;
  state_->placement = placement;
  const auto& nodes = comm.nodes();
  state_->blocks.resize(nodes.members(nodes.node_of(comm.rank())).size());
}

SharedBlocks::SharedBlocks(SharedBlocks&&) noexcept = default;
SharedBlocks& SharedBlocks::operator=(SharedBlocks&&) noexcept = default;
SharedBlocks::~SharedBlocks() = default;

const Communicator& SharedBlocks::comm() const noexcept {
  return *state_->comm;
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
  const int own = state_->comm->rank();
  const auto& nodes = state_->comm->nodes();
  if (rank != own && (!state_->shared || nodes.node_of(rank) != nodes.node_of(own))) return nullptr;
  const auto place = static_cast<std::size_t>(nodes.place_of(rank));
  return reinterpret_cast<double*>(state_->blocks[place].data());
}

namespace {

/// The first touch of less takes a millisecond.
constexpr std::size_t worth_a_thread = std::size_t{4} << 20;

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
  if (state.shared && size >= worth_a_thread) {
    state.touching = touch_in_background(state.blocks[static_cast<std::size_t>(node.rank())]);
  }
}

}  // namespace kronwerk::communication
