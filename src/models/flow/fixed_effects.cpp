#include "kronwerk/models/flow/fixed_effects.hpp"

#include <cmath>
#include <numeric>

#include "kronwerk/models/flow/column_solves.hpp"

namespace kronwerk::models {
namespace {

/// Up to which sums of rows count as equal.
constexpr double tolerance = 1e-12;

std::vector<double> ones(Index n) {
  return std::vector<double>(static_cast<std::size_t>(n), 1.0);
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

void normalise(EffectValues& effects) {
  if (effects[0].empty() || effects[1].empty()) return;
  const double constant = mean(effects[1]);
  for (double& value : effects[0]) value += constant;
  for (double& value : effects[1]) value -= constant;
}

void add_effects(const EffectValues& effects, Index first, Index n_d, std::span<double> values) {
  const auto width = static_cast<std::size_t>(n_d);
  for (std::size_t at = 0; at < values.size(); at += width, ++first) {
    const double own = effects[0].empty() ? 0 : effects[0][static_cast<std::size_t>(first)];
    for (std::size_t j = 0; j < width; ++j) {
      values[at + j] += own + (effects[1].empty() ? 0 : effects[1][j]);
    }
  }
}

std::optional<UnequalRows> find_unequal_rows(const std::vector<factors::Chain>& matrices) {
  for (std::size_t m = 0; m < matrices.size(); ++m) {
    if (factors::is_identity(matrices[m])) continue;
    const auto sums = multiply(matrices[m], ones(factors::cols(matrices[m])));
    for (std::size_t i = 1; i < sums.size(); ++i) {
      if (std::abs(sums[i] - sums[0]) <= tolerance * std::max(1.0, std::abs(sums[0]))) continue;
      return UnequalRows{m, static_cast<Index>(i), sums[i], sums[0]};
    }
  }
  return std::nullopt;
}

EffectValues apply_to_effects(const FlowFilter& filter, const FlowMatrices& matrices,
                              std::span<const double> coefficients, const EffectValues& effects) {
  EffectValues result;
  for (std::size_t mode = 0; mode < 2; ++mode) {
    if (effects[mode].empty()) continue;
    result[mode].assign(effects[mode].size(), 0.0);
    for (std::size_t t = 0; t < coefficients.size(); ++t) {
      const auto& term = filter.terms()[t];
      const std::array<std::size_t, 2> places{term.origin, term.destination};
      const auto sums =
          multiply(matrices[1 - mode][places[1 - mode]], ones(filter.extents()[1 - mode]));
      const auto image = multiply(matrices[mode][places[mode]], effects[mode]);
      for (std::size_t i = 0; i < image.size(); ++i) {
        result[mode][i] += coefficients[t] * sums[0] * image[i];
      }
    }
  }
  normalise(result);
  return result;
}

EffectValues solve_for_effects(const communication::Communicator& comm, const FlowFilter& filter,
                               const FlowMatrices& matrices, std::span<const double> coefficients,
                               const EffectValues& effects) {
  const ColumnSolver solver(comm, filter, matrices);
  EffectValues result;
  for (std::size_t mode = 0; mode < 2; ++mode) {
    if (effects[mode].empty()) continue;
    FlowColumn column;
    column.origin = mode == 0 ? effects[0] : ones(filter.extents()[0]);
    column.destination = mode == 1 ? effects[1] : ones(filter.extents()[1]);
    const auto products = solver.solve(column, coefficients);
    if (products.empty()) {
      throw core::ConvergenceError(
          "the fixed effects have no accurate solution: the filter is next to singular");
    }
    result[mode].assign(effects[mode].size(), 0.0);
    for (const FlowProduct& product : products) {
      // The other vector is a multiple of ones.
      const double scale = mean(mode == 0 ? product.destination : product.origin);
      const auto& own = mode == 0 ? product.origin : product.destination;
      for (std::size_t i = 0; i < own.size(); ++i) result[mode][i] += scale * own[i];
    }
  }
  normalise(result);
  return result;
}

EffectValues best_effects(const FlowMoments& moments, std::span<const double> coefficients,
                          std::span<const double> delta) {
  EffectValues result;
  const std::size_t column_lags = moments.column_lags;
  for (std::size_t mode = 0; mode < 2; ++mode) {
    if (!moments.effects.modes[mode]) continue;
    const auto n = static_cast<std::size_t>(moments.extents[mode]);
    result[mode].assign(n, 0.0);
    const auto add = [&](std::size_t vector, double weight) {
      for (std::size_t i = 0; i < n; ++i) {
        result[mode][i] += weight * moments.sums[mode][vector * n + i];
      }
    };
    const double cells =
        static_cast<double>(moments.years) * static_cast<double>(moments.extents[1 - mode]);
    for (std::size_t t = 0; t < moments.lags; ++t) {
      add(moments.columns * column_lags + t, coefficients[t] / cells);
    }
    for (std::size_t j = 0; j < moments.columns; ++j) {
      for (std::size_t s = 0; s < column_lags; ++s) {
        const double weight = moments.filtered ? coefficients[s] : 1.0;
        add(j * column_lags + s, -weight * delta[j] / cells);
      }
    }
  }
  // The mean of all is in the means of the rows and in those of the columns.
  if (result[0].empty() || result[1].empty()) return result;
  const double constant = mean(result[1]);
  for (double& value : result[1]) value -= constant;
  return result;
}

}  // namespace kronwerk::models
