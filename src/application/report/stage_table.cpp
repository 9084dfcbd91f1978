#include "application/report/stage_table.hpp"

#include <fmt/format.h>

#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

/// Minutes would not fit the column.
std::string seconds_text(double seconds) {
  return seconds < 100 ? core::format_seconds(seconds) : fmt::format("{:.0f} s", seconds);
}

/// Of each of the values. Collective.
std::vector<Spread> spread_over_ranks(const communication::Communicator& comm,
                                      const std::vector<double>& values) {
  std::vector<double> root = values;
  comm.broadcast(std::span<double>(root));
  std::vector<double> sums = values;
  comm.sum(std::span<double>(sums));
  std::vector<double> ends = values;
  for (const double value : values) ends.push_back(-value);  // whose greatest is minus the least
  communication::check_mpi(MPI_Allreduce(MPI_IN_PLACE, ends.data(), core::narrow<int>(ends.size()),
                                         MPI_DOUBLE, MPI_MAX, comm.get()));
  std::vector<Spread> spreads(values.size());
  for (std::size_t i = 0; i < spreads.size(); ++i) {
    spreads[i] = {root[i], -ends[values.size() + i], sums[i] / comm.size(), ends[i]};
  }
  return spreads;
}

void append(std::vector<double>& values, const Usage& usage) {
  for (const Measure& measure : measures) values.push_back(measure.of(usage));
}

std::string bytes_text(double bytes) {
  return bytes < 1 ? "" : core::format_bytes(bytes);
}

std::string count_text(double count) {
  return count < 0.5 ? "" : core::format_count(static_cast<long long>(count + 0.5));
}

std::string spread_text(const Spread& spread) {
  return fmt::format(" {:>8} {:>8} {:>8}", seconds_text(spread.least), seconds_text(spread.mean),
                     seconds_text(spread.largest));
}

std::string head(int ranks) {
  std::string text = fmt::format("{:<11} {:>8}", "stage", "rank 0");
  if (ranks > 1) {
    text += fmt::format(" {:>8} {:>8} {:>8} {:>8} {:>7} {:>8} {:>9} {:>9}", "least", "mean",
                        "largest", "waiting", "calls", "messages", "sent", "shared");
  }
  return text + fmt::format(" {:>9}", "touched");
}

/// Of a stage without its waiting, or the total with it.
std::string row(const std::string& name, const StageTable::Spreads& of, int ranks, bool total) {
  // Seconds of rank 0 add up; what one rank sends and touches would tell little of the others.
  const auto mean = [&](const char* measure) { return of[measure_index(measure)].mean; };
  const Spread& seconds = of[measure_index(total ? "elapsed" : "seconds")];
  std::string text = fmt::format("{:<11} {:>8}", name, seconds_text(seconds.root));
  if (ranks > 1) {
    text += fmt::format("{} {:>8} {:>7} {:>8} {:>9} {:>9}", spread_text(seconds),
                        total ? "" : seconds_text(mean("waiting")), count_text(mean("collectives")),
                        count_text(mean("messages")), bytes_text(mean("bytes_sent")),
                        bytes_text(mean("shared_bytes")));
  }
  return text + fmt::format(" {:>9}", bytes_text(mean("touched_bytes")));
}

}  // namespace

StageTable make_stage_table(const communication::Communicator& comm,
                            const std::vector<std::pair<std::string, Usage>>& stages) {
  std::vector<double> values;
  Usage total;
  for (const auto& stage : stages) {
    append(values, stage.second);
    total += stage.second;
  }
  append(values, total);
  const std::vector<Spread> spreads = spread_over_ranks(comm, values);
  StageTable table;
  auto next = spreads.begin();
  const auto take = [&next](StageTable::Spreads& of) {
    std::copy_n(next, of.size(), of.begin());
    next += static_cast<std::ptrdiff_t>(of.size());
  };
  for (const auto& stage : stages) {
    table.rows.push_back({stage.first, {}});
    take(table.rows.back().of);
  }
  take(table.total);
  return table;
}

std::vector<std::string> lines_of(const StageTable& table, int ranks) {
  std::vector<std::string> lines{head(ranks)};
  for (const StageTable::Row& each : table.rows) {
    lines.push_back(row(each.stage, each.of, ranks, false));
  }
  if (ranks > 1) {
    const Spread& waiting = table.total[measure_index("waiting")];
    lines.push_back(
        fmt::format("{:<11} {:>8}{}", "waiting", seconds_text(waiting.root), spread_text(waiting)));
  }
  lines.push_back(row("total", table.total, ranks, true));
  return lines;
}

void write_table(io::ResultFile& file, const StageTable& table) {
  std::vector<std::string> names;
  for (const StageTable::Row& each : table.rows) names.push_back(each.stage);
  file.write_strings("/report/stages/names", names);
  const core::Extents shape{std::ssize(names), 4};
  for (std::size_t m = 0; m < measures.size(); ++m) {
    std::vector<double> values;
    for (const StageTable::Row& each : table.rows) each.of[m].append_to(values);
    file.write_array(std::string("/report/stages/") + measures[m].name, shape, values);
  }
  file.write_attribute("/report/stages", "columns", std::string("rank 0, least, mean, largest"));
  file.write_attribute("/report/stages", "total", table.total[measure_index("elapsed")].root);
}

}  // namespace kronwerk::application
