#include "kernels/engine/side_evaluator.hpp"

#include <algorithm>
#include <type_traits>

#include "kronwerk/core/error.hpp"

namespace kronwerk::kernels {

namespace {

template <typename T>
T part_of(double value, ScalarNode::Part part) {
  const T high = static_cast<T>(value);
  if (part != ScalarNode::Part::low) return high;
  return static_cast<T>(value - static_cast<double>(high));
}

const Cloud& find_cloud(const Side& side, const ScalarNode& leaf) {
  const auto found = side.variables.find(leaf.name);
  if (found == side.variables.end()) {
    throw core::InternalError("the points of '" + leaf.name + "' are not on their side");
  }
  const Cloud& cloud = found->second;
  if (cloud.count != side.count || cloud.dimension <= leaf.component) {
    throw core::InternalError("the points of '" + leaf.name +
                              "' have another shape: " + std::to_string(cloud.count) + " x " +
                              std::to_string(cloud.dimension));
  }
  return cloud;
}

}  // namespace

SideEvaluator::SideEvaluator(const SidePlan& plan)
    : plan_(plan),
      tiles_(tile_code<double>()),
      buffer_((static_cast<Index>(plan.inputs.size()) + plan.outputs) * chunk),
      slots_(plan.slots * row_group * tiles_.lanes),
      unused_sums_(row_group * tiles_.lanes) {
  code_ = BoundCode<double>(plan_.code, tiles_, chunk, row_group, false);
}

const double* SideEvaluator::source(std::size_t value) const {
  return buffer_.data() + plan_.values[value].source * chunk;
}

void SideEvaluator::compute(const Side& side, Index begin, Index count) {
  const Index round = row_group * tiles_.lanes;
  const Index padded = (count + round - 1) / round * round;
  for (std::size_t k = 0; k < plan_.inputs.size(); ++k) {
    const ScalarNode& leaf = plan_.inputs[k];
    double* values = buffer_.data() + static_cast<Index>(k) * chunk;
    if (leaf.of_index) {
      for (Index p = 0; p < count; ++p) values[p] = static_cast<double>(side.first + begin + p);
    } else {
      const Cloud& cloud = find_cloud(side, leaf);
      std::copy_n(cloud.values.begin() + leaf.component * cloud.count + begin, count, values);
    }
    std::fill(values + count, values + padded, values[count - 1]);
  }
  if (plan_.outputs == 0) return;
  Context<double> context;
  context.accumulators = unused_sums_.data();
  context.slots = slots_.data();
  context.tile = buffer_.data() + static_cast<Index>(plan_.inputs.size()) * chunk;
  context.lanes = tiles_.lanes;
  tiles_.run(code_.main.data(), code_.tail.data(), padded, row_group, buffer_.data(), nullptr,
             context);
}

template <typename T>
void SideEvaluator::columns(const Side& side, Index begin, Index count, Index stride, T* out) {
  const Index padded = (count + most_lanes - 1) / most_lanes * most_lanes;
  for (Index done = 0; done < count; done += chunk) {
    const Index some = std::min(chunk, count - done);
    compute(side, begin + done, some);
    for (std::size_t k = 0; k < plan_.values.size(); ++k) {
      const double* from = source(k);
      T* to = out + static_cast<Index>(k) * stride + done;
      const ScalarNode::Part part = plan_.values[k].part;
      for (Index p = 0; p < some; ++p) to[p] = part_of<T>(from[p], part);
    }
  }
  for (Index k = 0; k < values(); ++k) {
    T* value = out + k * stride;
    std::fill(value + count, value + padded, value[count - 1]);
  }
}

template <typename T>
void SideEvaluator::rows(const Side& side, T* out) {
  const Index count = side.count;
  const Index padded = (count + row_group - 1) / row_group * row_group;
  const auto place = [&](Index p, Index k) {
    return (p / row_group * values() + k) * row_group + p % row_group;
  };
  for (Index done = 0; done < count; done += chunk) {
    const Index some = std::min(chunk, count - done);
    compute(side, done, some);
    for (Index k = 0; k < values(); ++k) {
      const double* from = source(static_cast<std::size_t>(k));
      const ScalarNode::Part part = plan_.values[static_cast<std::size_t>(k)].part;
      for (Index p = 0; p < some; ++p) out[place(done + p, k)] = part_of<T>(from[p], part);
    }
  }
  for (Index p = count; p < padded; ++p) {
    for (Index k = 0; k < values(); ++k) out[place(p, k)] = out[place(count - 1, k)];
  }
}

template void SideEvaluator::columns(const Side&, Index, Index, Index, double*);
template void SideEvaluator::columns(const Side&, Index, Index, Index, float*);
template void SideEvaluator::rows(const Side&, double*);
template void SideEvaluator::rows(const Side&, float*);

}  // namespace kronwerk::kernels
