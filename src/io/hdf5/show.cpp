#include "kronwerk/io/hdf5/show.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/core/text.hpp"

namespace kronwerk::io {

namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;  ///< names and what is said of them

std::string number_text(double value) {
  return std::abs(value) < 1e15 && value == std::floor(value) ? fmt::format("{:.0f}", value)
                                                              : fmt::format("{:.6g}", value);
}

std::string value_text(const FileDescription::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  std::vector<std::string> texts;
  for (const double each : std::get<std::vector<double>>(value)) {
    texts.push_back(number_text(each));
  }
  return core::join(texts, ", ");
}

std::string statistics_text(const FileDescription::Statistics& statistics, core::Index count) {
  if (count == 1) return fmt::format(" = {:.10g}", statistics.mean);
  if (statistics.not_finite == count) return ", no finite value";
  const std::string others =
      statistics.not_finite > 0
          ? fmt::format(", {} NaN or Inf", core::format_count(statistics.not_finite))
          : "";
  return fmt::format(", min {:.6g}, max {:.6g}, mean {:.6g}{}", statistics.least,
                     statistics.greatest, statistics.mean, others);
}

std::string content_text(const FileDescription::Dataset& dataset) {
  const DatasetInfo& info = dataset.info;
  if (info.sparse) {
    const double cells = static_cast<double>(info.shape[0]) * static_cast<double>(info.shape[1]);
    const std::string by =
        info.form == SparseForm::rows ? "" : fmt::format(" by {}", order_of(info.form));
    return fmt::format("sparse matrix {}{}, {} stored ({:.3g} %), {}", core::to_text(info.shape),
                       by, core::format_count(info.stored),
                       cells > 0.0 ? 100.0 * static_cast<double>(info.stored) / cells : 0.0,
                       info.type);
  }
  std::string text = fmt::format("{} {}", core::to_text(info.shape), info.type);
  if (dataset.statistics) text += statistics_text(*dataset.statistics, info.stored);
  if (!dataset.strings.empty()) {
    const bool more = info.stored > std::ssize(dataset.strings);
    text += ": " + core::join(dataset.strings, ", ") + (more ? ", …" : "");
  }
  return text;
}

std::string table(const Lines& rows) {
  std::size_t width = 0;
  for (const auto& [name, text] : rows) width = std::max(width, name.size());
  std::string text;
  for (const auto& [name, said] : rows) text += fmt::format("  {:<{}}  {}\n", name, width, said);
  return text;
}

std::string table(const std::vector<FileDescription::Dataset>& datasets) {
  Lines rows;
  for (const auto& dataset : datasets) {
    std::string text = dataset.unread.empty() ? content_text(dataset) : dataset.unread;
    for (const auto& [name, value] : dataset.attributes) {
      text += fmt::format("; {}: {}", name, value_text(value));
    }
    rows.emplace_back(dataset.path, text);
  }
  return table(rows);
}

std::string table(const FileDescription::Attributes& attributes) {
  Lines rows;
  for (const auto& [name, value] : attributes) rows.emplace_back(name, value_text(value));
  return table(rows);
}

}  // namespace

std::string to_text(const FileDescription& description) {
  std::string text =
      fmt::format("{} ({})\n", description.file, core::format_bytes(description.bytes)) +
      (description.datasets.empty() ? "  no datasets\n" : table(description.datasets));
  for (const auto& [path, attributes] : description.groups) {
    text += fmt::format("\n{}\n{}", path == "/" ? "file" : path, table(attributes));
  }
  for (const std::string& note : description.notes) text += "\n" + note + "\n";
  if (!description.configuration.empty()) {
    text += "\nconfiguration\n" + description.configuration + "\n";
  }
  return text;
}

std::string describe_file(const std::string& file) {
  return to_text(examine_file(file));
}

}  // namespace kronwerk::io
