#include "kronwerk/distribution/partition.hpp"

#include <gtest/gtest.h>

namespace kronwerk::distribution {
namespace {

TEST(BlockPartition, CoversEveryIndexOnceForUpTo100000Ranks) {
  for (const int parts : {1, 2, 3, 7, 64, 1000, 99'991, 100'000}) {
    for (const Index size : {Index{0}, Index{1}, Index{2}, Index{6}, Index{997}, Index{100'000},
                             Index{10'000'000'019}}) {
      const BlockPartition partition(size, parts);
      Index next = 0;
      for (int part = 0; part < parts; ++part) {
        ASSERT_EQ(partition.begin(part), next);
        ASSERT_LE(partition.count(part), partition.largest());
        ASSERT_GE(partition.count(part), partition.largest() - 1);
        next = partition.end(part);
      }
      ASSERT_EQ(next, size);
    }
  }
}

TEST(BlockPartition, OwnerIsTheInverseOfBegin) {
  for (const int parts : {1, 3, 100'000}) {
    for (const Index size : {Index{5}, Index{100'003}, Index{1} << 40}) {
      const BlockPartition partition(size, parts);
      for (int part = 0; part < parts; part += 1 + parts / 997) {
        if (partition.count(part) == 0) continue;
        EXPECT_EQ(partition.owner(partition.begin(part)), part);
        EXPECT_EQ(partition.owner(partition.end(part) - 1), part);
      }
    }
  }
}

TEST(BlockPartition, KeepsUnitsTogether) {
  for (const Index unit : {2, 6}) {
    for (const Index size : {Index{0}, Index{1}, Index{7}, Index{12}, Index{1001}}) {
      for (const int parts : {1, 2, 3, 50}) {
        const BlockPartition partition(size, parts, unit);
        Index next = 0;
        for (int part = 0; part < parts; ++part) {
          ASSERT_EQ(partition.begin(part), next);
          ASSERT_TRUE(next % unit == 0 || next == size);
          ASSERT_LE(partition.count(part), partition.largest());
          for (Index i = partition.begin(part); i < partition.end(part); ++i) {
            ASSERT_EQ(partition.owner(i), part);
          }
          next = partition.end(part);
        }
        ASSERT_EQ(next, size);
      }
    }
  }
}

TEST(BlockPartition, RefusesNegativeSizesAndNoParts) {
  EXPECT_THROW(BlockPartition(4, 2, 0), core::ShapeError);
  EXPECT_THROW(BlockPartition(-1, 2), core::ShapeError);
  EXPECT_THROW(BlockPartition(3, 0), core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::distribution
