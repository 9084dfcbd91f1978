// Work over many pairs ends on every rank when one of them is interrupted, and nothing is on its
// way to anybody afterwards.
#include "kronwerk/core/interruption.hpp"

#include <gtest/gtest.h>

#include "kernels/reductions/distributed_reduction.hpp"
#include "kronwerk/kernels/reductions/block_sparse.hpp"
#include "kronwerk/kernels/reductions/nearest_points.hpp"

namespace kronwerk::kernels {
namespace {

class Interruption : public testing::Test {
 protected:
  ~Interruption() override { core::set_interruption_check({}); }

  /// Interrupts each rank in turn.
  void expect_end(const std::function<void()>& work) {
    for (int interrupted = 0; interrupted < comm_.size(); ++interrupted) {
      if (comm_.rank() == interrupted) {
        core::set_interruption_check([] { throw core::Terminated("asked to"); });
      }
      EXPECT_THROW(work(), core::Terminated) << "rank " << interrupted;
      core::set_interruption_check({});
    }
    EXPECT_NO_THROW(work());
  }

  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
  DistributedSide rows_ = distribute(comm_, random_rows(60, 2));
  DistributedSide columns_ = distribute(comm_, random_columns(90, 2));
  ReductionSetup sum_{formula_of("exp(-sqdist(x, y))", 2), {{ReductionKind::sum}}};
};

TEST_F(Interruption, EndsReductionsRoundTheRing) {
  expect_end([&] { reduce(comm_, sum_, rows_, columns_, Spread::kept_axis); });
}

TEST_F(Interruption, EndsReductionsOfOwnTerms) {
  expect_end([&] { reduce(comm_, sum_, rows_, columns_, Spread::reduced_axis); });
}

TEST_F(Interruption, EndsSearchesByMatrixProducts) {
  const ReductionSetup nearest{formula_of("sqdist(x, y)", 2), {{ReductionKind::argmin}}};
  expect_end([&] { reduce_nearest(comm_, nearest, rows_, columns_); });
}

TEST_F(Interruption, EndsBlockSparseReductions) {
  BlockSparsity sparsity{"x", "y"};
  sparsity.range = 3;
  expect_end([&] { reduce_block_sparse(comm_, sum_, rows_, columns_, sparsity); });
}

}  // namespace
}  // namespace kronwerk::kernels
