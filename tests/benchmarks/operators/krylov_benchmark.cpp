// krylov_benchmark FILE DATASET RHO_O RHO_D RHO_W REPEATS [symmetric]
// (I⊗I - rho_d I⊗W - rho_o W⊗I - rho_w W⊗W) X = B by Krylov iteration with the nearest Kronecker
// product, beside one solve with (I - rho_o W) ⊗ (I - rho_d W). With `symmetric`, W is a
// row-normalised symmetric matrix, which d_i w_ij = d_j w_ji makes symmetric: CG instead of
// BiCGStab. `apart` applies operator and preconditioner one after the other, by PETSc's KSP.
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <utility>

#include "benchmarks/cases.hpp"
#include "benchmarks/measure.hpp"
#include "kronwerk/factors/base/blas_library.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/krylov/krylov.hpp"
#include "kronwerk/operators/nearest/nearest_kronecker.hpp"
#include "kronwerk/operators/products/product_sum.hpp"

namespace communication = kronwerk::communication;
namespace factors = kronwerk::factors;
namespace operators = kronwerk::operators;
namespace benchmarks = kronwerk::benchmarks;
using kronwerk::core::Index;
using operators::KrylovMethod;

namespace {

struct Rates {
  double origin, destination, both;
};

/// W, or D^½ W D^-½ for the D that makes it symmetric: D_i is the number of neighbours.
communication::SharedSparse weights_of(const communication::Communicator& comm,
                                       const std::string& file, const std::string& dataset,
                                       bool symmetric) {
  auto weights = kronwerk::io::read_sparse(comm, {file, dataset});
  if (!symmetric) return weights;
  const auto offsets = weights.row_offsets.span();
  const auto columns = weights.column_indices.span();
  std::vector<double> values(columns.size());
  const auto neighbours = [&](std::size_t row) {
    return static_cast<double>(offsets[row + 1] - offsets[row]);
  };
  for (std::size_t row = 0; row + 1 < offsets.size(); ++row) {
    for (Index k = offsets[row]; k < offsets[row + 1]; ++k) {
      const auto place = static_cast<std::size_t>(k);
      const auto column = static_cast<std::size_t>(columns[place]);
      values[place] = 1 / std::sqrt(neighbours(row) * neighbours(column));
    }
  }
  weights.values = communication::SharedArray<double>::from_private(values);
  return weights;
}

double sum_of_squares(std::span<const double> values) {
  double sum = 0;
  for (const double each : values) sum += each * each;
  return sum;
}

/// The operator, the nearest product's inverse, and the separable model's inverse.
struct Model {
  Model(const communication::Communicator& communicator, communication::SharedSparse matrix,
        const Rates& wanted)
      : comm(communicator),
        workspace(std::make_shared<operators::Workspace>(comm)),
        squares(sum_of_squares(matrix.values.span())),
        weights(factors::make_sparse("W", std::move(matrix))),
        identity(factors::make_identity(weights->rows())),
        rates(wanted) {}

  static factors::Chain chain(const factors::FactorPtr& factor) { return {{factor, false, false}}; }

  factors::Chain combination(double of_identity, double of_weights) const {
    const std::vector<std::pair<double, factors::FactorPtr>> terms = {{of_identity, identity},
                                                                      {of_weights, weights}};
    return chain(factors::linear_combination(comm, "aI + bW", terms));
  }

  operators::OperatorPtr sum() const {
    return std::make_shared<operators::ProductSum>(
        comm, workspace,
        std::vector<operators::ScaledProduct>{
            {1.0, {chain(identity), chain(identity)}},
            {-rates.destination, {chain(identity), chain(weights)}},
            {-rates.origin, {chain(weights), chain(identity)}},
            {-rates.both, {chain(weights), chain(weights)}}},
        split);
  }

  /// W has no diagonal, so that I and W are orthogonal.
  operators::FactorGrams grams() const {
    const auto n = weights->rows();
    const std::vector<double> gram{static_cast<double>(n), 0, 0, squares};
    const std::vector<double> traces{static_cast<double>(n), 0};
    return {{{1.0, {0, 0}},
             {-rates.destination, {0, 1}},
             {-rates.origin, {1, 0}},
             {-rates.both, {1, 1}}},
            {n, n},
            {gram, gram},
            {traces, traces}};
  }

  operators::OperatorPtr product(factors::Chain left, factors::Chain right) const {
    return std::make_shared<operators::ProductSum>(
        comm, workspace,
        std::vector<operators::ScaledProduct>{{1.0, {std::move(left), std::move(right)}}}, split);
  }

  /// P⁻¹ for the nearest product P, and Op P⁻¹.
  std::pair<operators::OperatorPtr, operators::OperatorPtr> preconditioned() const {
    const auto nearest = operators::nearest_product(grams());
    const auto sum = operators::combine_with_inverse(grams(), nearest.coefficients, {0, 0});
    std::vector<factors::Chain> inverses;
    for (const auto& c : nearest.coefficients) {
      inverses.push_back(factors::inverse(combination(c[0], c[1])));
    }
    std::vector<operators::ScaledProduct> terms;
    for (const auto& term : sum.terms) {
      terms.push_back({term.coefficient, {}});
      for (std::size_t k = 0; k < 2; ++k) {
        const bool pivot = term.factors[k] == sum.pivots[k];
        auto image = pivot ? chain(identity) : inverses[k];
        if (!pivot && term.factors[k] == 1) image.insert(image.begin(), chain(weights).front());
        terms.back().chains.push_back(std::move(image));
      }
    }
    return {product(inverses[0], inverses[1]),
            std::make_shared<operators::ProductSum>(comm, workspace, std::move(terms), split)};
  }

  operators::OperatorPtr separable() const {
    return product(factors::inverse(combination(1, -rates.origin)),
                   factors::inverse(combination(1, -rates.destination)));
  }

  const communication::Communicator& comm;
  std::shared_ptr<operators::Workspace> workspace;
  double squares;
  factors::FactorPtr weights, identity;
  Rates rates;
  const int split = 1;  // the same for all, whose vectors meet
};

void run(const benchmarks::Arguments& arguments) {
  const auto comm = communication::Communicator::duplicate(PETSC_COMM_WORLD);
  const Rates rates{arguments.number(3), arguments.number(4), arguments.number(5)};
  const int repeats = arguments.times(6);
  const bool symmetric = arguments.says(7, "symmetric");
  const double start = MPI_Wtime();
  const Model model(comm, weights_of(comm, arguments.text(1), arguments.text(2), symmetric), rates);
  const auto op = model.sum();
  const auto [preconditioner, combined] = model.preconditioned();
  const auto separable = model.separable();
  const operators::KrylovSettings settings{
      symmetric ? KrylovMethod::cg : KrylovMethod::bicgstab, 1e-10, 100, {}};
  operators::KrylovSolver solver(op, preconditioner, 1, settings, nullptr, nullptr, combined);
  operators::KrylovSolver apart(op, preconditioner, 1, settings);
  benchmarks::report(comm, "setup_seconds", comm.max(MPI_Wtime() - start));

  const auto& layout = op->input_layout();
  const std::vector<double> b = benchmarks::random_block(comm, layout);
  std::vector<double> x(b.size());
  operators::KrylovOutcome outcome;
  const auto times =
      benchmarks::medians_in_turns(comm, repeats,
                                   {[&] {
                                      std::fill(x.begin(), x.end(), 0.0);
                                      outcome = solver.solve(b, x);
                                    },
                                    [&] {
                                      std::fill(x.begin(), x.end(), 0.0);
                                      static_cast<void>(apart.solve(b, x));
                                    },
                                    [&] { separable->apply(b, x); }, [&] { op->apply(b, x); },
                                    [&, inverse = preconditioner] { inverse->apply(b, x); },
                                    [&, both = combined] { both->apply(b, x); }});
  const std::array keys = {"krylov_seconds", "apart_seconds",        "separable_seconds",
                           "apply_seconds",  "precondition_seconds", "combined_seconds"};
  for (std::size_t i = 0; i < keys.size(); ++i) benchmarks::report(comm, keys[i], times[i]);
  benchmarks::report(comm, "ratio", times[0] / times[2]);
  benchmarks::report(comm, "apart_ratio", times[1] / times[2]);
  benchmarks::report(comm, "iterations", static_cast<double>(outcome.iterations));
  benchmarks::report(comm, "residual", outcome.residuals[0]);
  benchmarks::report(comm, "converged", outcome.converged ? 1 : 0);
  if (comm.is_root()) std::printf("blas_core %s\n", kronwerk::factors::find_blas().core.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return benchmarks::run_program(
      argc, argv, 6, "krylov_benchmark FILE DATASET RHO_O RHO_D RHO_W REPEATS [symmetric]", run);
}
