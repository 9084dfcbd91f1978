// batched_layer_benchmark VECTORS BLOCKS ROWS COLS DENSITY REPEATS
// I ⊗ W with a dense W on data rows in memory: all values, and in compressed rows of which the
// given part is there. In turns with what bounds it: dgemm on every rank, reading the data, and
// dgemm with the layer's own shape.
#include <memory>
#include <optional>

#include "benchmarks/cases.hpp"
#include "benchmarks/plain_memory.hpp"
#include "kronwerk/factors/base/blas_library.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/sparse/sparse_rows.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"

namespace communication = kronwerk::communication;
namespace factors = kronwerk::factors;
namespace operators = kronwerk::operators;
namespace benchmarks = kronwerk::benchmarks;
using kronwerk::core::Index;

namespace {

struct Layer {
  Index vectors;
  Index blocks;
  Index rows;
  Index cols;
};

/// About `density` of the values, those that are kept chosen by their position.
struct SparseCopy {
  SparseCopy(std::span<double> x, Index cols, double density) {
    std::vector<double> choice(x.size());
    operators::fill_random(operators::RandomKind::uniform, 3, 0, choice);
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (choice[i] < density) {
        columns.push_back(static_cast<std::int32_t>(static_cast<Index>(i) % cols));
        values.push_back(x[i]);
      } else {
        x[i] = 0;
      }
      if ((static_cast<Index>(i) + 1) % cols == 0) offsets.push_back(std::ssize(values));
    }
  }
  std::vector<Index> offsets{0};
  std::vector<std::int32_t> columns;
  std::vector<double> values;
};

void run(const Layer& layer, double density, int repeats) {
  const auto comm = communication::Communicator::duplicate(PETSC_COMM_WORLD);
  const factors::FactorPtr w = benchmarks::random_dense(comm, layer.rows, layer.cols, 2);
  const std::vector<factors::Chain> chains{{{factors::make_identity(layer.vectors), false, false}},
                                           {{factors::make_identity(layer.blocks), false, false}},
                                           {{w, false, false}}};
  const operators::KroneckerProduct op(comm, std::make_shared<operators::Workspace>(comm), 1.0,
                                       chains);
  const Index size = op.input_layout().home_size(comm.rank());
  const Index fibres = size / layer.cols;
  const benchmarks::AlignedValues data(size);
  const std::span<double> x = data.span().first(static_cast<std::size_t>(size));
  operators::fill_random(operators::RandomKind::normal, 1,
                         op.input_layout().home_begin(comm.rank()), x);
  std::vector<double> y(static_cast<std::size_t>(op.output_layout().home_size(comm.rank())));
  std::vector<double> z(y.size());
  const SparseCopy sparse(x, layer.cols, density);
  const auto product = factors::SparseRowsProduct::make(chains, 1.0);

  benchmarks::ConcurrentGemm gemm(1000, 2000, 2000);
  const std::vector<double> weights(static_cast<std::size_t>(layer.rows * layer.cols), 1.0);
  double sum = 0;
  const auto rows = kronwerk::core::narrow<int>(layer.rows);
  const auto cols = kronwerk::core::narrow<int>(layer.cols);
  const auto times = benchmarks::medians_in_turns(
      comm, repeats,
      {[&] { op.apply(x, y); },
       [&] {
         product->apply({sparse.offsets, sparse.columns, sparse.values}, z);
       },
       [&] { gemm(); }, [&] { sum += benchmarks::read_values(x); },
       [&] {
         cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, kronwerk::core::narrow<int>(fibres),
                     rows, cols, 1.0, x.data(), cols, weights.data(), cols, 0.0, z.data(), rows);
       }});
  const double flops = 2.0 * static_cast<double>(size) * static_cast<double>(layer.rows);
  benchmarks::report(comm, "dense_seconds", times[0]);
  benchmarks::report(comm, "sparse_seconds", times[1]);
  benchmarks::report(
      comm, "density",
      comm.sum(static_cast<double>(sparse.values.size())) / comm.sum(static_cast<double>(size)));
  benchmarks::report(comm, "gemm_limit_seconds", comm.max(flops / gemm.flops() * times[2]));
  benchmarks::report(comm, "read_limit_seconds", times[3]);
  benchmarks::report(comm, "blas_seconds", times[4]);
  benchmarks::report(comm, "checksum", sum);
  if (comm.is_root()) std::printf("blas_core %s\n", kronwerk::factors::find_blas().core.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return benchmarks::run_program(
      argc, argv, 6, "batched_layer_benchmark VECTORS BLOCKS ROWS COLS DENSITY REPEATS",
      [](const benchmarks::Arguments& arguments) {
        run({arguments.index(1), arguments.index(2), arguments.index(3), arguments.index(4)},
            arguments.number(5), arguments.times(6));
      });
}
