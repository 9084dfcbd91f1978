// gram_benchmark SAMPLES REPEATS EXTENT...
// The mode-wise Gram matrices of samples, in turns with a large dgemm on every rank at once.
#include <memory>

#include "benchmarks/cases.hpp"
#include "benchmarks/measure.hpp"
#include "kronwerk/factors/base/blas_library.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/grids/grams.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"

namespace communication = kronwerk::communication;
namespace operators = kronwerk::operators;
namespace benchmarks = kronwerk::benchmarks;
using kronwerk::core::Index;

namespace {

void run(Index samples, int repeats, const std::vector<Index>& extents) {
  const auto comm = communication::Communicator::duplicate(PETSC_COMM_WORLD);
  const auto workspace = std::make_shared<communication::SharedBlocks>(comm);
  // A symmetric update takes half the flops of a product: n² per fibre.
  double flops = 0;
  for (const Index extent : extents) flops += static_cast<double>(extent);
  flops *= static_cast<double>(samples * kronwerk::core::product(extents));
  const auto layout = operators::ModeGrams(comm, workspace, extents).layout(samples);
  const std::vector<double> y = benchmarks::random_block(comm, layout);
  double trace = 0;
  benchmarks::ConcurrentGemm gemm(2000, 4000, 4000);
  const auto times =
      benchmarks::medians_in_turns(comm, repeats,
                                   {[&] {
                                      operators::ModeGrams grams(comm, workspace, extents);
                                      grams.add(samples, y);
                                      trace += grams.finish().front().front();
                                    },
                                    [&] { gemm(); }});
  benchmarks::report(comm, "gram_seconds", times[0]);
  benchmarks::report(comm, "gram_gflops", flops / times[0] * 1e-9);
  benchmarks::report(comm, "gemm_gflops", comm.size() * gemm.flops() / times[1] * 1e-9);
  benchmarks::report(comm, "checksum", trace);
  if (comm.is_root()) std::printf("blas_core %s\n", kronwerk::factors::find_blas().core.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return benchmarks::run_program(argc, argv, 3, "gram_benchmark SAMPLES REPEATS EXTENT...",
                                 [](const benchmarks::Arguments& arguments) {
                                   run(arguments.index(1), arguments.times(2),
                                       arguments.extents(3));
                                 });
}
