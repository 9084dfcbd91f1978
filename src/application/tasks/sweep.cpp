#include "application/tasks/sweep.hpp"

#include <fmt/format.h>

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

/// The job of one point, the last axis fastest.
Job job_at(const Job& job, Index point) {
  Job result = job;
  for (auto axis = job.sweep.rbegin(); axis != job.sweep.rend(); ++axis) {
    const Index count = std::ssize(axis->values);
    result.parameters.at(axis->name).value = axis->values[static_cast<std::size_t>(point % count)];
    point /= count;
  }
  return result;
}

/// "rho_o = 0.1, rho_d = 0.3"
std::string values_text(const Job& job_of_point) {
  std::vector<std::string> parts;
  for (const auto& axis : job_of_point.sweep) {
    const double value = job_of_point.parameters.at(axis.name).value;
    parts.push_back(fmt::format("{} = {}", axis.name, value));
  }
  return core::join(parts, ", ");
}

/// The results of finished points. Serial but for the constructor and remove().
class WorkingDirectory {
 public:
  /// Discards the points of another configuration. Collective.
  WorkingDirectory(const communication::Communicator& comm, const Job& job, Index points,
                   Stages& stages)
      : comm_(comm), directory_(job.output.file + ".sweep") {
    std::vector<Index> found(static_cast<std::size_t>(points), 0);
    Index discarded = 0;
    communication::on_root(comm, [&] {
      for (Index point = 0; point < points; ++point) {
        const std::string text = io::configuration_of(file(point));
        if (text == job.text) found[static_cast<std::size_t>(point)] = 1;
        if (!text.empty() && text != job.text) ++discarded;
      }
      if (discarded == 0) return;
      remove_points();
      std::ranges::fill(found, 0);
    });
    comm.broadcast(std::span<Index>(found));
    finished_ = std::move(found);
    if (discarded > 0) {
      stages.warn(
          fmt::format("{}: {} finished points belong to another configuration and were "
                      "discarded",
                      directory_, discarded));
    }
  }

  std::string file(Index point) const {
    return fmt::format("{}/point-{:06}.h5", directory_, point);
  }
  bool finished(Index point) const { return finished_[static_cast<std::size_t>(point)] != 0; }
  Index finished_points() const {
    return std::accumulate(finished_.begin(), finished_.end(), Index{0});
  }

  /// Collective.
  void remove() const {
    communication::on_root(comm_, [&] { remove_points(); });
  }

 private:
  /// Only what sweeps write; a directory with other files stays.
  void remove_points() const {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(directory_, ignored)) {
      const std::string name = entry.path().filename().string();
      if (name.find("point-") != std::string::npos && entry.is_regular_file(ignored)) {
        std::filesystem::remove(entry.path(), ignored);
      }
    }
    std::filesystem::remove(directory_, ignored);
  }

  const communication::Communicator& comm_;
  std::string directory_;
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
        target_(comm_, job_.output.file, job_.output.overwrite),
        directory_(comm_, job_, points_, stages_),
        workspace_(std::make_shared<operators::Workspace>(comm_)),
        watch_(comm_) {}

  void run() {
    stages_.print("sweep       " + sweep_text(job_));
    if (directory_.finished_points() > 0) {
      stages_.print(
          fmt::format("            {} of them are finished already", directory_.finished_points()));
    }
    if (directory_.finished_points() < points_) load();
    for (Index point = 0; point < points_; ++point) {
      if (!directory_.finished(point)) run_and_explain(point);
    }
    const RepeatTable repeats({});
    const std::vector<NodePlacement> nodes = find_placement(comm_);
    const Index converged = finish(repeats, nodes);
    directory_.remove();
    print_usage(comm_, job_.output.file, stages_, repeats, nodes, clock_);
    if (converged == points_) return;
    throw core::ConvergenceError(fmt::format(
        "{} of the {} points of the sweep did not converge or have no result; they are 0 in "
        "{}:/converged. Raise solver.max_iterations, lower the demand, or use another "
        "solver.method; where there is no result, the operator is singular or overflows",
        points_ - converged, points_, job_.output.file));
  }

 private:
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
    io::ResultFile file(comm_, directory_.file(point), true);
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
    io::ResultFile file(comm_, directory_.file(point), true);
    Report report;
    stages_.silence(true);
    const std::string failure =
        compute_result({comm_, job, stages_, report, file}, problem, *data_, workspace_);
    stages_.run("write", [&] {
      file.write_scalar("/converged", failure.empty() ? 1 : 0);
      write_report(comm_, file, job, stages_.table(), report, clock_);
      file.commit();
    });
    stages_.silence(false);
    print_point(point, job, start, failure.empty() ? "" : ": not converged, " + failure);
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
      files.push_back(directory_.file(point));
    }
    stages_.run("write", [&] {
      communication::on_root(comm_, [&] { converged = count_converged(files); });
      comm_.broadcast(std::span<Index>(&converged, 1));
      io::stack_results(comm_, files, axes_, target_);
      for (const auto& axis : job_.sweep) target_.write_vector("/sweep/" + axis.name, axis.values);
      Report report;
      report.set("converged", Index{converged == points_ ? 1 : 0});
      report.set("points", points_);
      report.set("points_converged", converged);
      report.set("points_of_this_run", points_ - directory_.finished_points());
      report.set("factorisations", factors::factorisation_count());
      report.set("decompositions", factors::decomposition_count());
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

  const communication::Communicator& comm_;
  const Job& job_;
  Stages& stages_;
  const JobClock& clock_;
  Extents axes_;
  Index points_;
  io::ResultFile target_;
  WorkingDirectory directory_;
  std::shared_ptr<operators::Workspace> workspace_;
  MemoryWatch watch_;
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
