#include "kronwerk/io/files/stack.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <complex>
#include <filesystem>
#include <limits>
#include <map>
#include <vector>

#include "io/hdf5/element_type.hpp"
#include "io/hdf5/hyperslab.hpp"
#include "io/hdf5/numeric_dataset.hpp"

namespace kronwerk::io {
namespace {

using core::Extents;
using core::Index;
using Complex = std::complex<double>;

/// Values of one file in memory.
constexpr Index piece_values = Index{1} << 20;

struct Stacked {
  Extents shape;  ///< the largest of all files
  bool complex = false;
};

/// What one file has, joined with what the files before it had.
void examine(const std::string& name, std::map<std::string, Stacked>& datasets) {
  const auto file = open_input(name);
  for (const std::string& path : dataset_paths(file)) {
    const auto dataset = open_dataset(file, {name, path});
    const auto type = TypeHandle::adopt(H5Dget_type(dataset.get()));
    const Extents shape = shape_of(dataset.get());
    const bool complex = is_complex(type.get());
    const auto [place, added] = datasets.try_emplace(path, Stacked{shape, complex});
    Stacked& stacked = place->second;
    if (added) continue;
    if (stacked.shape.size() != shape.size() || stacked.complex != complex) {
      throw core::DataError(fmt::format("{}: is ({}) {}, in the results before it ({}) {}",
                                        name_of({name, path}), core::to_text(shape),
                                        complex ? "complex" : "real", core::to_text(stacked.shape),
                                        stacked.complex ? "complex" : "real"));
    }
    for (std::size_t k = 0; k < shape.size(); ++k) {
      stacked.shape[k] = std::max(stacked.shape[k], shape[k]);
    }
  }
}

/// The union on every rank; examined on rank 0. Collective.
std::map<std::string, Stacked> examine_all(const communication::Communicator& comm,
                                           std::span<const std::string> files) {
  std::map<std::string, Stacked> datasets;
  communication::on_root(comm, [&] {
    for (const std::string& file : files) examine(file, datasets);
  });
  std::string paths;
  std::vector<Index> numbers;
  for (const auto& [path, stacked] : datasets) {
    paths += path + '\n';
    numbers.push_back(stacked.complex ? 1 : 0);
    numbers.push_back(std::ssize(stacked.shape));
    numbers.insert(numbers.end(), stacked.shape.begin(), stacked.shape.end());
  }
  paths = comm.broadcast(std::move(paths));
  Index count = std::ssize(numbers);
  comm.broadcast(std::span<Index>(&count, 1));
  numbers.resize(static_cast<std::size_t>(count));
  comm.broadcast(std::span<Index>(numbers));
  datasets.clear();
  auto next = numbers.begin();
  for (std::size_t begin = 0; begin < paths.size();) {
    const std::size_t end = paths.find('\n', begin);
    Stacked stacked;
    stacked.complex = *next++ != 0;
    const Index dimensions = *next++;
    stacked.shape.assign(next, next + dimensions);
    next += dimensions;
    datasets[paths.substr(begin, end - begin)] = std::move(stacked);
    begin = end + 1;
  }
  return datasets;
}

/// Elements [offset, offset + values.size()), which are numbers or pairs of them.
void read(const FileHandle& file, const Location& location, Index offset,
          std::span<double> values) {
  read_numbers(examine_numeric(file, location), offset, values);
}

void read(const FileHandle& file, const Location& location, Index offset,
          std::span<Complex> values) {
  const auto dataset = open_dataset(file, location);
  read_elements(dataset, location, complex_type().get(), shape_of(dataset.get()), offset,
                std::ssize(values), values.data());
}

/// Where element `position` of an array of one shape is in an array of a larger one.
Index enlarged_position(const Extents& from, const Extents& to, Index position) {
  Index result = 0;
  Index stride = 1;
  for (std::size_t k = from.size(); k-- > 0;) {
    result += position % from[k] * stride;
    position /= from[k];
    stride *= to[k];
  }
  return result;
}

/// Elements [offset, offset + values.size()) of the dataset as it would be with the stacked shape.
template <typename T>
void read_padded(const std::string& name, const std::string& path, const Stacked& stacked,
                 Index offset, std::span<T> values) {
  const auto file = open_input(name);
  std::ranges::fill(values, T(std::numeric_limits<double>::quiet_NaN()));
  if (!object_exists(file, path)) return;
  const Location location{name, path};
  const Extents shape = shape_of(open_dataset(file, location).get());
  if (shape == stacked.shape) {
    read(file, location, offset, values);
    return;
  }
  std::vector<T> whole(static_cast<std::size_t>(core::product(shape)));
  read(file, location, 0, std::span<T>(whole));
  for (Index i = 0; i < std::ssize(whole); ++i) {
    const Index place = enlarged_position(shape, stacked.shape, i) - offset;
    if (place < 0 || place >= std::ssize(values)) continue;
    values[static_cast<std::size_t>(place)] = whole[static_cast<std::size_t>(i)];
  }
}

void write(ResultFile& target, const std::string& path, Index offset,
           std::span<const double> values) {
  target.write_range(path, offset, values);
}

void write(ResultFile& target, const std::string& path, Index offset,
           std::span<const Complex> values) {
  target.write_complex_range(path, offset, values);
}

/// One dataset of all files: pieces of files go round the ranks.
template <typename T>
void stack(const communication::Communicator& comm, std::span<const std::string> files,
           const std::string& path, const Stacked& stacked, ResultFile& target) {
  const Index size = core::product(stacked.shape);
  const Index pieces = (size + piece_values - 1) / piece_values;
  const Index items = pieces * std::ssize(files);
  std::vector<T> values;
  for (Index round = 0; round < items; round += comm.size()) {
    const Index item = round + comm.rank();
    const bool mine = item < items;
    const Index file = mine ? item / pieces : 0;
    const Index first = mine ? item % pieces * piece_values : 0;
    communication::collectively(comm, [&] {
      values.resize(mine ? static_cast<std::size_t>(std::min(piece_values, size - first)) : 0);
      if (!mine) return;
      read_padded<T>(files[static_cast<std::size_t>(file)], path, stacked, first, values);
    });
    write(target, path, file * size + first, std::span<const T>(values));
  }
}

}  // namespace

std::string configuration_of(const std::string& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return "";
  try {
    const auto handle = open_input(file);
    const auto root = open_object(handle, {file, "/"});
    return string_attribute(root.get(), "configuration").value_or("");
  } catch (const core::Error&) {
    return "";
  }
}

double read_number(const Location& location) {
  double value = 0;
  const auto dataset = examine_numeric(open_input(location.file), location);
  if (core::product(dataset.shape) != 1) {
    throw core::DataError(fmt::format("{}: has {} values ({}); expected one number",
                                      name_of(location), core::product(dataset.shape),
                                      core::to_text(dataset.shape)));
  }
  read_numbers(dataset, 0, std::span<double>(&value, 1));
  return value;
}

void stack_results(const communication::Communicator& comm, std::span<const std::string> files,
                   std::span<const Index> axes, ResultFile& target) {
  for (const auto& [path, stacked] : examine_all(comm, files)) {
    Extents shape(axes.begin(), axes.end());
    shape.insert(shape.end(), stacked.shape.begin(), stacked.shape.end());
    if (stacked.complex) {
      target.create_complex_dataset(path, shape);
      stack<Complex>(comm, files, path, stacked, target);
    } else {
      target.create_dataset(path, shape);
      stack<double>(comm, files, path, stacked, target);
    }
  }
}

}  // namespace kronwerk::io
