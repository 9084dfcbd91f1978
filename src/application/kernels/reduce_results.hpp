#pragma once

#include <string>
#include <vector>

#include "application/restart/kept_blocks.hpp"
#include "kronwerk/kernels/reductions/reduce.hpp"

namespace kronwerk::application {

/// The datasets of a job's reductions, one or two for each: (points,), with an axis for the list
/// and one for the components where there are any. They are written piece by piece.
class ReduceResults {
 public:
  /// @param setup  must outlive this
  /// @param count  points that have results, over all ranks
  ReduceResults(const kernels::ReductionSetup& setup, core::Index count)
      : setup_(setup), count_(count), statistics_(setup.requests.size()) {}

  /// Collective.
  std::vector<KeptBlocks::Dataset> declare(io::ResultFile& file) const;
  /// Of this rank's points, the first of which is number `first`. Collective.
  void write(io::ResultFile& file, core::Index first,
             const std::vector<kernels::ReductionResult>& results);
  /// Of each request, of all that was written; none for indices.
  std::vector<Statistics*> statistics();
  /// A line for every dataset of values. Collective.
  void report(const communication::Communicator& comm, Report& report) const;

 private:
  /// Calls use(request, path of values or "", path of indices or "", numbers per point).
  template <typename Use>
  void for_each(const Use& use) const;

  const kernels::ReductionSetup& setup_;
  core::Index count_;
  std::vector<Statistics> statistics_;
};

}  // namespace kronwerk::application
