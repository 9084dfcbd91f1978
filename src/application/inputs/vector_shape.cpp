#include "application/inputs/vector_shape.hpp"

#include <fmt/format.h>

namespace kronwerk::application {
namespace {

/// (5 x 7) and (35,), without the second if there is one mode.
std::string readings(const Extents& grid, const char* leading) {
  const Index points = core::product(grid);
  std::string text = fmt::format("({}{})", leading, points);
  if (grid.size() > 1) text += fmt::format(" or ({}{})", leading, core::to_text(grid));
  return text;
}

/// What is wrong with one long axis that could be rows of a batch, or "".
std::string explain_long_axis(const Extents& shape, Index points) {
  if (shape.size() != 1 || points <= 1 || shape[0] <= points) return "";
  const Index rows = shape[0] / points;
  const Index rest = shape[0] % points;
  if (rest == 0) {
    return fmt::format("; these are {} vectors of {} values: give the dataset the shape ({} x {})",
                       rows, points, rows, points);
  }
  return fmt::format(
      "; as vectors of {} values one after another, the last would be partial: {} = {} x {} + {}",
      points, shape[0], rows, points, rest);
}

/// What to do about vectors side by side, as reductions of several numbers for each point are.
std::string explain_columns(const Extents& shape, Index points) {
  if (shape.size() != 2 || shape[0] != points || shape[1] < 1) return "";
  return fmt::format(
      "; these are {} vectors of {} values in columns: 'transpose: true' beside 'dataset' reads "
      "them",
      shape[1], points);
}

}  // namespace

std::optional<VectorShape> find_shape(const Extents& shape, const Extents& grid) {
  const Extents flat{core::product(grid)};
  const bool has_leading = !shape.empty();
  const Extents rest(shape.begin() + (has_leading ? 1 : 0), shape.end());
  VectorShape reading;
  if (shape == grid) return reading;
  reading.flat = true;
  if (shape == flat) return reading;
  reading.several = true;
  reading.count = has_leading ? shape.front() : 0;
  if (has_leading && reading.count > 0) {
    if (rest == flat) return reading;
    reading.flat = false;
    if (rest == grid) return reading;
  }
  return std::nullopt;
}

VectorShape match_shape(const Extents& shape, const Extents& grid, const std::string& what) {
  if (const auto reading = find_shape(shape, grid)) return *reading;
  throw core::ShapeError(fmt::format(
      "{} has the shape ({}), but the operator acts on the grid {}: expected {} for one vector, {} "
      "for m vectors{}{}",
      what, core::to_text(shape), core::to_text(grid), readings(grid, ""), readings(grid, "m x "),
      explain_long_axis(shape, core::product(grid)), explain_columns(shape, core::product(grid))));
}

Extents dataset_shape(const VectorShape& reading, const Extents& grid) {
  Extents shape;
  if (reading.several) shape.push_back(reading.count);
  if (reading.flat) {
    shape.push_back(core::product(grid));
  } else {
    shape.insert(shape.end(), grid.begin(), grid.end());
  }
  return shape;
}

}  // namespace kronwerk::application
