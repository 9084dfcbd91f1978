// The vector code of Kronecker sums and projections for every instruction set that this processor
// has.
#include "core/simd_targets.hpp"
// Which targets there are is decided before Highway is included.
#include <gtest/gtest.h>
#include <hwy/highway.h>

#include "kronwerk/operators/grids/projection.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::operators {
namespace {

using Vectors = std::vector<std::vector<double>>;

struct Results {
  std::vector<double> sums;
  std::vector<double> inverses;
  factors::Determinant determinant;
  KroneckerSumFit fit;
  KroneckerSumFit inverse_fit;
};

Results compute(const communication::Communicator& comm, const Extents& extents) {
  Vectors diagonals;
  for (const Index extent : extents) {
    diagonals.push_back(oracle::random_vector(extent, diagonals.size()));
    for (double& value : diagonals.back()) value += 1.5;
  }
  Results results;
  results.sums.resize(static_cast<std::size_t>(core::product(extents)));
  results.inverses = results.sums;
  kronecker_sum_diagonal(diagonals, 0, results.sums);
  kronecker_sum_diagonal(diagonals, 0, results.inverses, 2, false, SumFunction::reciprocal);
  results.determinant = kronecker_sum_determinant(comm, diagonals);
  const auto x = oracle::random_vector(core::product(extents), 3);
  results.fit = project_vector(
      comm, extents, 0, comm.is_root() ? std::span<const double>(x) : std::span<const double>());
  results.inverse_fit = project_inverse(comm, diagonals);
  return results;
}

TEST(GridTargets, AgreeWithEachOther) {
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  const auto targets = hwy::SupportedAndGeneratedTargets();
  ASSERT_FALSE(targets.empty());
  for (const Extents& extents : std::vector<Extents>{{13, 17, 19}, {5, 3}, {40, 2051}, {901, 6}}) {
    SCOPED_TRACE(core::to_text(extents));
    const Results best = compute(comm, extents);
    for (const auto target : targets) {
      SCOPED_TRACE(hwy::TargetName(target));
      hwy::SetSupportedTargetsForTest(target);
      hwy::GetChosenTarget().Update(hwy::SupportedTargets());
      const Results found = compute(comm, extents);
      EXPECT_EQ(found.sums, best.sums);
      EXPECT_EQ(found.inverses, best.inverses);
      EXPECT_NEAR(found.determinant.log_abs, best.determinant.log_abs,
                  1e-13 * best.determinant.log_abs);
      EXPECT_EQ(found.determinant.sign, best.determinant.sign);
      EXPECT_NEAR(found.fit.residual, best.fit.residual, 1e-14);
      EXPECT_NEAR(found.inverse_fit.residual, best.inverse_fit.residual, 1e-12);
      for (std::size_t k = 0; k < extents.size(); ++k) {
        EXPECT_LT(oracle::relative_error(found.fit.factors[k], best.fit.factors[k]), 1e-14);
        EXPECT_LT(oracle::relative_error(found.inverse_fit.factors[k], best.inverse_fit.factors[k]),
                  1e-14);
      }
    }
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
}

}  // namespace
}  // namespace kronwerk::operators
