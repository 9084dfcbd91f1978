#include "io/hdf5/sparse_group.hpp"

#include <fmt/format.h>

namespace kronwerk::io {

Location member(const Location& group, const char* name) {
  return {group.file, normalised_path(group.dataset) + "/" + name, group.external};
}

void require_sparse(const DatasetInfo& info) {
  if (info.sparse) return;
  throw core::DataError(
      fmt::format("{}: is a dataset of shape ({}); expected a sparse matrix: a group with data, "
                  "indices, indptr and attribute shape",
                  name_of(info.location), core::to_text(info.shape)));
}

DatasetHandle open_integers(const FileHandle& file, const Location& location) {
  auto dataset = open_dataset(file, location);
  const auto type = TypeHandle::adopt(H5Dget_type(dataset.get()));
  const auto shape = shape_of(dataset.get());
  if (H5Tget_class(type.get()) != H5T_INTEGER) {
    throw core::DataError(
        fmt::format("{}: holds {}; expected integers", name_of(location), type_name(type.get())));
  }
  if (shape.size() != 1) {
    throw core::DataError(fmt::format("{}: has shape ({}); expected a list (1-D)",
                                      name_of(location), core::to_text(shape)));
  }
  return dataset;
}

}  // namespace kronwerk::io
