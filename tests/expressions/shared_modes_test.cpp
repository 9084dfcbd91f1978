#include "kronwerk/expressions/shared_modes.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "expressions/expression_fixture.hpp"

namespace kronwerk::expressions {
namespace {

class SharedModesTest : public ExpressionFixture {
 protected:
  SharedModesTest() {
    known_["W"] = {{0}, {1}, {}};
    known_["V"] = {{2}, {3}, {}};
    known_["d"] = {{}, {}, {4}};
    symbols_.matrices["V"] = symbols_.matrices.at("W");
    symbols_.matrices["d"] = {symbols_.matrices.at("W").rows, 1, true, false, 0, {}, {}};
  }
  /// The lists that meet those of one mode of the rows (or columns), sorted.
  std::vector<int> meeting(const std::string& formula, std::size_t mode, bool columns = false) {
    const auto shared = find_shared_modes(analyse(formula, symbols_, "x"), known_);
    const int of_mode = (columns ? shared.cols : shared.rows).at(mode);
    auto lists = shared.lists.at(static_cast<std::size_t>(of_mode));
    std::ranges::sort(lists);
    return lists;
  }
  std::map<std::string, ModeLists> known_;
};

using Lists = std::vector<int>;

TEST_F(SharedModesTest, AddendsShareBothSides) {
  EXPECT_EQ(meeting("W + V", 0), (Lists{0, 2}));
  EXPECT_EQ(meeting("W - 2*V", 0, true), (Lists{1, 3}));
  EXPECT_EQ(meeting("I - W", 0), (Lists{0, 1}));
  EXPECT_EQ(meeting("W + V'", 0), (Lists{0, 3}));
}

TEST_F(SharedModesTest, ProductsShareWhatIsBetween) {
  EXPECT_EQ(meeting("W*V", 0), (Lists{0}));
  EXPECT_EQ(meeting("W*V", 0, true), (Lists{3}));
  // Between: the columns of W, the rows of V and the diagonal.
  const auto shared = find_shared_modes(analyse("W*diag(d)*V", symbols_, "x"), known_);
  EXPECT_TRUE(std::ranges::any_of(shared.lists, [](Lists lists) {
    std::ranges::sort(lists);
    return lists == Lists{1, 2, 4};
  }));
}

TEST_F(SharedModesTest, ModesOfProductsStayApart) {
  EXPECT_EQ(meeting("kron(W, V)", 0), (Lists{0}));
  EXPECT_EQ(meeting("kron(W, V)", 1), (Lists{2}));
  EXPECT_EQ(meeting("kron(W, V) + kron(V, W)", 1), (Lists{0, 2}));
}

TEST_F(SharedModesTest, WhatIsSquareSharesItsSides) {
  EXPECT_EQ(meeting("inv(W)", 0), (Lists{0, 1}));
  EXPECT_EQ(meeting("kronsum(W, V)", 1), (Lists{2, 3}));
}

}  // namespace
}  // namespace kronwerk::expressions
