// Sparse Kronecker-sum precisions: time to a KKT residual of 1e-8.
//
// Usage: graph_benchmark penalised FILE N_1 N_2 PENALTY REPEATS   Grams of a file, as doubles
//        graph_benchmark path FILE N_1 N_2 REPEATS                ten penalties, warm and cold
//        graph_benchmark unpenalised N SAMPLES REPEATS            N x N, against two dsyevd
//        graph_benchmark steps N STEPS                            proximal steps of N x N x N
#include <cmath>
#include <fstream>
#include <memory>
#include <random>

#include "benchmarks/measure.hpp"
#include "factors/spectra/eigen_local.hpp"
#include "kronwerk/models/graph/graph.hpp"
#include "kronwerk/operators/grids/grams.hpp"
#include "models/graph/graph_solver.hpp"
#include "models/graph/spectrum_fit.hpp"

namespace {

using namespace kronwerk;
using namespace kronwerk::benchmarks;
using communication::Communicator;
using core::Extents;

/// With this penalty in units of the mean diagonal.
models::GraphProblem problem_of(const Extents& extents, std::vector<std::vector<double>> grams,
                                double penalty) {
  models::GraphProblem problem{extents, std::move(grams), {}, {}};
  double trace = 0;
  for (Index i = 0; i < extents[0]; ++i) {
    trace += problem.grams[0][static_cast<std::size_t>(i * (extents[0] + 1))];
  }
  problem.penalties.assign(extents.size(), penalty * trace / static_cast<double>(extents[0]));
  return problem;
}

std::vector<std::vector<double>> read_grams(const std::string& path, const Extents& extents) {
  std::ifstream file(path, std::ios::binary);
  std::vector<std::vector<double>> grams;
  for (const Index n : extents) {
    auto& gram = grams.emplace_back(static_cast<std::size_t>(n * n));
    file.read(reinterpret_cast<char*>(gram.data()),
              static_cast<std::streamsize>(gram.size() * sizeof(double)));
  }
  if (!file) throw core::DataError("the Gram matrices could not be read from " + path);
  return grams;
}

void report_estimate(const Communicator& comm, const models::GraphEstimate& estimate) {
  report(comm, "kkt", estimate.kkt);
  report(comm, "objective", estimate.objective);
  report(comm, "proximal_steps", static_cast<double>(estimate.proximal_steps));
  report(comm, "newton_steps", static_cast<double>(estimate.newton_steps));
  report(comm, "inner_iterations", static_cast<double>(estimate.inner_iterations));
  report(comm, "decompositions", static_cast<double>(estimate.decompositions));
  for (const Index edges : estimate.edges) report(comm, "edges", static_cast<double>(edges));
}

void penalised(const Communicator& comm, const Arguments& arguments) {
  const Extents extents{arguments.index(3), arguments.index(4)};
  const auto problem =
      problem_of(extents, read_grams(arguments.text(2), extents), arguments.number(5));
  models::GraphEstimate estimate;
  const auto times = medians_in_turns(comm, arguments.times(6),
                                      {[&] { estimate = models::estimate_graph(comm, problem); }});
  report(comm, "seconds", times[0]);
  report_estimate(comm, estimate);
}

void path(const Communicator& comm, const Arguments& arguments) {
  const Extents extents{arguments.index(3), arguments.index(4)};
  const auto grams = read_grams(arguments.text(2), extents);
  double whole = 0, hardest = 0;
  models::GraphEstimate estimate;
  for (int i = 0; i < 10; ++i) {
    const auto problem = problem_of(extents, grams, 0.3 * std::pow(0.1, i / 9.0));
    const auto start = estimate;
    whole += seconds(comm, [&] {
      estimate = models::estimate_graph(comm, problem, {}, i > 0 ? &start : nullptr);
    });
    const double cold = seconds(comm, [&] { models::estimate_graph(comm, problem); });
    hardest = std::max(hardest, cold);
  }
  report(comm, "seconds", whole);
  report(comm, "hardest_seconds", hardest);
  report_estimate(comm, estimate);
}

void unpenalised(const Communicator& comm, const Arguments& arguments) {
  const Index n = arguments.index(2), samples = arguments.index(3);
  const Extents extents{n, n};
  const auto workspace = std::make_shared<communication::SharedBlocks>(comm);
  std::vector<double> block;
  {
    const operators::ModeGrams sizes(comm, workspace, extents);
    block.resize(static_cast<std::size_t>(sizes.layout(samples).home_size(comm.rank())));
  }
  std::mt19937_64 random(static_cast<std::uint64_t>(comm.rank()) + 1);
  std::normal_distribution<double> normal;
  for (double& value : block) value = normal(random);
  std::vector<std::vector<double>> grams;
  models::GraphEstimate estimate;
  std::vector<double> matrix, eigenvalues(static_cast<std::size_t>(n));
  const auto times = medians_in_turns(
      comm, arguments.times(4),
      {[&] {
         operators::ModeGrams sums(comm, workspace, extents);
         sums.add(samples, block);
         grams = sums.finish();
       },
       [&] { estimate = models::estimate_graph(comm, problem_of(extents, grams, 0)); },
       [&] {
         if (comm.rank() > 1) return;
         matrix = grams[static_cast<std::size_t>(comm.rank())];
         factors::symmetric_eigen(n, matrix.data(), "S");
       }});
  report(comm, "gram_seconds", times[0]);
  report(comm, "seconds", times[1]);
  report(comm, "dsyevd_seconds", times[2]);
  report_estimate(comm, estimate);
}

void steps(const Communicator& comm, const Arguments& arguments) {
  const Index n = arguments.index(2);
  const int count = arguments.times(3);
  const Extents extents{n, n, n};
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  std::vector<std::vector<double>> grams;
  for (int k = 0; k < 3; ++k) {  // 10 n samples of one mode, in place of n²
    std::vector<double> y(static_cast<std::size_t>(10 * n * n));
    for (double& value : y) value = normal(random);
    auto& gram = grams.emplace_back(static_cast<std::size_t>(n * n));
    const int size = static_cast<int>(n);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, size, size, 10 * size, 1.0, y.data(),
                10 * size, y.data(), 10 * size, 0.0, gram.data(), size);
    double trace = 0;
    for (Index i = 0; i < n; ++i) trace += gram[static_cast<std::size_t>(i * (n + 1))];
    for (double& value : gram) value *= static_cast<double>(n) / trace;
  }
  const auto problem = problem_of(extents, grams, 0.01);
  const models::GraphObjective objective(comm, problem);
  models::GraphSettings settings;
  models::GraphSolver solver(objective, settings);
  models::BlockMatrices start;
  objective.resize(start);
  for (std::size_t b = 0; b < start.size(); ++b) {
    const auto step = static_cast<std::size_t>(objective.own_block(b).extent() + 1);
    for (std::size_t i = 0; i < start[b].size(); i += step) start[b][i] = 1.0 / 3;
  }
  solver.begin(start);
  const Index before = objective.decompositions();
  const double whole = seconds(comm, [&] {
    for (int i = 0; i < count; ++i) solver.proximal_step();
  });
  const auto points = static_cast<double>(objective.decompositions() - before);
  // What cannot be done without: decompositions by the same owners, and N reciprocals.
  const auto& spectra = solver.current().spectra;
  const Index share = n * n * n / comm.size();
  std::vector<double> values(static_cast<std::size_t>(share));
  models::BlockMatrices matrices;
  const auto times = medians_in_turns(
      comm, 20,
      {[&] {
         matrices = solver.current().factors;
         for (std::size_t b = 0; b < matrices.size(); ++b) {
           factors::symmetric_eigen(objective.own_block(b).extent(), matrices[b].data(), "Psi");
         }
       },
       [&] {
         operators::kronecker_sum_diagonal(spectra, share * comm.rank(), values, 1, false,
                                           operators::SumFunction::reciprocal);
       }});
  report(comm, "step_seconds", whole / count);
  report(comm, "decompositions_per_step", points / count);
  report(comm, "decomposition_seconds", times[0]);
  report(comm, "reciprocal_seconds", times[1]);
  report(comm, "beyond", whole / (points * times[0] + count * times[1]) - 1);
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv, 3, "graph_benchmark penalised | path | unpenalised | steps ...",
                     [](const Arguments& arguments) {
                       const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
                       if (arguments.says(1, "penalised")) penalised(comm, arguments);
                       if (arguments.says(1, "path")) path(comm, arguments);
                       if (arguments.says(1, "unpenalised")) unpenalised(comm, arguments);
                       if (arguments.says(1, "steps")) steps(comm, arguments);
                     });
}
