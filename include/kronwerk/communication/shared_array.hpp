#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/communication/mapping.hpp"

namespace kronwerk::communication {

/// Bytes that exist once per node, whatever the number of ranks there: a POSIX shared-memory
/// segment, or ordinary memory where the node runs one rank. The base is aligned to a page at
/// least.
///
/// POSIX segments rather than MPI windows: their space can be reserved (a full /dev/shm is an
/// error, not a bus error later) and they are freed without a collective call, so that unwinding is
/// safe.
class SharedBytes {
 public:
  SharedBytes() = default;
  /// Collective on comm; `size` is taken from each node's rank 0. The contents are not initialised.
  /// @throws ResourceError on every rank if /dev/shm or memory is short somewhere
  SharedBytes(const Communicator& comm, std::size_t size);
  /// Private memory of this rank alone. Local.
  static SharedBytes private_memory(std::size_t size);

  std::byte* data() const noexcept { return mapping_.data(); }
  std::size_t size() const noexcept { return mapping_.size(); }

 private:
  Mapping mapping_;
};

/// A typed array that exists once per node.
///
/// Use: construct (collective over the communicator), let one rank of the node fill mutable_span(),
/// then publish() (collective over the node), after which every rank of the node may read span().
template <typename T>
class SharedArray {
 public:
  SharedArray() = default;
  /// Collective on comm; `size` is taken from each node's rank 0.
  SharedArray(const Communicator& comm, core::Index size)
      : node_(&comm.node()), bytes_(comm, static_cast<std::size_t>(size) * sizeof(T)) {}

  /// Wraps private memory of this rank (small arrays, tests).
  static SharedArray from_private(std::span<const T> values);

  core::Index size() const noexcept { return static_cast<core::Index>(bytes_.size() / sizeof(T)); }
  const T* data() const noexcept { return reinterpret_cast<const T*>(bytes_.data()); }
  std::span<const T> span() const noexcept { return {data(), bytes_.size() / sizeof(T)}; }
  std::span<T> mutable_span() noexcept {
    return {reinterpret_cast<T*>(bytes_.data()), bytes_.size() / sizeof(T)};
  }
  /// Makes what one rank wrote visible to the node. Collective on the node; the communicator must
  /// still exist.
  void publish() const {
    if (node_ != nullptr) node_->barrier();
  }

 private:
  const Communicator* node_ = nullptr;
  SharedBytes bytes_;
};

/// One block per rank in memory that the ranks of a node see of each other; what a redistribution
/// writes into directly. Where a node's shared memory is short its blocks are private (and
/// on_node() is null for every other rank).
class SharedBlocks {
 public:
  enum class Placement {
    automatic,       ///< shared where the node has room for it
    private_memory,  ///< never shared: every transfer is a message (tests, measurements)
  };
  /// Collective. Empty at first.
  explicit SharedBlocks(const Communicator& comm, Placement placement = Placement::automatic);
  SharedBlocks(SharedBlocks&&) noexcept;
  SharedBlocks& operator=(SharedBlocks&&) noexcept;
  ~SharedBlocks();

  /// Grows every rank's block to at least `count` doubles, contents lost. `count` is the same on
  /// all ranks; without growth nothing is communicated. Collective.
  void reserve(core::Index count);
  core::Index capacity() const noexcept;
  double* local() const noexcept;
  /// The block of `rank` (of the communicator), or null if it is not reachable by loads and stores.
  double* on_node(int rank) const noexcept;
  const Communicator& comm() const noexcept;
  /// Whether on_node() gives every rank the blocks of all ranks of its node; the same on all ranks.
  bool reach_each_other() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

template <typename T>
SharedArray<T> SharedArray<T>::from_private(std::span<const T> values) {
  SharedArray result;
  result.bytes_ = SharedBytes::private_memory(values.size_bytes());
  std::copy(values.begin(), values.end(), result.mutable_span().begin());
  return result;
}

}  // namespace kronwerk::communication
