// Declared in kronwerk/io/import/import.hpp.
// Points as counts in the cells of a grid: the data of a log-Gaussian Cox process.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <numbers>
#include <optional>

#include "io/import/import_target.hpp"
#include "io/text/csv.hpp"
#include "kronwerk/core/earth.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/files/data_file.hpp"

namespace kronwerk::io {
namespace {

using core::Index;

// All counts are in memory once.
constexpr double most_cells = 1 << 27;

/// One mode of the grid.
struct Axis {
  std::string name;
  std::vector<double> values;  ///< of the points
  double lower = 0;
  double size = 1;
  Index extent = 0;

  double middle(Index cell) const { return lower + (static_cast<double>(cell) + 0.5) * size; }
  /// Absent outside of the grid.
  std::optional<Index> cell_of(double value) const {
    const double upper = lower + static_cast<double>(extent) * size;
    if (value < lower || value > upper) return std::nullopt;
    return std::min(static_cast<Index>(std::floor((value - lower) / size)), extent - 1);
  }
};

double entry_of(const std::vector<double>& list, std::size_t axis, const PointsOptions& options,
                const char* name) {
  if (list.size() == options.columns.size()) return list[axis];
  if (list.size() == 1 && std::string_view(name) == "--cell") return list.front();
  throw core::ConfigurationError(
      fmt::format("{} has {} numbers; expected one for each of the {} "
                  "columns",
                  name, list.size(), options.columns.size()));
}

Axis make_axis(const CsvTable& table, const PointsOptions& options, std::size_t number) {
  Axis axis;
  axis.name = options.columns[number];
  const auto column = table.column(axis.name, "--columns names them");
  table.require_name(column);
  axis.values = table.numbers(column);
  axis.size = entry_of(options.cell, number, options, "--cell");
  if (!(axis.size > 0) || !std::isfinite(axis.size)) {
    throw core::ConfigurationError(
        fmt::format("--cell is {}; expected a positive size", axis.size));
  }
  if (axis.values.empty()) throw core::DataError(table.file() + ": there are no points");
  const auto [least, greatest] = std::ranges::minmax(axis.values);
  axis.lower = options.lower.empty() ? std::floor(least / axis.size) * axis.size
                                     : entry_of(options.lower, number, options, "--lower");
  const double upper = options.upper.empty() ? (std::floor(greatest / axis.size) + 1) * axis.size
                                             : entry_of(options.upper, number, options, "--upper");
  const double cells = (upper - axis.lower) / axis.size;
  const double whole = std::round(cells);
  if (!(whole >= 1) || std::abs(cells - whole) > 1e-6) {
    throw core::ConfigurationError(
        fmt::format("the grid of '{}' goes from {} to {}; expected whole cells of {} between them",
                    axis.name, axis.lower, upper, axis.size));
  }
  axis.extent = static_cast<Index>(std::min(whole, 1e15));
  return axis;
}

std::vector<double> count(const CsvTable& table, const std::vector<Axis>& axes,
                          const PointsOptions& options, Index cells, Index& dropped) {
  std::vector<double> counts(static_cast<std::size_t>(cells), 0.0);
  for (Index row = 0; row < table.rows(); ++row) {
    Index cell = 0;
    bool inside = true;
    for (const Axis& axis : axes) {
      const double value = axis.values[static_cast<std::size_t>(row)];
      const auto place = axis.cell_of(value);
      inside = inside && place.has_value();
      cell = cell * axis.extent + place.value_or(0);
      if (place || options.drop_outside) continue;
      throw_at(
          table.file(), table.line(row),
          fmt::format("the {} is {}, outside of the grid from {} to {}; give other --lower and "
                      "--upper, or --drop-outside",
                      axis.name, value, axis.lower,
                      axis.lower + static_cast<double>(axis.extent) * axis.size));
    }
    if (inside) {
      ++counts[static_cast<std::size_t>(cell)];
    } else {
      ++dropped;
    }
  }
  return counts;
}

/// R² Δλ (sin φ₂ − sin φ₁) of each cell, latitudes along one mode and longitudes along the other.
std::vector<double> areas(const std::vector<Axis>& axes, Index cells) {
  const auto is = [&](std::size_t axis, const char* name) {
    std::string own = axes[axis].name;
    std::ranges::transform(own, own.begin(),
                           [](unsigned char letter) { return std::tolower(letter); });
    return own.starts_with(name);
  };
  const bool first = axes.size() == 2 && is(0, "lat") && is(1, "lon");
  const bool second = axes.size() == 2 && is(1, "lat") && is(0, "lon");
  const Axis& latitude = axes[second ? 1 : 0];
  const double top = latitude.lower + static_cast<double>(latitude.extent) * latitude.size;
  if (!(first || second) || latitude.lower < -90 || top > 90) {
    throw core::ConfigurationError(
        "--area is of cells of two columns whose names begin with lat and lon, in degrees, with "
        "latitudes from -90 to 90");
  }
  const Axis& longitude = axes[second ? 0 : 1];
  constexpr double radian = std::numbers::pi / 180;
  std::vector<double> result;
  for (Index cell = 0; cell < cells; ++cell) {
    const Index i = second ? cell % latitude.extent : cell / longitude.extent;
    const double low = latitude.lower + static_cast<double>(i) * latitude.size;
    result.push_back(core::earth_radius * core::earth_radius * longitude.size * radian *
                     (std::sin((low + latitude.size) * radian) - std::sin(low * radian)));
  }
  return result;
}

}  // namespace

ImportSummary import_points(const PointsOptions& options) {
  refuse_target_among(options.target, {options.file});
  const auto table = CsvTable::read(options.file, options.header, options.format);
  if (options.columns.empty()) throw core::ConfigurationError("--columns is empty");
  std::vector<Axis> axes;
  ImportSummary summary;
  double all = 1;
  for (std::size_t number = 0; number < options.columns.size(); ++number) {
    axes.push_back(make_axis(table, options, number));
    summary.shape.push_back(axes.back().extent);
    all *= static_cast<double>(axes.back().extent);
  }
  if (all > most_cells) {
    throw core::ConfigurationError(
        fmt::format("the grid {} has {:.3g} cells; at most {:.3g} are counted: choose larger cells",
                    core::to_text(summary.shape), all, most_cells));
  }
  const Index cells = core::product(summary.shape);
  Index dropped = 0;
  const auto counts = count(table, axes, options, cells, dropped);
  const std::string& path = options.target.location.dataset;
  const auto area = options.area ? areas(axes, cells) : std::vector<double>();
  DataFile file(options.target.location.file, options.target.overwrite, options.target.stop);
  file.write_dense(path, summary.shape, counts);
  file.write_attribute(
      path, "source",
      fmt::format("points {}", std::filesystem::path(options.file).filename().string()));
  summary.location = options.target.location;
  summary.stored = std::ranges::count_if(counts, [](double value) { return value > 0; });
  summary.datasets.push_back(path);
  for (const Axis& axis : axes) {
    std::vector<double> middles;
    for (Index cell = 0; cell < axis.extent; ++cell) middles.push_back(axis.middle(cell));
    summary.datasets.push_back(path + "_" + axis.name);
    file.write_dense(summary.datasets.back(), core::Extents{axis.extent}, middles);
  }
  if (options.area) {
    summary.datasets.push_back(path + "_area");
    file.write_dense(summary.datasets.back(), summary.shape, area);
  }
  file.commit();
  summary.notes.push_back(fmt::format("{} points counted, at most {:g} in a cell",
                                      core::format_count(table.rows() - dropped),
                                      *std::ranges::max_element(counts)));
  if (dropped > 0) {
    summary.notes.push_back(
        fmt::format("{} points are outside of the grid", core::format_count(dropped)));
  }
  return summary;
}

}  // namespace kronwerk::io
