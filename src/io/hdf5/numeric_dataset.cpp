#include "io/hdf5/numeric_dataset.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>

#include "io/files/file_descriptor.hpp"
#include "io/hdf5/element_type.hpp"
#include "io/hdf5/hyperslab.hpp"
#include "kronwerk/core/interruption.hpp"
#include "kronwerk/core/progress.hpp"

namespace kronwerk::io {

namespace {

core::Index direct_offset(hid_t dataset, hid_t type) {
  const auto properties = PropertiesHandle::adopt(H5Dget_create_plist(dataset));
  if (H5Pget_layout(properties.get()) != H5D_CONTIGUOUS ||
      H5Pget_external_count(properties.get()) != 0 || H5Tequal(type, H5T_NATIVE_DOUBLE) <= 0) {
    return -1;
  }
  const haddr_t offset = H5Dget_offset(dataset);
  return offset == HADDR_UNDEF ? -1 : core::narrow<core::Index>(offset);
}

void read_directly(const NumericDataset& dataset, core::Index offset, std::span<double> values) {
  const auto descriptor = FileDescriptor::open(dataset.location.file, O_RDONLY);
  auto* target = reinterpret_cast<char*>(values.data());
  const auto total = static_cast<core::Index>(values.size_bytes());
  const core::Index begin =
      dataset.direct_offset + offset * static_cast<core::Index>(sizeof(double));
  constexpr core::Index slab = core::Index{1} << 26;
  for (core::Index done = 0; done < total;) {
    core::check_interruption();
    const auto count =
        ::pread(descriptor.get(), target + done,
                static_cast<std::size_t>(std::min(slab, total - done)), begin + done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      throw core::DataError(
          fmt::format("{}: cannot be read ({})", name_of(dataset.location), std::strerror(errno)));
    }
    if (count == 0) {
      throw core::DataError(
          fmt::format("{}: the file is truncated within this dataset", name_of(dataset.location)));
    }
    done += count;
    core::report_progress("bytes", done, total);
  }
}

}  // namespace

std::string position_text(std::span<const core::Index> shape, core::Index position) {
  if (shape.size() <= 1) return fmt::format("{}", position);
  std::vector<core::Index> indices(shape.size());
  for (std::size_t mode = shape.size(); mode-- > 0;) {
    indices[mode] = position % shape[mode];
    position /= shape[mode];
  }
  return fmt::format("({})", fmt::join(indices, ", "));
}

bool is_numeric(const FileHandle& file, const Location& location) {
  const auto handle = open_dataset(file, location);
  const auto type = TypeHandle::adopt(H5Dget_type(handle.get()));
  return holds_numbers(type.get());
}

NumericDataset examine_numeric(const FileHandle& file, const Location& location) {
  const auto handle = open_dataset(file, location);
  const auto type = TypeHandle::adopt(H5Dget_type(handle.get()));
  if (!holds_numbers(type.get())) {
    throw core::DataError(
        fmt::format("{}: holds {}; expected real numbers (floating-point or integer)",
                    name_of(location), type_name(type.get())));
  }
  NumericDataset dataset{.location = location,
                         .shape = shape_of(handle.get()),
                         .direct_offset = direct_offset(handle.get(), type.get())};
  dataset.location.dataset = normalised_path(location.dataset);
  if (location.transposed && dataset.shape.size() > 1) {
    std::ranges::reverse(dataset.shape);
    dataset.direct_offset = -1;
  }
  return dataset;
}

NumericDataset examine_numeric(const communication::Communicator& comm, const Location& location) {
  NumericDataset dataset;
  dataset.location = location;
  dataset.location.dataset = normalised_path(location.dataset);
  communication::on_root(comm, [&] {
    const auto file = open_input(location.file);
    dataset = examine_numeric(file, location);
  });
  std::array<core::Index, H5S_MAX_RANK + 2> packed{};
  packed[0] = static_cast<core::Index>(dataset.shape.size());
  packed[1] = dataset.direct_offset;
  std::copy(dataset.shape.begin(), dataset.shape.end(), packed.begin() + 2);
  comm.broadcast(std::span<core::Index>(packed));
  dataset.shape.assign(packed.begin() + 2, packed.begin() + 2 + packed[0]);
  dataset.direct_offset = packed[1];
  return dataset;
}

void read_numbers(const NumericDataset& dataset, core::Index offset, std::span<double> values) {
  if (values.empty()) return;
  if (dataset.direct_offset >= 0) {
    read_directly(dataset, offset, values);
    return;
  }
  const auto file = open_input(dataset.location.file);
  const auto handle = open_dataset(file, dataset.location);
  if (dataset.location.transposed && dataset.shape.size() > 1) {
    read_transposed(handle, dataset.location, dataset.shape, offset, values);
    return;
  }
  read_elements(handle, dataset.location, H5T_NATIVE_DOUBLE, dataset.shape, offset,
                std::ssize(values), values.data());
}

void refuse_nonfinite(const communication::Communicator& comm, const NumericDataset& dataset,
                      core::Index offset, std::span<const double> values) {
  constexpr core::Index none = std::numeric_limits<core::Index>::max();
  const auto bad = std::find_if(values.begin(), values.end(),
                                [](double value) { return !std::isfinite(value); });
  const core::Index mine = bad == values.end() ? none : offset + (bad - values.begin());
  const core::Index first = comm.min(mine);
  if (first == none) return;
  const bool is_nan = comm.any(mine == first && std::isnan(*bad));
  throw core::DataError(fmt::format(
      "{}: {} at position {}; values must be finite, so replace or remove it",
      name_of(dataset.location), is_nan ? "NaN" : "Inf", position_text(dataset.shape, first)));
}

}  // namespace kronwerk::io
