#pragma once

#include <optional>
#include <string>

#include "application/report/stages.hpp"
#include "kronwerk/configuration/job.hpp"
#include "kronwerk/models/fit/fit.hpp"

namespace kronwerk::application {

/// The state of a fit in a small file beside its result, so that the next run of the same
/// configuration goes on after a kill. A repeat for its times has none.
class FitCheckpoint {
 public:
  /// @param comm, job, stages  must outlive this
  FitCheckpoint(const communication::Communicator& comm, const configuration::Job& job,
                Stages& stages)
      : comm_(&comm), job_(&job), stages_(&stages) {}

  /// "results/fit.h5.fit"
  std::string file() const { return file_of(*job_); }
  /// Replaces the file at once. Collective.
  void write(const models::FitState& state) const;
  /// The state of a run of this configuration, if there is one; another configuration's is left
  /// alone until it is replaced, and said to be. Collective.
  std::optional<models::FitState> read() const;

  /// Once the result is written. Collective.
  static void remove(const communication::Communicator& comm, const configuration::Job& job);

 private:
  static std::string file_of(const configuration::Job& job) { return job.output.file + ".fit"; }

  const communication::Communicator* comm_;
  const configuration::Job* job_;
  Stages* stages_;
};

}  // namespace kronwerk::application
