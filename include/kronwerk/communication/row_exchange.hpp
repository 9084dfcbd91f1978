#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kronwerk/communication/shared_array.hpp"
#include "kronwerk/distribution/partition.hpp"

namespace kronwerk::communication {

/// Brings single rows of a vector that is distributed by rows to the ranks that need them: what an
/// operator with few entries off its own block exchanges instead of the whole vector.
///
/// Every owner copies what others need into its block of the shared memory. Ranks of its node read
/// it there; to other nodes it goes as messages.
class RowExchange {
 public:
  /// Collective.
  /// @param owners  who owns which row
  /// @param needed  rows of other ranks that this one needs, ascending; may be empty
  RowExchange(const Communicator& comm, const distribution::BlockPartition& owners,
              std::vector<core::Index> needed);

  /// How many rows this rank needs.
  core::Index needed() const noexcept { return static_cast<core::Index>(needed_.size()); }
  /// How many rows it gives to others, one for each of them that needs it.
  core::Index given() const noexcept { return static_cast<core::Index>(given_.size()); }

  /// One exchange. Between its construction and wait() this rank may work on what it owns.
  class Transfer {
   public:
    /// Begins to send. Collective; grows the blocks.
    /// @param rows    this rank's rows, one after another; must stay as they are until the end
    /// @param length  of each row, the same on all ranks
    Transfer(const RowExchange& exchange, SharedBlocks& blocks, const double* rows,
             core::Index length);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    /// Where the needed rows are, in the order in which they were asked for. Collective on the
    /// node.
    std::span<const double* const> wait();
    /// The rows were read. Collective on the node; afterwards the blocks may be overwritten.
    void finish();

   private:
    struct Requests;
    const RowExchange& exchange_;
    const Communicator& comm_;
    SharedBlocks& blocks_;
    core::Index length_;
    std::vector<const double*> places_;
    std::unique_ptr<Requests> requests_;
  };

 private:
  /// Rows from or for one other rank, consecutive in needed_ or given_.
  struct Segment {
    int rank;
    core::Index first;
    core::Index count;
    core::Index remote = 0;  ///< where they begin among the owner's given rows
  };

  std::vector<core::Index> needed_;
  std::vector<core::Index> given_;  ///< local rows, by receiver
  std::vector<Segment> from_;
  std::vector<Segment> to_;
  core::Index most_rows_ = 0;  ///< given and needed by any rank
};

}  // namespace kronwerk::communication
