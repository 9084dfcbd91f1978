// flow_moments_benchmark SIDE
// Cross moments of a flow model between the SIDE x SIDE regions of a grid with about six neighbours
// each: four lags, a grid column, an intercept, the diagonal and two attributes of the regions;
// beside one reading of the same numbers.
#include <cmath>
#include <numeric>

#include "benchmarks/cases.hpp"
#include "benchmarks/measure.hpp"
#include "kronwerk/expressions/lowering.hpp"
#include "kronwerk/models/flow/moments.hpp"

namespace communication = kronwerk::communication;
namespace expressions = kronwerk::expressions;
namespace factors = kronwerk::factors;
namespace models = kronwerk::models;
namespace operators = kronwerk::operators;
namespace benchmarks = kronwerk::benchmarks;
using kronwerk::core::Index;

namespace {

void measure(Index side) {
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  const Index n = side * side;
  const auto weights = benchmarks::neighbour_weights(side);
  expressions::Symbols symbols;
  for (const char* name : {"a", "b", "c"}) symbols.parameters[name] = 0.1;
  symbols.matrices["W"] = {n, n, false, true};
  const auto sum = expressions::expand(
      expressions::analyse("kron(I, I) - a*kron(W, I) - b*kron(I, W) - c*kron(W, W)", symbols,
                           "benchmark"),
      {"a", "b", "c"}, symbols.parameters);
  const models::FlowFilter filter(sum, {"a", "b", "c"}, {});
  expressions::Lowering lowering(comm, {{"W", weights}});
  models::FlowMatrices matrices;
  for (const std::size_t mode : {0U, 1U}) {
    for (const auto& matrix : filter.matrices(mode))
      matrices[mode].push_back(lowering.lower(*matrix));
  }
  const kronwerk::distribution::Layout layout({n, n}, 1, comm.size());
  const Index begin = layout.home_begin(comm.rank());
  const auto size = static_cast<std::size_t>(layout.home_size(comm.rank()));
  const std::vector<std::vector<double>> years{benchmarks::random_numbers(1, begin, size)};
  const auto extent = static_cast<std::size_t>(n);
  const std::vector<double> ones(extent, 1.0);
  const std::vector<double> attribute = benchmarks::random_numbers(2, 0, extent);
  using Kind = models::FlowColumn::Kind;
  const std::vector<models::FlowColumn> columns{
      {Kind::kron, "1", ones, ones, {}},
      {Kind::kron, "o", attribute, ones, {}},
      {Kind::kron, "d", ones, attribute, {}},
      {Kind::diagonal, "intra", ones, {}, {}},
      {Kind::grid, "g", {}, {}, benchmarks::random_numbers(3, begin, size)}};
  const auto workspace = std::make_shared<operators::Workspace>(comm);
  double read = 0;
  const auto times = benchmarks::medians_in_turns(
      comm, 3,
      {[&] {
         models::find_moments(comm, workspace, filter, matrices, columns, years,
                              models::FilterActsOn::response);
       },
       [&] {
         const double* grid = columns.back().grid.data();
         read += cblas_ddot(static_cast<int>(size), years[0].data(), 1, grid, 1);
       }});
  benchmarks::report(comm, "moment_seconds", times[0]);
  benchmarks::report(comm, "reading_seconds", times[1]);
  benchmarks::report(comm, "check", read == 0 ? 0 : 1);
}

}  // namespace

int main(int argc, char** argv) {
  const benchmarks::Session session(&argc, &argv);
  return benchmarks::guarded([&] { measure(argc > 1 ? std::atoll(argv[1]) : 56); });
}
