#include "application/session/job_context.hpp"

#include <fmt/format.h>

#include "kronwerk/core/text.hpp"

namespace kronwerk::application {

std::string write_result(const JobRun& run, const std::function<std::string(JobContext&)>& work) {
  Stages& stages = run.stages;
  const std::string& target = run.job.output.file;
  io::ResultFile file(run.comm, target, run.job.output.overwrite);
  Report report;
  JobContext context{run.comm, run.job, stages, report, file};
  std::string failure = work(context);
  stages.run("write", [&] {
    write_report(run.comm, file, run.job, stages, report, run.clock);
    file.commit();
  });
  stages.report("write", target);
  const double seconds = run.comm.max(MPI_Wtime() - run.clock.start_seconds);
  for (const std::string& line : report.lines()) stages.print(line);
  stages.print(fmt::format("written to  {} ({} in all)", target, core::format_seconds(seconds)));
  return failure;
}

}  // namespace kronwerk::application
