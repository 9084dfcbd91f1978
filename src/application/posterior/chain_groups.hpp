#pragma once

#include <functional>
#include <optional>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/methods/memory.hpp"

namespace kronwerk::application {

/// What a copy of a model on some of the ranks needs. Local or collective on all ranks.
using CopyNeeds = std::function<methods::MemoryNeeds(int ranks, int nodes)>;

/// The groups of ranks on which chains run side by side: consecutive ranks, as many groups as there
/// are chains, or ranks, or as memory has room for copies of the model. Chain c is run by the group
/// c modulo their number.
class ChainGroups {
 public:
  /// Collective on `comm`, which must outlive this.
  /// @param needs  empty: there can be no copies
  ChainGroups(const communication::Communicator& comm, core::Index chains, const CopyNeeds& needs);

  /// Whether there are several.
  bool apart() const noexcept { return count_ > 1; }
  int count() const noexcept { return count_; }
  /// This rank's group; all ranks if there is one.
  const communication::Communicator& own() const noexcept { return own_ ? *own_ : *comm_; }
  bool runs(core::Index chain) const noexcept { return chain % count_ == number_; }
  /// The rank of all ranks whose numbers are the chain's.
  int root_of(core::Index chain) const;

 private:
  const communication::Communicator* comm_;
  int count_ = 1;
  int number_ = 0;
  std::optional<communication::Communicator> own_;
};

}  // namespace kronwerk::application
