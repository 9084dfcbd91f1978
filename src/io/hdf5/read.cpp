#include "kronwerk/io/hdf5/read.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "io/hdf5/numeric_dataset.hpp"

namespace kronwerk::io {

namespace {

void require_rank(const NumericDataset& dataset, std::size_t rank, const char* expected) {
  if (dataset.shape.size() == rank) return;
  throw core::DataError(fmt::format("{}: has shape ({}); expected {}", name_of(dataset.location),
                                    core::to_text(dataset.shape), expected));
}

}  // namespace

DatasetInfo inspect(const communication::Communicator& comm, const Location& location) {
  DatasetInfo info;
  communication::on_root(comm, [&] {
    const auto file = open_input(location.file);
    info = describe_object(file, location);
  });
  info.location = location;
  info.location.dataset = normalised_path(location.dataset);
  std::array<core::Index, H5S_MAX_RANK + 3> packed{};
  packed[0] = static_cast<core::Index>(info.shape.size());
  packed[1] = info.stored;
  packed[2] = (info.sparse ? 1 : 0) + (info.encoded ? 2 : 0) + 4 * static_cast<int>(info.form);
  std::copy(info.shape.begin(), info.shape.end(), packed.begin() + 3);
  comm.broadcast(std::span<core::Index>(packed));
  info.shape.assign(packed.begin() + 3, packed.begin() + 3 + packed[0]);
  info.stored = packed[1];
  info.sparse = packed[2] % 2 != 0;
  info.encoded = packed[2] / 2 % 2 != 0;
  info.form = static_cast<SparseForm>(packed[2] / 4);
  info.type = comm.broadcast(info.type);
  return info;
}

void read_range(const communication::Communicator& comm, const Location& location,
                core::Index offset, std::span<double> values, bool allow_nonfinite) {
  const auto dataset = examine_numeric(comm, location);
  communication::collectively(comm, [&] {
    const auto total = core::product(dataset.shape);
    const auto count = static_cast<core::Index>(values.size());
    if (count > 0 && (offset < 0 || offset > total || count > total - offset)) {
      throw core::DataError(fmt::format(
          "{}: has {} values (shape {}); elements {} to {} were asked for", name_of(location),
          total, core::to_text(dataset.shape), offset, offset + count - 1));
    }
    read_numbers(dataset, offset, values);
  });
  if (!allow_nonfinite) refuse_nonfinite(comm, dataset, offset, values);
}

communication::SharedDense read_dense(const communication::Communicator& comm,
                                      const Location& location) {
  const auto dataset = examine_numeric(comm, location);
  require_rank(dataset, 2, "a matrix (2-D)");
  communication::SharedDense matrix;
  matrix.rows = dataset.shape[0];
  matrix.cols = dataset.shape[1];
  matrix.values =
      communication::SharedArray<double>(comm, core::multiply(matrix.rows, matrix.cols));
  const bool reads = comm.node().is_root();
  std::span<double> mine = reads ? matrix.values.mutable_span() : std::span<double>{};
  communication::collectively(comm, [&] { read_numbers(dataset, 0, mine); });
  refuse_nonfinite(comm, dataset, 0, mine);
  matrix.values.publish();
  return matrix;
}

bool holds(const communication::Communicator& comm, const Location& location) {
  core::Index found = 0;
  communication::on_root(comm, [&] {
    found = object_exists(open_input(location.file), normalised_path(location.dataset)) ? 1 : 0;
  });
  comm.broadcast(std::span<core::Index>(&found, 1));
  return found == 1;
}

std::map<std::string, double> read_numbers(const communication::Communicator& comm,
                                           const Location& group) {
  std::string names;
  std::vector<double> values;
  communication::on_root(comm, [&] {
    const std::string path_of_group = normalised_path(group.dataset);
    const std::string above = path_of_group == "/" ? path_of_group : path_of_group + "/";
    const auto file = open_input(group.file);
    for (const std::string& path : dataset_paths(file)) {
      if (!path.starts_with(above) || path.find('/', above.size()) != std::string::npos) continue;
      const Location location{group.file, path, group.external};
      if (!is_numeric(file, location)) continue;
      const auto dataset = examine_numeric(file, location);
      if (core::product(dataset.shape) != 1) continue;
      read_numbers(dataset, 0, std::span(&values.emplace_back(), 1));
      names.append(path.substr(above.size())).push_back('\n');
    }
    if (values.empty()) {
      throw core::DataError(fmt::format("{}: holds no numbers", name_of(group)));
    }
  });
  names = comm.broadcast(std::move(names));
  auto count = std::ssize(values);
  comm.broadcast(std::span<core::Index>(&count, 1));
  values.resize(static_cast<std::size_t>(count));
  comm.broadcast(std::span<double>(values));
  std::map<std::string, double> numbers;
  for (const double value : values) {
    const std::size_t end = names.find('\n');
    numbers[names.substr(0, end)] = value;
    names.erase(0, end + 1);
  }
  return numbers;
}

std::vector<double> read_vector(const communication::Communicator& comm, const Location& location) {
  const auto dataset = examine_numeric(comm, location);
  require_rank(dataset, 1, "a vector (1-D)");
  std::vector<double> values(static_cast<std::size_t>(dataset.shape[0]));
  communication::on_root(comm, [&] { read_numbers(dataset, 0, values); });
  comm.broadcast(std::span<double>(values));
  refuse_nonfinite(comm, dataset, 0, values);
  return values;
}

std::vector<std::string> read_strings(const communication::Communicator& comm,
                                      const Location& location) {
  // Sent as one text, each string followed by a zero byte, which no string of HDF5 contains.
  std::string joined;
  communication::on_root(comm, [&] {
    const auto file = open_input(location.file);
    for (const auto& text : read_all_strings(file, location)) joined.append(text).push_back('\0');
  });
  joined = comm.broadcast(std::move(joined));
  std::vector<std::string> strings;
  for (std::size_t first = 0; first < joined.size();) {
    const auto end = joined.find('\0', first);
    strings.push_back(joined.substr(first, end - first));
    first = end + 1;
  }
  return strings;
}

}  // namespace kronwerk::io
