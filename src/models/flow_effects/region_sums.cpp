#include "models/flow_effects/region_sums.hpp"

#include <vector>

#include "kronwerk/models/flow_effects/effects.hpp"

namespace kronwerk::models {

void add_region_sums(const communication::Communicator& comm, const CellWeights& weights,
                     Index begin, std::span<const RegionSums> own, FlowEffects& effects) {
  const std::size_t n = effects.total.size();
  std::vector<double> values(4 * n, 0.0);
  for (std::size_t k = 0; k < own.size(); ++k) {
    const Index region = begin + static_cast<Index>(k);
    const auto r = static_cast<std::size_t>(region);
    values[r] = own[k].row;
    values[n + r] = own[k].column;
    values[2 * n + r] = own[k].crossing * (weights.none() ? 1.0 : weights.row(region)[r]);
    values[3 * n + r] = own[k].all;
  }
  comm.sum(std::span<double>(values));
  for (std::size_t r = 0; r < n; ++r) {
    effects.origin[r] += values[r];
    effects.destination[r] += values[n + r];
    effects.intra[r] += values[2 * n + r];
    if (weights.none()) effects.total[r] += values[3 * n + r];
  }
}

}  // namespace kronwerk::models
