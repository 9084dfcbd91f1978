// sum_apply_benchmark FILE DATASET RHO_O RHO_D RHO_W REPEATS
// The general flow operator I ⊗ I - rho_d I ⊗ W - rho_o W ⊗ I - rho_w W ⊗ W, in turns with the one
// product (I - rho_o W) ⊗ (I - rho_d W) and with a copy of the vector.
#include <memory>
#include <utility>

#include "benchmarks/cases.hpp"
#include "benchmarks/measure.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/products/product_sum.hpp"

namespace communication = kronwerk::communication;
namespace factors = kronwerk::factors;
namespace operators = kronwerk::operators;
namespace benchmarks = kronwerk::benchmarks;

namespace {

void run(const std::string& file, const std::string& dataset, double rho_o, double rho_d,
         double rho_w, int repeats) {
  const auto comm = communication::Communicator::duplicate(PETSC_COMM_WORLD);
  const auto workspace = std::make_shared<operators::Workspace>(comm);
  const auto weights = factors::make_sparse("W", kronwerk::io::read_sparse(comm, {file, dataset}));
  const auto identity = factors::make_identity(weights->rows());
  const auto filter = [&](double rho) {
    return benchmarks::chain_of(benchmarks::filter(comm, weights, rho));
  };
  const operators::KroneckerProduct product(comm, workspace, 1.0, {filter(rho_o), filter(rho_d)});
  const auto one = benchmarks::chain_of(identity);
  const auto w = benchmarks::chain_of(weights);
  const operators::ProductSum sum(
      comm, workspace, {{1, {one, one}}, {-rho_d, {one, w}}, {-rho_o, {w, one}}, {-rho_w, {w, w}}});

  const std::vector<double> x = benchmarks::random_block(comm, sum.input_layout());
  std::vector<double> y(x.size());
  const auto times = benchmarks::medians_in_turns(
      comm, repeats,
      {[&] { sum.apply(x, y); }, [&] { product.apply(x, y); },
       [&] { std::copy(x.begin(), x.end(), y.begin()); }, [&] { sum.apply_transposed(x, y); }});
  benchmarks::report(comm, "sum_seconds", times[0]);
  benchmarks::report(comm, "product_seconds", times[1]);
  benchmarks::report(comm, "copy_seconds", times[2]);
  benchmarks::report(comm, "transposed_seconds", times[3]);
  benchmarks::report(comm, "sum_to_product", times[0] / times[1]);
  benchmarks::report(comm, "moved_bytes_per_rank", sum.estimate().exchanged_bytes_per_rank);
}

}  // namespace

int main(int argc, char** argv) {
  return benchmarks::run_program(
      argc, argv, 6, "sum_apply_benchmark FILE DATASET RHO_O RHO_D RHO_W REPEATS",
      [](const benchmarks::Arguments& arguments) {
        run(arguments.text(1), arguments.text(2), arguments.number(3), arguments.number(4),
            arguments.number(5), arguments.times(6));
      });
}
