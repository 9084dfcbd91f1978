#include "application/report/repeat_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

RepeatTable::Seconds seconds_of(const std::vector<double>& times) {
  const std::vector<double> warm(times.begin() + 1, times.end());
  const auto [least, largest] = std::ranges::minmax_element(warm);
  return {times.front(), median(warm), *least, *largest};
}

}  // namespace

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

RepeatTable::RepeatTable(std::vector<StageTable> repeats) : repeats_(std::move(repeats)) {
  if (repeats_.size() < 2) return;
  const std::set<std::string> not_computing{"startup", "write"};
  const std::size_t elapsed = measure_index("elapsed");
  for (std::size_t row = 0; row < repeats_.front().rows.size(); ++row) {
    const bool repeated = std::ranges::any_of(
        repeats_, [&](const StageTable& table) { return table.rows[row].of[elapsed].largest > 0; });
    if (repeated && !not_computing.contains(repeats_.front().rows[row].stage)) rows_.push_back(row);
  }
}

std::vector<std::pair<std::string, RepeatTable::Seconds>> RepeatTable::seconds() const {
  const std::size_t elapsed = measure_index("elapsed");
  std::vector<std::pair<std::string, Seconds>> result;
  std::vector<double> all(repeats_.size(), 0.0);
  for (const std::size_t row : rows_) {
    std::vector<double> times;
    for (const StageTable& table : repeats_) times.push_back(table.rows[row].of[elapsed].largest);
    for (std::size_t r = 0; r < all.size(); ++r) all[r] += times[r];
    result.emplace_back(repeats_.front().rows[row].stage, seconds_of(times));
  }
  if (!rows_.empty()) result.emplace_back("all", seconds_of(all));
  return result;
}

std::vector<std::string> RepeatTable::lines() const {
  if (rows_.empty()) return {};
  const std::size_t warm = repeats_.size() - 1;
  std::vector<std::string> lines{
      fmt::format("{:<11} {:>8} {:>8} {:>8} {:>8}   of the {} after the "
                  "first",
                  "repeats", "first", "median", "least", "largest", warm)};
  for (const auto& [stage, times] : seconds()) {
    lines.push_back(
        fmt::format("{:<11} {:>8} {:>8} {:>8} {:>8}", stage, core::format_seconds(times.first),
                    core::format_seconds(times.median), core::format_seconds(times.least),
                    core::format_seconds(times.largest)));
  }
  return lines;
}

void RepeatTable::write(io::ResultFile& file) const {
  if (rows_.empty()) return;
  std::vector<std::string> names;
  for (const std::size_t row : rows_) names.push_back(repeats_.front().rows[row].stage);
  file.write_strings("/report/repeats/names", names);
  const core::Extents shape{std::ssize(repeats_), std::ssize(rows_), 4};
  for (std::size_t m = 0; m < measures.size(); ++m) {
    std::vector<double> values;
    for (const StageTable& table : repeats_) {
      for (const std::size_t row : rows_) table.rows[row].of[m].append_to(values);
    }
    file.write_array(std::string("/report/repeats/") + measures[m].name, shape, values);
  }
}

}  // namespace kronwerk::application
