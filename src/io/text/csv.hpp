#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/text/text_file.hpp"
#include "kronwerk/core/extents.hpp"
#include "kronwerk/io/import/import.hpp"

namespace kronwerk::io {

/// A finite number, all of `text`. @throws DataError at that line; `what` names the value
double parse_number(std::string_view text, const std::string& file, core::Index line,
                    std::string_view what);
core::Index parse_integer(std::string_view text, const std::string& file, core::Index line,
                          std::string_view what);
/// Whether `text` reads as a number and not as a code with a leading zero ("01001").
bool looks_numeric(std::string_view text);
/// Empty, NA or NaN.
bool is_missing(std::string_view text);

/// Whitespace-separated words of a line.
std::vector<std::string_view> words(std::string_view line);

/// Values separated by commas, tabs or what else: quoted fields (doubled quotes, line breaks
/// within), LF or CRLF, blank lines skipped, blanks around unquoted fields removed.
class CsvTable {
 public:
  /// @throws DataError with file and line for a row of the wrong length or an open quote
  /// and a first line of nothing but numbers if the header is to be guessed
  static CsvTable read(const std::string& file, Header header = Header::guessed,
                       const TextFormat& format = {});

  const std::string& file() const noexcept { return file_; }
  const std::vector<std::string>& header() const noexcept { return header_; }
  core::Index rows() const noexcept { return static_cast<core::Index>(lines_.size()); }
  std::string_view cell(core::Index row, std::size_t column) const {
    return cells_[static_cast<std::size_t>(row) * header_.size() + column];
  }
  core::Index line(core::Index row) const { return lines_[static_cast<std::size_t>(row)]; }
  /// @param advice  what to do if there is none
  /// @throws ConfigurationError with the nearest name
  std::size_t column(const std::string& name, std::string_view advice = {}) const;
  /// Whether it is empty, NA, NaN or one of the codes that the format names.
  bool is_missing_cell(core::Index row, std::size_t column) const;
  /// One finite number. @throws DataError with file and line; `what` names the value
  double number(core::Index row, std::size_t column, std::string_view what) const;
  /// The same, or NaN where the cell is missing and that is allowed.
  double number(core::Index row, std::size_t column, std::string_view what,
                MissingCells missing) const;
  /// The numbers of a column. @throws DataError with file and line
  std::vector<double> numbers(std::size_t column) const;
  /// The texts of a column, all different and none empty. @throws DataError with file and line
  std::vector<std::string> unique_ids(std::size_t column) const;
  bool is_numeric(std::size_t column) const;
  /// Whether it is not, but would be if commas were decimal points.
  bool has_decimal_commas(std::size_t column) const;
  /// @throws DataError if the header is guessed and the name of a column whose numbers are wanted
  /// is a number itself
  void require_name(std::size_t column) const;
  /// The same unless the names of all these columns, several, are ascending integers, such as
  /// years.
  void require_names(const std::vector<std::size_t>& columns) const;

 private:
  friend class CsvParser;
  std::string file_;
  Header expected_header_ = Header::guessed;
  core::Index header_line_ = 1;
  bool decimal_comma_ = false;
  std::vector<std::string> missing_codes_;
  std::unique_ptr<const std::string> text_;  ///< what most cells point into
  std::deque<std::string> unquoted_;         ///< what cells with doubled quotes point into
  std::vector<std::string> header_;
  std::vector<std::string_view> cells_;
  std::vector<core::Index> lines_;
};

}  // namespace kronwerk::io
