// flow_determinant_benchmark SIDE
// log det of the four-term flow filter, its gradient and Hessian, for the SIDE x SIDE regions of a
// grid with six neighbours each: from eigenvalues (random
// ones: their values do not matter here) beside one division for each pair, and from Chebyshev
// moments with the time that these take.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "benchmarks/cases.hpp"
#include "benchmarks/measure.hpp"
#include "kronwerk/models/flow_determinants/bilinear_determinant.hpp"

namespace communication = kronwerk::communication;
namespace factors = kronwerk::factors;
namespace models = kronwerk::models;
namespace benchmarks = kronwerk::benchmarks;
using kronwerk::core::Index;

namespace {

void measure(Index side) {
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  const std::vector<models::TermPowers> terms{{0, 0}, {1, 0}, {0, 1}, {1, 1}};
  const std::vector<double> coefficients{1, -0.35, -0.3, 0.1};
  const Index n = side * side;

  std::mt19937_64 engine(1);
  std::uniform_real_distribution<double> uniform(-0.6, 1);
  std::vector<std::complex<double>> eigenvalues(static_cast<std::size_t>(n));
  for (auto& value : eigenvalues) value = uniform(engine);
  const auto nodes = models::nodes_of(eigenvalues, "W");
  const auto exact = models::make_bilinear_determinant(comm, terms, {nodes, nodes});
  std::vector<double> run(1024, 1.5);
  const auto divide = [&] {
    for (Index pass = 0; pass < n * n / 1024 / comm.size(); ++pass) {
      for (double& value : run) value = 1.0000001 / value;
    }
  };
  const auto times =
      benchmarks::medians_in_turns(comm, 3, {[&] { exact->evaluate(coefficients, true); }, divide});
  benchmarks::report(comm, "eigenvalue_seconds", times[0]);
  benchmarks::report(comm, "division_seconds", times[1]);

  const auto weights = benchmarks::neighbour_weights(side);
  std::optional<factors::ChebyshevMoments> moments;
  benchmarks::report(comm, "moment_seconds", benchmarks::seconds(comm, [&] {
                       moments = factors::chebyshev_moments(comm, {{weights}});
                     }));
  const auto weighted = models::nodes_of(*moments, "W");
  const auto approximate = models::make_bilinear_determinant(comm, terms, {weighted, weighted});
  models::DeterminantValue value;
  // The least: a millisecond is less than what another program on the machine may take.
  double evaluation = std::numeric_limits<double>::infinity();
  for (int repeat = 0; repeat < 50; ++repeat) {
    evaluation = std::min(evaluation, benchmarks::seconds(comm, [&] {
                            value = approximate->evaluate(coefficients, true);
                          }));
  }
  benchmarks::report(comm, "evaluation_seconds", evaluation);
  benchmarks::report(comm, "relative_error_bound", value.error / std::abs(value.log_abs));
}

}  // namespace

int main(int argc, char** argv) {
  const benchmarks::Session session(&argc, &argv);
  return benchmarks::guarded([&] { measure(argc > 1 ? std::atoll(argv[1]) : 100); });
}
