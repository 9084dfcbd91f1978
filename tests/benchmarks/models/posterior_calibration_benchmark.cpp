// posterior_calibration_benchmark RUNS
// Simulation-based calibration of the sampler (Talts et al. 2018): RUNS times parameters are drawn
// from their priors, a field η² K(l) ⊗ K(1) + σ² I with the mean β over 6 x 5 cells from these, and
// parameters from the posterior given the field, by one chain. Ranks of the former among 99 of the
// latter are uniform; chi-square tests of 20 bins say how likely theirs are. β is integrated out
// and drawn given the others.
#include <algorithm>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>

#include "benchmarks/measure.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/models/density/log_density.hpp"
#include "kronwerk/models/density/mean_uncertainty.hpp"
#include "kronwerk/models/draws/sampler.hpp"
#include "kronwerk/models/fit/prior.hpp"
#include "kronwerk/models/posterior/chain.hpp"
#include "kronwerk/models/posterior/posterior_density.hpp"

namespace {

using namespace kronwerk;
using namespace kronwerk::benchmarks;
using models::Prior;
using Numbers = std::vector<double>;

constexpr Index rows = 6, columns = 5;
constexpr Index warmup = 300, kept = 99, between = 8;
constexpr std::size_t bins = 20;
const Prior prior_of_beta(Prior::Kind::normal, 0, 1);
const std::vector<models::PosteriorParameter> parameters{
    {"eta", 1, Prior(Prior::Kind::half_normal, 1), 0},
    {"l", 1, Prior(Prior::Kind::gamma, 3, 2), 0},
    {"sigma", 0.5, Prior(Prior::Kind::lognormal, -0.7, 0.4), 0}};
const char* const names[] = {"eta", "l", "sigma", "beta"};

factors::Chain exponential(Index n, double l, bool by_length = false) {
  Numbers values;
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      const auto d = static_cast<double>(std::abs(i - j));
      values.push_back(std::exp(-d / l) * (by_length ? d / (l * l) : 1));
    }
  }
  return {factors::Link{
      factors::make_dense("K", {n, n, communication::SharedArray<double>::from_private(values)})}};
}

operators::ScaledProduct noise(double scale) {
  return {scale,
          {{factors::Link{factors::make_identity(rows)}},
           {factors::Link{factors::make_identity(columns)}}}};
}

models::CovarianceTerms terms_of(std::span<const double> x) {
  models::CovarianceTerms terms;
  terms.signal = {{x[0] * x[0], {exponential(rows, x[1]), exponential(columns, 1)}}};
  terms.noise = noise(x[2] * x[2]);
  return terms;
}

class Model {
 public:
  explicit Model(const communication::Communicator& comm)
      : comm_(comm), workspace_(std::make_shared<operators::Workspace>(comm)) {}

  /// Observes a field that is drawn.
  void observe(std::span<const double> truth, double beta, std::uint64_t seed) {
    const models::Sampler sampler(comm_, workspace_, terms_of(truth), {{{{}, {}}, beta}});
    const models::Covariance covariance(comm_, workspace_, terms_of(truth));
    Numbers y(static_cast<std::size_t>(covariance.layout().home_size(comm_.rank())));
    sampler.draw(seed, 0, 1, y);
    density_.emplace(1, std::move(y), std::vector<models::MeanColumn>{{{{}, {}}}});
  }

  models::Evaluation evaluate(std::span<const double> x) {
    const models::Covariance covariance(comm_, workspace_, terms_of(x));
    models::DensityRequest request;
    request.integrated = true;
    request.derivatives = {
        {{{2 * x[0], {exponential(rows, x[1]), exponential(columns, 1)}}}},
        {{{x[0] * x[0], {exponential(rows, x[1], true), exponential(columns, 1)}}}},
        {{noise(2 * x[2])}}};
    const auto mean = mean_at(covariance);
    auto found = density_->evaluate(covariance, request, mean);
    return {found.total() + models::log_integral(mean) +
                prior_of_beta.log_density(mean.coefficients[0]),
            std::move(found.gradient)};
  }

  double draw_beta(std::span<const double> x, std::uint64_t seed, Index number) {
    const auto mean = mean_at(models::Covariance(comm_, workspace_, terms_of(x)));
    return mean.coefficients[0] + models::draw_coefficients(mean.covariance, 1, seed, number)[0];
  }

 private:
  models::MeanEstimate mean_at(const models::Covariance& covariance) {
    return models::estimate_mean(
        {{{{}, {}}}},
        std::vector{density_->normal_equations(covariance), models::normal_prior(0, 1, 1)},
        models::MeanPooling::pooled);
  }

  const communication::Communicator& comm_;
  std::shared_ptr<operators::Workspace> workspace_;
  std::optional<models::GaussianDensity> density_;
};

/// How many of 99 draws of eta, l, sigma and beta are below the truth.
std::vector<Index> ranks_of(const communication::Communicator& comm, Index run) {
  const auto seed = static_cast<std::uint64_t>(1000 + run);
  Numbers truth;
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    truth.push_back(parameters[k].prior->sample(seed, static_cast<Index>(k)));
  }
  truth.push_back(prior_of_beta.sample(seed, std::ssize(parameters)));
  Model model(comm);
  model.observe(truth, truth.back(), seed + 1'000'000);
  models::PosteriorDensity density(
      comm, [&](std::span<const double> x) { return model.evaluate(x); }, parameters);
  const models::TargetDensity target = [&](std::span<const double> u) {
    return density.evaluate(u);
  };
  models::ChainSettings settings;
  settings.warmup = warmup;
  settings.draws = kept * between;
  settings.seed = seed;
  models::Chain chain(target, density.initial(), settings);
  std::vector<Index> ranks(truth.size(), 0);
  for (Index number = 1; !chain.finished(); ++number) {
    const bool warm = chain.warming_up();
    Numbers x = density.from_free(chain.advance().position);
    if (warm || number % between != 0) continue;
    x.push_back(model.draw_beta(x, seed, number));
    for (std::size_t k = 0; k < x.size(); ++k) ranks[k] += x[k] < truth[k] ? 1 : 0;
  }
  return ranks;
}

}  // namespace

int main(int argc, char** argv) {
  const char* usage = "posterior_calibration_benchmark RUNS";
  return run_program(argc, argv, 1, usage, [](const Arguments& arguments) {
    const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
    const Index runs = arguments.index(1);
    std::vector<Numbers> counts(std::size(names), Numbers(bins, 0.0));
    for (Index run = 0; run < runs; ++run) {
      const auto ranks = ranks_of(comm, run);
      for (std::size_t k = 0; k < ranks.size(); ++k) {
        counts[k][static_cast<std::size_t>(ranks[k]) * bins / (kept + 1)] += 1;
      }
    }
    const double expected = static_cast<double>(runs) / bins;
    double least = 1;
    for (std::size_t k = 0; k < counts.size(); ++k) {
      double square = 0;
      for (const double count : counts[k]) square += (count - expected) * (count - expected);
      const double p = boost::math::gamma_q((bins - 1) / 2.0, square / expected / 2);
      report(comm, (std::string("p_") + names[k]).c_str(), p);
      least = std::min(least, p);
    }
    // Of the least of several (Bonferroni).
    report(comm, "p_value", std::min(1.0, least * static_cast<double>(counts.size())));
  });
}
