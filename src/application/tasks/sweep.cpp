#include "application/tasks/sweep.hpp"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>
#include <optional>
#include <system_error>

#include "application/inputs/id_check.hpp"
#include "application/inputs/orientation.hpp"
#include "application/inputs/workload.hpp"
#include "application/tasks/operator_job.hpp"
#include "application/tasks/task.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/files/stack.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {
namespace {

using configuration::Job;
using core::Extents;

Extents axes_of(const Job& job) {
  Extents axes;
  for (const auto& axis : job.sweep) axes.push_back(std::ssize(axis.values));
  return axes;
}

/// What a sweep varies: a key of the job, or a parameter.
void set_value(Job& job, const std::string& name, double value) {
  if (name == "solver.tolerance") {
    job.solver.tolerance = value;
  } else if (name == "solver.max_iterations") {
    job.solver.max_iterations = static_cast<Index>(value);
  } else if (name == "solver.probes") {
    job.solver.probes = static_cast<Index>(value);
  } else if (name == "solver.seed") {
    job.solver.seed = static_cast<std::uint64_t>(value);
  } else if (job.parameters.contains(name)) {
    job.parameters.at(name).value = value;
  } else {
    job.time = value;
  }
}

double value_of(const Job& job, const std::string& name) {
  if (name == "solver.tolerance") return job.solver.tolerance;
  if (name == "solver.max_iterations") return static_cast<double>(job.solver.max_iterations);
  if (name == "solver.probes") return static_cast<double>(job.solver.probes);
  if (name == "solver.seed") return static_cast<double>(job.solver.seed);
  const auto parameter = job.parameters.find(name);
  return parameter != job.parameters.end() ? parameter->second.value : job.time;
}

/// The job of one point, the last axis fastest.
Job job_at(const Job& job, Index point) {
  Job result = job;
  for (auto axis = job.sweep.rbegin(); axis != job.sweep.rend(); ++axis) {
    const Index count = std::ssize(axis->values);
    set_value(result, axis->name, axis->values[static_cast<std::size_t>(point % count)]);
    point /= count;
  }
  return result;
}

/// "rho_o = 0.1, rho_d = 0.3"
std::string values_text(const Job& job_of_point) {
  std::vector<std::string> parts;
  for (const auto& axis : job_of_point.sweep) {
    parts.push_back(fmt::format("{} = {}", axis.name, value_of(job_of_point, axis.name)));
  }
  return core::join(parts, ", ");
}

/// ": min 0, max 1, …", what the report says of the result first; "" if nothing.
std::string result_text(const Report& report) {
  const std::string_view name = "result";
  for (const std::string& line : report.lines()) {
    if (!line.starts_with(name)) continue;
    const auto begin = line.find_first_not_of(' ', name.size());
    return begin == std::string::npos ? "" : ": " + line.substr(begin);
  }
  return "";
}

/// The results of finished points, in the checkpoint's folder.
class FinishedPoints {
 public:
  /// Collective.
  FinishedPoints(const communication::Communicator& comm, Checkpoint& checkpoint, Index points)
      : checkpoint_(checkpoint), finished_(static_cast<std::size_t>(points), 0) {
    if (!checkpoint.resumes()) return;
    communication::on_root(comm, [&] {
      for (Index point = 0; point < points; ++point) {
        finished_[static_cast<std::size_t>(point)] =
            std::filesystem::is_regular_file(file(point)) ? 1 : 0;
      }
    });
    comm.broadcast(std::span<Index>(finished_));
    checkpoint.goes_on_with(fmt::format("{} of {} points", count(), points));
  }

  /// Before the first point of this run is written: those of another configuration make room.
  /// Collective.
  void begin() {
    if (checkpoint_.resumes()) return;
    checkpoint_.remove_files("point-");
    checkpoint_.save();
  }

  std::string file(Index point) const {
    return checkpoint_.file(fmt::format("point-{:06}.h5", point));
  }
  bool finished(Index point) const { return finished_[static_cast<std::size_t>(point)] != 0; }
  Index count() const { return std::accumulate(finished_.begin(), finished_.end(), Index{0}); }

 private:
  Checkpoint& checkpoint_;
  std::vector<Index> finished_;
};

/// What is kept of earlier points may grow until half of the memory that was free is used.
class MemoryWatch {
 public:
  explicit MemoryWatch(const communication::Communicator& comm)
      : comm_(comm), start_(methods::read_memory_limits()) {}
  /// Collective.
  bool is_short() const {
    const methods::MemoryLimits now = methods::read_memory_limits();
    return comm_.any(now.bytes < start_.bytes / 2 || now.shared_bytes < start_.shared_bytes / 2);
  }

 private:
  const communication::Communicator& comm_;
  methods::MemoryLimits start_;
};

/// Whether such an error may be due to the parameters' values at one point: what the data are is
/// checked before the first.
bool fails_at_a_point(core::ErrorKind kind) {
  return kind == core::ErrorKind::singular || kind == core::ErrorKind::data ||
         kind == core::ErrorKind::convergence;
}

class Sweep {
 public:
  explicit Sweep(const JobRun& run)
      : comm_(run.comm),
        job_(run.job),
        stages_(run.stages),
        clock_(run.clock),
        axes_(axes_of(job_)),
        points_(core::product(axes_)),
        checkpoint_(run.checkpoint),
        target_(comm_, job_.output.file, job_.output.overwrite),
        workspace_(std::make_shared<operators::Workspace>(comm_)),
        watch_(comm_) {}

  void run() {
    stages_.print("sweep       " + sweep_text(job_));
    checkpoint_.open(target_);
    finished_.emplace(comm_, checkpoint_, points_);
    try {
      run_points();
    } catch (const core::Terminated& ended) {
      throw core::Terminated(ended.what() + checkpoint_.save_at_end());
    }
    const RepeatTable repeats({});
    const std::vector<NodePlacement> nodes = find_placement(comm_);
    const Index converged = finish(repeats, nodes);
    checkpoint_.remove();
    print_usage(comm_, job_.output.file, stages_, repeats, nodes, clock_);
    if (converged == points_) return;
    throw core::ConvergenceError(fmt::format(
        "{} of the {} points of the sweep did not converge or have no result; they are 0 in "
        "{}:/converged. Raise solver.max_iterations, lower the demand, or use another "
        "solver.method; where there is no result, the operator is singular or overflows",
        points_ - converged, points_, job_.output.file));
  }

 private:
  void run_points() {
    if (finished_->count() == points_) return;
    load();
    finished_->begin();
    for (Index point = 0; point < points_; ++point) {
      stages_.progress().set("point", point, points_);
      if (!finished_->finished(point)) run_and_explain(point);
    }
  }

  /// What fails at a point because of the parameters' values there, such as a singular operator,
  /// ends the point and not the sweep. Another error says at which point it happened.
  void run_and_explain(Index point) {
    const Job job = job_at(job_, point);
    const double start = MPI_Wtime();
    try {
      run_point(point, job, start);
    } catch (const core::Terminated&) {
      throw;
    } catch (const core::Error& error) {
      stages_.silence(false);
      if (!fails_at_a_point(error.kind())) {
        core::throw_error(error.kind(), fmt::format("at point {} of the sweep ({}): {}", point + 1,
                                                    values_text(job), error.what()));
      }
      write_failed_point(point, job, error);
      print_point(point, job, start, std::string(": no result, ") + error.what());
    }
  }

  /// A file that says that there is no result: stacked, the point is NaN.
  void write_failed_point(Index point, const Job& job, const core::Error& error) {
    io::ResultFile file(comm_, finished_->file(point), true);
    Report report;
    report.set("converged", Index{0});
    report.set("failure", std::string(error.what()));
    if (job.task == configuration::Task::logdet && error.kind() == core::ErrorKind::singular) {
      file.write_scalar("/result", -std::numeric_limits<double>::infinity());
      file.write_scalar("/sign", 0);
    }
    stages_.run("write", [&] {
      file.write_scalar("/converged", 0);
      write_report(comm_, file, job, stages_.table(), report, clock_);
      file.commit();
    });
  }

  void print_point(Index point, const Job& job, double start, const std::string& remark) {
    const double seconds = comm_.max(MPI_Wtime() - start);
    stages_.print(fmt::format("point {:>5} {:>9}   {}{}", point + 1, core::format_seconds(seconds),
                              values_text(job), remark));
  }

  void run_point(Index point, const Job& job, double start) {
    Problem problem;
    stages_.run("analyse", [&] { problem = analyse_problem(comm_, job); });
    io::ResultFile file(comm_, finished_->file(point), true);
    Report report;
    Checkpoint nothing = Checkpoint::none(comm_, job, stages_);  // a point is kept as a whole
    stages_.silence(true);
    const std::string failure =
        compute_result({comm_, job, stages_, report, file, nothing}, problem, *data_, workspace_);
    stages_.run("write", [&] {
      file.write_scalar("/converged", failure.empty() ? 1 : 0);
      write_report(comm_, file, job, stages_.table(), report, clock_);
      file.commit();
    });
    stages_.silence(false);
    print_point(point, job, start,
                failure.empty() ? result_text(report) : ": not converged, " + failure);
    if (watch_.is_short()) data_->forget();
  }

  /// What is wrong with the formula or the data is wrong at every point.
  void load() {
    Problem problem;
    stages_.run("analyse", [&] {
      problem = analyse_problem(comm_, job_at(job_, 0));
      check_ids(comm_, problem);
      const Index count = count_inputs(comm_, problem);
      check_memory(comm_, estimate_memory(problem, workload_of(problem, count), comm_.size(),
                                          comm_.node_count()));
    });
    stages_.report("analyse", problem.sum.text() + " at the first point");
    stages_.run("load", [&] { data_.emplace(comm_, problem); });
    for (const auto& text : doubtful_orientations(comm_, problem.data, data_->matrices())) {
      stages_.warn(text);
    }
  }

  /// Stacks the points; returns how many converged.
  Index finish(const RepeatTable& repeats, const std::vector<NodePlacement>& nodes) {
    std::vector<std::string> files;
    Index converged = 0;
    for (Index point = 0; point < points_; ++point) {
      files.push_back(finished_->file(point));
    }
    stages_.run("write", [&] {
      Index best = -1;
      communication::on_root(comm_, [&] {
        converged = count_converged(files);
        best = best_point(files);
      });
      comm_.broadcast(std::span<Index>(&converged, 1));
      comm_.broadcast(std::span<Index>(&best, 1));
      io::stack_results(comm_, files, axes_, target_);
      for (const auto& axis : job_.sweep) target_.write_vector("/sweep/" + axis.name, axis.values);
      Report report;
      report.set("converged", Index{converged == points_ ? 1 : 0});
      report.set("points", points_);
      report.set("points_converged", converged);
      report.set("points_of_this_run", points_ - finished_->count());
      report.set("factorisations", factors::factorisation_count() - factorisations_before_);
      report.set("decompositions", factors::decomposition_count() - decompositions_before_);
      if (!checkpoint_.resumed().empty()) report.set("resumed", checkpoint_.resumed());
      if (best >= 0) write_best(best, report);
      target_.flush();
      const StageTable table = stages_.table();
      write_report(comm_, target_, job_, table, report, clock_);
      write_usage(target_, table, repeats, nodes, clock_);
      target_.commit();
    });
    return converged;
  }

  static Index count_converged(const std::vector<std::string>& files) {
    Index count = 0;
    for (const std::string& file : files) count += io::read_number({file, "/converged"}) != 0;
    return count;
  }

  /// Of those with one number that converged, the one with the largest; -1 if there is none.
  Index best_point(const std::vector<std::string>& files) const {
    if (job_.task != configuration::Task::logdet && job_.task != configuration::Task::trace) {
      return -1;
    }
    Index best = -1;
    double largest = 0;
    for (Index point = 0; point < points_; ++point) {
      const std::string& file = files[static_cast<std::size_t>(point)];
      if (io::read_number({file, "/converged"}) == 0) continue;
      const double value = io::read_number({file, "/result"});
      if (!std::isfinite(value) || (best >= 0 && value <= largest)) continue;
      best = point;
      largest = value;
    }
    return best;
  }

  /// What the next job's 'parameters: {file: …}' reads.
  void write_best(Index best, Report& report) {
    const Job job = job_at(job_, best);
    report.set("best", best + 1);
    report.line(fmt::format("best        point {}, {}", best + 1, values_text(job)));
    for (const auto& [name, parameter] : job.parameters) {
      target_.write_scalar("/parameters/" + name, parameter.value);
    }
  }

  const communication::Communicator& comm_;
  const Job& job_;
  Stages& stages_;
  const JobClock& clock_;
  Extents axes_;
  Index points_;
  Checkpoint& checkpoint_;
  io::ResultFile target_;
  std::optional<FinishedPoints> finished_;
  std::shared_ptr<operators::Workspace> workspace_;
  MemoryWatch watch_;
  Index factorisations_before_ = factors::factorisation_count();
  Index decompositions_before_ = factors::decomposition_count();
  std::optional<ProblemData> data_;
};

}  // namespace

std::string sweep_text(const Job& job) {
  std::vector<std::string> parts;
  for (const auto& axis : job.sweep) {
    parts.push_back(fmt::format("{} ({})", axis.name, axis.values.size()));
  }
  return fmt::format("{} points: {}", core::product(axes_of(job)), core::join(parts, " x "));
}

void run_sweep(const JobRun& run) {
  Sweep(run).run();
}

}  // namespace kronwerk::application
