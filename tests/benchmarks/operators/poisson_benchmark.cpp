// poisson_benchmark N REPEATS
// The Laplacian on N x N x N points as a Kronecker sum, after set-up, in turns with one application
// of the product of the same three dense bases. The bases are those of the second difference:
// sines.
#include <cmath>
#include <memory>
#include <numbers>

#include "benchmarks/measure.hpp"
#include "kronwerk/factors/base/blas_library.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/spectral/spectral_operator.hpp"

namespace communication = kronwerk::communication;
namespace factors = kronwerk::factors;
namespace operators = kronwerk::operators;
namespace benchmarks = kronwerk::benchmarks;
using kronwerk::core::Index;

namespace {

/// -u'' on (0, 1) with `extent` inner points: V_ij = sqrt(2 / (n + 1)) sin(π i j / (n + 1)).
factors::BasisPtr sine_basis(const communication::Communicator& comm, Index extent) {
  communication::SharedDense matrix{extent, extent,
                                    communication::SharedArray<double>(comm, extent * extent)};
  const auto intervals = static_cast<double>(extent + 1);
  const auto values = matrix.values.mutable_span();
  factors::Basis basis;
  for (Index i = 0; i < extent; ++i) {
    const double angle = std::numbers::pi * static_cast<double>(i + 1) / intervals;
    basis.eigenvalues.emplace_back(2 * (1 - std::cos(angle)) * intervals * intervals);
    for (Index j = 0; comm.node().is_root() && j < extent; ++j) {
      values[static_cast<std::size_t>(i * extent + j)] =
          std::sqrt(2 / intervals) * std::sin(angle * static_cast<double>(j + 1));
    }
  }
  matrix.values.publish();
  basis.kind = factors::BasisKind::symmetric;
  basis.extent = extent;
  const auto vectors = factors::make_dense("V", std::move(matrix));
  basis.to_basis = {{vectors, true, false}};
  basis.from_basis = {{vectors, false, false}};
  return std::make_shared<const factors::Basis>(basis);
}

void run(Index extent, int repeats) {
  const auto comm = communication::Communicator::duplicate(PETSC_COMM_WORLD);
  const auto basis = sine_basis(comm, extent);
  operators::SpectralSum sum{{basis, basis, basis}, {}};
  for (std::size_t mode = 0; mode < 3; ++mode) {
    auto& term = sum.terms.emplace_back();
    term.eigenvalues.resize(3);
    term.eigenvalues[mode] = basis->eigenvalues;
  }
  const auto workspace = std::make_shared<operators::Workspace>(comm);
  const auto inverse = operators::make_spectral_inverse(comm, workspace, sum);
  const auto& layout = inverse->input_layout();
  std::vector<double> b(static_cast<std::size_t>(layout.home_size(comm.rank())));
  std::vector<double> x(b.size());
  operators::fill_random(operators::RandomKind::normal, 7, layout.home_begin(comm.rank()), b);
  inverse->apply(b, x);
  benchmarks::report(comm, "peak_bytes", benchmarks::peak_bytes(comm));
  benchmarks::report(comm, "block_bytes", comm.max(8.0 * static_cast<double>(b.size())));

  const factors::Chain vectors = basis->from_basis;
  const operators::KroneckerProduct product(comm, workspace, 1.0, {vectors, vectors, vectors});
  std::vector<double> y(static_cast<std::size_t>(product.output_layout().home_size(comm.rank())));
  std::vector<double> z(y.size(), 1.0);
  const auto times = benchmarks::medians_in_turns(
      comm, repeats, {[&] { inverse->apply(b, x); }, [&] { product.apply(z, y); }});
  benchmarks::report(comm, "solve_seconds", times[0]);
  benchmarks::report(comm, "apply_seconds", times[1]);
  benchmarks::report(comm, "solve_per_apply", times[0] / times[1]);
  benchmarks::report(comm, "leading_modes_solve", layout.leading_modes());
  benchmarks::report(comm, "leading_modes_apply", product.input_layout().leading_modes());
  if (comm.is_root()) std::printf("blas_core %s\n", kronwerk::factors::find_blas().core.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return benchmarks::run_program(
      argc, argv, 2, "poisson_benchmark N REPEATS",
      [](const benchmarks::Arguments& arguments) { run(arguments.index(1), arguments.times(2)); });
}
