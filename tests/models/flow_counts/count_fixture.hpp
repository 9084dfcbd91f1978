#pragma once

#include <cmath>
#include <functional>
#include <limits>

#include "kronwerk/models/flow_counts/count_flow.hpp"
#include "models/flow/flow_fixture.hpp"

namespace kronwerk::models {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

/// Counts of flows, and solves with their filters by dense inverses.
class CountFixture : public FlowFixture {
 protected:
  /// I - o V⊗I - d I⊗W - w V⊗W at the parameters of a formula.
  using Coefficients = std::function<std::array<double, 3>(std::span<const double>)>;
  static std::array<double, 3> three(std::span<const double> x) { return {x[0], x[1], x[2]}; }

  FlowSolveMaker dense_solves(const Coefficients& coefficients) const {
    return [this, coefficients](std::span<const double> x) -> FlowSolve {
      const auto [o, d, w] = coefficients(x);
      const Matrix inverse = oracle::inverse(dense(o, d, w));
      return [this, inverse](std::span<const double> b, std::span<double> y, bool transposed) {
        Numbers whole(cells, 0.0);
        const distribution::BlockPartition rows(origins, comm_.size());
        const auto first = rows.begin(comm_.rank()) * destinations;
        std::copy(b.begin(), b.end(), whole.begin() + first);
        comm_.sum(std::span<double>(whole));
        const Numbers solution =
            oracle::multiply(transposed ? oracle::transpose(inverse) : inverse, whole);
        std::copy_n(solution.begin() + first, y.size(), y.begin());
      };
    };
  }

  /// Counts of two years, some not observed.
  static std::vector<Numbers> counts() {
    const Numbers random = oracle::random_vector(2 * cells, 21);
    std::vector<Numbers> years(2);
    for (std::size_t i = 0; i < random.size(); ++i) {
      const double count = std::floor(std::exp(1.5 + 1.5 * random[i]));
      years[i / cells].push_back(i % 11 == 3 ? missing : count);
    }
    return years;
  }
};

}  // namespace kronwerk::models
