#include "io/sparse/sparse_group.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "io/hdf5/element_type.hpp"

namespace kronwerk::io {

Location member(const Location& group, const char* name) {
  return {group.file, normalised_path(group.dataset) + "/" + name, group.external};
}

std::optional<DatasetInfo> describe_sparse_group(const Location& location, hid_t group,
                                                 const std::vector<std::string>& members) {
  const auto has = [&](const char* name) {
    return std::ranges::find(members, name) != members.end();
  };
  DatasetInfo info{.location = location,
                   .sparse = true,
                   .form = SparseForm::rows,
                   .encoded = true,
                   .shape = {},
                   .stored = 0,
                   .type = ""};
  info.location.dataset = normalised_path(location.dataset);
  if (const auto rows = index_attribute(group, "MATLAB_sparse"); rows && has("jc")) {
    info.form = SparseForm::matlab;
    info.shape = {rows->front()};
    if (!location.transposed) return info;
    throw core::DataError(name_of(location) +
                          ": a sparse matrix of MATLAB is read as it is there; leave 'transpose' "
                          "out");
  }
  const bool coordinates = has("row") && has("col") && has("data");
  if (!coordinates && !has("data") && !has("indices") && !has("indptr")) return std::nullopt;
  if (coordinates) info.form = SparseForm::coordinates;
  for (const char* name : {"data", "indices", "indptr"}) {
    if (coordinates || has(name)) continue;
    throw core::DataError(fmt::format(
        "{}: the sparse matrix has no dataset '{}'; a CSR group holds data, indices and indptr, a "
        "COO group data, row and col",
        name_of(location), name));
  }
  const auto encoding = string_attribute(group, "encoding-type");
  info.encoded = encoding.has_value() || coordinates;
  if (encoding && !coordinates) {
    if (*encoding == "csc_matrix") info.form = SparseForm::columns;
    if (*encoding != "csc_matrix" && *encoding != "csr_matrix") {
      throw core::DataError(
          fmt::format("{}: attribute encoding-type is '{}', expected 'csr_matrix' or 'csc_matrix'; "
                      "convert it (scipy: .tocsr())",
                      name_of(location), *encoding));
    }
  }
  const auto shape = index_attribute(group, "shape");
  if (!shape || shape->size() != 2 || shape->at(0) < 0 || shape->at(1) < 0) {
    throw core::DataError(fmt::format(
        "{}: attribute shape is {}; a sparse matrix needs two integers, rows and columns",
        name_of(location), shape ? "(" + core::to_text(*shape) + ")" : "missing"));
  }
  info.shape = *shape;
  return info;
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
