#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "application/inputs/problem.hpp"
#include "application/report/placement.hpp"
#include "application/report/repeat_table.hpp"
#include "application/report/stages.hpp"
#include "kronwerk/expressions/lowering.hpp"
#include "kronwerk/io/files/result_file.hpp"

namespace kronwerk::application {

/// What a job has to say of itself: attributes of /report and lines of the closing summary.
class Report {
 public:
  void set(const std::string& name, const io::AttributeValue& value);
  void line(const std::string& text) { lines_.push_back(text); }
  const std::vector<std::pair<std::string, io::AttributeValue>>& attributes() const noexcept {
    return attributes_;
  }
  const std::vector<std::string>& lines() const noexcept { return lines_; }

 private:
  std::vector<std::pair<std::string, io::AttributeValue>> attributes_;
  std::vector<std::string> lines_;
};

/// Least and greatest value and the Euclidean norm of a distributed vector, gathered block by
/// block.
class Statistics {
 public:
  void add(std::span<const double> values);
  /// Least and greatest value, sum of squares and count over all ranks, for add_totals(): so that a
  /// vector can be looked at by two runs of a job. Collective.
  std::vector<double> totals(const communication::Communicator& comm) const;
  /// On one rank alone.
  void add_totals(const std::vector<double>& totals);
  /// Collective.
  std::string text(const communication::Communicator& comm) const;

 private:
  double least_ = 0;
  double greatest_ = 0;
  double squares_ = 0;
  core::Index count_ = 0;
};

/// Condition estimates of the factors that were factorised, one attribute per mode, and a line per
/// distinct factor under the stage "factorise"; warns of those that are nearly singular.
/// Collective.
void announce_factors(std::span<const expressions::LoweredProduct> products, Stages& stages,
                      Report& report);

/// When a process began, and what of its time before the job went where. Of one rank.
struct JobClock {
  std::string started;            ///< the job, ISO 8601, UTC
  double launch_seconds = 0;      ///< mpirun's start, until that of the process
  double loading_seconds = 0;     ///< the program and its libraries, until main()
  double mpi_seconds = 0;         ///< MPI's own start
  double petsc_seconds = 0;       ///< PETSc's
  bool first_of_process = false;  ///< else the process has done other things before this job
};
std::string now_text();

/// Writes /report and the root attributes. Collective.
/// @param table  of the stages so far
void write_report(const communication::Communicator& comm, io::ResultFile& file,
                  const configuration::Job& job, const StageTable& table, const Report& report,
                  const JobClock& clock);

/// {"report": …}: the attributes and the seconds in all.
std::string json_of(const Report& report, const StageTable& table);

/// Writes what belongs to whole jobs, not to points of a sweep: /report/stages, /report/repeats,
/// /report/nodes and the parts of the start-up. Collective.
/// @param nodes  where the ranks run; rank 0's counts
void write_usage(io::ResultFile& file, const StageTable& table, const RepeatTable& repeats,
                 const std::vector<NodePlacement>& nodes, const JobClock& clock);

/// Prints how long the job took, stage by stage, and where its ranks ran. Collective.
void print_usage(const communication::Communicator& comm, const std::string& target, Stages& stages,
                 const RepeatTable& repeats, const std::vector<NodePlacement>& nodes,
                 const JobClock& clock);

}  // namespace kronwerk::application
