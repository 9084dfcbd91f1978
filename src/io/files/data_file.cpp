#include "kronwerk/io/files/data_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "io/files/file_descriptor.hpp"
#include "io/files/temporary_file.hpp"
#include "io/hdf5/external.hpp"
#include "io/hdf5/hdf5_input.hpp"
#include "io/hdf5/hdf5_output.hpp"
#include "io/hdf5/hyperslab.hpp"

namespace kronwerk::io {

struct DataFile::State {
  std::string target;
  bool overwrite = false;
  TemporaryFile temporary;
  FileHandle file;

  void make_room(const std::string& path, core::Index bytes) const;
  DatasetHandle open(const std::string& path) const { return open_dataset(file, {target, path}); }
  void create_sparse(const std::string& path, const core::Extents& shape,
                     std::span<const std::int32_t> columns, std::span<const double> values,
                     core::Index offset_bytes) const;
};

// Removes an object of that name if that is allowed, and reserves space while HDF5 has nothing left
// to write.
void DataFile::State::make_room(const std::string& path, core::Index bytes) const {
  const auto normalised = normalised_path(path);
  if (normalised == "/") {
    throw core::ConfigurationError(
        fmt::format("{}: a dataset needs a name, such as {}:/W", target, target));
  }
  for (auto parent = parent_path(normalised); parent != "/"; parent = parent_path(parent)) {
    const LinkAccess links({target, parent});
    const bool exists = object_exists(file, parent, links.get());
    links.check();
    if (!exists) continue;
    const auto object = open_object(file, {target, parent});
    if (H5Iget_type(object.get()) == H5I_GROUP) break;
    throw core::ConfigurationError(
        fmt::format("{}: is a dataset; nothing can be stored below it", name_of({target, parent})));
  }
  // The link itself, wherever it leads: replacing it leaves the other file alone.
  const LinkAccess links({target, parent_path(normalised)});
  if (object_exists(file, parent_path(normalised), links.get()) &&
      H5Lexists(file.get(), normalised.c_str(), links.get()) > 0) {
    if (!overwrite) {
      throw core::ConfigurationError(
          fmt::format("{}: exists already; choose another name or allow overwriting (--overwrite)",
                      name_of({target, path})));
    }
    if (H5Ldelete(file.get(), normalised.c_str(), H5P_DEFAULT) < 0) {
      throw_hdf5(fmt::format("{}: cannot be replaced", name_of({target, path})));
    }
  }
  if (H5Fflush(file.get(), H5F_SCOPE_LOCAL) < 0) {
    throw_hdf5(fmt::format("{}: cannot be written", target));
  }
  reserve_space(temporary.name(), bytes + metadata_reserve);
}

// Everything of a CSR group but its row offsets, for which room is made.
void DataFile::State::create_sparse(const std::string& path, const core::Extents& shape,
                                    std::span<const std::int32_t> columns,
                                    std::span<const double> values,
                                    core::Index offset_bytes) const {
  const auto stored = static_cast<core::Index>(values.size());
  make_room(path, 12 * stored + offset_bytes);
  const auto group = create_group(file, path);
  io::write_attribute(group.get(), "shape", shape);
  io::write_attribute(file, path, "encoding-type", std::string("csr_matrix"));
  io::write_attribute(file, path, "encoding-version", std::string("0.1.0"));
  const core::Extents entries{stored};
  write_all(create_dataset(file, path + "/data", H5T_NATIVE_DOUBLE, entries), H5T_NATIVE_DOUBLE,
            values.data());
  write_all(create_dataset(file, path + "/indices", H5T_NATIVE_INT32, entries), H5T_NATIVE_INT32,
            columns.data());
}

DataFile::DataFile(const std::string& file, bool overwrite, bool (*stop)())
    : state_(std::make_unique<State>()) {
  state_->target = file;
  state_->overwrite = overwrite;
  state_->temporary = TemporaryFile::create(file, true, Contention::wait, stop);
  // Only now, since another writer may have been waited for.
  std::error_code error;
  const bool exists = std::filesystem::exists(file, error);
  if (exists) open_input(file);
  const auto& name = state_->temporary.name();
  if (!exists) {
    reserve_space(name, metadata_reserve);
    state_->file = create_output(name);
    return;
  }
  const auto size = static_cast<core::Index>(std::filesystem::file_size(file, error));
  reserve_space(name, size + metadata_reserve);
  std::filesystem::copy_file(resolved_target(file), name,
                             std::filesystem::copy_options::overwrite_existing, error);
  if (error) throw_write_error(file, error.value(), size);
  using std::filesystem::perms;
  std::filesystem::permissions(name, perms::owner_read | perms::owner_write,
                               std::filesystem::perm_options::add, error);
  reserve_space(name, metadata_reserve);
  state_->file = open_output(name);
}

DataFile::DataFile(DataFile&&) noexcept = default;
DataFile& DataFile::operator=(DataFile&&) noexcept = default;
DataFile::~DataFile() = default;

void DataFile::create_dense(const std::string& path, std::span<const core::Index> shape) {
  state_->make_room(path, core::multiply(core::product(shape), sizeof(double)));
  create_dataset(state_->file, path, H5T_NATIVE_DOUBLE, shape);
}

void DataFile::write_range(const std::string& path, core::Index offset,
                           std::span<const double> values) {
  const auto dataset = state_->open(path);
  const auto shape = shape_of(dataset.get());
  const auto total = core::product(shape);
  if (offset < 0 || static_cast<core::Index>(values.size()) > total - offset) {
    throw core::ShapeError(fmt::format("{}: has {} values; {} were to be written from {} on",
                                       name_of({state_->target, path}), total, values.size(),
                                       offset));
  }
  write_elements(dataset, H5T_NATIVE_DOUBLE, shape, offset, std::ssize(values), values.data());
}

void DataFile::write_dense(const std::string& path, std::span<const core::Index> shape,
                           std::span<const double> values) {
  if (core::product(shape) != static_cast<core::Index>(values.size())) {
    throw core::ShapeError(fmt::format("{}: {} values do not fill the shape ({})",
                                       name_of({state_->target, path}), values.size(),
                                       core::to_text(shape)));
  }
  create_dense(path, shape);
  write_range(path, 0, values);
}

void DataFile::write_sparse(const std::string& path, const SparseMatrix& matrix) {
  if (matrix.column_indices.size() != matrix.values.size()) {
    throw core::ShapeError(fmt::format("{}: {} column indices for {} values",
                                       name_of({state_->target, path}),
                                       matrix.column_indices.size(), matrix.values.size()));
  }
  const auto offsets = static_cast<core::Index>(matrix.row_offsets.size());
  state_->create_sparse(path, {matrix.rows, matrix.cols}, matrix.column_indices, matrix.values,
                        8 * offsets);
  write_all(
      create_dataset(state_->file, path + "/indptr", H5T_NATIVE_INT64, core::Extents{offsets}),
      H5T_NATIVE_INT64, matrix.row_offsets.data());
}

namespace {

// How many entries stand before the rows [first, first + offsets.size()); `entry` is the first that
// may stand in one of them, and is moved on.
void find_offsets(std::span<const core::Index> entry_rows, core::Index first, std::size_t& entry,
                  std::span<core::Index> offsets) {
  for (core::Index& offset : offsets) {
    while (entry < entry_rows.size() && entry_rows[entry] < first) ++entry;
    offset = static_cast<core::Index>(entry);
    ++first;
  }
}

// The offset that most rows have.
core::Index commonest_offset(std::span<const core::Index> entry_rows, core::Index rows) {
  core::Index longest = 0, result = 0, previous = -1;
  for (std::size_t i = 0; i <= entry_rows.size(); ++i) {
    const core::Index row = i < entry_rows.size() ? entry_rows[i] : rows;
    if (row - previous > longest) {
      longest = row - previous;
      result = static_cast<core::Index>(i);
    }
    previous = row;
  }
  return result;
}

}  // namespace

void DataFile::write_sparse(const std::string& path, core::Index rows, core::Index cols,
                            std::span<const core::Index> entry_rows,
                            std::span<const std::int32_t> columns, std::span<const double> values) {
  constexpr core::Index piece = core::Index{1} << 16;
  const auto stored = static_cast<core::Index>(values.size());
  const core::Index pieces = rows / piece + 1;
  // Where most pieces hold no entry, they take no space either.
  const bool hollow = pieces > 16 * (stored + 1);
  state_->create_sparse(path, {rows, cols}, columns, values,
                        8 * piece * (hollow ? 2 * stored + 2 : pieces));
  const core::Index common = hollow ? commonest_offset(entry_rows, rows) : -1;
  const auto dataset =
      hollow ? create_hollow_dataset(state_->file, path + "/indptr", rows + 1, piece, common)
             : create_dataset(state_->file, path + "/indptr", H5T_NATIVE_INT64,
                              core::Extents{rows + 1});
  std::vector<core::Index> offsets;
  std::size_t entry = 0;
  for (core::Index first = 0; first <= rows; first += piece) {
    offsets.resize(static_cast<std::size_t>(std::min(piece, rows + 1 - first)));
    find_offsets(entry_rows, first, entry, offsets);
    if (hollow && offsets.front() == common && offsets.back() == common) continue;
    write_elements(dataset, H5T_NATIVE_INT64, core::Extents{rows + 1}, first, std::ssize(offsets),
                   offsets.data());
  }
}

void DataFile::write_strings(const std::string& path, std::span<const std::string> values) {
  std::size_t length = 1;
  for (const auto& value : values) length = std::max(length, value.size());
  state_->make_room(path, core::multiply(core::narrow<core::Index>(values.size()),
                                         core::narrow<core::Index>(length)));
  io::write_strings(state_->file, path, values);
}

void DataFile::write_attribute(const std::string& path, const std::string& name,
                               const AttributeValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (H5Fflush(state_->file.get(), H5F_SCOPE_LOCAL) < 0) {
    throw_hdf5(fmt::format("{}: cannot be written", state_->target));
  }
  reserve_space(
      state_->temporary.name(),
      metadata_reserve + (text != nullptr ? 2 * static_cast<core::Index>(text->size()) : 0));
  io::write_attribute(state_->file, path, name, value);
}

void DataFile::commit() {
  close_output(state_->file, state_->target);
  flush_to_disk(FileDescriptor::open(state_->temporary.name(), O_RDWR), state_->target);
  state_->temporary.rename_to_target(true);
}

}  // namespace kronwerk::io
