#pragma once

#include <mpi.h>

#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "kronwerk/core/error.hpp"
#include "kronwerk/core/extents.hpp"
#include "kronwerk/core/source_location.hpp"

namespace kronwerk::communication {

/// Throws MpiError with MPI's own text unless `code` is MPI_SUCCESS.
void check_mpi(int code, core::SourceLocation where = core::SourceLocation::current());

/// Owning, move-only handle of an MPI communicator on which errors are returned, not fatal.
class Communicator {
 public:
  /// A duplicate of `comm`, freed by the destructor. Collective.
  static Communicator duplicate(MPI_Comm comm);
  /// Takes over a communicator created elsewhere; the destructor frees it.
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
  const Communicator& node() const;
  /// Number of nodes. Collective on the first call.
  int node_count() const;

  void barrier() const;
  double sum(double value) const;
  double max(double value) const;
  double min(double value) const;
  core::Index sum(core::Index value) const;
  core::Index max(core::Index value) const;
  core::Index min(core::Index value) const;
  bool any(bool value) const;
  /// In place, elementwise.
  void sum(std::span<double> values) const;
  void sum(std::span<core::Index> values) const;
  /// `text` of rank `root` on every rank.
  std::string broadcast(std::string text, int root = 0) const;
  void broadcast(std::span<double> values, int root = 0) const;
  void broadcast(std::span<core::Index> values, int root = 0) const;
  std::vector<double> gather_all(double value) const;

 private:
  explicit Communicator(MPI_Comm comm);
  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
  mutable std::unique_ptr<Communicator> node_;
  mutable int node_count_ = 0;
};

static_assert(!std::is_copy_constructible_v<Communicator>);
static_assert(std::is_nothrow_move_constructible_v<Communicator>);

/// Runs `work`, which must not itself communicate, on every rank and agrees on its outcome: if it
/// threw anywhere, every rank throws the error of the lowest such rank. Collective.
void collectively(const Communicator& comm, const std::function<void()>& work);

/// Runs `work` on rank 0 only and agrees on its outcome. Collective.
void on_root(const Communicator& comm, const std::function<void()>& work);

}  // namespace kronwerk::communication
