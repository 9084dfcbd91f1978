#pragma once

#include <functional>
#include <vector>

#include "kronwerk/communication/shared_array.hpp"
#include "kronwerk/distribution/layout.hpp"

namespace kronwerk::communication {

/// Moves a vector between the home and the away layout, a few rows at a time, so that whoever makes
/// or takes the rows does so while they are in cache and while other rows travel.
///
/// Ranks of one node write into and read from each other's blocks directly: no packing, no copy. To
/// other nodes rows go as messages of bounded size, two sets of buffers in turn. The home side
/// packs; on the away side messages arrive and leave in place.
class Redistribution {
 public:
  /// `count` rows from local row `first` on, each layout.trailing() values, contiguous. The pointer
  /// must stay valid until the next call.
  using Producer = std::function<const double*(core::Index first, core::Index count)>;
  /// Where `count` rows from local row `first` on shall be put.
  using Target = std::function<double*(core::Index first, core::Index count)>;
  /// Called once those rows are there.
  using Consumer = std::function<void(core::Index first, core::Index count)>;

  /// The away side lives in `blocks`, which outlives the redistribution and is grown to this
  /// layout. Collective.
  /// @param offset  where in every rank's block the away side begins, in doubles; the same on all
  Redistribution(SharedBlocks& blocks, const distribution::Layout& layout, core::Index offset = 0);

  /// Home → away: afterwards blocks.local() + offset holds this rank's (leading, columns) block.
  /// No rank of the node may still need what was there. Collective.
  /// @param chunk_rows  rows per call of `produce`; may differ from rank to rank
  void to_away(core::Index chunk_rows, const Producer& produce);

  /// Away → home. Collective; when it returns, the blocks may be overwritten.
  /// @param keep_in_cache  whether `done` works on the rows at once
  void to_home(core::Index chunk_rows, const Target& target, const Consumer& done,
               bool keep_in_cache = false);

 private:
  struct Rounds;
  Rounds rounds() const;
  /// Where the away block of `rank` (which this rank reaches) has the row.
  double* away_rows(int rank, core::Index global_row) const;

  SharedBlocks& blocks_;
  distribution::Layout layout_;
  core::Index offset_;
  int rank_;
  std::vector<int> near_;  ///< ranks whose blocks this rank reaches, itself included
  std::vector<int> far_;   ///< the others, in the order in which they are served
};

}  // namespace kronwerk::communication
