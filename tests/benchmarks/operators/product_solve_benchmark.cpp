// product_solve_benchmark FILE DATASET RHO_O RHO_D REPEATS [all]
// (I - rho_o W) ⊗ (I - rho_d W) X = B after factorisation; with `all` also the adjoint and both
// gradients, the computation without the exchanges, and what dgemm reaches.
#include <memory>
#include <utility>

#include "benchmarks/cases.hpp"
#include "benchmarks/measure.hpp"
#include "kronwerk/factors/base/blas_library.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/operators/base/dot.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"

namespace communication = kronwerk::communication;
namespace factors = kronwerk::factors;
namespace operators = kronwerk::operators;
namespace benchmarks = kronwerk::benchmarks;
using kronwerk::core::Index;

namespace {

/// The model of design section 8 with everything that one evaluation of its gradient needs.
struct Model {
  Model(const communication::Communicator& communicator, const std::string& file,
        const std::string& dataset, double rho_o, double rho_d)
      : comm(communicator),
        workspace(std::make_shared<operators::Workspace>(comm)),
        weights(factors::make_sparse("W", kronwerk::io::read_sparse(comm, {file, dataset}))),
        origin(benchmarks::filter(comm, weights, rho_o)),
        destination(benchmarks::filter(comm, weights, rho_d)),
        product(comm, workspace, 1.0,
                {benchmarks::chain_of(origin), benchmarks::chain_of(destination)}),
        inverse(product.inverse()),
        adjoint(inverse.transposed()) {}

  const communication::Communicator& comm;
  std::shared_ptr<operators::Workspace> workspace;
  factors::FactorPtr weights, origin, destination;
  operators::KroneckerProduct product, inverse, adjoint;
};

/// Solution, adjoint and both gradients for the loss <g, x>.
class Gradients {
 public:
  explicit Gradients(const Model& model)
      : model_(model),
        by_origin_(derivative(model.weights, model.destination)),
        by_destination_(derivative(model.origin, model.weights)) {}

  void operator()(const std::vector<double>& b, const std::vector<double>& g,
                  std::vector<double>& x, std::vector<double>& v, std::vector<double>& work) const {
    model_.inverse.apply(b, x);
    model_.adjoint.apply(g, v);
    by_origin_.apply(x, work);
    static_cast<void>(operators::dot(model_.comm, v, work));
    by_destination_.apply(x, work);
    static_cast<void>(operators::dot(model_.comm, v, work));
  }

 private:
  operators::KroneckerProduct derivative(const factors::FactorPtr& left,
                                         const factors::FactorPtr& right) const {
    return {model_.comm,
            model_.workspace,
            1.0,
            {benchmarks::chain_of(left), benchmarks::chain_of(right)},
            model_.product.input_layout().leading_modes()};
  }
  const Model& model_;
  operators::KroneckerProduct by_origin_, by_destination_;
};

/// Both modes of the solve on this rank's blocks, nothing exchanged.
class ComputeOnly {
 public:
  explicit ComputeOnly(const Model& model) : model_(model) {
    const auto& chains = model.inverse.chains();
    const auto& layout = model.inverse.input_layout();
    const auto split = chains.begin() + layout.leading_modes();
    if (split != chains.begin()) leading_.emplace_back(std::vector(chains.begin(), split));
    trailing_.emplace_back(std::vector(split, chains.end()));
    away_.assign(static_cast<std::size_t>(layout.away_size(model.comm.rank())), 1.0);
  }

  /// `home` and `away_` end up with numbers of no meaning but the right size.
  void operator()(const std::vector<double>& b, std::vector<double>& home) {
    const auto& layout = model_.inverse.input_layout();
    const Index rows = layout.home().count(model_.comm.rank());
    const Index length = layout.trailing();
    in_pieces(trailing_.front(), rows, [&](Index first, Index count) {
      trailing_.front().apply(
          factors::ConstView::contiguous(b.data() + first * length, count, length, 1),
          factors::View::contiguous(home.data() + first * length, count, length, 1));
    });
    if (leading_.empty()) return;
    const Index columns = layout.away().count(model_.comm.rank());
    in_pieces(leading_.front(), columns, [&](Index first, Index count) {
      const factors::View view{away_.data() + first, 1, layout.leading(), count, 0, columns};
      leading_.front().apply(view, view);
    });
  }

 private:
  template <typename Work>
  static void in_pieces(const factors::LocalProduct& product, Index total, const Work& work) {
    const Index piece = product.preferred_fibres();
    for (Index first = 0; first < total; first += piece)
      work(first, std::min(piece, total - first));
  }

  const Model& model_;
  std::vector<factors::LocalProduct> leading_, trailing_;
  std::vector<double> away_;
};

void measure_all(const Model& model, int repeats, const std::vector<double>& b,
                 std::vector<double>& x) {
  const auto& comm = model.comm;
  const std::vector<double> g(x);
  std::vector<double> v(b.size()), work(b.size());
  const Gradients gradients(model);
  ComputeOnly compute_only(model);
  benchmarks::ConcurrentGemm gemm(1500, 1500, 1500);

  const auto times = benchmarks::medians_in_turns(
      comm, repeats,
      {[&] { model.inverse.apply(b, x); }, [&] { gradients(b, g, x, v, work); },
       [&] { compute_only(b, work); }, [&] { gemm(); }});
  benchmarks::report(comm, "solve_seconds", times[0]);
  benchmarks::report(comm, "gradients_seconds", times[1]);
  benchmarks::report(comm, "compute_seconds", times[2]);
  benchmarks::report(comm, "gemm_gflops_per_rank", gemm.flops() / times[3] * 1e-9);
}

void run(const benchmarks::Arguments& arguments) {
  const auto comm = communication::Communicator::duplicate(PETSC_COMM_WORLD);
  const int repeats = arguments.times(5);
  const double start = MPI_Wtime();
  const Model model(comm, arguments.text(1), arguments.text(2), arguments.number(3),
                    arguments.number(4));
  benchmarks::report(comm, "setup_seconds", comm.max(MPI_Wtime() - start));

  const auto& layout = model.inverse.input_layout();
  const std::vector<double> b = benchmarks::random_block(comm, layout);
  std::vector<double> x(b.size());
  const auto times =
      benchmarks::medians_in_turns(comm, repeats, {[&] { model.inverse.apply(b, x); }});
  if (arguments.count() > 5) {
    measure_all(model, repeats, b, x);
  } else {
    benchmarks::report(comm, "solve_seconds", times[0]);
    benchmarks::report(comm, "peak_bytes", benchmarks::peak_bytes(comm));
    benchmarks::report(comm, "block_bytes", comm.max(8.0 * static_cast<double>(b.size())));
  }
  benchmarks::report(comm, "flops_per_rank", model.inverse.estimate().flops_busiest_rank);
  const auto* factorisation = model.origin->factorisation();
  if (comm.is_root()) {
    std::printf("blas_core %s\n", kronwerk::factors::find_blas().core.c_str());
    if (factorisation != nullptr) {
      std::printf("factorisation %s\n", factorisation->description().c_str());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  return benchmarks::run_program(
      argc, argv, 5, "product_solve_benchmark FILE DATASET RHO_O RHO_D REPEATS [all]", run);
}
