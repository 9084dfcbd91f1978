#pragma once

#include <string>
#include <vector>

#include "application/report/stage_table.hpp"

namespace kronwerk::application {

/// What the repeats of a job's computation used, the first one cold, and how much those after it
/// differ. All have the same stages.
class RepeatTable {
 public:
  explicit RepeatTable(std::vector<StageTable> repeats);

  /// Seconds of a stage on the slowest rank, its waiting included.
  struct Seconds {
    double first = 0;
    double median = 0;  ///< of those after the first, as are the others
    double least = 0;
    double largest = 0;
  };
  /// The stages that repeats have, but "write", and "all" of them.
  std::vector<std::pair<std::string, Seconds>> seconds() const;

  /// Lines of the closing summary; none of a job that computes once.
  std::vector<std::string> lines() const;
  /// /report/repeats: `names` of those stages, and for every measure an array (repeats, stages, 4),
  /// whose last axis is that of /report/stages; nothing of a job that computes once. Collective.
  void write(io::ResultFile& file) const;

 private:
  std::vector<StageTable> repeats_;
  std::vector<std::size_t> rows_;  ///< of those stages
};

/// Of at least one number.
double median(std::vector<double> values);

}  // namespace kronwerk::application
