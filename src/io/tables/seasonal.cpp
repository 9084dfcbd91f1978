#include "io/tables/seasonal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <numbers>
#include <optional>

#include "kronwerk/core/error.hpp"

namespace kronwerk::io {
namespace {

// Less of it left after the directions before are taken out, and a column of the regression is
// none of its own.
constexpr double dependent = 1e-6;

std::optional<unsigned> digits(std::string_view text, std::size_t first, std::size_t length) {
  if (first + length > text.size()) return std::nullopt;
  unsigned value = 0;
  const char* const begin = text.data() + first;
  const auto [end, error] = std::from_chars(begin, begin + length, value);
  return error == std::errc{} && end == begin + length ? std::optional(value) : std::nullopt;
}

std::optional<std::chrono::year_month_day> parse_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = digits(text, 0, 4);
  const auto month = digits(text, 5, 2);
  const auto day = digits(text, 8, 2);
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day)};
  return date.ok() ? std::optional(date) : std::nullopt;
}

/// "06:00", "06:00:30" or "06:00:30.25", with or without a Z: the part of a day.
std::optional<double> parse_clock(std::string_view text) {
  if (text.ends_with('Z')) text.remove_suffix(1);
  const auto hour = digits(text, 0, 2), minute = digits(text, 3, 2);
  const bool seconds = text.size() > 5;
  const auto second = seconds ? digits(text, 6, 2) : 0;
  if (!hour || !minute || !second || text[2] != ':' || (seconds && text[5] != ':')) return {};
  if (*hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  double rest = 0;
  if (text.size() > 8) {
    const auto fraction = text.substr(8);
    const auto [end, error] = std::from_chars(fraction.begin(), fraction.end(), rest);
    if (fraction[0] != '.' || error != std::errc{} || end != fraction.end()) return std::nullopt;
  }
  return (*hour * 3600.0 + *minute * 60.0 + *second + rest) / 86400.0;
}

struct Moment {
  std::chrono::year_month_day date;
  double part = 0;  ///< of the day
};

/// A date, or a date and a time behind a blank or a T.
std::optional<Moment> parse_moment(std::string_view text) {
  const auto date = parse_date(text.substr(0, 10));
  if (!date || text.size() == 10) return date ? std::optional(Moment{*date}) : std::nullopt;
  const auto part =
      text[10] == ' ' || text[10] == 'T' ? parse_clock(text.substr(11)) : std::nullopt;
  return part ? std::optional(Moment{*date, *part}) : std::nullopt;
}

double dot(std::span<const double> x, std::span<const double> y) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

/// A constant, then cos and sin of each harmonic.
std::vector<std::vector<double>> harmonics_of(const std::vector<double>& parts_of_year,
                                              core::Index harmonics) {
  std::vector<std::vector<double>> result{std::vector<double>(parts_of_year.size(), 1.0)};
  for (core::Index h = 1; h <= harmonics; ++h) {
    std::vector<double> cosine, sine;
    for (const double part : parts_of_year) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(h) * part;
      cosine.push_back(std::cos(angle));
      sine.push_back(std::sin(angle));
    }
    result.push_back(std::move(cosine));
    result.push_back(std::move(sine));
  }
  return result;
}

}  // namespace

bool is_date(std::string_view text) {
  return parse_moment(text).has_value();
}

RowDates RowDates::read(const RowIds& ids) {
  RowDates result;
  for (std::size_t i = 0; i < ids.ids.size(); ++i) {
    const auto moment = parse_moment(ids.ids[i]);
    if (!moment) {
      throw_at(ids.file, ids.lines[i],
               fmt::format("'{}'{} is no date; expected the form 1961-01-31, or 1961-01-31 06:00",
                           ids.ids[i],
                           ids.column.empty() ? "" : fmt::format(" in column '{}'", ids.column)));
    }
    using std::chrono::sys_days;
    const auto& date = moment->date;
    const sys_days day(date);
    const sys_days new_year(date.year() / std::chrono::January / 1);
    result.days_.push_back(static_cast<double>(day.time_since_epoch().count()) + moment->part);
    result.parts_of_year_.push_back((static_cast<double>((day - new_year).count()) + moment->part) /
                                    (date.year().is_leap() ? 366.0 : 365.0));
  }
  return result;
}

std::vector<double> RowDates::since_first() const {
  std::vector<double> result;
  for (const auto day : days_) result.push_back(day - days_.front());
  return result;
}

core::Index RowDates::span() const {
  if (days_.empty()) return 0;
  const auto [first, last] = std::minmax_element(days_.begin(), days_.end());
  return static_cast<core::Index>(std::floor(*last) - std::floor(*first)) + 1;
}

std::vector<double> seasonal_mean(const RowDates& dates,
                                  std::span<const std::vector<double>> columns,
                                  core::Index harmonics, const std::string& file) {
  if (dates.span() < 365) {
    throw core::DataError(fmt::format(
        "{}: a seasonal mean needs at least a year; the dates cover {} days", file, dates.span()));
  }
  std::vector<double> rest(dates.size(), 0.0);  // of the rows' means, then of the regression
  for (const auto& column : columns) {
    for (std::size_t i = 0; i < rest.size(); ++i) {
      rest[i] += column[i] / static_cast<double>(columns.size());
    }
  }
  std::vector<double> fitted(dates.size(), 0.0);
  auto directions = harmonics_of(dates.parts_of_year(), harmonics);
  for (std::size_t k = 0; k < directions.size(); ++k) {  // modified Gram-Schmidt
    auto& direction = directions[k];
    const double before = std::sqrt(dot(direction, direction));
    for (std::size_t l = 0; l < k; ++l) {
      const double part = dot(directions[l], direction);
      for (std::size_t i = 0; i < rest.size(); ++i) direction[i] -= part * directions[l][i];
    }
    const double length = std::sqrt(dot(direction, direction));
    if (!(length > dependent * before)) {
      throw core::DataError(fmt::format(
          "{}: its {} dates fall on too few days of the year for {} annual harmonics; use fewer",
          file, dates.size(), harmonics));
    }
    for (double& each : direction) each /= length;
    const double part = dot(direction, rest);
    for (std::size_t i = 0; i < rest.size(); ++i) {
      fitted[i] += part * direction[i];
      rest[i] -= part * direction[i];
    }
  }
  return fitted;
}

}  // namespace kronwerk::io
