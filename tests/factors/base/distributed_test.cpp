#include <gtest/gtest.h>

#include <limits>
#include <utility>

#include "factors/base/process_grid.hpp"
#include "factors/base/work_split.hpp"
#include "factors/dense/dense_case.hpp"
#include "factors/dense/dense_distributed.hpp"
#include "factors/dense/dense_factorisation.hpp"
#include "factors/spectra/eigen_distributed.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/base/distributed_libraries.hpp"

namespace kronwerk::factors {
namespace {

using communication::Communicator;

TEST(BlockCyclicMatrix, IsCollectedAsItWasRead) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  for (const Index n : {1, 7, 16, 29}) {
    const oracle::Matrix a = oracle::random_matrix(n, n, 3);
    const ProcessGrid grid(comm, n, 4);
    std::optional<BlockCyclic> part;
    if (grid.is_member()) {
      part.emplace(grid, n);
      part->read(a.values.data());
    }
    communication::SharedArray<double> whole(comm, n * n);
    collect(comm, NodeLeaders(comm), part ? &*part : nullptr, whole.mutable_span());
    EXPECT_EQ(std::vector<double>(whole.span().begin(), whole.span().end()), a.values) << n;
    // Nobody holds everything where the grid has several processes.
    if (n == 29 && comm.size() > 1 && part && has_scalapack()) {
      EXPECT_LT(part->local_rows() * part->local_columns(), n * n);
    }
  }
}

TEST(DistributedEigenvectors, TakeTheLowerTriangleAlone) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const NodeLeaders leaders(comm);
  for (const auto& [n, block] : {std::pair{Index{1}, 4}, {9, 4}, {9, 32}, {26, 4}}) {
    const oracle::Matrix r = oracle::random_matrix(n, n, 3);
    const oracle::Matrix a = oracle::add(1, r, 1, oracle::transpose(r));
    communication::SharedArray<double> values(comm, n * n);
    for (Index i = 0; i < n && comm.node().is_root(); ++i) {
      for (Index j = 0; j < n; ++j) {
        values.mutable_span()[static_cast<std::size_t>(i * n + j)] =
            j <= i ? a(i, j) : std::numeric_limits<double>::quiet_NaN();
      }
    }
    values.publish();
    const auto found = distributed_symmetric_eigen(comm, leaders, n, values.mutable_span().data(),
                                                   true, "A", block);
    // Row k is eigenvector k.
    const oracle::Matrix v{n, n, {values.span().begin(), values.span().end()}};
    const oracle::Matrix image = oracle::multiply(v, a);
    for (Index k = 0; k < n; ++k) {
      const double value = found.eigenvalues[static_cast<std::size_t>(k)].real();
      for (Index j = 0; j < n; ++j) EXPECT_NEAR(image(k, j), value * v(k, j), 1e-11) << n;
    }
    const oracle::Matrix unit = oracle::multiply(v, oracle::transpose(v));
    for (Index k = 0; k < n; ++k) EXPECT_NEAR(unit(k, k), 1, 1e-12) << n;
  }
}

void expect_solves(const oracle::Matrix& a, const char* kind) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const Index n = a.rows;
  const FactorPtr factor = dense_factor(a);
  const auto factorisation = attach_dense_factorisation(
      n, factorise_distributed(comm, static_cast<const DenseFactor&>(*factor), 8));
  EXPECT_NE(factorisation->description().find(kind), std::string::npos)
      << factorisation->description();
  EXPECT_NEAR(factorisation->determinant().log_abs, oracle::log_abs_det(a), 1e-10);
  EXPECT_EQ(factorisation->determinant().sign, oracle::sign_of_det(a));
  EXPECT_GE(factorisation->condition(), 1);
  for (const bool transposed : {false, true}) {
    std::vector<double> x = oracle::random_vector(n, 9);
    const std::vector<double> expected =
        oracle::solve(transposed ? oracle::transpose(a) : a, std::span<const double>(x));
    const View view = View::contiguous(x.data(), 1, n, 1);
    factorisation->solve(view, view, transposed);
    EXPECT_LT(oracle::relative_error(x, expected), 1e-11);
  }
}

TEST(DistributedFactorisation, SolvesLikeTheOneOfOneRank) {
  for (const Index n : {65, 83}) {
    expect_solves(oracle::random_regular(n, 4), "LU");
    expect_solves(oracle::random_matrix(n, n, 6), "LU");  // with many row exchanges
    const oracle::Matrix x = oracle::random_matrix(n, n + 5, 2);
    expect_solves(oracle::multiply(x, oracle::transpose(x)), "Cholesky");
    oracle::Matrix indefinite = oracle::multiply(x, oracle::transpose(x));
    for (Index i = 1; i < n; i += 9) indefinite(i, i) = 1e-3;
    expect_solves(indefinite, "LU");
  }
}

TEST(DistributedFactorisation, RefusesSingularMatricesByName) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  oracle::Matrix a = oracle::random_matrix(70, 70, 1);
  for (Index j = 0; j < 70; ++j) a(69, j) = a(0, j) - 2 * a(5, j);
  const FactorPtr factor = dense_factor(a, "low");
  try {
    factorise_distributed(comm, static_cast<const DenseFactor&>(*factor), 8);
    ADD_FAILURE() << "accepted a singular factor";
  } catch (const core::DataError& error) {
    EXPECT_NE(std::string(error.what()).find("'low' (70 x 70)"), std::string::npos);
  }
}

TEST(WorkSplit, PrefersAllRanksForWhatCannotBeSpread) {
  EXPECT_FALSE(faster_together({1}, 1, 0.8));
  EXPECT_TRUE(faster_together({1}, 2, 0.8));
  EXPECT_FALSE(faster_together({1, 1}, 2, 0.8));
  EXPECT_TRUE(faster_together({1, 1}, 8, 0.8));
  EXPECT_TRUE(faster_together({3, 1}, 2, 0.8));
  WorkSplit split(3);
  EXPECT_EQ(split.assign(5), 0);
  EXPECT_EQ(split.assign(1), 1);
  EXPECT_EQ(split.assign(1), 2);
  EXPECT_EQ(split.assign(1), 1);
  EXPECT_EQ(split.busiest(), 5);
}

}  // namespace
}  // namespace kronwerk::factors
