#include "kronwerk/models/flow_counts/count_flow.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kronwerk/core/interruption.hpp"
#include "kronwerk/distribution/partition.hpp"
#include "models/fit/small_dense.hpp"
#include "models/flow/cell_sums.hpp"
#include "models/flow_counts/count_sums.hpp"
#include "models/flow_counts/effect_system.hpp"
#include "models/flow_counts/separable_solves.hpp"

namespace kronwerk::models {
namespace {

/// A standard error of η, in the largest entry of a column, beyond which its coefficient diverges.
constexpr double useless_error = 1e3;

}  // namespace

CountFlow::CountFlow(const communication::Communicator& comm, std::shared_ptr<Workspace> workspace,
                     const FlowFilter& filter, const FlowMatrices& matrices,
                     const std::vector<FlowColumn>& columns, FlowCounts counts, CountFamily family,
                     FlowSolveMaker solves, const FixedEffects& effects)
    : comm_(&comm),
      workspace_(std::move(workspace)),
      filter_(&filter),
      matrices_(&matrices),
      columns_(&columns),
      counts_(std::move(counts)),
      family_(family),
      make_solve_(std::move(solves)),
      column_solver_(comm, filter, matrices) {
  const distribution::BlockPartition rows(filter.extents()[0], comm.size());
  first_row_ = rows.begin(comm.rank());
  width_ = filter.extents()[1];
  block_ = static_cast<std::size_t>(rows.count(comm.rank()) * width_);
  Index observed = 0;
  for (const auto& year : counts_.years) {
    for (const double y : year) {
      if (std::isnan(y)) continue;
      ++observed;
      log_factorials_ += std::lgamma(y + 1);
    }
  }
  cells_ = comm.sum(observed);
  log_factorials_ = comm.sum(log_factorials_);
  for (const auto& term : filter.terms()) {
    products_.emplace_back(
        comm, workspace_, 1.0,
        std::vector<factors::Chain>{matrices[0][term.origin], matrices[1][term.destination]}, 1);
    transposed_products_.push_back(products_.back().transposed());
  }
  absorb(effects);
}

std::size_t CountFlow::variables() const noexcept {
  return free() + columns_->size() + (has_theta() ? 1 : 0);
}

void CountFlow::move_to(std::span<const double> parameters) {
  if (!coefficients_.value.empty() && std::ranges::equal(parameters, parameters_)) return;
  coefficients_ = filter_->coefficients(parameters);
  parameters_.assign(parameters.begin(), parameters.end());
  solve_ = {};
  columns_solved_ = false;
  separable_ = SeparableSolves::make(*comm_, workspace_, *filter_, *matrices_, column_solver_,
                                     coefficients_);
}

void CountFlow::solve(std::span<const double> b, std::span<double> x, bool transposed) {
  // At the beginning the filter often is a multiple of the identity.
  double scale = 0;
  bool multiple = true;
  for (std::size_t t = 0; t < products_.size(); ++t) {
    const auto& chains = products_[t].chains();
    if (factors::is_identity(chains[0]) && factors::is_identity(chains[1])) {
      scale += coefficients_.value[t];
    } else {
      multiple = multiple && coefficients_.value[t] == 0;
    }
  }
  if (multiple && scale != 0) {
    for (std::size_t i = 0; i < block_; ++i) x[i] = b[i] / scale;
    return;
  }
  if (separable_) return separable_->solve(b, x, transposed);
  if (!solve_) solve_ = make_solve_(parameters_);
  solve_(b, x, transposed);
}

void CountFlow::solve_columns() {
  if (columns_solved_) return;
  combined_.clear();
  basis_.resize(columns_->size() + free());
  std::vector<double> right_side;
  for (std::size_t j = 0; j < columns_->size(); ++j) {
    const FlowColumn& column = (*columns_)[j];
    const auto products = column_solver_.solve(column, coefficients_.value);
    basis_[j].assign(block_, 0.0);
    if (!products.empty()) {
      add_products(products, 1, first_row_, width_, basis_[j]);
      continue;
    }
    right_side.assign(block_, 0.0);
    add_column(column, 1, first_row_, width_, right_side);
    solve(right_side, basis_[j], false);
  }
  columns_solved_ = true;
}

// Of the cells first + i, i < count.
void CountFlow::combine(std::span<const double> delta, std::size_t first, std::size_t count,
                        std::vector<double>& eta) const {
  std::fill_n(eta.begin() + static_cast<Index>(first), count, 0.0);
  for (std::size_t j = 0; j < delta.size(); ++j) {
    for (std::size_t i = first; i < first + count; ++i) eta[i] += delta[j] * basis_[j][i];
  }
}

bool CountFlow::move_field_to(std::span<const double> delta, double theta) {
  if (!system_ && !combined_.empty() && std::ranges::equal(combined_, delta)) {
    last_.reset();
    theta_ = theta;
    return true;
  }
  std::vector<double> eta = std::exchange(system_ ? field_ : eta_, {});  // for its memory
  eta.resize(block_);
  for (std::size_t first = 0; first < block_; first += CellSums::tile) {
    combine(delta, first, std::min(CellSums::tile, block_ - first), eta);
  }
  const bool moved = move_field(std::move(eta), theta);
  combined_.assign(delta.begin(), delta.end());
  return moved;
}

std::vector<double> CountFlow::trend(std::span<const double> coefficients) const {
  std::vector<double> values(block_, 0.0);
  add_columns(*columns_, coefficients, first_row_, width_, values);
  return values;
}

std::vector<double> CountFlow::apply_term(std::size_t t, std::span<const double> x,
                                          bool transposed) const {
  std::vector<double> y(block_);
  (transposed ? transposed_products_[t] : products_[t]).apply(x, y);
  return y;
}

// g_k = -A⁻¹ A_k η
void CountFlow::find_slopes(std::span<std::vector<double>> slopes) {
  if (separable_) {
    for (std::size_t k = 0; k < free(); ++k) {
      slopes[k].resize(block_);
      separable_->apply_slope(k, field(), slopes[k], false);
      for (double& value : slopes[k]) value = -value;
    }
    return;
  }
  std::vector<std::vector<double>> right_sides(free(), std::vector<double>(block_, 0.0));
  for (std::size_t t = 0; t < products_.size(); ++t) {
    const auto first = std::span(coefficients_.first).subspan(t * free(), free());
    if (std::ranges::all_of(first, [](double c) { return c == 0; })) continue;
    const std::vector<double> image = apply_term(t, field(), false);
    for (std::size_t k = 0; k < free(); ++k) {
      for (std::size_t i = 0; i < block_; ++i) right_sides[k][i] -= first[k] * image[i];
    }
  }
  for (std::size_t k = 0; k < free(); ++k) {
    slopes[k].assign(block_, 0.0);
    solve(right_sides[k], slopes[k], false);
  }
}

CountTerms CountFlow::terms_at(double y, double eta, double theta) const {
  return has_theta() && theta > 0 ? negative_binomial_terms(y, eta, theta) : poisson_terms(y, eta);
}

// theta 0: the Poisson distribution, whatever the family. prepare(first, count): finds η of some
// cells, just before it is asked for.
CountFlow::Sums CountFlow::sum_cells(
    std::span<const double> eta, double theta, std::size_t vectors, std::vector<double>* scores,
    const std::function<void(std::size_t, std::size_t)>& prepare) const {
  std::vector<double> numbers(3, 0.0);
  CellSums basis_sums(basis_, vectors);
  communication::collectively(*comm_, [&] {
    if (scores != nullptr) scores->assign(block_, 0.0);
    for (std::size_t first = 0; first < block_; first += CellSums::tile) {
      const std::size_t count = std::min(CellSums::tile, block_ - first);
      if (prepare) prepare(first, count);
      double score[CellSums::tile] = {}, weight[CellSums::tile] = {}, both[CellSums::tile] = {};
      visit_counts(counts_, first, count, [&](std::size_t i, double y, double offset) {
        const CountTerms terms = terms_at(y, eta[first + i] + offset, theta);
        numbers[0] += terms.value;
        numbers[1] += terms.by_theta;
        numbers[2] += terms.by_theta2;
        score[i] += terms.score;
        weight[i] += terms.weight;
        both[i] += terms.by_both;
      });
      basis_sums.add(first, count, score, weight, both);
      if (scores != nullptr) std::copy_n(score, count, scores->begin() + static_cast<Index>(first));
      core::check_interruption();
    }
  });
  comm_->sum(std::span<double>(numbers));
  basis_sums.finish(*comm_);
  return {numbers[0] - log_factorials_, numbers[1],        numbers[2],
          basis_sums.first(),           basis_sums.gram(), basis_sums.second()};
}

// A_kᵀ v for every parameter, v = A⁻ᵀ s; (P, P): <v, A_kl η> is added to `second`, but for a
// separable filter, whose images tell it.
void CountFlow::find_slope_images(std::span<const double> scores, std::vector<double>& second) {
  images_.resize(free());
  for (auto& image : images_) image.assign(block_, 0.0);
  if (separable_) {
    for (std::size_t k = 0; k < free(); ++k) separable_->apply_slope(k, scores, images_[k], true);
    return;
  }
  adjoint_.resize(block_);
  solve(scores, adjoint_, true);
  const auto zero = [](double c) { return c == 0; };
  for (std::size_t t = 0; t < products_.size(); ++t) {
    const auto first = std::span(coefficients_.first).subspan(t * free(), free());
    const auto both = std::span(coefficients_.second).subspan(t * free() * free(), free() * free());
    const bool curved = !std::ranges::all_of(both, zero);
    if (!curved && std::ranges::all_of(first, zero)) continue;
    const std::vector<double> image = apply_term(t, adjoint_, true);
    for (std::size_t k = 0; k < free(); ++k) {
      if (first[k] == 0) continue;
      for (std::size_t i = 0; i < block_; ++i) images_[k][i] += first[k] * image[i];
    }
    if (!curved) continue;
    const double product = local_dot(image, field());
    for (std::size_t kl = 0; kl < both.size(); ++kl) second[kl] += both[kl] * product;
  }
}

// Σ s ∂²η: -<v, A_k U_j> and -<v, A_kl η + A_k g_l + A_l g_k>.
void CountFlow::add_curvature(std::span<const double> scores, std::vector<double>& hessian) {
  const std::size_t p = columns_->size();
  const std::size_t n = variables();
  std::vector<double> second(free() * free(), 0.0);
  find_slope_images(scores, second);
  std::vector<double> products = local_products(images_, basis_);
  comm_->sum(std::span<double>(products));
  comm_->sum(std::span<double>(second));
  const auto product = [&](std::size_t k, std::size_t j) { return products[k * (p + free()) + j]; };
  const auto add = [&](std::size_t a, std::size_t b, double value) {
    hessian[a * n + b] += value;
    if (a != b) hessian[b * n + a] += value;
  };
  for (std::size_t k = 0; k < free(); ++k) {
    for (std::size_t j = 0; j < p; ++j) add(k, free() + j, -product(k, j));
    for (std::size_t l = 0; l <= k; ++l) {
      double both = second[k * free() + l];
      if (separable_ && separable_->of_origins(k) != separable_->of_origins(l)) {
        both = -product(k, p + l);  // A_kl η = A_k A⁻¹A_l η = -A_k g_l
      }
      add(k, l, -both - product(k, p + l) - product(l, p + k));
    }
  }
}

std::size_t CountFlow::place(std::size_t vector) const noexcept {
  const std::size_t p = columns_->size();
  return vector < p ? free() + vector : vector - p;
}

std::vector<double> CountFlow::in_variables(std::span<const double> products) const {
  const std::size_t count = columns_->size() + free();
  const std::size_t n = variables();
  std::vector<double> result(n * n);
  for (std::size_t a = 0; a < count; ++a) {
    for (std::size_t b = 0; b < count; ++b) {
      result[place(a) * n + place(b)] = products[a * count + b];
    }
  }
  return result;
}

// Without the curvature of η.
NewtonPoint CountFlow::point_of(std::span<const double> x, const Sums& sums) const {
  const std::size_t p = columns_->size();
  const std::size_t n = variables();
  NewtonPoint point{
      {x.begin(), x.end()}, sums.value, std::vector<double>(n), in_variables(sums.gram)};
  for (double& value : point.hessian) value = -value;
  for (std::size_t a = 0; a < p + free(); ++a) {
    point.gradient[place(a)] = sums.gradient[a];
    if (!has_theta()) continue;
    point.hessian[place(a) * n + n - 1] = sums.by_both[a];
    point.hessian[(n - 1) * n + place(a)] = sums.by_both[a];
  }
  if (has_theta()) {
    point.gradient[n - 1] = sums.by_theta;
    point.hessian[n * n - 1] = sums.by_theta2;
  }
  return point;
}

std::optional<NewtonPoint> CountFlow::evaluate(std::span<const double> x) {
  if (last_ && std::ranges::equal(last_->x, x)) return last_;
  last_.reset();
  const std::size_t p = columns_->size();
  const double theta = has_theta() ? std::exp(x.back()) : 0;
  try {
    move_to(x.first(free()));
    solve_columns();
    if (!move_field_to(x.subspan(free(), p), theta)) return std::nullopt;
    find_slopes(std::span(basis_).subspan(p));
    const Sums sums = sum_cells(eta_, theta, p + free(), &scores_);
    if (!sums.finite()) return std::nullopt;
    NewtonPoint point = point_of(x, sums);
    if (free() > 0) add_curvature(scores_, point.hessian);
    if (system_) absorb_curvature(point.hessian);
    last_ = std::move(point);
    return last_;
  } catch (const core::DataError&) {  // a singular filter, on every rank
    return std::nullopt;
  }
}

/// Without the columns' solutions.
bool CountFlow::move_by_one_solve(std::span<const double> x) {
  last_.reset();
  move_to(x.first(free()));
  std::vector<double> own(block_, 0.0);
  solve(trend(x.subspan(free(), columns_->size())), own, false);
  return move_field(std::move(own), has_theta() ? std::exp(x.back()) : 0);
}

std::vector<std::vector<double>> CountFlow::log_probabilities(std::span<const double> x) {
  std::vector<std::vector<double>> result;
  try {
    if (!move_by_one_solve(x)) return {};
  } catch (const core::DataError&) {
    return {};
  }
  for (std::size_t year = 0; year < counts_.years.size(); ++year) {
    auto& values = result.emplace_back(block_, std::numeric_limits<double>::quiet_NaN());
    const auto* exposure = counts_.exposure(year);
    for (std::size_t i = 0; i < block_; ++i) {
      const double y = counts_.years[year][i];
      if (std::isnan(y)) continue;
      const double offset = exposure == nullptr ? 0 : (*exposure)[i];
      values[i] = terms_at(y, eta_[i] + offset, theta_).value - std::lgamma(y + 1);
    }
  }
  return result;
}

std::optional<NewtonPoint> CountFlow::evaluate_gradient(std::span<const double> x) {
  try {
    if (!move_by_one_solve(x)) return std::nullopt;
    const Sums sums = sum_cells(eta_, theta_, 0, &scores_);
    if (!std::isfinite(sums.value)) return std::nullopt;
    adjoint_.resize(block_);
    solve(scores_, adjoint_, true);
    NewtonPoint point{{x.begin(), x.end()}, sums.value, {}, {}};
    std::vector<double> gradient(variables(), 0.0);
    for (std::size_t t = 0; t < products_.size(); ++t) {
      const double product = local_dot(adjoint_, apply_term(t, field(), false));
      for (std::size_t k = 0; k < free(); ++k) {
        gradient[k] -= coefficients_.first[t * free() + k] * product;
      }
    }
    std::ranges::copy(column_products(*columns_, first_row_, width_, adjoint_),
                      gradient.begin() + static_cast<Index>(free()));
    comm_->sum(std::span<double>(gradient));
    if (has_theta()) gradient.back() = sums.by_theta;
    point.gradient = std::move(gradient);
    return point;
  } catch (const core::DataError&) {
    return std::nullopt;
  }
}

std::vector<double> CountFlow::score_products() const {
  const std::size_t p = columns_->size();
  const std::size_t n = variables();
  CellSums basis_sums(basis_, p + free());
  std::vector<double> squares(1, 0.0);
  communication::collectively(*comm_, [&] {
    for (std::size_t first = 0; first < block_; first += CellSums::tile) {
      const std::size_t count = std::min(CellSums::tile, block_ - first);
      double zero[CellSums::tile] = {}, weight[CellSums::tile] = {}, both[CellSums::tile] = {};
      visit_counts(counts_, first, count, [&](std::size_t i, double y, double offset) {
        const CountTerms terms = terms_at(y, eta_[first + i] + offset, theta_);
        weight[i] += terms.score * terms.score;
        both[i] += terms.score * terms.by_theta;
        squares[0] += terms.by_theta * terms.by_theta;
      });
      basis_sums.add(first, count, zero, weight, both);
    }
  });
  comm_->sum(std::span<double>(squares));
  basis_sums.finish(*comm_);
  std::vector<double> result = in_variables(basis_sums.gram());
  for (std::size_t a = 0; has_theta() && a < p + free(); ++a) {
    result[place(a) * n + n - 1] = basis_sums.second()[a];
    result[(n - 1) * n + place(a)] = basis_sums.second()[a];
  }
  if (has_theta()) result[n * n - 1] = squares[0];
  if (system_) absorb_scores(result);
  return result;
}

double CountFlow::least_mean() const {
  double least = std::numeric_limits<double>::infinity();
  visit_counts(counts_, 0, block_, [&](std::size_t i, double, double offset) {
    least = std::min(least, eta_[i] + offset);
  });
  return std::exp(-comm_->max(-least));
}

std::vector<std::size_t> CountFlow::diverging(std::span<const double> covariance) const {
  const std::size_t n = variables();
  std::vector<std::size_t> result;
  for (std::size_t j = 0; j < columns_->size(); ++j) {
    double largest = 0;  // where there is something to tell it
    visit_counts(counts_, 0, block_, [&](std::size_t i, double, double) {
      largest = std::max(largest, std::abs(basis_[j][i]));
    });
    largest = comm_->max(largest);
    const double variance = covariance[(free() + j) * n + free() + j];
    if (!(std::sqrt(variance) * largest <= useless_error)) result.push_back(j);
  }
  return result;
}

}  // namespace kronwerk::models
