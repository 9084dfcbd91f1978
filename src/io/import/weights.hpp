#pragma once

#include <string>
#include <vector>

#include "kronwerk/io/files/data_file.hpp"
#include "kronwerk/io/import/import.hpp"

namespace kronwerk::io {

/// A stored entry and the line it comes from.
struct Entry {
  core::Index row = 0;
  core::Index column = 0;
  double value = 0.0;
  core::Index line = 0;
};

/// Sorts by row and column. @throws DataError, with both lines, for a pair given twice; `ids` (may
/// be empty) name the rows in the message
void sort_entries(std::vector<Entry>& entries, const std::string& file,
                  const std::vector<std::string>& ids);

/// Sorts by row and column and adds up what is given several times, in the file's order.
void sum_entries(std::vector<Entry>& entries);

/// A sparse matrix as its entries, sorted by rows and columns: memory is taken for the entries,
/// however many rows there are.
struct EntryMatrix {
  core::Index rows = 0;
  core::Index cols = 0;
  std::vector<Entry> entries;
};

/// Applies the options, in the order of WeightOptions. @throws DataError for a row that sums to 0
EntryMatrix with_options(EntryMatrix matrix, const WeightOptions& options,
                         const std::vector<std::string>& ids);

/// Writes the matrix, its ids (unless there are none) and where it came from, and sums it up.
ImportSummary store_weights(const ImportTarget& target, const EntryMatrix& matrix,
                            const std::vector<std::string>& ids, const std::string& source);

/// ", symmetrised, row-normalised" or "".
std::string to_text(const WeightOptions& options);

}  // namespace kronwerk::io
