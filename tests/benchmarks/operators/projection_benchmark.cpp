// projection_benchmark REPEATS EXTENT...
// All factors of the projection of a grid, and those of the inverse of a Kronecker sum, in turns
// with a plain read of the same bytes by all ranks.
#include "benchmarks/plain_memory.hpp"
#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/grids/projection.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"

namespace communication = kronwerk::communication;
namespace operators = kronwerk::operators;
namespace benchmarks = kronwerk::benchmarks;
using kronwerk::core::Index;

namespace {

void run(int repeats, const std::vector<Index>& extents) {
  const auto comm = communication::Communicator::duplicate(PETSC_COMM_WORLD);
  std::vector<std::vector<double>> spectra;
  for (const Index extent : extents) {
    spectra.emplace_back(static_cast<std::size_t>(extent));
    operators::fill_random(operators::RandomKind::uniform, spectra.size(), 0, spectra.back());
    for (double& value : spectra.back()) value += 0.5;
  }
  const kronwerk::distribution::BlockPartition part(kronwerk::core::product(extents), comm.size());
  const Index begin = part.begin(comm.rank());
  const benchmarks::AlignedValues x(part.count(comm.rank()));
  operators::fill_random(operators::RandomKind::uniform, 7, begin, x.span());
  double sum = 0;
  const auto times = benchmarks::times_in_turns(
      comm, repeats,
      {[&] { sum += operators::project_vector(comm, extents, begin, x.span()).mean; },
       [&] { sum += benchmarks::read_values(x.span()); },
       [&] { sum += operators::project_inverse(comm, spectra).mean; }});
  const char* names[] = {"projection", "read", "inverse_projection"};
  for (std::size_t i = 0; i < times.size(); ++i)
    benchmarks::report(comm, std::string(names[i]), times[i]);
  benchmarks::report(comm, "sum", sum);
}

}  // namespace

int main(int argc, char** argv) {
  return benchmarks::run_program(argc, argv, 2, "projection_benchmark REPEATS EXTENT...",
                                 [](const benchmarks::Arguments& arguments) {
                                   run(arguments.times(1), arguments.extents(2));
                                 });
}
