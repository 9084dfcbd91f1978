// diagonal_benchmark REPEATS EXTENT...
// The diagonal of a Kronecker sum of diagonals and its log-determinant, in turns with plain writes
// and reads of the same bytes by all ranks (pages touched before).
#include "benchmarks/plain_memory.hpp"
#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/grids/kronecker_sum.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"

namespace communication = kronwerk::communication;
namespace operators = kronwerk::operators;
namespace benchmarks = kronwerk::benchmarks;
using kronwerk::core::Index;

namespace {

void run(int repeats, const std::vector<Index>& extents) {
  const auto comm = communication::Communicator::duplicate(PETSC_COMM_WORLD);
  std::vector<std::vector<double>> diagonals;
  for (const Index extent : extents) {
    diagonals.emplace_back(static_cast<std::size_t>(extent));
    operators::fill_random(operators::RandomKind::uniform, diagonals.size(), 0, diagonals.back());
  }
  const kronwerk::distribution::BlockPartition part(kronwerk::core::product(extents), comm.size());
  const Index begin = part.begin(comm.rank());
  const benchmarks::AlignedValues out(part.count(comm.rank()));
  double sum = 0;
  const auto times = benchmarks::times_in_turns(
      comm, repeats,
      {[&] { operators::kronecker_sum_diagonal(diagonals, begin, out.span()); },
       [&] { benchmarks::stream_values(out.span(), 1.0); },
       [&] { benchmarks::set_values(out.span()); },
       [&] { sum += benchmarks::read_values(out.span()); },
       [&] { sum += operators::kronecker_sum_determinant(comm, diagonals).log_abs; }});
  const char* names[] = {"diagonal", "stream", "fill", "read", "log_sum"};
  for (std::size_t i = 0; i < times.size(); ++i)
    benchmarks::report(comm, std::string(names[i]), times[i]);
  benchmarks::report(comm, "sum", sum);
}

}  // namespace

int main(int argc, char** argv) {
  return benchmarks::run_program(argc, argv, 2, "diagonal_benchmark REPEATS EXTENT...",
                                 [](const benchmarks::Arguments& arguments) {
                                   run(arguments.times(1), arguments.extents(2));
                                 });
}
