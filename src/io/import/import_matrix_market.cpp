// Declared in kronwerk/io/import/import.hpp.
// Matrix Market exchange format (Boisvert, Pozo and Remington 1996, NISTIR 5935).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <filesystem>
#include <limits>

#include "io/hdf5/hdf5_handle.hpp"
#include "io/import/import_target.hpp"
#include "io/import/weights.hpp"
#include "io/text/line_reader.hpp"

namespace kronwerk::io {

namespace {

enum class Symmetry { general, symmetric, skew };

struct Header {
  bool coordinate = true;
  bool pattern = false;
  Symmetry symmetry = Symmetry::general;
};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char character) {
    return static_cast<char>(std::tolower(character));
  });
  return result;
}

Header read_header(LineReader& reader) {
  const auto first = words(reader.next());
  if (first.size() != 5 || lower(first[0]) != "%%matrixmarket" || lower(first[1]) != "matrix") {
    reader.fail("expected '%%MatrixMarket matrix FORMAT FIELD SYMMETRY'");
  }
  const auto format = lower(first[2]), field = lower(first[3]), symmetry = lower(first[4]);
  if (format != "coordinate" && format != "array") {
    reader.fail(fmt::format("the format is '{}'; expected coordinate or array", format));
  }
  if (field != "real" && field != "double" && field != "integer" && field != "pattern") {
    reader.fail(fmt::format("the field is '{}'; expected real, integer or pattern", field));
  }
  Header header{format == "coordinate", field == "pattern", Symmetry::general};
  if (header.pattern && !header.coordinate) reader.fail("an array cannot be a pattern");
  if (symmetry == "symmetric") {
    header.symmetry = Symmetry::symmetric;
  } else if (symmetry == "skew-symmetric") {
    header.symmetry = Symmetry::skew;
  } else if (symmetry != "general") {
    reader.fail(fmt::format("the symmetry is '{}'; expected general, symmetric or skew-symmetric",
                            symmetry));
  }
  return header;
}

// The words of the next line that is neither blank nor a comment.
std::vector<std::string_view> next_words(LineReader& reader, std::string_view what) {
  while (!reader.at_end()) {
    const auto line = reader.next();
    if (line.starts_with('%')) continue;
    auto result = words(line);
    if (!result.empty()) return result;
  }
  reader.fail(fmt::format("the file ends before {}", what));
}

void require_end(LineReader& reader) {
  while (!reader.at_end()) {
    const auto line = reader.next();
    if (!line.starts_with('%') && !words(line).empty()) {
      reader.fail("there are more entries than announced");
    }
  }
}

std::vector<core::Index> read_sizes(LineReader& reader, const Header& header) {
  const auto line = next_words(reader, "the sizes");
  if (line.size() != (header.coordinate ? 3U : 2U)) {
    reader.fail(
        fmt::format("expected the sizes: rows columns{}", header.coordinate ? " entries" : ""));
  }
  std::vector<core::Index> sizes;
  for (const auto word : line) {
    sizes.push_back(parse_integer(word, reader.file(), reader.line(), "a size"));
    if (sizes.back() < 0) reader.fail("a size is negative");
  }
  constexpr core::Index most = std::numeric_limits<std::int32_t>::max();
  if (sizes[0] > most || sizes[1] > most) {
    reader.fail(fmt::format("the matrix is {} x {}; at most {} rows and columns are supported",
                            sizes[0], sizes[1], most));
  }
  if (header.symmetry != Symmetry::general && sizes[0] != sizes[1]) {
    reader.fail(fmt::format("a symmetric matrix is square, not {} x {}", sizes[0], sizes[1]));
  }
  return sizes;
}

// One-based position of an entry, checked.
Entry read_entry(LineReader& reader, const Header& header, const std::vector<core::Index>& sizes) {
  const auto line = next_words(reader, fmt::format("its {} announced entries", sizes[2]));
  if (line.size() != (header.pattern ? 2U : 3U)) {
    reader.fail(fmt::format("has {} words; expected row, column{}", line.size(),
                            header.pattern ? "" : " and value"));
  }
  Entry entry{.row = parse_integer(line[0], reader.file(), reader.line(), "the row") - 1,
              .column = parse_integer(line[1], reader.file(), reader.line(), "the column") - 1,
              .value = header.pattern
                           ? 1.0
                           : parse_number(line[2], reader.file(), reader.line(), "the value"),
              .line = reader.line()};
  if (entry.row < 0 || entry.row >= sizes[0] || entry.column < 0 || entry.column >= sizes[1]) {
    reader.fail(fmt::format("the entry ({}, {}) lies outside the {} x {} matrix", entry.row + 1,
                            entry.column + 1, sizes[0], sizes[1]));
  }
  if (header.symmetry != Symmetry::general && entry.column > entry.row) {
    reader.fail("an entry above the diagonal; symmetric files hold the lower triangle only");
  }
  if (header.symmetry == Symmetry::skew && entry.column == entry.row) {
    reader.fail("an entry on the diagonal of a skew-symmetric matrix");
  }
  return entry;
}

EntryMatrix read_coordinates(LineReader& reader, const Header& header) {
  const auto sizes = read_sizes(reader, header);
  std::vector<Entry> entries;
  const double sign = header.symmetry == Symmetry::skew ? -1.0 : 1.0;
  for (core::Index i = 0; i < sizes[2]; ++i) {
    const auto entry = read_entry(reader, header, sizes);
    entries.push_back(entry);
    if (header.symmetry != Symmetry::general && entry.row != entry.column) {
      entries.push_back({entry.column, entry.row, sign * entry.value, entry.line});
    }
  }
  require_end(reader);
  sort_entries(entries, reader.file(), {});
  return {sizes[0], sizes[1], std::move(entries)};
}

ImportSummary import_array(LineReader& reader, const Header& header,
                           const MatrixMarketOptions& options) {
  if (options.weights.row_normalise || options.weights.symmetrise) {
    throw core::ConfigurationError(
        fmt::format("{}: holds an array; --row-normalise and --symmetrise are for sparse matrices",
                    options.file));
  }
  const auto sizes = read_sizes(reader, header);
  const core::Index rows = sizes[0], cols = sizes[1];
  // Of a file that ends too early no memory is taken: each value has a line.
  const core::Index announced = header.symmetry == Symmetry::general ? rows * cols
                                : header.symmetry == Symmetry::skew  ? rows * (rows - 1) / 2
                                                                     : rows * (rows + 1) / 2;
  if (announced > reader.bytes_left()) {
    reader.fail(fmt::format("announces {} values; the file ends before", announced));
  }
  std::vector<double> values(static_cast<std::size_t>(core::multiply(rows, cols)));
  const auto at = [&](core::Index row, core::Index column) -> double& {
    return values[static_cast<std::size_t>(row * cols + column)];
  };
  // Column by column; of symmetric ones the lower triangle, of skew ones without the diagonal.
  for (core::Index column = 0; column < cols; ++column) {
    const core::Index first = header.symmetry == Symmetry::general ? 0
                              : header.symmetry == Symmetry::skew  ? column + 1
                                                                   : column;
    for (core::Index row = first; row < rows; ++row) {
      const auto line = next_words(reader, "the last value of the array");
      if (line.size() != 1) reader.fail("expected one value a line");
      const double value = parse_number(line[0], reader.file(), reader.line(), "the value");
      at(row, column) = value;
      if (header.symmetry == Symmetry::symmetric) at(column, row) = value;
      if (header.symmetry == Symmetry::skew) at(column, row) = -value;
    }
  }
  require_end(reader);
  const auto path = normalised_path(options.target.location.dataset);
  DataFile file(options.target.location.file, options.target.overwrite, options.target.stop);
  file.write_dense(path, core::Extents{rows, cols}, values);
  file.write_attribute(path, "source",
                       "mtx " + std::filesystem::path(options.file).filename().string());
  file.commit();
  ImportSummary summary;
  summary.location = {options.target.location.file, path};
  summary.shape = {rows, cols};
  summary.stored = nonzeros(values);
  summary.datasets = {path};
  return summary;
}

}  // namespace

ImportSummary import_matrix_market(const MatrixMarketOptions& options) {
  refuse_target_among(options.target, {options.file});
  LineReader reader(options.file);
  const auto header = read_header(reader);
  if (!header.coordinate) return import_array(reader, header, options);
  const auto matrix = with_options(read_coordinates(reader, header), options.weights, {});
  const auto source =
      fmt::format("mtx {}{}", std::filesystem::path(options.file).filename().string(),
                  to_text(options.weights));
  return store_weights(options.target, matrix, {}, source);
}

}  // namespace kronwerk::io
