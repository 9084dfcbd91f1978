#include "application/graph/graph_criteria.hpp"

#include <cmath>

namespace kronwerk::application {

GraphCriteria graph_criteria(const core::Extents& extents, double samples,
                             std::span<const core::Index> edges, double log_density, double gamma) {
  GraphCriteria result;
  double choices = 0;
  double points = 1;
  for (std::size_t k = 0; k < extents.size(); ++k) {
    const auto n = static_cast<double>(extents[k]);
    const auto count = static_cast<double>(edges[k]);
    result.degrees_of_freedom += count + n - (k > 0 ? 1 : 0);
    choices += count * std::log(n);
    points *= n;
  }
  result.log_likelihood = samples * log_density;
  result.bic = -2 * result.log_likelihood + result.degrees_of_freedom * std::log(samples * points);
  result.extended_bic = result.bic + 4 * gamma * choices;
  return result;
}

}  // namespace kronwerk::application
