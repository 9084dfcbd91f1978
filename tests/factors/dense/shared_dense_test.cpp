#include "kronwerk/factors/dense/shared_dense.hpp"

#include <gtest/gtest.h>

#include <new>

#include "kronwerk/factors/dense/dense_values.hpp"

namespace kronwerk::factors {
namespace {

class SharedDenseFactor : public testing::Test {
 protected:
  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
};

TEST_F(SharedDenseFactor, IsFilledByTheRanksOfEachNode) {
  const auto& node = comm_.node();
  const auto factor = make_shared_dense(comm_, "A", 5, 3, [&](std::span<double> values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (static_cast<int>(i) % node.size() == node.rank()) values[i] = 1 + static_cast<double>(i);
    }
  });
  EXPECT_EQ(factor->rows(), 5);
  EXPECT_EQ(factor->cols(), 3);
  EXPECT_EQ(factor->name(), "A");
  const auto values = dense_values(*factor);
  ASSERT_EQ(values.size(), 15);
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], 1 + static_cast<double>(i));
}

TEST_F(SharedDenseFactor, FailsOnAllRanksWhereOneHasNoMemory) {
  for (int failing = 0; failing < comm_.size(); ++failing) {
    const auto fill = [&](std::span<double> /*values*/) {
      if (comm_.rank() == failing) throw std::bad_alloc();
    };
    EXPECT_THROW(make_shared_dense(comm_, "A", 4, 4, fill), core::ResourceError) << failing;
  }
}

}  // namespace
}  // namespace kronwerk::factors
