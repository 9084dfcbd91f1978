// Declared in kronwerk/io/import/import.hpp.
// k nearest neighbours by great-circle distance: haversine formula (Sinnott 1984, Sky and Telescope
// 68:159), hav(d) = hav(Δlatitude) + cos(latitude_1) cos(latitude_2) hav(Δlongitude); angles in
// degrees in the file.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "io/import/ids.hpp"
#include "io/import/import_target.hpp"
#include "io/import/nearest_neighbours.hpp"
#include "io/import/weights.hpp"
#include "io/text/csv.hpp"

namespace kronwerk::io {

namespace {

struct Points {
  std::vector<double> x, y;
  std::vector<std::string> ids;
};

void check_degrees(const CsvTable& table, const Points& points) {
  for (core::Index row = 0; row < table.rows(); ++row) {
    const double longitude = points.x[static_cast<std::size_t>(row)];
    const double latitude = points.y[static_cast<std::size_t>(row)];
    if (std::abs(latitude) > 90.0) {
      throw_at(table.file(), table.line(row),
               fmt::format("the latitude is {}; expected -90 to 90 degrees", latitude));
    }
    if (longitude < -180.0 || longitude > 360.0) {
      throw_at(table.file(), table.line(row),
               fmt::format("the longitude is {}; expected -180 to 360 degrees", longitude));
    }
  }
}

Points read_points(const KnnOptions& options) {
  const auto table = CsvTable::read(options.file, options.header, options.format);
  const bool planar = options.metric == Metric::planar;
  const auto name = [](const std::string& given, const char* otherwise) {
    return given.empty() ? std::string(otherwise) : given;
  };
  const auto* const advice = "--x-column and --y-column name those of the coordinates";
  const auto x_column = table.column(name(options.x_column, planar ? "x" : "longitude"), advice);
  const auto y_column = table.column(name(options.y_column, planar ? "y" : "latitude"), advice);
  table.require_name(x_column);
  table.require_name(y_column);
  Points points{table.numbers(x_column), table.numbers(y_column), {}};
  if (!planar) check_degrees(table, points);
  if (options.id_column == "none") return points;
  if (!options.id_column.empty()) {
    points.ids = table.unique_ids(table.column(options.id_column));
    return points;
  }
  for (std::size_t column = 0; column < table.header().size(); ++column) {
    if (column == x_column || column == y_column) continue;
    points.ids = table.unique_ids(column);
    return points;
  }
  return points;
}

Points reordered(const Points& points, const KnnOptions& options) {
  if (options.order.file.empty()) return points;
  if (points.ids.empty()) {
    throw core::ConfigurationError(
        fmt::format("{}: has no column of ids, so that its points cannot be put in the order of {}",
                    options.file, options.order.file));
  }
  Points result;
  for (const auto index : permutation(options.order, points.ids, options.file)) {
    const auto i = static_cast<std::size_t>(index);
    result.x.push_back(points.x[i]);
    result.y.push_back(points.y[i]);
    result.ids.push_back(points.ids[i]);
  }
  return result;
}

}  // namespace

ImportSummary import_knn(const KnnOptions& options) {
  refuse_target_among(options.target, {options.file, options.order.file});
  const auto points = reordered(read_points(options), options);
  const auto n = static_cast<core::Index>(points.x.size());
  if (options.k < 1 || options.k >= n) {
    throw core::ConfigurationError(fmt::format("--k is {}; expected 1 to {}, as {} has {} points",
                                               options.k, n - 1, options.file, n));
  }
  const auto neighbours = nearest_neighbours(points.x, points.y, options.metric, options.k);
  std::vector<Entry> entries;
  entries.reserve(static_cast<std::size_t>(n * options.k));
  for (core::Index row = 0; row < n; ++row) {
    for (const auto column : neighbours[static_cast<std::size_t>(row)]) {
      entries.push_back({row, column, 1.0, 0});
    }
  }
  const auto matrix = with_options({n, n, std::move(entries)}, options.weights, points.ids);
  const auto source = fmt::format(
      "knn {}, k = {}, {}{}", std::filesystem::path(options.file).filename().string(), options.k,
      options.metric == Metric::planar ? "planar" : "great circle", to_text(options.weights));
  return store_weights(options.target, matrix, points.ids, source);
}

}  // namespace kronwerk::io
