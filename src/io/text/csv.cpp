#include "io/text/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "kronwerk/core/error.hpp"
#include "kronwerk/core/interruption.hpp"
#include "kronwerk/core/progress.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::io {

namespace {

// Rows between two reports of how far the reading is.
constexpr core::Index rows_of_report = 1024;

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string name_of(char separator) {
  return separator == '\t' ? "tabs" : fmt::format("'{}'", separator);
}

// A comma unless the first line has none, but tabs, semicolons or bars, outside of quotes.
char guess_separator(std::string_view text) {
  bool quoted = false, blank = true;
  char found = ',';
  for (const char letter : text) {
    if (letter == '"') quoted = !quoted;
    if (quoted) continue;
    if (letter == ',') return ',';
    if (letter == '\n' && !blank) break;
    if (letter == '\t' || ((letter == ';' || letter == '|') && found == ',')) found = letter;
    blank = blank && (letter == '\n' || letter == '\r' || letter == ' ');
  }
  return found;
}

// "3,14" as "3.14".
std::string with_point(std::string_view text) {
  std::string result(text);
  const auto comma = result.find(',');
  if (comma != std::string::npos) result[comma] = '.';
  return result;
}

bool has_decimal_comma(std::string_view text) {
  return text.find(',') != std::string_view::npos && text.find('.') == std::string_view::npos &&
         looks_numeric(with_point(text));
}

std::string_view without_plus(std::string_view text) {
  return text.size() > 1 && text[0] == '+' && text[1] != '-' ? text.substr(1) : text;
}

}  // namespace

bool is_missing(std::string_view text) {
  return text.empty() || text == "NA" || text == "NaN" || text == "nan" || text == "N/A";
}

double parse_number(std::string_view text, const std::string& file, core::Index line,
                    std::string_view what) {
  double value = 0.0;
  const auto digits = without_plus(text);
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (is_missing(text)) throw_at(file, line, fmt::format("{} is missing", what));
  if (result.ec != std::errc{} || result.ptr != digits.data() + digits.size() ||
      !std::isfinite(value)) {
    throw_at(file, line, fmt::format("{} is '{}'; expected a finite number", what, text));
  }
  return value;
}

core::Index parse_integer(std::string_view text, const std::string& file, core::Index line,
                          std::string_view what) {
  core::Index value = 0;
  const auto digits = without_plus(text);
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || result.ec != std::errc{} || result.ptr != digits.data() + digits.size()) {
    throw_at(file, line, fmt::format("{} is '{}'; expected an integer", what, text));
  }
  return value;
}

bool looks_numeric(std::string_view text) {
  const auto digits = without_plus(text);
  double value = 0.0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (result.ec != std::errc{} || result.ptr != digits.data() + digits.size()) return false;
  return !(digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9');
}

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> result;
  for (std::size_t position = 0;;) {
    position = line.find_first_not_of(" \t\r", position);
    if (position == std::string_view::npos) return result;
    const auto end = std::min(line.find_first_of(" \t\r", position), line.size());
    result.push_back(line.substr(position, end - position));
    position = end;
  }
}

/// One pass over the text; cells are views of it wherever nothing must be unquoted.
class CsvParser {
 public:
  CsvParser(CsvTable& table, char separator)
      : table_(table),
        text_(*table.text_),
        separator_(separator != 0 ? separator : guess_separator(text_)),
        ends_{separator_, '\n'} {}

  void parse() {
    std::vector<std::string_view> row;
    while (position_ < text_.size()) {
      core::check_interruption();
      if (table_.rows() % rows_of_report == 0) {
        core::report_progress("bytes", static_cast<core::Index>(position_), std::ssize(text_));
      }
      const core::Index line = line_;
      parse_row(row);
      if (row.size() == 1 && row[0].empty()) continue;
      if (!table_.header_.empty()) {
        take_row(row, line);
      } else if (table_.expected_header_ == Header::absent) {
        for (std::size_t i = 1; i <= row.size(); ++i) table_.header_.push_back(std::to_string(i));
        take_row(row, line);
      } else {
        take_header(row, line);
      }
    }
    if (table_.header_.empty()) throw_at(table_.file_, 1, "is empty; expected a header line");
    if (table_.rows() == 0) throw_at(table_.file_, line_, "has a header but no rows");
  }

 private:
  void take_header(const std::vector<std::string_view>& row, core::Index line) {
    table_.header_line_ = line;
    if (table_.expected_header_ == Header::guessed &&
        std::all_of(row.begin(), row.end(), looks_numeric)) {
      throw_at(table_.file_, line,
               "has nothing but numbers: --no-header takes it as the first row, --header as the "
               "names of the columns");
    }
    std::unordered_set<std::string_view> seen;
    for (const auto name : row) {
      if (!seen.insert(name).second) {
        throw_at(table_.file_, line, fmt::format("the column '{}' appears twice", name));
      }
      table_.header_.emplace_back(name);
    }
  }

  void take_row(const std::vector<std::string_view>& row, core::Index line) {
    if (row.size() != table_.header_.size()) {
      throw_at(
          table_.file_, line,
          fmt::format(
              "has {} fields; the header has {}{}", row.size(), table_.header_.size(),
              separator_ == ',' ? "" : fmt::format(" (separated by {})", name_of(separator_))));
    }
    table_.cells_.insert(table_.cells_.end(), row.begin(), row.end());
    table_.lines_.push_back(line);
  }

  void parse_row(std::vector<std::string_view>& row) {
    row.clear();
    for (;;) {
      const auto begin = text_.find_first_not_of(separator_ == '\t' ? " " : " \t", position_);
      const bool quoted = begin != std::string_view::npos && text_[begin] == '"';
      row.push_back(quoted ? quoted_field(begin + 1) : plain_field());
      if (position_ >= text_.size()) return;
      if (text_[position_++] == '\n') {
        ++line_;
        return;
      }
    }
  }

  std::string_view plain_field() {
    const auto end = std::min(text_.find_first_of(ends_, position_), text_.size());
    const auto field = trim(text_.substr(position_, end - position_));
    if (field.find('"') != std::string_view::npos) {
      throw_at(table_.file_, line_, "has a quote within an unquoted field");
    }
    position_ = end;
    return field;
  }

  std::string_view quoted_field(std::size_t begin) {
    const core::Index opened = line_;
    bool doubled = false;
    std::size_t end = begin;
    for (;; end += 2, doubled = true) {
      end = text_.find('"', end);
      if (end == std::string_view::npos)
        throw_at(table_.file_, opened, "has a quote that is not closed");
      if (end + 1 >= text_.size() || text_[end + 1] != '"') break;
    }
    auto field = text_.substr(begin, end - begin);
    line_ += std::count(field.begin(), field.end(), '\n');
    position_ = std::min(text_.find_first_of(ends_, end + 1), text_.size());
    if (!trim(text_.substr(end + 1, position_ - end - 1)).empty()) {
      throw_at(table_.file_, line_, "has text after a quoted field");
    }
    if (doubled) {
      std::string plain;
      for (std::size_t i = 0; i < field.size(); ++i) {
        plain += field[i];
        if (field[i] == '"') ++i;
      }
      field = table_.unquoted_.emplace_back(std::move(plain));
    }
    return field;
  }

  CsvTable& table_;
  std::string_view text_;
  char separator_;
  std::string ends_;  ///< of an unquoted field
  std::size_t position_ = 0;
  core::Index line_ = 1;
};

CsvTable CsvTable::read(const std::string& file, Header header, const TextFormat& format) {
  if (format.separator == '"' || format.separator == '\n' || format.separator == '\r') {
    throw core::ConfigurationError("--separator: a quote or the end of a line separates no fields");
  }
  CsvTable table;
  table.file_ = file;
  table.expected_header_ = header;
  table.decimal_comma_ = format.decimal_comma;
  table.missing_codes_ = format.missing_codes;
  table.text_ = std::make_unique<const std::string>(read_text(file));
  CsvParser(table, format.separator).parse();
  return table;
}

bool CsvTable::is_missing_cell(core::Index row, std::size_t column) const {
  const auto text = cell(row, column);
  return is_missing(text) || std::ranges::find(missing_codes_, text) != missing_codes_.end();
}

double CsvTable::number(core::Index row, std::size_t column, std::string_view what,
                        MissingCells missing) const {
  if (!is_missing_cell(row, column)) return number(row, column, what);
  if (missing == MissingCells::nan) return std::numeric_limits<double>::quiet_NaN();
  throw_at(file_, line(row),
           fmt::format("{} is missing; --missing nan takes such cells as not observed", what));
}

double CsvTable::number(core::Index row, std::size_t column, std::string_view what) const {
  const auto text = cell(row, column);
  if (is_missing_cell(row, column)) throw_at(file_, line(row), fmt::format("{} is missing", what));
  if (decimal_comma_ && text.find('.') != std::string_view::npos) {
    throw_at(file_, line(row),
             fmt::format("{} is '{}'; with --decimal-comma a number has no point", what, text));
  }
  if (!decimal_comma_ && has_decimal_comma(text)) {
    throw_at(
        file_, line(row),
        fmt::format("{} is '{}'; --decimal-comma reads it as {}", what, text, with_point(text)));
  }
  return decimal_comma_ ? parse_number(with_point(text), file_, line(row), what)
                        : parse_number(text, file_, line(row), what);
}

std::size_t CsvTable::column(const std::string& name, std::string_view advice) const {
  const auto found = std::find(header_.begin(), header_.end(), name);
  if (found != header_.end()) return static_cast<std::size_t>(found - header_.begin());
  const bool unnamed = expected_header_ == Header::guessed &&
                       std::any_of(header_.begin(), header_.end(), looks_numeric);
  throw core::ConfigurationError(fmt::format(
      "{}: has no column '{}'{}; its columns are {}{}{}{}", file_, name,
      core::suggestion(name, header_), core::join(header_, ", "), advice.empty() ? "" : "; ",
      advice, unnamed ? "; if that is its first row, --no-header calls the columns 1, 2, …" : ""));
}

void CsvTable::require_name(std::size_t column) const {
  if (expected_header_ != Header::guessed || !looks_numeric(header_[column])) return;
  throw_at(
      file_, header_line_,
      fmt::format("the name of a column of numbers is '{}': --no-header takes this line as the "
                  "first row, --header as the names of the columns",
                  header_[column]));
}

void CsvTable::require_names(const std::vector<std::size_t>& columns) const {
  const auto number = [&](std::size_t column) {
    core::Index value = -1;
    const auto& text = header_[column];
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    return result.ec == std::errc{} && result.ptr == text.data() + text.size() ? value : -1;
  };
  bool ascending = columns.size() > 1;
  for (std::size_t i = 0; i < columns.size() && ascending; ++i) {
    ascending = number(columns[i]) >= 0 && (i == 0 || number(columns[i - 1]) < number(columns[i]));
  }
  if (ascending) return;
  for (const auto column : columns) require_name(column);
}

std::vector<double> CsvTable::numbers(std::size_t column) const {
  std::vector<double> values;
  values.reserve(lines_.size());
  const std::string what = fmt::format("the value in column '{}'", header_[column]);
  for (core::Index row = 0; row < rows(); ++row) values.push_back(number(row, column, what));
  return values;
}

std::vector<std::string> CsvTable::unique_ids(std::size_t column) const {
  std::vector<std::string> ids;
  std::unordered_map<std::string_view, core::Index> seen;
  for (core::Index row = 0; row < rows(); ++row) {
    const auto id = cell(row, column);
    if (id.empty())
      throw_at(file_, line(row), fmt::format("the id in column '{}' is missing", header_[column]));
    const auto [other, added] = seen.emplace(id, line(row));
    if (!added) {
      throw_at(file_, line(row),
               fmt::format("the id '{}' in column '{}' appears already in line {}; name another "
                           "column of ids, or 'none'",
                           id, header_[column], other->second));
    }
    ids.emplace_back(id);
  }
  return ids;
}

bool CsvTable::is_numeric(std::size_t column) const {
  for (core::Index row = 0; row < rows(); ++row) {
    const auto text = cell(row, column);
    if (is_missing_cell(row, column)) continue;
    return looks_numeric(text) || (decimal_comma_ && has_decimal_comma(text));
  }
  return true;
}

bool CsvTable::has_decimal_commas(std::size_t column) const {
  if (decimal_comma_) return false;
  for (core::Index row = 0; row < rows(); ++row) {
    const auto text = cell(row, column);
    if (is_missing_cell(row, column)) continue;
    return has_decimal_comma(text);
  }
  return false;
}

}  // namespace kronwerk::io
