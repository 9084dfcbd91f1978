// Declared in kronwerk/io/import/import.hpp.
// A dataset of an HDF5 file in the order of another list of ids.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "io/hdf5/numeric_dataset.hpp"
#include "io/import/ids.hpp"
#include "io/import/import_target.hpp"
#include "io/text/csv.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "kronwerk/io/hdf5/mode_ids.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/io/import/import.hpp"

namespace kronwerk::io {

namespace {

using Positions = std::vector<core::Index>;

/// Where each dimension's values come from; empty: from where they are.
struct Order {
  std::vector<Positions> positions;
  std::vector<ModeIdsPtr> ids;
};

bool has_same_ids(std::vector<std::string> first, std::vector<std::string> second) {
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  return first == second;
}

Order find_order(const ReorderOptions& options, const DatasetInfo& info) {
  Order order{std::vector<Positions>(info.shape.size()), find_mode_ids(info)};
  const auto wanted = read_order(options.order, [&](const std::string& id) {
    return std::any_of(order.ids.begin(), order.ids.end(), [&](const ModeIdsPtr& list) {
      return list && std::find(list->ids.begin(), list->ids.end(), id) != list->ids.end();
    });
  });
  const ModeIds* other = nullptr;
  bool found = false;
  for (std::size_t k = 0; k < info.shape.size(); ++k) {
    if (!order.ids[k]) continue;
    other = order.ids[k].get();
    if (!has_same_ids(wanted, other->ids)) continue;
    order.positions[k] = permutation(options.order, other->ids, name_of(info.location));
    found = true;
  }
  if (found) return order;
  if (other == nullptr) {
    throw core::DataError(
        fmt::format("{}: has no ids in this file; expected a dataset {}_ids, {}_row_ids or "
                    "{}_column_ids beside it",
                    name_of(info.location), info.location.dataset, info.location.dataset,
                    info.location.dataset));
  }
  // Says which id is missing where.
  permutation(options.order, other->ids, other->data.file + ":" + other->list);
  throw core::DataError(fmt::format("{}: lists an id twice", options.order.file));
}

/// Source position of element `place` along dimension k.
core::Index source(const Order& order, std::size_t k, core::Index place) {
  const auto& positions = order.positions[k];
  return positions.empty() ? place : positions[static_cast<std::size_t>(place)];
}

// One slice of the first dimension at a time.
/// @return how many values are neither 0 nor NaN
core::Index write_dense(const DatasetInfo& info, const Order& order, const std::string& path,
                        DataFile& target) {
  const auto file = open_input(info.location.file);
  const auto dataset = examine_numeric(file, info.location);
  const core::Extents inner(info.shape.begin() + 1, info.shape.end());
  const core::Index size = core::product(inner);
  std::vector<double> from(static_cast<std::size_t>(size));
  std::vector<double> to(from.size());
  target.create_dense(path, info.shape);
  core::Index found = 0;
  for (core::Index row = 0; row < info.shape[0]; ++row) {
    read_numbers(dataset, source(order, 0, row) * size, from);
    for (core::Index i = 0; i < size; ++i) {
      core::Index rest = i, stride = 1, position = 0;
      for (std::size_t k = inner.size(); k-- > 0; rest /= inner[k], stride *= inner[k]) {
        position += source(order, k + 1, rest % inner[k]) * stride;
      }
      to[static_cast<std::size_t>(i)] = from[static_cast<std::size_t>(position)];
    }
    target.write_range(path, row * size, to);
    found += nonzeros(to);
  }
  return found;
}

void write_sparse(const DatasetInfo& info, const Order& order, const std::string& path,
                  DataFile& target) {
  const auto alone = communication::Communicator::duplicate(MPI_COMM_SELF);
  const auto matrix = read_sparse(alone, info.location);
  const auto offsets = matrix.row_offsets.span();
  Positions place_of_column(static_cast<std::size_t>(matrix.cols));
  for (core::Index column = 0; column < matrix.cols; ++column) {
    place_of_column[static_cast<std::size_t>(source(order, 1, column))] = column;
  }
  SparseMatrix result;
  result.rows = matrix.rows;
  result.cols = matrix.cols;
  result.row_offsets = {0};
  std::vector<std::pair<std::int32_t, double>> entries;
  for (core::Index row = 0; row < matrix.rows; ++row) {
    const auto from = static_cast<std::size_t>(source(order, 0, row));
    entries.clear();
    for (auto i = static_cast<std::size_t>(offsets[from]);
         i < static_cast<std::size_t>(offsets[from + 1]); ++i) {
      const auto column = static_cast<std::size_t>(matrix.column_indices.span()[i]);
      entries.emplace_back(static_cast<std::int32_t>(place_of_column[column]),
                           matrix.values.span()[i]);
    }
    std::sort(entries.begin(), entries.end());
    for (const auto& [column, value] : entries) {
      result.column_indices.push_back(column);
      result.values.push_back(value);
    }
    result.row_offsets.push_back(static_cast<core::Index>(result.values.size()));
  }
  target.write_sparse(path, result);
}

void write_ids(const DatasetInfo& info, const Order& order, const std::string& path,
               DataFile& target, ImportSummary& summary) {
  for (std::size_t k = 0; k < order.ids.size(); ++k) {
    if (!order.ids[k]) continue;
    // What the list is called after the data's own name.
    const auto list = path + order.ids[k]->list.substr(info.location.dataset.size());
    const auto known = std::find(summary.datasets.begin(), summary.datasets.end(), list);
    if (known != summary.datasets.end()) continue;
    std::vector<std::string> ids;
    for (core::Index i = 0; i < info.shape[k]; ++i) {
      ids.push_back(order.ids[k]->ids[static_cast<std::size_t>(source(order, k, i))]);
    }
    target.write_strings(list, ids);
    summary.datasets.push_back(list);
  }
}

}  // namespace

ImportSummary import_reorder(const ReorderOptions& options) {
  DatasetInfo info;
  std::optional<std::string> origin;
  {
    const auto file = open_input(options.data.file);
    info = describe_object(file, options.data);
    const auto object = open_object(file, options.data);
    origin = string_attribute(object.get(), "source");
  }
  if (info.shape.empty()) {
    throw core::DataError(
        fmt::format("{}: is a single number; there is nothing to reorder", name_of(info.location)));
  }
  const Order order = find_order(options, info);
  const auto path = normalised_path(options.target.location.dataset);
  ImportSummary summary;
  summary.location = {options.target.location.file, path};
  summary.sparse = info.sparse;
  summary.shape = info.shape;
  summary.stored = info.stored;
  summary.datasets = {path};
  // The data are read from their file as it was; the target is another one until it is complete.
  DataFile file(options.target.location.file, options.target.overwrite, options.target.stop);
  if (info.sparse) {
    write_sparse(info, order, path, file);
  } else {
    summary.stored = write_dense(info, order, path, file);
  }
  file.write_attribute(
      path, "source",
      origin.value_or(name_of(info.location)) + ", in the order of " + options.order.file);
  write_ids(info, order, path, file, summary);
  file.commit();
  return summary;
}

}  // namespace kronwerk::io
