#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kronwerk/io/import/import.hpp"

namespace kronwerk::io {

/// A matrix of a data or result file → CSV `origin,destination,value`, which import_edges() reads
/// again: its entries beside the diagonal that are not zero, of a symmetric matrix each pair once.
/// Rows and columns are called by their ids (those beside the matrix, or `labels`), else by their
/// numbers from 0. Serial.
struct ExportEdgesOptions {
  Location matrix;   ///< a CSR group or a square dataset
  std::string file;  ///< the CSV; its folder is made if need be
  bool overwrite = false;
  OrderFile labels;                ///< instead of the ids beside the matrix
  std::optional<core::Index> top;  ///< only so many of largest |value|, the largest first
};

struct ExportSummary {
  std::string file;
  core::Index size = 0;     ///< of the matrix
  core::Index edges = 0;    ///< it has
  core::Index written = 0;  ///< of them
  bool symmetric = false;
};

/// @throws DataError for what is no square matrix and labels of another number,
/// ConfigurationError for a CSV that exists without `overwrite` or is one of the files read,
/// ResourceError on a full disk
ExportSummary export_edges(const ExportEdgesOptions& options);

/// One line for people.
std::string to_text(const ExportSummary& summary);

}  // namespace kronwerk::io
