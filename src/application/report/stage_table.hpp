#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "application/report/usage.hpp"
#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/io/files/result_file.hpp"

namespace kronwerk::application {

/// A number that every rank has: that of rank 0, the least, the mean and the greatest.
struct Spread {
  double root = 0;
  double least = 0;
  double mean = 0;
  double largest = 0;

  /// In the order of the arrays' last axis.
  void append_to(std::vector<double>& values) const {
    values.insert(values.end(), {root, least, mean, largest});
  }
};

/// What every stage used, over the ranks.
struct StageTable {
  using Spreads = std::array<Spread, measures.size()>;
  struct Row {
    std::string stage;
    Spreads of;  ///< in the order of `measures`
  };
  std::vector<Row> rows;  ///< "startup" first, then in the order of their beginning, "other" last
  Spreads total;          ///< of each rank's sums
};

/// @param stages  of this rank; the names are the same on every one
/// Collective.
StageTable make_stage_table(const communication::Communicator& comm,
                            const std::vector<std::pair<std::string, Usage>>& stages);

/// Lines of the closing summary: a row per stage without its waiting, rank 0's waiting as a row of
/// its own, and their sum. What ranks differ in and what was sent only if there are several.
std::vector<std::string> lines_of(const StageTable& table, int ranks);

/// /report/stages: `names`, and for every measure an array (stages, 4) whose columns are rank 0,
/// least, mean and largest; attribute `total`: rank 0's seconds in all. Collective.
void write_table(io::ResultFile& file, const StageTable& table);

}  // namespace kronwerk::application
