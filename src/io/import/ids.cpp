#include "io/import/ids.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <utility>

#include "io/hdf5/hdf5_input.hpp"
#include "io/text/csv.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::io {

namespace {

const std::vector<std::string> transform_names{"none", "log", "log1p", "sqrt", "square", "exp"};

// A list without commas has no header unless a column is asked for.
std::vector<std::string> read_list(const std::string& file, std::string_view text, bool header) {
  std::vector<std::string> ids;
  std::unordered_map<std::string, core::Index> seen;
  core::Index line = 0;
  for (std::size_t position = 0; position < text.size();) {
    const auto end = std::min(text.find('\n', position), text.size());
    ++line;
    auto id = text.substr(position, end - position);
    position = end + 1;
    while (!id.empty() && (id.back() == '\r' || id.back() == ' ')) id.remove_suffix(1);
    if (id.empty()) continue;
    if (std::exchange(header, false)) continue;
    const auto [other, added] = seen.emplace(id, line);
    if (!added) {
      throw_at(file, line,
               fmt::format("the id '{}' appears already in line {}", id, other->second));
    }
    ids.emplace_back(id);
  }
  if (ids.empty()) throw_at(file, 1, "lists no ids");
  return ids;
}

// FILE.h5:/path, unless there is a file of that whole name.
std::optional<Location> stored_list(const std::string& file) {
  const auto colon = file.rfind(":/");
  std::error_code ignored;
  if (colon == std::string::npos || colon == 0 || std::filesystem::exists(file, ignored)) {
    return std::nullopt;
  }
  return Location{file.substr(0, colon), file.substr(colon + 1)};
}

}  // namespace

Transform parse_transform(std::string_view name) {
  const auto found = std::find(transform_names.begin(), transform_names.end(), name);
  if (found != transform_names.end()) {
    return static_cast<Transform>(found - transform_names.begin());
  }
  throw core::ConfigurationError(fmt::format("unknown transform '{}'{}; expected one of {}", name,
                                             core::suggestion(name, transform_names),
                                             core::join(transform_names, ", ")));
}

MissingCells parse_missing_cells(std::string_view name) {
  if (name == "refused") return MissingCells::refused;
  if (name == "nan") return MissingCells::nan;
  throw core::ConfigurationError(fmt::format(
      "--missing {}: expected 'refused', or 'nan' for cells that were not observed", name));
}

IdIndex::IdIndex(std::vector<std::string> ids) : ids_(std::move(ids)) {
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    positions_.emplace(ids_[i], static_cast<core::Index>(i));
  }
}

core::Index IdIndex::position(std::string_view id, const std::string& file,
                              core::Index line) const {
  const auto found = positions_.find(std::string(id));
  if (found != positions_.end()) return found->second;
  throw_at(file, line, fmt::format("unknown id '{}'{}", id, core::suggestion(id, ids_)));
}

std::vector<std::string> read_order(const OrderFile& order,
                                    const std::function<bool(const std::string&)>& is_known) {
  if (const auto list = stored_list(order.file)) {
    return read_all_strings(open_input(list->file), *list);
  }
  const auto text = read_text(order.file);
  const bool csv =
      !order.column.empty() ||
      std::string_view(text).substr(0, text.find('\n')).find(',') != std::string_view::npos;
  if (!csv) {
    auto ids = read_list(order.file, text, order.header == Header::present);
    if (order.header == Header::guessed && !is_known(ids.front())) {
      throw_at(order.file, 1,
               fmt::format("'{}' is no id of the data: --order-header skips this line as a header, "
                           "--order-no-header takes it for an id",
                           ids.front()));
    }
    return ids;
  }
  const auto table =
      CsvTable::read(order.file, order.header == Header::absent ? Header::absent : Header::present);
  const auto column = order.column.empty() ? 0 : table.column(order.column);
  if (order.header == Header::guessed && is_known(table.header()[column])) {
    throw_at(order.file, 1,
             fmt::format("'{}' is an id of the data: --order-no-header takes this line for the "
                         "first row, --order-header for the names of the columns",
                         table.header()[column]));
  }
  return table.unique_ids(column);
}

std::vector<core::Index> permutation(const OrderFile& order, const std::vector<std::string>& ids,
                                     const std::string& data_file) {
  const IdIndex index(ids);
  const auto ordered = read_order(order, [&](const auto& id) { return index.contains(id); });
  std::vector<core::Index> positions;
  for (const auto& id : ordered) {
    if (!index.contains(id)) {
      throw core::DataError(fmt::format("{}: the id '{}' is not in {}{}", order.file, id, data_file,
                                        core::suggestion(id, ids)));
    }
    positions.push_back(index.position(id, data_file, 0));
  }
  if (ordered.size() == ids.size()) return positions;
  const IdIndex listed(ordered);
  const auto missing =
      std::find_if(ids.begin(), ids.end(), [&](const auto& id) { return !listed.contains(id); });
  throw core::DataError(
      fmt::format("{}: the id '{}' of {} is not listed", order.file, *missing, data_file));
}

double transformed(Transform transform, double value, const std::string& file, core::Index line) {
  if (std::isnan(value)) return value;  // a cell that is missing stays so
  double result = value;
  if (transform == Transform::log) result = std::log(value);
  if (transform == Transform::log1p) result = std::log1p(value);
  if (transform == Transform::sqrt) result = std::sqrt(value);
  if (transform == Transform::square) result = value * value;
  if (transform == Transform::exp) result = std::exp(value);
  if (std::isfinite(result)) return result;
  throw_at(file, line,
           fmt::format("the {} of {} is not finite",
                       transform_names[static_cast<std::size_t>(transform)], value));
}

}  // namespace kronwerk::io
