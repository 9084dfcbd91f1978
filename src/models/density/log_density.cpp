// log N(y; m, K) = −½ (y − m)ᵀK⁻¹(y − m) − ½ log|K| − ½ N log 2π in coordinates in which K is
// diagonal, its gradient in closed form (Stegle et al. 2011; Rasmussen and Williams 2006, eq. 5.9).
// See src/MATHEMATICS.md, "Gaussian models".
#include "kronwerk/models/density/log_density.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "models/covariance/spectral_values.hpp"
#include "models/density/density_gradient.hpp"
#include "models/density/mean.hpp"

namespace kronwerk::models {

double LogDensity::total() const {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

namespace {

/// α̃ and the quadratic forms (ỹ − m̃)ᵀ α̃ of each observation.
struct Weighted {
  std::vector<double> weights;
  std::vector<double> squares;
};

}  // namespace

struct GaussianDensity::State {
  Index observations;
  std::vector<double> y;
  std::vector<MeanColumn> mean;
  /// What the following belong to.
  std::vector<factors::BasisPtr> bases;
  std::vector<double> projected;  ///< Vᵀy
  ProjectedColumns columns;       ///< VᵀX
  BasisMatrices matrices;
  bool judged = false;  ///< a solve in these bases was

  void check(const Covariance& covariance) const {
    check_columns(covariance.extents(), mean);
    const Layout layout = covariance.layout(observations);
    const Index expected = layout.home_size(covariance.comm().rank());
    if (std::ssize(y) == expected) return;
    throw core::ShapeError(
        fmt::format("{} observations over the grid {} were given {} values; this rank owns {}",
                    observations, core::to_text(covariance.extents()), y.size(), expected));
  }

  void project_data(const Covariance& covariance) {
    if (covariance.spectrum().bases == bases) return;
    communication::collectively(covariance.comm(), [&] { check(covariance); });
    projected.resize(y.size());
    covariance.to_basis(observations)->apply(y, projected);
    columns = project(covariance, mean);
    bases = covariance.spectrum().bases;
    judged = false;
  }

  operators::Verdict judge(const Covariance& covariance, const MeanEstimate& estimate,
                           double tolerance, Weighted& weighted);
  std::vector<double> gradient_of_integral(const Covariance& covariance,
                                           const GridValues& eigenvalues,
                                           const std::vector<CovarianceDerivative>& derivatives,
                                           const MeanEstimate& estimate);
};

/// Judges α = V α̃ as the solution of K α = y − m. What refinement gained goes into α̃ and the
/// quadratic forms.
operators::Verdict GaussianDensity::State::judge(const Covariance& covariance,
                                                 const MeanEstimate& estimate, double tolerance,
                                                 Weighted& weighted) {
  const auto& comm = covariance.comm();
  const Layout layout = covariance.layout(observations);
  const Index first = layout.home_begin(comm.rank());
  std::vector<double> right, solution;
  communication::collectively(comm, [&] {
    right.resize(y.size());
    solution.resize(y.size());
  });
  const auto difference = [&](std::span<double> b) {
    std::ranges::fill(b, 0.0);
    add_mean(covariance.extents(), mean, estimate.coefficients, first, b);
    for (std::size_t i = 0; i < b.size(); ++i) b[i] = y[i] - b[i];
  };
  difference(right);
  covariance.from_basis(observations)->apply(weighted.weights, solution);
  const OperatorPtr forward = covariance.forward(observations);
  operators::SolveJudge judge(
      {operators::map_of(forward), operators::map_of(covariance.inverse(observations)),
       operators::ColumnNorms::one_after_another(comm, layout, observations), first, tolerance});
  const operators::Verdict verdict = judge.judge(right, solution, false, difference);
  judged = true;
  if (verdict.refinements == 0) return verdict;
  difference(right);
  std::ranges::fill(weighted.squares, 0.0);
  for (std::size_t i = 0; i < right.size(); ++i) {
    const Index observation = (first + static_cast<Index>(i)) / covariance.size();
    weighted.squares[static_cast<std::size_t>(observation)] += right[i] * solution[i];
  }
  comm.sum(weighted.squares);
  // V⁻¹ is diag(1/e) Vᵀ K, but for what made the refinement necessary: so it is refined as well.
  const OperatorPtr from_basis = covariance.from_basis(observations);
  const OperatorPtr to_basis = covariance.to_basis(observations);
  for (Index step = 0; step <= verdict.refinements; ++step) {
    std::vector<double> error = solution;
    for (double& value : weighted.weights) value = -value;
    from_basis->apply(weighted.weights, error, true);
    forward->apply(error, right);
    to_basis->apply(right, error);
    covariance.divide(observations, error);
    for (std::size_t i = 0; i < error.size(); ++i) {
      weighted.weights[i] = error[i] - weighted.weights[i];
    }
  }
  return verdict;
}

namespace {

/// The same with terms of ones beside others.
Weighted weigh_through_core(const Covariance& covariance, const MeanValues& mean,
                            Index observations, std::span<const double> projected) {
  const Index first = covariance.layout(observations).home_begin(covariance.comm().rank());
  std::vector<double> residual(projected.begin(), projected.end());
  mean.add_to(-1, first, residual);
  Weighted result{residual, std::vector<double>(static_cast<std::size_t>(observations), 0.0)};
  covariance.divide(observations, result.weights);
  for (std::size_t i = 0; i < residual.size(); ++i) {
    const Index observation = (first + static_cast<Index>(i)) / covariance.size();
    result.squares[static_cast<std::size_t>(observation)] += residual[i] * result.weights[i];
  }
  covariance.comm().sum(result.squares);
  return result;
}

Weighted weigh(const Covariance& covariance, const GridValues& eigenvalues, const MeanValues& mean,
               Index observations, std::span<const double> projected) {
  if (!covariance.diagonal()) {
    return weigh_through_core(covariance, mean, observations, projected);
  }
  const auto& comm = covariance.comm();
  const Index first = covariance.layout(observations).home_begin(comm.rank());
  Weighted result{std::vector<double>(projected.size()),
                  std::vector<double>(static_cast<std::size_t>(observations), 0.0)};
  double values[GridValues::run_length];
  eigenvalues.for_runs(
      first, std::ssize(projected), [&](const double* e, Index offset, Index count) {
        mean.evaluate(first + offset, count, values);
        const double* y = projected.data() + offset;
        double* weights = result.weights.data() + offset;
        double square = 0;
        for (Index i = 0; i < count; ++i) {
          const double residual = y[i] - values[i];
          weights[i] = residual / e[i];
          square += residual * weights[i];
        }
        result.squares[static_cast<std::size_t>((first + offset) / covariance.size())] += square;
      });
  comm.sum(result.squares);
  return result;
}

/// x̃ᵀα̃ of every column with a given coefficient.
std::vector<double> mean_gradient(const Covariance& covariance, const std::vector<MeanColumn>& mean,
                                  const ProjectedColumns& columns, Index observations,
                                  std::span<const double> weights) {
  std::vector<double> result;
  const Index first = covariance.layout(observations).home_begin(covariance.comm().rank());
  for (std::size_t c = 0; c < mean.size(); ++c) {
    if (!mean[c].coefficient) continue;
    const GridValues column(covariance.extents(), {{1, columns[c]}});
    double sum = 0;
    column.for_runs(first, std::ssize(weights), [&](const double* x, Index offset, Index count) {
      const double* alpha = weights.data() + offset;
      double partial = 0;
      for (Index i = 0; i < count; ++i) partial += x[i] * alpha[i];
      sum += partial;
    });
    result.push_back(sum);
  }
  covariance.comm().sum(result);
  return result;
}

}  // namespace

GaussianDensity::GaussianDensity(Index observations, std::vector<double> y,
                                 std::vector<MeanColumn> mean)
    : state_(std::make_unique<State>(
          State{observations, std::move(y), std::move(mean), {}, {}, {}, {}, false})) {}
GaussianDensity::~GaussianDensity() = default;
GaussianDensity::GaussianDensity(GaussianDensity&&) noexcept = default;
GaussianDensity& GaussianDensity::operator=(GaussianDensity&&) noexcept = default;

Index GaussianDensity::observations() const noexcept {
  return state_->observations;
}

void GaussianDensity::set_coefficient(std::size_t column, double value) {
  state_->mean.at(column).coefficient = value;
}

NormalEquations GaussianDensity::normal_equations(const Covariance& covariance) {
  State& state = *state_;
  state.project_data(covariance);
  const GridValues eigenvalues = spectral_values(covariance);
  return models::normal_equations(covariance, eigenvalues, state.mean, state.columns,
                                  state.observations, state.projected);
}

LogDensity GaussianDensity::evaluate(const Covariance& covariance, const DensityRequest& request) {
  const std::vector<NormalEquations> equations{normal_equations(covariance)};
  MeanEstimate estimate;
  communication::collectively(covariance.comm(), [&] {
    estimate = estimate_mean(state_->mean, equations, MeanPooling::pooled);
  });
  return evaluate(covariance, request, estimate);
}

LogDensity GaussianDensity::evaluate(const Covariance& covariance, const DensityRequest& request,
                                     const MeanEstimate& estimate) {
  State& state = *state_;
  state.project_data(covariance);
  const GridValues eigenvalues = spectral_values(covariance);
  LogDensity result;
  result.mean = estimate;
  const MeanValues mean(covariance.extents(), state.columns, estimate.coefficients);
  Weighted weighted = weigh(covariance, eigenvalues, mean, state.observations, state.projected);
  if (request.judged == Judged::always) {
    result.verdict = state.judge(covariance, estimate, request.tolerance, weighted);
  } else if (request.judged == Judged::first_use && !state.judged) {
    // Whether it was the first use must not change the result.
    Weighted copy = weighted;
    result.verdict = state.judge(covariance, estimate, request.tolerance, copy);
  }
  const double constant = covariance.log_determinant() +
                          static_cast<double>(covariance.size()) * std::log(2 * std::numbers::pi);
  for (const double square : weighted.squares) result.values.push_back(-0.5 * (square + constant));
  if (!std::isfinite(result.total())) {
    throw core::DataError(
        "the log density is not finite; look for values that are no numbers or too large in the "
        "observations and the mean");
  }
  result.mean_gradient =
      mean_gradient(covariance, state.mean, state.columns, state.observations, weighted.weights);
  if (!request.derivatives.empty()) {
    DensityGradient gradient(covariance, eigenvalues, state.matrices, state.observations,
                             weighted.weights, state.observations);
    result.gradient = gradient.of(request.derivatives);
    if (request.integrated && estimate.estimated > 0) {
      const auto more =
          state.gradient_of_integral(covariance, eigenvalues, request.derivatives, estimate);
      for (std::size_t p = 0; p < more.size(); ++p) result.gradient[p] += more[p];
    }
    state.matrices.forget_unused();
  }
  if (!request.input_gradient) return result;
  result.input_gradient.resize(state.y.size());
  covariance.from_basis(state.observations)->apply(weighted.weights, result.input_gradient);
  for (double& value : result.input_gradient) value = -value;
  return result;
}

/// Of ½ log|C|, C⁻¹ = Σ_i XᵀK⁻¹X: ½ Σ_i tr(C XᵀK⁻¹(∂K)K⁻¹X).
std::vector<double> GaussianDensity::State::gradient_of_integral(
    const Covariance& covariance, const GridValues& eigenvalues,
    const std::vector<CovarianceDerivative>& derivatives, const MeanEstimate& estimate) {
  const auto p = static_cast<Index>(estimate.estimated);
  const MeanValues fields(covariance.extents(), columns, root_fields(mean, estimate));
  const std::vector<double> none(
      static_cast<std::size_t>(covariance.layout(p).home_size(covariance.comm().rank())), 0.0);
  const auto weighted = weigh(covariance, eigenvalues, fields, p, none);
  auto result =
      DensityGradient(covariance, eigenvalues, matrices, p, weighted.weights, 0).of(derivatives);
  for (double& each : result) each *= static_cast<double>(observations);
  return result;
}

std::vector<double> GaussianDensity::half_squares(
    const Covariance& covariance, const std::vector<CovarianceDerivative>& derivatives) {
  State& state = *state_;
  state.project_data(covariance);
  std::vector<double> weights = state.projected;
  covariance.divide(state.observations, weights);
  return DensityGradient(covariance, spectral_values(covariance), state.matrices,
                         state.observations, weights, 0)
      .of(derivatives);
}

std::vector<double> GaussianDensity::solve(const Covariance& covariance,
                                           const MeanEstimate& estimate) {
  State& state = *state_;
  state.project_data(covariance);
  const GridValues eigenvalues = spectral_values(covariance);
  const MeanValues mean(covariance.extents(), state.columns, estimate.coefficients);
  return weigh(covariance, eigenvalues, mean, state.observations, state.projected).weights;
}

std::vector<double> GaussianDensity::solve(const Covariance& covariance,
                                           const MeanEstimate& estimate, double tolerance,
                                           operators::Verdict& verdict) {
  Weighted weighted{solve(covariance, estimate),
                    std::vector<double>(static_cast<std::size_t>(state_->observations))};
  verdict = state_->judge(covariance, estimate, tolerance, weighted);
  return std::move(weighted.weights);
}

}  // namespace kronwerk::models
