// What a user of PETSc does with an installed kronwerk: solve (I - rho W) ⊗ (I - rho W) x = b with
// KSP, the operator as a Mat and its exact inverse as a preconditioner.
#include <cmath>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/operators/petsc/shell.hpp"
#include "kronwerk/operators/products/product_sum.hpp"

namespace communication = kronwerk::communication;
namespace factors = kronwerk::factors;
namespace operators = kronwerk::operators;
using kronwerk::core::Index;

namespace {

// A directed ring: row i has its one entry in column i + 1.
factors::FactorPtr directed_ring(Index extent) {
  std::vector<Index> row_offsets;
  std::vector<std::int32_t> columns;
  for (Index i = 0; i <= extent; ++i) row_offsets.push_back(i);
  for (Index i = 0; i < extent; ++i) {
    columns.push_back(static_cast<std::int32_t>((i + 1) % extent));
  }
  const std::vector<double> values(static_cast<std::size_t>(extent), 1.0);
  communication::SharedSparse matrix{
      extent, extent, communication::SharedArray<Index>::from_private(row_offsets),
      communication::SharedArray<std::int32_t>::from_private(columns),
      communication::SharedArray<double>::from_private(values)};
  return factors::make_sparse("W", std::move(matrix));
}

// Solves with a known solution; returns the number of iterations and the largest error.
std::pair<PetscInt, PetscReal> solve(Mat matrix, operators::OperatorPtr inverse) {
  Vec known = nullptr, rhs = nullptr, solution = nullptr;
  operators::check_petsc(MatCreateVecs(matrix, &known, &rhs));
  operators::check_petsc(VecDuplicate(known, &solution));
  const operators::Vector owners[] = {operators::Vector::adopt(known),
                                      operators::Vector::adopt(rhs),
                                      operators::Vector::adopt(solution)};
  PetscInt first = 0, last = 0;
  operators::check_petsc(VecGetOwnershipRange(known, &first, &last));
  for (PetscInt i = first; i < last; ++i) {
    operators::check_petsc(VecSetValue(known, i, std::sin(static_cast<double>(i)), INSERT_VALUES));
  }
  operators::check_petsc(VecAssemblyBegin(known));
  operators::check_petsc(VecAssemblyEnd(known));
  operators::check_petsc(MatMult(matrix, known, rhs));

  KSP created = nullptr;
  operators::check_petsc(
      KSPCreate(PetscObjectComm(reinterpret_cast<PetscObject>(matrix)), &created));
  const auto ksp = operators::LinearSolver::adopt(created);
  PC preconditioner = nullptr;
  operators::check_petsc(KSPSetOperators(ksp.get(), matrix, matrix));
  operators::check_petsc(KSPSetTolerances(ksp.get(), 1e-10, PETSC_DEFAULT, PETSC_DEFAULT, 10));
  operators::check_petsc(KSPGetPC(ksp.get(), &preconditioner));
  operators::set_shell_preconditioner(preconditioner, std::move(inverse));
  operators::check_petsc(KSPSolve(ksp.get(), rhs, solution));

  PetscInt iterations = 0;
  PetscReal error = 0;
  operators::check_petsc(KSPGetIterationNumber(ksp.get(), &iterations));
  operators::check_petsc(VecAXPY(solution, -1.0, known));
  operators::check_petsc(VecNorm(solution, NORM_INFINITY, &error));
  return {iterations, error};
}

int solve_on_directed_rings() {
  const auto comm = communication::Communicator::duplicate(PETSC_COMM_WORLD);
  const auto workspace = std::make_shared<operators::Workspace>(comm);
  std::vector<factors::Chain> chains;
  for (const auto& [extent, rho] : {std::pair<Index, double>{7, 0.35}, {5, 0.40}}) {
    const std::vector<std::pair<double, factors::FactorPtr>> terms = {
        {1.0, factors::make_identity(extent)}, {-rho, directed_ring(extent)}};
    chains.push_back({factors::Link{factors::linear_combination(comm, "I - rho*W", terms)}});
  }
  const operators::KroneckerProduct product(comm, workspace, 1.0, std::move(chains));
  const auto inverse = std::make_shared<const operators::ProductSum>(product.inverse());
  const auto matrix =
      operators::make_shell_matrix(std::make_shared<const operators::ProductSum>(product));

  const auto [iterations, error] = solve(matrix.get(), inverse);
  if (comm.is_root()) {
    std::printf("np = %d: %d iteration(s), largest error %.1e\n", comm.size(),
                static_cast<int>(iterations), error);
  }
  return iterations <= 2 && error < 1e-12 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (PetscInitialize(&argc, &argv, nullptr, nullptr) != 0) return 1;
  const int status = solve_on_directed_rings();
  return PetscFinalize() != 0 ? 1 : status;
}
