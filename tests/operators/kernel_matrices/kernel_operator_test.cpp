#include "kronwerk/operators/kernel_matrices/kernel_operator.hpp"

#include "kronwerk/operators/petsc/shell.hpp"
#include "operators/kernel_matrices/kernel_fixture.hpp"

namespace kronwerk::operators {
namespace {

using communication::Communicator;

// Not symmetric, and telling i from j.
constexpr const char* asymmetric = "exp(-sqdist(x, y)) * (1 + 0.1*sum(x)) + 0.01*(i == j)";

void expect_multiply(const KernelCase& kernel, const Communicator& comm, Index width, double scale,
                     double shift) {
  const auto op = kernel.op(width, scale, shift);
  const oracle::Matrix dense = kernel.dense(scale, shift);
  const auto check = [&](const oracle::Matrix& matrix, bool transposed) {
    const auto v = oracle::random_vector(matrix.cols * width, 5);
    const auto own = own_rows(comm, v, width);
    const auto expected = oracle::multiply(matrix, oracle::Matrix(matrix.cols, width, v)).values;
    const distribution::BlockPartition part(matrix.rows, comm.size());
    std::vector<double> out(static_cast<std::size_t>(part.count(comm.rank()) * width), 3.0);
    if (transposed) {
      op->apply_transposed(own, out);
    } else {
      op->apply(own, out);
    }
    EXPECT_LT(oracle::relative_error(all_rows(comm, out, matrix.rows, width), expected), 1e-13)
        << matrix.rows << " x " << matrix.cols << ", width " << width
        << (transposed ? ", transposed" : "");
    std::vector<double> twice = out;
    if (transposed) {
      op->apply_transposed(own, twice, true);
    } else {
      op->apply(own, twice, true);
    }
    for (std::size_t i = 0; i < out.size(); ++i) EXPECT_NEAR(twice[i], 2 * out[i], 1e-12);
  };
  check(dense, false);
  check(oracle::transpose(dense), true);
}

TEST(KernelOperator, MultipliesLikeTheDenseMatrix) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  for (const auto& [m, n] : {std::pair<Index, Index>{41, 67}, {3, 130}, {130, 2}, {1, 1}}) {
    const KernelCase kernel(comm, asymmetric, oracle::random_vector(m * 3, 1),
                            oracle::random_vector(n * 3, 2), 3);
    for (const Index width : {1, 2, 5}) expect_multiply(kernel, comm, width, -1.5, 0);
  }
}

TEST(KernelOperator, AddsAMultipleOfTheIdentity) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase kernel(comm, asymmetric, oracle::random_vector(53 * 2, 1),
                          oracle::random_vector(53 * 2, 2), 2);
  for (const Index width : {1, 4}) expect_multiply(kernel, comm, width, 2, 0.25);
}

TEST(KernelOperator, KnowsItsDiagonal) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase kernel(comm, asymmetric, oracle::random_vector(53 * 2, 1),
                          oracle::random_vector(53 * 2, 2), 2);
  const oracle::Matrix dense = kernel.dense(2, 0.25);
  const auto diagonal = all_rows(comm, kernel.op(1, 2, 0.25)->point_diagonal(), 53, 1);
  for (Index i = 0; i < 53; ++i) {
    EXPECT_NEAR(diagonal[static_cast<std::size_t>(i)], dense(i, i), 1e-14);
  }
}

TEST(KernelOperator, IsAShellMatrixOfPetsc) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase kernel(comm, asymmetric, oracle::random_vector(23, 1),
                          oracle::random_vector(23, 2), 1);
  const auto op = kernel.op(1, 1, 0.5);
  const Matrix shell = make_shell_matrix(op);
  Vec x = nullptr;
  Vec y = nullptr;
  check_petsc(MatCreateVecs(shell.get(), &x, &y));
  const Vector in = Vector::adopt(x);
  const Vector out = Vector::adopt(y);
  check_petsc(VecSet(x, 1.0));
  check_petsc(MatMult(shell.get(), x, y));
  const oracle::Matrix dense = kernel.dense(1, 0.5);
  const auto expected = own_rows(comm, oracle::multiply(dense, std::vector<double>(23, 1.0)), 1);
  const PetscScalar* values = nullptr;
  check_petsc(VecGetArrayRead(y, &values));
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-13);
  check_petsc(VecRestoreArrayRead(y, &values));
  check_petsc(MatGetDiagonal(shell.get(), y));
  const auto diagonal = op->point_diagonal();
  check_petsc(VecGetArrayRead(y, &values));
  for (std::size_t i = 0; i < diagonal.size(); ++i) EXPECT_EQ(values[i], diagonal[i]);
  check_petsc(VecRestoreArrayRead(y, &values));
}

TEST(KernelOperator, RefusesWhatDoesNotConform) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase wide(comm, asymmetric, oracle::random_vector(4, 1), oracle::random_vector(7, 2),
                        1);
  EXPECT_THROW(wide.op(1, 1, 0.5), core::ShapeError);
  EXPECT_THROW(wide.op()->point_diagonal(), core::ShapeError);
  const KernelCase vectors(comm, "x - y", oracle::random_vector(12, 1), 3);
  EXPECT_THROW(vectors.op(), core::ShapeError);
  const auto op = wide.op();
  std::vector<double> in(100);
  std::vector<double> out(100);
  EXPECT_THROW(op->multiply(in, out, 1), core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::operators
