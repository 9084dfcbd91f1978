// Gaussian models over a square grid, K = η² K_1 ⊗ K_2 + σ² I with dense factors.
//
// Usage: gaussian_benchmark density N REPEATS   log density and gradient by η, l_1, l_2 and σ: new
//                                               factors, then new scales; against two dsyevd side
//                                               by side and dgemm's rate
//        gaussian_benchmark long N M REPEATS    the same over N x M with N much larger than M
//        gaussian_benchmark effects N M REPEATS with main effects beside, K + a² K_1 ⊗ J + b² J ⊗
//        K_2,
//                                               against the same without
//        gaussian_benchmark draws N COUNT       draws, against dgemm's rate
//        gaussian_benchmark predict N REPEATS   mean and variance on a new grid of the same size,
//                                               against one product
#include <cmath>
#include <memory>

#include "benchmarks/measure.hpp"
#include "factors/spectra/eigen_local.hpp"
#include "kronwerk/factors/base/blas_library.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/models/density/log_density.hpp"
#include "kronwerk/models/draws/prediction.hpp"
#include "kronwerk/models/draws/sampler.hpp"
#include "kronwerk/operators/base/random.hpp"

namespace {

using namespace kronwerk;
using namespace kronwerk::benchmarks;
using models::BasisCache;
using models::Covariance;
using operators::ScaledProduct;

double matern(double d, double l) {
  const double r = std::sqrt(3.0) * d / l;
  return (1 + r) * std::exp(-r);
}

double matern_derivative(double d, double l) {
  const double r = std::sqrt(3.0) * d / l;
  return r * r * std::exp(-r) / l;
}

/// f(distance, l) of points 0.01 apart, the rows' shifted.
template <typename Function>
factors::Chain kernel(const communication::Communicator& comm, Index n, double l, double shift,
                      const Function& f) {
  communication::SharedDense dense;
  dense.rows = dense.cols = n;
  dense.values = communication::SharedArray<double>(comm, n * n);
  if (comm.node().is_root()) {
    double* values = dense.values.mutable_span().data();
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) {
        values[i * n + j] = f(std::abs(0.01 * static_cast<double>(i - j) + shift), l);
      }
    }
  }
  dense.values.publish();
  return {factors::Link{factors::make_dense("K", std::move(dense))}};
}

factors::Chain identity(Index n) {
  return {factors::Link{factors::make_identity(n)}};
}

/// K and ∂K of some parameters.
struct Model {
  std::vector<factors::Chain> factors, derivatives;
  models::CovarianceTerms terms;
  models::DensityRequest request;
  bool effects = false;

  Model(const communication::Communicator& comm, const core::Extents& extents, double l) {
    for (const Index n : extents) {
      factors.push_back(kernel(comm, n, l, 0, matern));
      derivatives.push_back(kernel(comm, n, l, 0, matern_derivative));
    }
    set(1.3, 0.3);
  }

  void set(double eta, double sigma) {
    std::vector<factors::Chain> identities;
    for (const auto& chain : factors) identities.push_back(identity(factors::rows(chain)));
    terms.signal = {{eta * eta, factors}};
    terms.noise = ScaledProduct{sigma * sigma, identities};
    request.derivatives = {{{2 * eta, factors}}};
    for (std::size_t k = 0; k < factors.size(); ++k) {
      auto chains = factors;
      chains[k] = derivatives[k];
      request.derivatives.push_back({{eta * eta, chains}});
    }
    request.derivatives.push_back({{2 * sigma, identities}});
    if (effects) add_effects(0.8 * eta);
  }

  /// Main effects of every mode, and what they add to the derivatives: by their amplitude, and by
  /// the lengths.
  void add_effects(double amplitude) {
    request.derivatives.emplace_back();
    for (std::size_t k = 0; k < factors.size(); ++k) {
      std::vector<factors::Chain> chains;
      for (const auto& chain : factors) {
        const Index n = factors::rows(chain);
        chains.push_back({factors::Link{factors::make_ones(n, n)}});
      }
      chains[k] = factors[k];
      terms.signal.push_back({amplitude * amplitude, chains});
      request.derivatives.back().products.push_back({2 * amplitude, chains});
      chains[k] = derivatives[k];
      request.derivatives[k + 1].products.push_back({amplitude * amplitude, chains});
    }
  }
};

/// Decompositions by LAPACK, one by every rank, side by side.
double decomposition_seconds(const communication::Communicator& comm, const Model& model) {
  const auto& chain = model.factors[static_cast<std::size_t>(comm.rank()) % model.factors.size()];
  const Index n = factors::rows(chain);
  std::vector<double> matrix(static_cast<std::size_t>(n * n), 0.0);
  chain[0].factor->add_to_dense(1, matrix);
  return seconds(comm, [&] { factors::symmetric_eigen(n, matrix.data(), "K"); });
}

std::vector<double> normal_block(const Covariance& covariance) {
  const auto layout = covariance.layout();
  const int rank = covariance.comm().rank();
  std::vector<double> y(static_cast<std::size_t>(layout.home_size(rank)));
  operators::fill_random(operators::RandomKind::normal, 1, layout.home_begin(rank), y);
  return y;
}

void measure_density(const core::Extents& extents, int repeats) {
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  const auto workspace = std::make_shared<operators::Workspace>(comm);
  std::vector<std::vector<double>> times(5);
  BasisCache cache;
  std::unique_ptr<models::GaussianDensity> density;
  ConcurrentGemm gemm(1000, 1000, 1000);
  for (int repeat = 0; repeat < repeats; ++repeat) {
    Model model(comm, extents, 0.5 + 0.01 * repeat);
    if (!density) {
      const Covariance covariance(comm, workspace, model.terms, cache);
      density = std::make_unique<models::GaussianDensity>(1, normal_block(covariance),
                                                          std::vector<models::MeanColumn>{});
      density->evaluate(covariance, model.request);
      model = Model(comm, extents, 0.6);
    }
    double bases = 0;
    times[0].push_back(seconds(comm, [&] {
      std::unique_ptr<Covariance> covariance;
      bases = seconds(comm, [&] {
        covariance = std::make_unique<Covariance>(comm, workspace, model.terms, cache);
      });
      density->evaluate(*covariance, model.request);
    }));
    times[1].push_back(bases);
    model.set(1.1, 0.2);
    times[2].push_back(seconds(comm, [&] {
      const Covariance covariance(comm, workspace, model.terms, cache);
      density->evaluate(covariance, model.request);
    }));
    times[3].push_back(decomposition_seconds(comm, model));
    times[4].push_back(seconds(comm, gemm));
  }
  // To the coordinates, two derivatives' V'DV and the quadratic forms along both modes, shared.
  double flops = 0;
  double points = 1;
  for (const Index n : extents) points *= static_cast<double>(n);
  for (const Index n : extents) {
    const auto extent = static_cast<double>(n);
    flops += 4 * points * extent + 4 * extent * extent * extent;
  }
  const double gemms = flops / gemm.flops() * median(times[4]) / comm.size();
  report(comm, "density_seconds", median(times[0]));
  report(comm, "bases_seconds", median(times[1]));
  report(comm, "after_seconds", median(times[0]) - median(times[1]));
  report(comm, "scales_seconds", median(times[2]));
  report(comm, "dsyevd_seconds", median(times[3]));
  report(comm, "gemms_seconds", gemms);
  report(comm, "density_to_limit", median(times[0]) / (median(times[3]) + gemms));
  report(comm, "scales_to_density", median(times[2]) / median(times[0]));
}

void measure_effects(const core::Extents& extents, int repeats) {
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  const auto workspace = std::make_shared<operators::Workspace>(comm);
  const std::vector<std::string> names{"plain", "effects"};
  std::vector<std::vector<double>> whole(2), scales(2), value(2);
  for (int repeat = 0; repeat < repeats; ++repeat) {
    for (const std::size_t way : {0, 1}) {
      BasisCache cache;
      Model model(comm, extents, 0.5);
      model.effects = way == 1;
      model.set(1.3, 0.3);
      std::unique_ptr<models::GaussianDensity> density;
      const auto evaluate = [&](const models::DensityRequest& request) {
        return seconds(comm, [&] {
          const Covariance covariance(comm, workspace, model.terms, cache);
          if (!density) {
            density = std::make_unique<models::GaussianDensity>(1, normal_block(covariance),
                                                                std::vector<models::MeanColumn>{});
          }
          density->evaluate(covariance, request);
        });
      };
      whole[way].push_back(evaluate(model.request));
      model.set(1.1, 0.2);
      scales[way].push_back(evaluate(model.request));
      model.set(1.2, 0.2);
      value[way].push_back(evaluate({}));
    }
  }
  for (const std::size_t way : {0, 1}) {
    report(comm, (names[way] + "_seconds").c_str(), median(whole[way]));
    report(comm, (names[way] + "_scales_seconds").c_str(), median(scales[way]));
    report(comm, (names[way] + "_value_seconds").c_str(), median(value[way]));
  }
  report(comm, "effects_to_plain", median(whole[1]) / median(whole[0]));
}

void measure_draws(Index n, Index count) {
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  const auto workspace = std::make_shared<operators::Workspace>(comm);
  const Model model(comm, {n, n}, 0.5);
  const models::Sampler sampler(comm, workspace, model.terms);
  const Index batch = comm.size();
  std::vector<double> block(static_cast<std::size_t>(sampler.layout(batch).home_size(comm.rank())));
  sampler.draw(1, 0, batch, block);
  ConcurrentGemm gemm(1000, 1000, 1000);
  std::vector<double> gemm_times;
  double time = 0;
  for (Index first = 0; first < count; first += batch) {
    time += seconds(comm, [&] { sampler.draw(1, first, batch, block); });
    if (first % (5 * batch) == 0) gemm_times.push_back(seconds(comm, gemm));
  }
  const auto extent = static_cast<double>(n);
  const double flops = 4 * extent * extent * extent * static_cast<double>(count);
  const double rate = flops / time;
  const double limit = comm.size() * gemm.flops() / median(gemm_times);
  report(comm, "draws_seconds", time);
  report(comm, "draws_gflops", 1e-9 * rate);
  report(comm, "gemm_gflops", 1e-9 * limit);
  report(comm, "draws_to_gemm", rate / limit);
  const double random =
      seconds(comm, [&] { operators::fill_random(operators::RandomKind::normal, 1, 0, block); });
  report(comm, "nanoseconds_per_normal", 1e9 * random / static_cast<double>(block.size()));
}

void measure_prediction(Index n, int repeats) {
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  const auto workspace = std::make_shared<operators::Workspace>(comm);
  const Model model(comm, {n, n}, 0.5);
  const Covariance covariance(comm, workspace, model.terms);
  models::GaussianDensity density(1, normal_block(covariance), {});
  std::vector<models::NewPoints> points;
  for (int k = 0; k < 2; ++k) {
    points.push_back({kernel(comm, n, 0.5, 0.004, matern), std::nullopt,
                      std::vector<double>(static_cast<std::size_t>(n), 1.0)});
  }
  const operators::KroneckerProduct product(comm, workspace, 1, model.factors);
  const auto size = normal_block(covariance).size();
  std::vector<double> mean(size), variance(size);
  const auto x = normal_block(covariance);
  const auto times =
      medians_in_turns(comm, repeats,
                       {[&] {
                          models::GaussianDensity fresh(1, x, {});
                          const models::Prediction prediction(covariance, {{points}});
                          const auto weights = fresh.solve(covariance, {});
                          std::fill(mean.begin(), mean.end(), 0.0);
                          prediction.add_mean(1, weights, mean);
                          prediction.variance(variance);
                        },
                        [&] { product.apply(x, mean); }});
  report(comm, "predict_seconds", times[0]);
  report(comm, "apply_seconds", times[1]);
  report(comm, "predict_to_apply_per_output", times[0] / times[1] / 2);
}

void run(const Arguments& arguments) {
  const std::string task = arguments.text(1, "density");
  if (task == "density") {
    const Index n = arguments.index(2, 1000);
    measure_density({n, n}, arguments.times(3, 3));
  } else if (task == "long") {
    measure_density({arguments.index(2, 2000), arguments.index(3, 12)}, arguments.times(4, 1));
  } else if (task == "effects") {
    measure_effects({arguments.index(2, 1500), arguments.index(3, 1000)}, arguments.times(4, 1));
  } else if (task == "draws") {
    measure_draws(arguments.index(2, 1000), arguments.index(3, 20));
  } else {
    measure_prediction(arguments.index(2, 1000), arguments.times(3, 5));
  }
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 0) std::printf("blas_core %s\n", kronwerk::factors::find_blas().core.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(
      argc, argv, 0,
      "gaussian_benchmark [density|long|effects|draws|prediction [N [COUNT [REPEATS]]]]", run);
}
