#pragma once

#include <span>
#include <string>
#include <vector>

#include "io/tables/table_grid.hpp"

namespace kronwerk::io {

/// Whether a text is a date (yyyy-mm-dd), or one with a time (hh:mm, hh:mm:ss) behind a blank or T.
bool is_date(std::string_view text);

/// The dates (proleptic Gregorian) of some rows of a table, or their times.
class RowDates {
 public:
  /// @throws DataError with file and line for an id that is no date
  static RowDates read(const RowIds& ids);

  std::size_t size() const noexcept { return days_.size(); }
  /// Days since the first of these rows; negative for dates before it.
  std::vector<double> since_first() const;
  /// The part of its own year that has passed at each time, or the beginning of the day: 0 on 1
  /// January, the same on 31 December of years with 365 and with 366 days but for a day's part of a
  /// year.
  const std::vector<double>& parts_of_year() const noexcept { return parts_of_year_; }
  /// Days from the earliest to the latest, both included.
  core::Index span() const;

 private:
  std::vector<double> days_;  ///< since 1970-01-01
  std::vector<double> parts_of_year_;
};

/// The seasonal mean of a table: the mean of each row over all columns, regressed on a constant and
/// `harmonics` annual harmonics cos, sin(2π h · part of the year) by least squares. Every day
/// weighs the same, so that this is the regression of the mean over columns and years of each
/// calendar day on these harmonics, weighted by the number of years (Haslett and Raftery 1989,
/// section 2).
/// @param columns  the same number of values each, in the order of `dates`
/// @returns one value per row
/// @throws DataError (naming `file`) if the dates cover less than a year or too few of its days
std::vector<double> seasonal_mean(const RowDates& dates,
                                  std::span<const std::vector<double>> columns,
                                  core::Index harmonics, const std::string& file);

}  // namespace kronwerk::io
