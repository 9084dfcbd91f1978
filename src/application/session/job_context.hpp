#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "application/report/report.hpp"
#include "application/report/stages.hpp"
#include "application/restart/checkpoint.hpp"
#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/configuration/job.hpp"
#include "kronwerk/io/files/result_file.hpp"
#include "kronwerk/methods/memory.hpp"

namespace kronwerk::application {

/// A job that is to run, before it has a result. All must outlive it.
struct JobRun {
  const communication::Communicator& comm;
  const configuration::Job& job;
  Stages& stages;
  const JobClock& clock;
  Checkpoint& checkpoint;
};

/// What every task works with: who computes, what is asked, and where lines, attributes and
/// datasets go. All must outlive it.
struct JobContext {
  const communication::Communicator& comm;
  const configuration::Job& job;
  Stages& stages;
  Report& report;
  io::ResultFile& file;
  Checkpoint& checkpoint;
};

/// Opens the job's result and what an earlier run has kept, lets `work` compute and write its
/// datasets, and again for the times alone as often as the job says; writes the report, gives the
/// result its name, removes what was kept and prints the summary. Collective.
/// @param work  returns why it did not converge; "" if it did. Each call computes everything anew;
///   it may keep what it has read, and memory to work in
/// @return what `work` returned
std::string write_result(const JobRun& run, const std::function<std::string(JobContext&)>& work);

/// What `kronwerk plan` is asked.
struct PlanRequest {
  const communication::Communicator& comm;
  const configuration::Job& job;
  int ranks = 1;
  int nodes = 1;
};

/// What `kronwerk plan` says of a job, a name and a text per line.
struct Plan {
  using Lines = std::vector<std::pair<std::string, std::string>>;
  Lines subject;  ///< what is computed
  Lines method;   ///< how
  methods::MemoryNeeds needs;
};

}  // namespace kronwerk::application
