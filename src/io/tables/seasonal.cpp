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

std::optional<std::chrono::year_month_day> parse_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto number = [&](std::size_t first, std::size_t length) {
    unsigned value = 0;
    const char* const begin = text.data() + first;
    const auto [end, error] = std::from_chars(begin, begin + length, value);
    return error == std::errc{} && end == begin + length ? std::optional(value) : std::nullopt;
  };
  const auto year = number(0, 4);
  const auto month = number(5, 2);
  const auto day = number(8, 2);
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day)};
  return date.ok() ? std::optional(date) : std::nullopt;
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
  return parse_date(text).has_value();
}

RowDates RowDates::read(const RowIds& ids) {
  RowDates result;
  for (std::size_t i = 0; i < ids.ids.size(); ++i) {
    const auto date = parse_date(ids.ids[i]);
    if (!date) {
      throw_at(ids.file, ids.lines[i],
               fmt::format("'{}' in column '{}' is no date; expected the form 1961-01-31",
                           ids.ids[i], ids.column));
    }
    using std::chrono::sys_days;
    const sys_days day(*date);
    const sys_days new_year(date->year() / std::chrono::January / 1);
    result.days_.push_back(day.time_since_epoch().count());
    result.parts_of_year_.push_back(static_cast<double>((day - new_year).count()) /
                                    (date->year().is_leap() ? 366.0 : 365.0));
  }
  return result;
}

std::vector<double> RowDates::since_first() const {
  std::vector<double> result;
  for (const auto day : days_) result.push_back(static_cast<double>(day - days_.front()));
  return result;
}

core::Index RowDates::span() const {
  if (days_.empty()) return 0;
  const auto [first, last] = std::minmax_element(days_.begin(), days_.end());
  return *last - *first + 1;
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
