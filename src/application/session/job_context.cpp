#include "application/session/job_context.hpp"

#include <optional>

namespace kronwerk::application {

std::string write_result(const JobRun& run, const std::function<std::string(JobContext&)>& work) {
  Stages& stages = run.stages;
  const std::string& target = run.job.output.file;
  std::optional<io::ResultFile> opened;
  stages.run("write", [&] { opened.emplace(run.comm, target, run.job.output.overwrite); });
  io::ResultFile& file = *opened;
  Report report;
  std::string failure;
  stages.repeat(false, [&] {
    JobContext context{run.comm, run.job, stages, report, file};
    failure = work(context);
  });
  for (core::Index repeat = 1; repeat < run.job.repeat; ++repeat) {
    Report unsaid;
    io::ResultFile nothing = io::ResultFile::discarding(run.comm, target);
    stages.progress().set("repeat", repeat + 1, run.job.repeat);
    stages.repeat(true, [&] {
      JobContext context{run.comm, run.job, stages, unsaid, nothing};
      work(context);
    });
  }
  const RepeatTable repeats(stages.repeat_tables());
  const std::vector<NodePlacement> nodes = find_placement(run.comm);
  stages.run("write", [&] {
    file.flush();
    const StageTable table = stages.table();
    write_report(run.comm, file, run.job, table, report, run.clock);
    write_usage(file, table, repeats, nodes, run.clock);
    file.commit();
  });
  stages.report("write", target);
  for (const std::string& line : report.lines()) stages.print(line);
  print_usage(run.comm, target, stages, repeats, nodes, run.clock);
  return failure;
}

}  // namespace kronwerk::application
