#pragma once

#include <mpi.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "kronwerk/core/error.hpp"
#include "kronwerk/core/extents.hpp"
#include "kronwerk/core/source_location.hpp"

namespace kronwerk::distribution {
class NodeMap;
}

namespace kronwerk::communication {

class CallCheck;

/// Throws MpiError with MPI's own text unless `code` is MPI_SUCCESS.
void check_mpi(int code, core::SourceLocation where = core::SourceLocation::current());

/// Owning, move-only handle of an MPI communicator on which errors are returned, not fatal.
///
/// A debug mode for finding ranks that do not take part in the same collective calls: with
/// KRONWERK_CHECK_COLLECTIVES=1 in the environment, the ranks compare before each of this class's
/// collectives (and of collectively() and on_root()) from where they make it, and throw
/// InternalError with the places of two ranks where they differ.
class Communicator {
 public:
  using Where = core::SourceLocation;

  /// A duplicate of `comm`, freed by the destructor. Collective.
  static Communicator duplicate(MPI_Comm comm);
  /// Takes over a communicator created elsewhere; the destructor frees it. Collective.
  static Communicator adopt(MPI_Comm comm);

  Communicator(Communicator&& other) noexcept;
  Communicator& operator=(Communicator&& other) noexcept;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  ~Communicator();

  MPI_Comm get() const noexcept { return comm_; }
  int rank() const noexcept { return rank_; }
  int size() const noexcept { return size_; }
  bool is_root() const noexcept { return rank_ == 0; }

  /// The ranks that share this rank's memory. Collective on the first call; kept afterwards.
  ///
  /// For tests, KRONWERK_TEST_NODES=2+1 in rank 0's environment splits a job of three ranks as if
  /// it ran on two nodes: messages between them, shared memory within.
  /// @throws ConfigurationError on every rank if that variable does not fit the job
  const Communicator& node() const;
  /// Which ranks share a node; nodes are numbered in the order of their lowest ranks. Collective on
  /// the first call; kept afterwards.
  const distribution::NodeMap& nodes() const;
  /// Number of nodes. Collective on the first call.
  int node_count() const;
  /// The lowest ranks of all nodes, in the nodes' order; null on other ranks. Collective on the
  /// first call; kept afterwards.
  const Communicator* leaders() const;

  void barrier(Where where = Where::current()) const;
  double sum(double value, Where where = Where::current()) const;
  double max(double value, Where where = Where::current()) const;
  double min(double value, Where where = Where::current()) const;
  core::Index sum(core::Index value, Where where = Where::current()) const;
  core::Index max(core::Index value, Where where = Where::current()) const;
  core::Index min(core::Index value, Where where = Where::current()) const;
  bool any(bool value, Where where = Where::current()) const;
  /// In place, elementwise.
  void sum(std::span<double> values, Where where = Where::current()) const;
  void sum(std::span<core::Index> values, Where where = Where::current()) const;
  /// `text` of rank `root` on every rank.
  std::string broadcast(std::string text, int root = 0, Where where = Where::current()) const;
  void broadcast(std::span<double> values, int root = 0, Where where = Where::current()) const;
  void broadcast(std::span<core::Index> values, int root = 0, Where where = Where::current()) const;
  std::vector<double> gather_all(double value, Where where = Where::current()) const;

 private:
  friend void collectively(const Communicator& comm, const std::function<void()>& work,
                           core::SourceLocation where);

  explicit Communicator(MPI_Comm comm);
  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
  std::unique_ptr<CallCheck> check_;  ///< null unless in the debug mode
  mutable std::unique_ptr<Communicator> node_;
  mutable std::unique_ptr<distribution::NodeMap> nodes_;
  mutable std::optional<std::unique_ptr<Communicator>> leaders_;
};

static_assert(!std::is_copy_constructible_v<Communicator>);
static_assert(std::is_nothrow_move_constructible_v<Communicator>);

/// How some work failed. The message is never empty.
struct Failure {
  core::ErrorKind kind = core::ErrorKind::internal;
  std::string message;
};

/// Runs `work` and catches whatever it throws. Local.
/// @param rank   what the message names if the exception has none of its own
/// @param where  likewise
std::optional<Failure> failure_of(const std::function<void()>& work, int rank,
                                  core::SourceLocation where = core::SourceLocation::current());

/// Runs `work`, which must not itself communicate, on every rank and agrees on its outcome: if it
/// threw anywhere, every rank throws the error of the lowest such rank. Collective.
void collectively(const Communicator& comm, const std::function<void()>& work,
                  core::SourceLocation where = core::SourceLocation::current());

/// Runs `work` on rank 0 only and agrees on its outcome. Collective.
void on_root(const Communicator& comm, const std::function<void()>& work,
             core::SourceLocation where = core::SourceLocation::current());

}  // namespace kronwerk::communication
