// Poisson counts over a square grid, f ~ N(μ, η² K_1 ⊗ K_2) with Matérn factors: log density and
// gradient by η, l_1, l_2 and μ, from the counts alone.
//
// Usage: laplace_benchmark N REPEATS [PROBES]
#include <cmath>
#include <memory>

#include "benchmarks/measure.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/models/draws/sampler.hpp"
#include "kronwerk/models/flow_counts/count_draws.hpp"
#include "kronwerk/models/laplace/laplace.hpp"

namespace {

using namespace kronwerk;
using namespace kronwerk::benchmarks;

double matern(double d, double l) {
  const double r = std::sqrt(3.0) * d / l;
  return (1 + r) * std::exp(-r);
}

double matern_derivative(double d, double l) {
  const double r = std::sqrt(3.0) * d / l;
  return r * r * std::exp(-r) / l;
}

/// f(distance, l) of points 0.1 apart.
template <typename Function>
factors::Chain kernel(const communication::Communicator& comm, Index n, double l,
                      const Function& f) {
  communication::SharedDense dense;
  dense.rows = dense.cols = n;
  dense.values = communication::SharedArray<double>(comm, n * n);
  if (comm.node().is_root()) {
    double* values = dense.values.mutable_span().data();
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) {
        values[i * n + j] = f(0.1 * static_cast<double>(std::abs(i - j)), l);
      }
    }
  }
  dense.values.publish();
  return {factors::Link{factors::make_dense("K", std::move(dense))}};
}

}  // namespace

int main(int argc, char** argv) {
  const Session session(&argc, &argv);
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  const Index n = std::atoll(argv[1]);
  const int repeats = std::atoi(argv[2]);
  const auto workspace = std::make_shared<operators::Workspace>(comm);
  const double first = 3, second = 4;
  const factors::Chain a = kernel(comm, n, first, matern), b = kernel(comm, n, second, matern);
  models::LatentModel model;
  model.signal = {{1, {a, b}}};
  model.mean = {{{{}, {}}, 1.0}};
  models::LatentCells cells;
  cells.layout = models::latent_layout(comm, model.signal);
  const models::Sampler sampler(comm, workspace, {model.signal, {}}, model.mean);
  std::vector<double> field(static_cast<std::size_t>(cells.layout.home_size(comm.rank())));
  sampler.draw(1, 0, 1, field);
  cells.y.resize(field.size());
  models::draw_counts(2, cells.layout.home_begin(comm.rank()), field, 0, cells.y);

  std::vector<models::LatentDerivative> derivatives(4);
  derivatives[0].covariance = {{2, {a, b}}};
  derivatives[1].covariance = {{1, {kernel(comm, n, first, matern_derivative), b}}};
  derivatives[2].covariance = {{1, {a, kernel(comm, n, second, matern_derivative)}}};
  derivatives[3].coefficient = 0;

  models::LaplaceSettings settings;
  if (argc > 3) settings.stochastic.probes = std::atoll(argv[3]);
  std::vector<double> modes, values, wholes;
  models::LaplaceProgress progress;
  models::LaplaceDensity density;
  for (int repeat = 0; repeat <= repeats; ++repeat) {
    models::LaplaceApproximation laplace(comm, workspace, cells, settings);
    modes.push_back(seconds(comm, [&] { progress = laplace.find_mode(model); }));
    values.push_back(seconds(comm, [&] { laplace.density({}); }));
    wholes.push_back(modes.back() + seconds(comm, [&] { density = laplace.density(derivatives); }));
  }
  for (auto* list : {&modes, &values, &wholes}) list->erase(list->begin());
  if (comm.is_root()) {
    std::printf("cells %lld\nmode_seconds %.4g\nvalue_seconds %.4g\nseconds %.4g\n",
                static_cast<long long>(n * n), median(modes), median(values), median(wholes));
    std::printf("newton_steps %lld\niterations %lld\nquadrature_steps %lld\nbases %lld\n",
                static_cast<long long>(progress.steps), static_cast<long long>(progress.iterations),
                static_cast<long long>(density.quadrature_steps),
                static_cast<long long>(progress.bases));
    std::printf("value %.10g\nstandard_error %.3g\nquadrature_error %.3g\n", density.value,
                density.standard_error, density.quadrature_error);
    for (std::size_t d = 0; d < density.gradient.size(); ++d) {
      std::printf("derivative_%zu %.10g\nderivative_error_%zu %.3g\n", d, density.gradient[d], d,
                  density.gradient_errors[d]);
    }
  }
  return 0;
}
