// Where a quasi-Newton fit of a count model starts: without the derivatives of η by the
// coefficients, so that nothing N × p is kept.
#include <algorithm>
#include <cmath>

#include "kronwerk/models/flow_counts/count_flow.hpp"
#include "models/fit/small_dense.hpp"
#include "models/flow/cell_sums.hpp"
#include "models/flow_counts/count_sums.hpp"

namespace kronwerk::models {
namespace {

/// Of a field whose means overflow.
constexpr Index most_halvings = 30;

}  // namespace

// Sums of products of columns and `more` vectors, with the weights y + continuity of the counts,
// and of them with the counts' logarithms.
CellSums CountFlow::weigh_columns(const std::vector<std::vector<double>>& more) const {
  const std::size_t p = columns_->size();
  CellSums sums(
      [&](std::size_t first, std::size_t count, double* panel, std::size_t lead) {
        fill_columns(*columns_, first_row_, width_, first, count, panel, lead);
        for (std::size_t k = 0; k < more.size(); ++k) {
          std::copy_n(more[k].begin() + static_cast<Index>(first), count, panel + (p + k) * lead);
        }
      },
      p + more.size());
  communication::collectively(*comm_, [&] {
    for (std::size_t first = 0; first < block_; first += CellSums::tile) {
      const std::size_t count = std::min(CellSums::tile, block_ - first);
      double value[CellSums::tile] = {}, weight[CellSums::tile] = {}, none[CellSums::tile] = {};
      weigh_logarithms(counts_, first, count, value, weight);
      sums.add(first, count, value, weight, none);
    }
  });
  sums.finish(*comm_);
  return sums;
}

// 1ᵀA1 / N: what a constant field is divided by, where rows sum to the same.
double CountFlow::mean_scale() {
  const std::vector<double> ones(block_, 1.0);
  double sum = 0;
  for (std::size_t t = 0; t < products_.size(); ++t) {
    if (coefficients_.value[t] == 0) continue;
    sum += coefficients_.value[t] * local_dot(ones, apply_term(t, ones, false));
  }
  const double mean = comm_->sum(sum) / static_cast<double>(core::product(filter_->extents()));
  return std::abs(mean) > 1e-6 ? mean : 1;
}

GradientBeginning CountFlow::begin_plainly(std::span<const double> parameters) {
  const std::size_t p = columns_->size();
  const std::size_t n = variables();
  last_.reset();
  move_to(parameters);
  const double scale = mean_scale();
  const CellSums columns = weigh_columns({});
  check_columns(columns.gram(), columns.gram());
  std::vector<double> delta = SmallCholesky(columns.gram(), p, 0).solved(columns.first());
  for (double& value : delta) value *= scale;

  GradientBeginning result{{parameters.begin(), parameters.end()}, std::vector<double>(n * n)};
  result.x.insert(result.x.end(), delta.begin(), delta.end());
  std::vector<double> own(block_, 0.0);
  solve(trend(delta), own, false);
  if (has_theta()) {
    move_field(own, 0);
    result.x.push_back(std::log(start_theta(eta_)));
  }
  const double theta = has_theta() ? std::exp(result.x.back()) : 0;
  Index halvings = 0;
  while (!std::isfinite(sum_cells(own, theta, 0, nullptr).value) && halvings < most_halvings) {
    for (double& value : own) value /= 2;
    for (std::size_t j = 0; j < p; ++j) result.x[free() + j] /= 2;
    ++halvings;
  }
  if (move_field(std::move(own), theta)) {
    std::vector<std::vector<double>> slopes(free());
    find_slopes(slopes);
    const CellSums all = weigh_columns(slopes);
    const auto size = [&](std::size_t a) { return a < p ? 1 / scale : 1.0; };
    for (std::size_t a = 0; a < p + free(); ++a) {
      for (std::size_t b = 0; b < p + free(); ++b) {
        result.metric[place(a) * n + place(b)] =
            size(a) * size(b) * all.gram()[a * (p + free()) + b];
      }
    }
  }
  if (has_theta()) {
    const double curvature = -sum_cells(eta_, theta_, 0, nullptr).by_theta2;
    result.metric[n * n - 1] = curvature > 0 ? curvature : 1;
  }
  return result;
}

}  // namespace kronwerk::models
