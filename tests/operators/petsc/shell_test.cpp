#include "kronwerk/operators/petsc/shell.hpp"

#include <gtest/gtest.h>

#include "kronwerk/operators/products/product_sum.hpp"
#include "operators/base/operator_fixture.hpp"

namespace kronwerk::operators {
namespace {

class ShellTest : public OperatorFixture {
 protected:
  static Vector vector_from(const std::vector<double>& block) {
    Vec raw = nullptr;
    check_petsc(
        VecCreateMPI(MPI_COMM_WORLD, static_cast<PetscInt>(block.size()), PETSC_DETERMINE, &raw));
    double* values = nullptr;
    check_petsc(VecGetArray(raw, &values));
    std::copy(block.begin(), block.end(), values);
    check_petsc(VecRestoreArray(raw, &values));
    return Vector::adopt(raw);
  }

  static std::vector<double> values_of(const Vector& vector) {
    PetscInt size = 0;
    const double* values = nullptr;
    check_petsc(VecGetLocalSize(vector.get(), &size));
    check_petsc(VecGetArrayRead(vector.get(), &values));
    std::vector<double> result(values, values + size);
    check_petsc(VecRestoreArrayRead(vector.get(), &values));
    return result;
  }
};

TEST_F(ShellTest, TheMatrixMultipliesAndItsTransposeToo) {
  const auto matrices = random_matrices({{7, 5}, {3, 6}});
  auto op = std::make_shared<const ProductSum>(make(matrices));
  const auto& in = op->input_layout();
  const auto& out = op->output_layout();
  const Matrix shell = make_shell_matrix(op);
  const auto dense = oracle::kron(matrices);
  const auto x = oracle::random_vector(30, 1);
  const auto z = oracle::random_vector(21, 2);
  Vec right = nullptr;
  Vec left = nullptr;
  check_petsc(MatCreateVecs(shell.get(), &right, &left));
  const Vector to_right = Vector::adopt(right);
  const Vector to_left = Vector::adopt(left);
  const Vector from_x = vector_from(local(in, x));
  const Vector from_z = vector_from(local(out, z));
  check_petsc(MatMult(shell.get(), from_x.get(), left));
  check_petsc(MatMultTranspose(shell.get(), from_z.get(), right));
  expect_close(whole(out, values_of(to_left)), oracle::multiply(dense, x), 1e-13);
  expect_close(whole(in, values_of(to_right)), oracle::multiply(oracle::transpose(dense), z),
               1e-13);
}

TEST_F(ShellTest, KspSolvesWithTheExactPreconditionerInOneIteration) {
  const std::vector<oracle::Matrix> matrices{oracle::random_regular(6, 1),
                                             oracle::random_regular(5, 2)};
  const auto product = make(matrices);
  const auto op = std::make_shared<const ProductSum>(product);
  const Matrix shell = make_shell_matrix(op);
  const auto b = oracle::random_vector(30, 3);
  const Vector rhs = vector_from(local(op->output_layout(), b));
  Vec raw = nullptr;
  check_petsc(VecDuplicate(rhs.get(), &raw));
  const Vector solution = Vector::adopt(raw);
  KSP raw_solver = nullptr;
  check_petsc(KSPCreate(MPI_COMM_WORLD, &raw_solver));
  const LinearSolver solver = LinearSolver::adopt(raw_solver);
  check_petsc(KSPSetOperators(raw_solver, shell.get(), shell.get()));
  check_petsc(KSPSetType(raw_solver, KSPGMRES));
  check_petsc(KSPSetTolerances(raw_solver, 1e-12, PETSC_DEFAULT, PETSC_DEFAULT, 50));
  PC pc = nullptr;
  check_petsc(KSPGetPC(raw_solver, &pc));
  set_shell_preconditioner(pc, std::make_shared<const ProductSum>(product.inverse()));
  check_petsc(KSPSolve(raw_solver, rhs.get(), solution.get()));
  PetscInt iterations = 0;
  check_petsc(KSPGetIterationNumber(raw_solver, &iterations));
  EXPECT_LE(iterations, 2);
  expect_close(whole(op->input_layout(), values_of(solution)),
               oracle::solve(oracle::kron(matrices), b), 1e-11);
}

TEST_F(ShellTest, GivesItsDiagonal) {
  const auto matrices = random_matrices({{3, 3}, {4, 4}});
  auto op = std::make_shared<const ProductSum>(make(matrices, 2.0));
  const Matrix shell = make_shell_matrix(op);
  Vec raw = nullptr;
  check_petsc(MatCreateVecs(shell.get(), &raw, nullptr));
  const Vector diagonal = Vector::adopt(raw);
  check_petsc(MatGetDiagonal(shell.get(), raw));
  const auto dense = oracle::kron(matrices);
  std::vector<double> expected;
  for (Index i = 0; i < dense.rows; ++i) expected.push_back(2 * dense(i, i));
  expect_close(whole(op->output_layout(), values_of(diagonal)), expected, 1e-14);
}

TEST_F(ShellTest, TakesEveryOperatorButGivesADiagonalOnlyWhereThereIsOne) {
  const auto dense = oracle::random_matrix(6, 6, 9);
  auto op = std::make_shared<const MatrixOperator>(comm_, Extents{6}, Extents{6}, dense);
  const Matrix shell = make_shell_matrix(op);
  const auto x = oracle::random_vector(6, 1);
  const Vector from = vector_from(local(op->input_layout(), x));
  Vec raw = nullptr;
  check_petsc(VecDuplicate(from.get(), &raw));
  const Vector to = Vector::adopt(raw);
  check_petsc(MatMultTranspose(shell.get(), from.get(), raw));
  expect_close(whole(op->input_layout(), values_of(to)),
               oracle::multiply(oracle::transpose(dense), x), 1e-14);
  PetscBool has_diagonal = PETSC_TRUE;
  check_petsc(MatHasOperation(shell.get(), MATOP_GET_DIAGONAL, &has_diagonal));
  EXPECT_FALSE(has_diagonal);
}

TEST_F(ShellTest, AFailureInsideBecomesAPetscErrorNotAnException) {
  auto op = std::make_shared<const ProductSum>(make(random_matrices({{2, 2}, {2, 2}})));
  const Matrix shell = make_shell_matrix(op);
  const Vector wrong = vector_from(std::vector<double>(7));
  check_petsc(PetscPushErrorHandler(PetscReturnErrorHandler, nullptr));
  EXPECT_NE(MatMult(shell.get(), wrong.get(), wrong.get()), 0);
  check_petsc(PetscPopErrorHandler());
}

TEST(PetscIndex, AGridBeyondItsRangeIsRefusedByName) {
  if (sizeof(PetscInt) == 8) GTEST_SKIP() << "64-bit indices hold every grid";
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  auto workspace = std::make_shared<Workspace>(comm);
  const factors::Chain chain{{factors::make_identity(60'000), false, false}};
  auto op = std::make_shared<const ProductSum>(
      KroneckerProduct(comm, workspace, 1, std::vector<factors::Chain>{chain, chain}));
  try {
    static_cast<void>(make_shell_matrix(op));
    FAIL() << "a grid of 3.6e9 points was accepted";
  } catch (const core::ShapeError& error) {
    EXPECT_NE(std::string(error.what()).find("60000 x 60000"), std::string::npos);
  }
}

}  // namespace
}  // namespace kronwerk::operators
