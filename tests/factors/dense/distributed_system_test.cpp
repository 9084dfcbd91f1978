#include "kronwerk/factors/dense/distributed_system.hpp"

#include "factors/dense/dense_case.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {
namespace {

using communication::Communicator;

DistributedSystem system_of(const Communicator& comm, const oracle::Matrix& a, bool symmetric,
                            int block) {
  const auto entries = [&](std::span<const Index> rows, std::span<const Index> columns,
                           std::span<double> out) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::size_t j = 0; j < columns.size(); ++j) {
        out[i * columns.size() + j] =
            a.values[static_cast<std::size_t>(rows[i] * a.cols + columns[j])];
      }
    }
  };
  return {comm, a.rows, "K", symmetric, entries, block};
}

void expect_solves(const oracle::Matrix& a, bool symmetric, const std::string& method) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  for (const int block : {3, 32}) {
    const DistributedSystem system = system_of(comm, a, symmetric, block);
    EXPECT_NE(system.description().find(method), std::string::npos) << system.description();
    EXPECT_NEAR(system.determinant().log_abs, oracle::log_abs_det(a), 1e-10);
    EXPECT_EQ(system.determinant().sign, oracle::sign_of_det(a));
    EXPECT_GE(system.condition(), 1 - 1e-12);
    for (const Index width : {1, 5, 40}) {
      const oracle::Matrix b(a.rows, width, oracle::random_vector(a.rows * width, 9));
      for (const bool transposed : {false, true}) {
        const auto expected = oracle::solve(transposed ? oracle::transpose(a) : a, b).values;
        std::vector<double> x = b.values;
        system.solve(x, width, transposed);
        EXPECT_LT(oracle::relative_error(x, expected), 1e-11)
            << a.rows << " x " << a.rows << ", width " << width << ", block " << block;
      }
    }
  }
}

TEST(DistributedSystem, SolvesWithAnyMatrixByLu) {
  for (const Index n : {1, 2, 31, 65}) expect_solves(oracle::random_regular(n, 4), false, "LU");
  expect_solves(oracle::random_matrix(47, 47, 6), false, "LU");  // with many row exchanges
}

TEST(DistributedSystem, SolvesWithDefiniteMatricesByCholesky) {
  for (const Index n : {1, 7, 64}) {
    const oracle::Matrix x = oracle::random_matrix(n, n + 5, 2);
    expect_solves(oracle::multiply(x, oracle::transpose(x)), true, "Cholesky");
  }
}

TEST(DistributedSystem, TakesLuWhereASymmetricMatrixIsIndefinite) {
  const oracle::Matrix x = oracle::random_matrix(33, 33, 3);
  oracle::Matrix a = x;
  for (Index i = 0; i < 33; ++i) {
    for (Index j = 0; j < 33; ++j) {
      a.values[static_cast<std::size_t>(i * 33 + j)] +=
          x.values[static_cast<std::size_t>(j * 33 + i)];
    }
  }
  expect_solves(a, true, "LU");
}

TEST(DistributedSystem, RefusesASingularMatrixByName) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  oracle::Matrix a = oracle::random_matrix(20, 20, 1);
  std::copy_n(a.values.begin(), 20, a.values.begin() + 100);  // two equal rows
  try {
    const DistributedSystem system = system_of(comm, a, false, 4);
    ADD_FAILURE() << "accepted, with condition " << system.condition();
  } catch (const core::SingularError& error) {
    EXPECT_NE(std::string(error.what()).find("'K' (20 x 20)"), std::string::npos) << error.what();
  }
}

TEST(DistributedSystem, AgreesOnWhatOneRankCannotEvaluate) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const auto entries = [&](std::span<const Index>, std::span<const Index>, std::span<double>) {
    throw core::DataError("no entries here");
  };
  EXPECT_THROW(DistributedSystem(comm, 9, "K", false, entries, 2), core::DataError);
}

}  // namespace
}  // namespace kronwerk::factors
