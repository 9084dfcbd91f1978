#pragma once

#include <functional>
#include <span>
#include <vector>

#include "kronwerk/communication/shared_array.hpp"
#include "kronwerk/distribution/layout.hpp"

namespace kronwerk::communication {

/// Moves a vector between the home and the away layout, a few rows at a time, so that whoever makes
/// or takes the rows does so while they are in cache and while other rows travel.
///
/// Ranks of one node write into and read from each other's blocks directly: no packing, no copy. To
/// other nodes rows go as messages of bounded size, two sets of buffers in turn: one to each rank,
/// packed on the home side only, or, where these would be short, one to each node, whose ranks hand
/// on what is for others.
class Redistribution {
 public:
  enum class Form { faster, by_rank, by_node };

  /// `count` rows from local row `first` on, each layout.trailing() values, contiguous. The pointer
  /// must stay valid until the next call.
  using Producer = std::function<const double*(core::Index first, core::Index count)>;
  /// Where `count` rows from local row `first` on shall be put.
  using Target = std::function<double*(core::Index first, core::Index count)>;
  /// Called once those rows are there.
  using Consumer = std::function<void(core::Index first, core::Index count)>;

  /// The away side lives in `blocks`, which outlives the redistribution and is grown to this
  /// layout. Collective; without growth nothing is communicated.
  /// @param offset  where in every rank's block the away side begins, in doubles; the same on all
  /// @param form    how messages go to other nodes; by_node needs blocks that reach each other
  Redistribution(SharedBlocks& blocks, const distribution::Layout& layout, core::Index offset = 0,
                 Form form = Form::faster);

  Redistribution(const Redistribution&) = delete;
  Redistribution& operator=(const Redistribution&) = delete;

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
  /// With whom messages are exchanged.
  struct Channel {
    int partner;
    std::span<const int> ranks;  ///< away ranks of the receiving side: whose columns go
    core::Index columns;         ///< of them together
    core::Index before;          ///< columns of the channels before
  };
  void add(std::vector<Channel>& channels, int partner, std::span<const int> ranks) const;
  Rounds rounds() const;
  /// Values of a message that goes away by an incoming channel, or comes home.
  core::Index incoming_values(const Channel& channel, const Rounds& rounds,
                              core::Index round) const;
  /// Of those that do not arrive and leave where they belong, together.
  core::Index handed_on(const Rounds& rounds, core::Index round) const;
  /// Rows arrive and leave where they belong.
  bool in_place(const Channel& channel) const;
  void hand_on(const Rounds& rounds, core::Index round, const double* arrived) const;
  const double* collect(const Channel& channel, const Rounds& rounds, core::Index round,
                        double* leaving) const;
  /// Where the away block of `rank` (which this rank reaches) has the row.
  double* away_rows(int rank, core::Index global_row) const;

  SharedBlocks& blocks_;
  distribution::Layout layout_;
  core::Index offset_;
  int rank_;
  bool by_node_ = false;
  std::vector<int> near_;          ///< ranks whose blocks this rank reaches, itself included
  std::vector<int> far_;           ///< the others, if each is served by a message of its own
  std::vector<Channel> outgoing_;  ///< of rows that go away, in the order in which they are served
  std::vector<Channel> incoming_;
};

}  // namespace kronwerk::communication
