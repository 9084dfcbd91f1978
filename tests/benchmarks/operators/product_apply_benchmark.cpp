// product_apply_benchmark BATCH REPEATS EXTENT...
// A_1 ⊗ … ⊗ A_K with dense random factors on BATCH vectors, in turns with a large dgemm on every
// rank at once.
#include <memory>

#include "benchmarks/cases.hpp"
#include "benchmarks/measure.hpp"
#include "kronwerk/factors/base/blas_library.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"

namespace communication = kronwerk::communication;
namespace factors = kronwerk::factors;
namespace operators = kronwerk::operators;
namespace benchmarks = kronwerk::benchmarks;
using kronwerk::core::Index;

namespace {

void run(Index batch, int repeats, const std::vector<Index>& extents) {
  const auto comm = communication::Communicator::duplicate(PETSC_COMM_WORLD);
  std::vector<factors::Chain> chains;
  double flops = 0;
  for (const Index extent : extents) {
    chains.push_back(
        {factors::Link{benchmarks::random_dense(comm, extent, extent, chains.size())}});
    flops += 2.0 * static_cast<double>(extent);
  }
  flops *= static_cast<double>(batch * kronwerk::core::product(extents));
  operators::KroneckerProduct op(comm, std::make_shared<operators::Workspace>(comm), 1.0,
                                 std::move(chains));
  if (batch > 1) op = op.batched(batch);

  std::vector<double> x(static_cast<std::size_t>(op.input_layout().home_size(comm.rank())));
  std::vector<double> y(static_cast<std::size_t>(op.output_layout().home_size(comm.rank())));
  operators::fill_random(operators::RandomKind::normal, 1,
                         op.input_layout().home_begin(comm.rank()), x);
  const int edge = extents.front() >= 4000 ? 4000 : 2000;
  benchmarks::ConcurrentGemm gemm(2000, edge, edge);
  const auto times =
      benchmarks::medians_in_turns(comm, repeats, {[&] { op.apply(x, y); }, [&] { gemm(); }});
  benchmarks::report(comm, "apply_seconds", times[0]);
  benchmarks::report(comm, "apply_gflops", flops / times[0] * 1e-9);
  benchmarks::report(comm, "gemm_gflops", comm.size() * gemm.flops() / times[1] * 1e-9);
  if (comm.is_root()) std::printf("blas_core %s\n", kronwerk::factors::find_blas().core.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return benchmarks::run_program(argc, argv, 3, "product_apply_benchmark BATCH REPEATS EXTENT...",
                                 [](const benchmarks::Arguments& arguments) {
                                   run(arguments.index(1), arguments.times(2),
                                       arguments.extents(3));
                                 });
}
