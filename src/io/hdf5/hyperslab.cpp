#include "io/hdf5/hyperslab.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "io/hdf5/hdf5_input.hpp"
#include "kronwerk/core/interruption.hpp"

namespace kronwerk::io {
namespace {

// HDF5 1.10 takes 2 GiB at once at most; smaller, so that a job can be interrupted soon.
constexpr core::Index slab_bytes = core::Index{1} << 26;

struct RangeCutter {
  std::span<const core::Index> shape;
  std::vector<hsize_t> prefix;
  std::vector<Hyperslab> result;

  void emit(std::size_t mode, core::Index first, core::Index last) {
    Hyperslab slab{prefix, std::vector<hsize_t>(mode, 1)};
    slab.start.push_back(static_cast<hsize_t>(first));
    slab.count.push_back(static_cast<hsize_t>(last - first));
    for (std::size_t k = mode + 1; k < shape.size(); ++k) {
      slab.start.push_back(0);
      slab.count.push_back(static_cast<hsize_t>(shape[k]));
    }
    result.push_back(std::move(slab));
  }

  void within(std::size_t mode, core::Index index, core::Index first, core::Index last) {
    prefix.push_back(static_cast<hsize_t>(index));
    cut(mode + 1, first, last);
    prefix.pop_back();
  }

  // Cuts [first, last), counted from the current prefix on, into a partial head, whole rows of
  // `mode`, and a partial tail.
  void cut(std::size_t mode, core::Index first, core::Index last) {
    const core::Index stride = core::product(shape.subspan(mode + 1));
    core::Index row = first / stride;
    const core::Index last_row = last / stride;
    if (row == last_row && first < last) {
      within(mode, row, first - row * stride, last - row * stride);
      return;
    }
    if (first != row * stride) {
      within(mode, row, first - row * stride, stride);
      ++row;
    }
    if (row < last_row) emit(mode, row, last_row);
    if (last != last_row * stride) within(mode, last_row, 0, last - last_row * stride);
  }
};

/// Visits [first, first + count) box by box. `move(memory_space, file_space, done)` moves the box
/// that begins at element `done` of the memory; `fail` throws, before HDF5 forgets why.
void for_each_box(const DatasetHandle& dataset, std::span<const core::Index> shape,
                  core::Index element_bytes, core::Index first, core::Index count,
                  const std::function<herr_t(hid_t, hid_t, core::Index)>& move,
                  const std::function<void()>& fail) {
  const core::Index piece = std::max<core::Index>(1, slab_bytes / element_bytes);
  const core::Index last = first + count;
  core::Index done = 0;
  for (core::Index begin = first; begin < last; begin += piece) {
    core::check_interruption();
    for (const Hyperslab& slab : hyperslabs(shape, begin, std::min(begin + piece, last))) {
      hsize_t size = 1;
      for (const hsize_t extent : slab.count) size *= extent;
      const auto file_space = SpaceHandle::adopt(H5Dget_space(dataset.get()));
      const auto memory_space = SpaceHandle::adopt(H5Screate_simple(1, &size, nullptr));
      if ((!slab.start.empty() &&
           H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, slab.start.data(), nullptr,
                               slab.count.data(), nullptr) < 0) ||
          move(memory_space.get(), file_space.get(), done) < 0) {
        fail();
      }
      done += core::narrow<core::Index>(size);
    }
  }
}

// The values of a box of these dimensions, the last fastest, with the first fastest.
void reverse_dimensions(const std::vector<double>& box, const std::vector<hsize_t>& count,
                        double* target) {
  std::vector<hsize_t> stride(count.size(), 1);  // of the target
  for (std::size_t k = 1; k < count.size(); ++k) stride[k] = stride[k - 1] * count[k - 1];
  std::vector<hsize_t> index(count.size(), 0);
  hsize_t position = 0;
  for (const double value : box) {
    target[position] = value;
    for (std::size_t k = count.size(); k-- > 0;) {
      position += stride[k];
      if (++index[k] < count[k]) break;
      position -= stride[k] * count[k];
      index[k] = 0;
    }
  }
}

}  // namespace

std::vector<Hyperslab> hyperslabs(std::span<const core::Index> shape, core::Index first,
                                  core::Index last) {
  if (first >= last) return {};
  if (shape.empty()) return {Hyperslab{}};
  RangeCutter cutter{shape, {}, {}};
  cutter.cut(0, first, last);
  return std::move(cutter.result);
}

void read_elements(const DatasetHandle& dataset, const Location& location, hid_t memory_type,
                   std::span<const core::Index> shape, core::Index first, core::Index count,
                   void* values) {
  const auto element = core::narrow<core::Index>(H5Tget_size(memory_type));
  for_each_box(
      dataset, shape, element, first, count,
      [&](hid_t memory_space, hid_t file_space, core::Index done) {
        return H5Dread(dataset.get(), memory_type, memory_space, file_space, H5P_DEFAULT,
                       static_cast<char*>(values) + done * element);
      },
      [&] {
        throw core::DataError(
            fmt::format("{}: cannot be read ({})", name_of(location), hdf5_error_text()));
      });
}

void read_transposed(const DatasetHandle& dataset, const Location& location,
                     std::span<const core::Index> shape, core::Index first,
                     std::span<double> values) {
  constexpr core::Index piece = core::Index{1} << 22;
  const core::Index last = first + std::ssize(values);
  std::vector<double> box;
  double* target = values.data();
  for (core::Index begin = first; begin < last; begin += piece) {
    core::check_interruption();
    for (Hyperslab slab : hyperslabs(shape, begin, std::min(begin + piece, last))) {
      std::ranges::reverse(slab.start);
      std::ranges::reverse(slab.count);
      hsize_t size = 1;
      for (const hsize_t extent : slab.count) size *= extent;
      box.resize(size);
      const auto file_space = SpaceHandle::adopt(H5Dget_space(dataset.get()));
      const auto memory_space = SpaceHandle::adopt(H5Screate_simple(1, &size, nullptr));
      if (H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, slab.start.data(), nullptr,
                              slab.count.data(), nullptr) < 0 ||
          H5Dread(dataset.get(), H5T_NATIVE_DOUBLE, memory_space.get(), file_space.get(),
                  H5P_DEFAULT, box.data()) < 0) {
        throw core::DataError(
            fmt::format("{}: cannot be read ({})", name_of(location), hdf5_error_text()));
      }
      reverse_dimensions(box, slab.count, target);
      target += size;
    }
  }
}

void write_elements(const DatasetHandle& dataset, hid_t memory_type,
                    std::span<const core::Index> shape, core::Index first, core::Index count,
                    const void* values) {
  const auto element = core::narrow<core::Index>(H5Tget_size(memory_type));
  for_each_box(
      dataset, shape, element, first, count,
      [&](hid_t memory_space, hid_t file_space, core::Index done) {
        return H5Dwrite(dataset.get(), memory_type, memory_space, file_space, H5P_DEFAULT,
                        static_cast<const char*>(values) + done * element);
      },
      [] { throw_hdf5("cannot write values"); });
}

}  // namespace kronwerk::io
