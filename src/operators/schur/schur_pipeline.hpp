#pragma once

#include <mpi.h>

#include <memory>
#include <vector>

#include "kronwerk/distribution/partition.hpp"
#include "operators/schur/schur_substitution.hpp"

namespace kronwerk::operators {

/// Which columns each rank solves and stores: those of its away block, except that the pair of a
/// 2 x 2 block that the partition cuts is solved whole by the rank that has its second column.
struct SchurColumns {
  struct Share {
    Index first = 0;   ///< of the slab: solved columns, the borrowed one and the one given away
    Index stride = 0;  ///< columns in the slab
    Index begin = 0;   ///< solved: [begin, end)
    Index end = 0;
    bool borrows = false;  ///< the slab's first column belongs to the rank before
    bool lends = false;    ///< its last is solved by the rank after
  };
  std::vector<Share> shares;
  /// The same seen from the other end: column j becomes extent - 1 - j.
  SchurColumns reversed(Index extent) const;
};
SchurColumns make_schur_columns(const distribution::BlockPartition& away,
                                const BlockStructure& blocks);

/// Solves one system for slabs that are spread over ranks by columns: panels of rows from the
/// bottom; each rank needs the finished panel of all ranks right of it and is then a panel behind
/// its neighbour (a wavefront).
class SchurPipeline {
 public:
  /// Local. @param comm  of the ranks that share the columns; must outlive the pipeline
  /// @param backwards  the columns ascend from the last rank to the first
  SchurPipeline(const communication::Communicator& comm, SchurSystem system, SchurColumns columns,
                bool backwards);

  SchurPipeline(const SchurPipeline&) = delete;
  SchurPipeline& operator=(const SchurPipeline&) = delete;

  /// B becomes Y in this rank's slab: extent rows of shares[rank].stride values. Collective.
  void solve(double* slab);
  const SchurSystem& system() const { return system_; }

 private:
  void receive_panel(Index rows);
  void send_panel(const double* panel, Index rows);

  const communication::Communicator* comm_;
  SchurSystem system_;
  SchurColumns columns_;
  SchurColumns::Share mine_;
  Index panel_rows_ = 0;
  SchurKernel kernel_;
  std::vector<int> sources_;  ///< who solves columns right of mine, the nearest last
  std::vector<int> targets_;  ///< left of mine, the nearest first
  std::vector<double> received_;
  std::vector<MPI_Request> requests_;
};

}  // namespace kronwerk::operators
