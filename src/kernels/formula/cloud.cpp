#include "kronwerk/kernels/formula/cloud.hpp"

#include "kronwerk/core/error.hpp"

namespace kronwerk::kernels {

Cloud to_cloud(std::span<const double> points, Index count, int dimension) {
  if (static_cast<Index>(points.size()) != count * dimension) {
    throw core::InternalError("a point cloud has not count times dimension values");
  }
  Cloud cloud{dimension, count, std::vector<double>(points.size())};
  for (Index p = 0; p < count; ++p) {
    for (int c = 0; c < dimension; ++c) {
      cloud.values[static_cast<std::size_t>(c * count + p)] =
          points[static_cast<std::size_t>(p * dimension + c)];
    }
  }
  return cloud;
}

std::vector<double> from_cloud(const Cloud& cloud) {
  std::vector<double> points(cloud.values.size());
  for (Index p = 0; p < cloud.count; ++p) {
    for (int c = 0; c < cloud.dimension; ++c) {
      points[static_cast<std::size_t>(p * cloud.dimension + c)] =
          cloud.values[static_cast<std::size_t>(c * cloud.count + p)];
    }
  }
  return points;
}

Side part_of(const Side& side, Index begin, Index count) {
  Side result{side.first + begin, count, {}};
  for (const auto& [name, cloud] : side.variables) {
    Cloud& part = result.variables[name];
    part = {cloud.dimension, count, {}};
    part.values.reserve(static_cast<std::size_t>(count * cloud.dimension));
    for (Index c = 0; c < cloud.dimension; ++c) {
      const double* from = cloud.values.data() + c * cloud.count + begin;
      part.values.insert(part.values.end(), from, from + count);
    }
  }
  return result;
}

}  // namespace kronwerk::kernels
