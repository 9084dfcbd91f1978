#include "kronwerk/io/files/result_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "io/files/file_descriptor.hpp"
#include "io/files/temporary_file.hpp"
#include "io/hdf5/dimension_scales.hpp"
#include "io/hdf5/element_type.hpp"
#include "io/hdf5/hdf5_input.hpp"
#include "io/hdf5/hdf5_output.hpp"
#include "kronwerk/core/progress.hpp"

namespace kronwerk::io {

namespace {

constexpr core::Index slab_bytes = core::Index{1} << 26;

struct Attribute {
  std::string path;
  std::string name;
  AttributeValue value;
};

struct SmallDataset {
  std::string path;
  core::Extents shape;
  std::vector<double> values;
};

struct SparseGroup {
  std::string path;
  core::Extents shape;
};

struct Texts {
  std::string path;
  std::vector<std::string> values;
  bool variable_length = false;

  core::Index bytes() const {
    std::size_t length = 1;
    for (const auto& value : values) length = std::max(length, value.size());
    return core::multiply(std::ssize(values), core::narrow<core::Index>(length));
  }
};

}  // namespace

struct ResultFile::Declared {
  core::Index offset = 0;  ///< of the first value in the file, in bytes
  core::Index count = 0;   ///< of values
  Element element = Element::real;

  static core::Index bytes(Element element) { return element == Element::complex ? 16 : 8; }
  static const char* text(Element element) {
    return element == Element::complex ? "complex"
           : element == Element::real  ? "real"
                                       : "of integers";
  }
};

// Values go to the disk at once and without HDF5: every rank writes its slabs at the dataset's
// place in the file, so that a full disk is an ordinary error on the rank that meets it. Everything
// small waits on rank 0 for commit(), which is the only time HDF5 writes to the file again.
struct ResultFile::State {
  const communication::Communicator* comm = nullptr;
  std::string target;
  bool overwrite = false;
  bool discards = false;    ///< there is no file
  std::string name;         ///< of the temporary file
  TemporaryFile temporary;  ///< on rank 0
  FileDescriptor descriptor;
  std::map<std::string, Declared> datasets;
  std::vector<SmallDataset> small_datasets;  ///< on rank 0
  std::vector<Texts> texts;                  ///< on rank 0
  std::vector<SparseGroup> sparse_groups;    ///< on rank 0
  std::vector<Attribute> attributes;         ///< on rank 0
  std::vector<NamedAxes> axes;               ///< on rank 0

  Declared create(const std::string& path, std::span<const core::Index> shape,
                  Element element) const;
  core::Index pending_bytes() const;
  void write_pending() const;
};

ResultFile::Declared ResultFile::State::create(const std::string& path,
                                               std::span<const core::Index> shape,
                                               Element element) const {
  Declared declared;
  declared.count = core::product(shape);
  declared.element = element;
  const core::Index bytes = core::multiply(declared.count, Declared::bytes(element));
  // Before HDF5 has anything to write, so that it need not meet a full disk itself.
  reserve_space(name, bytes + metadata_reserve);
  auto file = open_output(name);
  {
    const auto compound = complex_type();
    const hid_t type = element == Element::complex ? compound.get()
                       : element == Element::real  ? H5T_NATIVE_DOUBLE
                                                   : H5T_NATIVE_INT64;
    const auto dataset = io::create_dataset(file, path, type, shape);
    const haddr_t offset = H5Dget_offset(dataset.get());
    declared.offset = offset == HADDR_UNDEF ? 0 : core::narrow<core::Index>(offset);
  }
  close_output(file, target);
  // Closing cut the file to what HDF5 uses; the blocks of the dataset may be gone with the rest.
  reserve_space(name, metadata_reserve);
  return declared;
}

core::Index ResultFile::State::pending_bytes() const {
  core::Index bytes = metadata_reserve;
  for (const auto& dataset : small_datasets) {
    bytes += 1024 + static_cast<core::Index>(8 * dataset.values.size());
  }
  for (const Texts& each : texts) bytes += 1024 + each.bytes();
  for (const auto& attribute : attributes) {
    const auto* text = std::get_if<std::string>(&attribute.value);
    bytes += 8192 + (text != nullptr ? 2 * static_cast<core::Index>(text->size()) : 0);
  }
  bytes += 8192 * std::ssize(sparse_groups);
  if (!axes.empty()) {
    // A scale of each axis and what refers to it.
    const auto count = datasets.size() + small_datasets.size() + texts.size();
    bytes += static_cast<core::Index>(H5S_MAX_RANK * 4096 * count);
  }
  return bytes;
}

void ResultFile::State::write_pending() const {
  reserve_space(name, pending_bytes());
  auto file = open_output(name);
  for (const auto& small : small_datasets) {
    const auto dataset = io::create_dataset(file, small.path, H5T_NATIVE_DOUBLE, small.shape);
    write_all(dataset, H5T_NATIVE_DOUBLE, small.values.data());
  }
  for (const Texts& each : texts) {
    if (each.variable_length) {
      io::write_labels(file, each.path, each.values);
    } else {
      io::write_strings(file, each.path, each.values);
    }
  }
  for (const auto& [path, shape] : sparse_groups) {
    io::write_attribute(open_object(file, {target, path}).get(), "shape", shape);
    io::write_attribute(file, path, "encoding-type", std::string("csr_matrix"));
    io::write_attribute(file, path, "encoding-version", std::string("0.1.0"));
  }
  for (const auto& attribute : attributes) {
    io::write_attribute(file, attribute.path, attribute.name, attribute.value);
  }
  if (!axes.empty()) attach_scales(file, axes);
  close_output(file, target);
  flush_to_disk(FileDescriptor::open(name, O_RDWR), target);
}

ResultFile::ResultFile(const communication::Communicator& comm, const std::string& target,
                       bool overwrite)
    : state_(std::make_unique<State>()) {
  state_->comm = &comm;
  state_->target = target;
  state_->overwrite = overwrite;
  communication::on_root(comm, [&] {
    state_->temporary = TemporaryFile::create(target, overwrite);
    state_->name = state_->temporary.name();
    reserve_space(state_->name, metadata_reserve);
    auto file = create_output(state_->name);
    close_output(file, target);
  });
  state_->name = comm.broadcast(state_->name);
}

ResultFile::ResultFile() : state_(std::make_unique<State>()) {}

ResultFile ResultFile::discarding(const communication::Communicator& comm,
                                  const std::string& target) {
  ResultFile file;
  file.state_->comm = &comm;
  file.state_->target = target;
  file.state_->discards = true;
  return file;
}

ResultFile::ResultFile(ResultFile&&) noexcept = default;
ResultFile& ResultFile::operator=(ResultFile&&) noexcept = default;
ResultFile::~ResultFile() = default;

void ResultFile::create_dataset(const std::string& path, std::span<const core::Index> shape) {
  declare(path, shape, Element::real);
}

void ResultFile::create_complex_dataset(const std::string& path,
                                        std::span<const core::Index> shape) {
  declare(path, shape, Element::complex);
}

void ResultFile::create_integer_dataset(const std::string& path,
                                        std::span<const core::Index> shape) {
  declare(path, shape, Element::integer);
}

void ResultFile::declare(const std::string& path, std::span<const core::Index> shape,
                         Element element) {
  if (state_->discards) return;
  Declared declared;
  communication::on_root(*state_->comm, [&] { declared = state_->create(path, shape, element); });
  declared.count = core::product(shape);
  declared.element = element;
  state_->comm->broadcast(std::span<core::Index>(&declared.offset, 1));
  state_->datasets[normalised_path(path)] = declared;
}

void ResultFile::write_range(const std::string& path, core::Index offset,
                             std::span<const double> values) {
  write_bytes(path, offset, static_cast<core::Index>(values.size()), std::as_bytes(values).data(),
              Element::real);
}

void ResultFile::write_complex_range(const std::string& path, core::Index offset,
                                     std::span<const std::complex<double>> values) {
  write_bytes(path, offset, static_cast<core::Index>(values.size()), std::as_bytes(values).data(),
              Element::complex);
}

void ResultFile::write_integer_range(const std::string& path, core::Index offset,
                                     std::span<const std::int64_t> values) {
  write_bytes(path, offset, static_cast<core::Index>(values.size()), std::as_bytes(values).data(),
              Element::integer);
}

void ResultFile::write_bytes(const std::string& path, core::Index offset, core::Index count,
                             const std::byte* values, Element element) {
  auto& state = *state_;
  if (state.discards) return;
  Declared declared;
  communication::collectively(*state.comm, [&] {
    const auto found = state.datasets.find(normalised_path(path));
    if (found == state.datasets.end()) {
      throw core::InternalError(fmt::format(
          "{}: the dataset was not declared before it was written", name_of({state.target, path})));
    }
    declared = found->second;
    if (declared.element != element) {
      throw core::InternalError(fmt::format("{}: was declared {}", name_of({state.target, path}),
                                            Declared::text(declared.element)));
    }
    if (count > 0 && (offset < 0 || offset > declared.count || count > declared.count - offset)) {
      throw core::ShapeError(fmt::format("{}: has {} values; elements {} to {} were to be written",
                                         name_of({state.target, path}), declared.count, offset,
                                         offset + count - 1));
    }
    if (count > 0 && !state.descriptor) {
      state.descriptor = FileDescriptor::open(state.name, O_RDWR);
    }
  });
  const core::Index width = Declared::bytes(element);
  const core::Index slab_elements = slab_bytes / width;
  const core::Index slabs = state.comm->max((count + slab_elements - 1) / slab_elements);
  for (core::Index slab = 0; slab < slabs; ++slab) {
    communication::collectively(*state.comm, [&] {
      const core::Index first = std::min(count, slab * slab_elements);
      const core::Index size = std::min(slab_elements, count - first);
      if (size == 0) return;
      write_at(state.descriptor, state.target, declared.offset + width * (offset + first),
               values + width * first, width * size);
      if (slabs > 1) core::report_progress("bytes", width * (first + size), width * count);
    });
  }
}

void ResultFile::create_sparse(const std::string& path, core::Index rows, core::Index cols,
                               core::Index stored) {
  create_dataset(path + "/data", core::Extents{stored});
  create_integer_dataset(path + "/indices", core::Extents{stored});
  create_integer_dataset(path + "/indptr", core::Extents{rows + 1});
  if (state_->comm->is_root()) state_->sparse_groups.push_back({path, {rows, cols}});
}

void ResultFile::write_sparse(const std::string& path, const SparseMatrix& matrix) {
  const bool root = state_->comm->is_root();
  core::Extents sizes{matrix.rows, matrix.cols, std::ssize(matrix.values)};
  state_->comm->broadcast(std::span<core::Index>(sizes));
  create_sparse(path, sizes[0], sizes[1], sizes[2]);
  std::vector<std::int64_t> indices, offsets;
  if (root) {
    indices.assign(matrix.column_indices.begin(), matrix.column_indices.end());
    offsets.assign(matrix.row_offsets.begin(), matrix.row_offsets.end());
  }
  write_range(path + "/data", 0, root ? std::span(matrix.values) : std::span<const double>());
  write_integer_range(path + "/indices", 0, indices);
  write_integer_range(path + "/indptr", 0, offsets);
}

void ResultFile::write_scalar(const std::string& path, double value) {
  write_array(path, {}, std::span(&value, 1));
}

void ResultFile::write_vector(const std::string& path, std::span<const double> values) {
  const auto count = static_cast<core::Index>(values.size());
  write_array(path, std::span(&count, 1), values);
}

void ResultFile::write_array(const std::string& path, std::span<const core::Index> shape,
                             std::span<const double> values) {
  if (!state_->comm->is_root() || state_->discards) return;
  state_->small_datasets.push_back(
      {path, {shape.begin(), shape.end()}, {values.begin(), values.end()}});
}

void ResultFile::write_strings(const std::string& path, const std::vector<std::string>& values) {
  if (state_->comm->is_root()) state_->texts.push_back({path, values, false});
}

void ResultFile::write_labels(const std::string& path, const std::vector<std::string>& values) {
  if (state_->comm->is_root()) state_->texts.push_back({path, values, true});
}

void ResultFile::name_axes(const std::string& path, const std::vector<std::string>& names) {
  if (state_->comm->is_root()) state_->axes.push_back({path, names});
}

void ResultFile::write_attribute(const std::string& path, const std::string& name,
                                 const AttributeValue& value) {
  if (state_->comm->is_root()) state_->attributes.push_back({path, name, value});
}

void ResultFile::flush() {
  auto& state = *state_;
  if (state.discards) return;
  // Every writer flushes what it wrote, since a node may hold it back and fail only now.
  communication::collectively(*state.comm, [&] {
    if (state.descriptor) flush_to_disk(state.descriptor, state.target);
    state.descriptor.close();
  });
}

HeldResult ResultFile::hold(const std::string& name) {
  auto& state = *state_;
  if (state.discards) return {};
  flush();
  communication::on_root(*state.comm, [&] { state.temporary.hold_as(name); });
  state.name = name;
  HeldResult held{name, {}};
  for (const auto& [path, declared] : state.datasets) {
    held.datasets.push_back(
        {path, declared.offset, declared.count, Declared::bytes(declared.element)});
  }
  return held;
}

void ResultFile::take_over(const HeldResult& held, const std::string& path, core::Index first,
                           core::Index count) {
  auto& state = *state_;
  if (state.discards) return;
  HeldResult::Dataset source;
  Declared target;
  communication::collectively(*state.comm, [&] {
    const std::string name = normalised_path(path);
    const auto declared = state.datasets.find(name);
    const auto found = std::ranges::find(held.datasets, name, &HeldResult::Dataset::path);
    if (declared == state.datasets.end() || found == held.datasets.end() ||
        found->count != declared->second.count ||
        found->width != Declared::bytes(declared->second.element) || first + count > found->count) {
      throw core::DataError(
          fmt::format("{}: holds no values of {} as they are needed here", held.file, path));
    }
    source = *found;
    target = declared->second;
  });
  constexpr core::Index slab_values = slab_bytes / 64;
  const core::Index rank = state.comm->rank();
  const core::Index begin = first + count * rank / state.comm->size();
  const core::Index mine = first + count * (rank + 1) / state.comm->size() - begin;
  std::vector<std::byte> slab;
  communication::collectively(*state.comm, [&] {
    if (mine == 0) return;
    const auto from = FileDescriptor::open(held.file, O_RDONLY);
    const auto to = FileDescriptor::open(state.name, O_RDWR);
    for (core::Index done = 0; done < mine; done += slab_values) {
      const core::Index bytes = source.width * std::min(slab_values, mine - done);
      const core::Index place = source.width * (begin + done);
      slab.resize(static_cast<std::size_t>(bytes));
      read_at(from, held.file, source.offset + place, slab.data(), bytes);
      write_at(to, state.target, target.offset + place, slab.data(), bytes);
    }
    flush_to_disk(to, state.target);
  });
}

void ResultFile::commit() {
  auto& state = *state_;
  if (state.discards) return;
  flush();
  communication::on_root(*state.comm, [&] {
    state.write_pending();
    state.temporary.rename_to_target(state.overwrite);
  });
}

}  // namespace kronwerk::io
