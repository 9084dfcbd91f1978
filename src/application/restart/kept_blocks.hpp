#pragma once

#include <string>
#include <vector>

#include "application/session/job_context.hpp"

namespace kronwerk::application {

/// How far a job has come that works on equal things in order (right-hand sides, draws, rows), the
/// results of which are in datasets one after the other: kept with the finished part of the result.
class KeptBlocks {
 public:
  struct Dataset {
    std::string path;
    core::Index values = 1;  ///< for each thing
  };
  /// Local.
  /// @param things    what they are called: "right-hand sides"
  /// @param datasets    declared before resume(), complete for finished things
  /// @param statistics  of them; must outlive this
  KeptBlocks(const JobContext& context, std::string things, core::Index count,
             std::vector<Dataset> datasets, std::vector<Statistics*> statistics);

  /// Takes over what an earlier run has finished: so many of the first things. Collective.
  core::Index resume();
  /// The first `things` are in the result, and what belongs to them has been set. Collective.
  void finish(core::Index things);

 private:
  const JobContext& context_;
  std::string things_;
  core::Index count_;
  std::vector<Dataset> datasets_;
  std::vector<Statistics*> statistics_;
};

}  // namespace kronwerk::application
