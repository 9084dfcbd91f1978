// product_apply_benchmark BATCH REPEATS EXTENT...
// A_1 ⊗ … ⊗ A_K with dense random factors on BATCH vectors, in turns with a large dgemm on every
// rank at once.
#include <memory>

#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"
#include "measure.hpp"

namespace communication = kronwerk::communication;
namespace factors = kronwerk::factors;
namespace operators = kronwerk::operators;
namespace benchmarks = kronwerk::benchmarks;
using kronwerk::core::Index;

namespace {

factors::FactorPtr random_dense(const communication::Communicator& comm, Index extent,
                                std::uint64_t seed) {
  communication::SharedDense matrix{extent, extent,
                                    communication::SharedArray<double>(comm, extent * extent)};
  if (comm.node().is_root()) {
    operators::fill_random(operators::RandomKind::normal, seed, 0, matrix.values.mutable_span());
  }
  matrix.values.publish();
  return factors::make_dense("A", std::move(matrix));
}

void run(Index batch, int repeats, const std::vector<Index>& extents) {
  const auto comm = communication::Communicator::duplicate(PETSC_COMM_WORLD);
  std::vector<factors::Chain> chains;
  double flops = 0;
  for (const Index extent : extents) {
    chains.push_back({factors::Link{random_dense(comm, extent, chains.size())}});
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
  if (comm.is_root()) std::printf("blas_core %s\n", openblas_get_corename());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: product_apply_benchmark BATCH REPEATS EXTENT...\n");
    return 2;
  }
  const benchmarks::Session session(&argc, &argv);
  return benchmarks::guarded([&] {
    std::vector<Index> extents;
    for (int i = 3; i < argc; ++i) extents.push_back(std::stoll(argv[i]));
    run(std::stoll(argv[1]), std::stoi(argv[2]), extents);
  });
}
