#include "application/session/job_context.hpp"

#include <optional>

#include "application/command_line/terminal.hpp"

namespace kronwerk::application {

namespace {

/// write_result() with a result that is open.
std::string compute_and_write(const JobRun& run, io::ResultFile& file,
                              const std::function<std::string(JobContext&)>& work) {
  Stages& stages = run.stages;
  const std::string& target = run.job.output.file;
  Report report;
  std::string failure;
  stages.repeat(false, [&] {
    JobContext context{run.comm, run.job, stages, report, file, run.checkpoint};
    failure = work(context);
  });
  for (core::Index repeat = 1; repeat < run.job.repeat; ++repeat) {
    Report unsaid;
    io::ResultFile nothing = io::ResultFile::discarding(run.comm, target);
    stages.progress().set("repeat", repeat + 1, run.job.repeat);
    stages.repeat(true, [&] {
      JobContext context{run.comm, run.job, stages, unsaid, nothing, run.checkpoint};
      work(context);
    });
  }
  if (!run.checkpoint.resumed().empty()) report.set("resumed", run.checkpoint.resumed());
  const RepeatTable repeats(stages.repeat_tables());
  const std::vector<NodePlacement> nodes = find_placement(run.comm);
  StageTable table;
  stages.run("write", [&] {
    file.flush();
    table = stages.table();
    write_report(run.comm, file, run.job, table, report, run.clock);
    write_usage(file, table, repeats, nodes, run.clock);
    file.commit();
    run.checkpoint.remove();
  });
  stages.report("write", target);
  if (output_style() == OutputStyle::json) {
    stages.print_object(json_of(report, table));
  } else {
    for (const std::string& line : report.lines()) stages.print(line);
  }
  print_usage(run.comm, target, stages, repeats, nodes, run.clock);
  return failure;
}

}  // namespace

std::string write_result(const JobRun& run, const std::function<std::string(JobContext&)>& work) {
  std::optional<io::ResultFile> file;
  run.stages.run("write", [&] {
    file.emplace(run.comm, run.job.output.file, run.job.output.overwrite);
    run.checkpoint.open(*file);
  });
  try {
    return compute_and_write(run, *file, work);
  } catch (const core::Terminated& ended) {
    throw core::Terminated(ended.what() + run.checkpoint.save_at_end());
  }
}

}  // namespace kronwerk::application
