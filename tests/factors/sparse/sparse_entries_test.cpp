#include "kronwerk/factors/sparse/sparse_entries.hpp"

#include <gtest/gtest.h>

#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::factors {
namespace {

FactorPtr small_sparse() {
  // [0 2 3; 0 0 4]
  const std::vector<Index> offsets{0, 2, 3};
  const std::vector<std::int32_t> columns{1, 2, 2};
  const std::vector<double> values{2, 3, 4};
  return make_sparse("A", {2, 3, communication::SharedArray<Index>::from_private(offsets),
                           communication::SharedArray<std::int32_t>::from_private(columns),
                           communication::SharedArray<double>::from_private(values)});
}

TEST(StoredEntries, GivesSparseRowsAndThoseOfTheTranspose) {
  const auto plain = stored_entries({{small_sparse(), false, false}});
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->offsets, (std::vector<Index>{0, 2, 3}));
  EXPECT_EQ(plain->columns, (std::vector<Index>{1, 2, 2}));
  EXPECT_EQ(plain->values, (std::vector<double>{2, 3, 4}));
  const auto transposed = stored_entries({{small_sparse(), true, false}});
  ASSERT_TRUE(transposed.has_value());
  EXPECT_EQ(transposed->offsets, (std::vector<Index>{0, 0, 1, 3}));
  EXPECT_EQ(transposed->columns, (std::vector<Index>{0, 0, 1}));
  EXPECT_EQ(transposed->values, (std::vector<double>{2, 3, 4}));
}

TEST(StoredEntries, GivesDiagonals) {
  const std::vector<double> values{5, 6, 7};
  const auto diagonal = stored_entries({{make_diagonal("D", values), false, false}});
  ASSERT_TRUE(diagonal.has_value());
  EXPECT_EQ(diagonal->offsets, (std::vector<Index>{0, 1, 2, 3}));
  EXPECT_EQ(diagonal->columns, (std::vector<Index>{0, 1, 2}));
  EXPECT_EQ(diagonal->values, values);
  EXPECT_EQ(stored_entries({{make_identity(2), true, false}})->values, (std::vector<double>{1, 1}));
}

TEST(StoredEntries, HasNothingForWhatIsNotStored) {
  const std::vector<double> values{1, 2, 3, 4};
  const auto dense =
      make_dense("B", {2, 2, communication::SharedArray<double>::from_private(values)});
  EXPECT_FALSE(stored_entries({{dense, false, false}}).has_value());
  EXPECT_FALSE(stored_entries({{make_diagonal("D", values), false, true}}).has_value());
  const Link link{make_diagonal("D", values), false, false};
  EXPECT_FALSE(stored_entries({link, link}).has_value());
}

}  // namespace
}  // namespace kronwerk::factors
