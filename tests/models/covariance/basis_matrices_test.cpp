#include "models/covariance/basis_matrices.hpp"

#include "models/covariance/gaussian_fixture.hpp"
#include "models/density/weighted_gram.hpp"

namespace kronwerk::models {
namespace {

class BasisMatricesTest : public GaussianFixture {
 protected:
  factors::BasisPtr basis_of(const factors::Chain& matrix) const {
    const std::vector<factors::BasisRequest> requests{{matrix}};
    return factors::find_bases(comm_, requests).bases[0];
  }

  static Matrix dense(const factors::Chain& chain) {
    Matrix result(factors::rows(chain), factors::cols(chain));
    chain[0].factor->add_to_dense(1, result.values);
    return chain[0].transposed ? oracle::transpose(result) : result;
  }
};

// Long enough for several panels and blocks.
TEST_F(BasisMatricesTest, AreTheMatricesInTheirBasis) {
  const Index n = 300;
  const auto basis = basis_of(chain(exponential(n, 3.0)));
  const auto derivative = chain(exponential_derivative(n, 3.0));
  const auto v = dense(basis->from_basis);
  const auto expected =
      oracle::multiply(oracle::transpose(v), oracle::multiply(dense(derivative), v));
  std::vector<double> diagonal;
  for (Index i = 0; i < n; ++i) diagonal.push_back(expected(i, i));
  BasisMatrices alone, both;
  EXPECT_FALSE(alone.has(basis, derivative, false));
  expect_close(alone.diagonal(comm_, basis, derivative).diagonal, diagonal, 1e-12);
  EXPECT_TRUE(alone.has(basis, derivative, false));
  EXPECT_FALSE(alone.has(basis, derivative, true));
  const auto& full = both.full(comm_, basis, derivative);
  expect_close(full.diagonal, diagonal, 1e-12);
  Matrix found(n, n);
  full.full->add_to_dense(1, found.values);
  for (Index i = 0; i < n; ++i) {
    for (Index j = i + 1; j < n; ++j) found(i, j) = found(j, i);
  }
  EXPECT_LE(oracle::relative_error(found, expected), 1e-12);
}

TEST_F(BasisMatricesTest, OfDiagonalMatricesAreTheDenseOnes) {
  const Index n = 7;
  const auto basis = basis_of(chain(exponential(n, 3.0)));
  const auto values = oracle::random_vector(n, 3);
  BasisMatrices matrices;
  const auto v = dense(basis->from_basis);
  const auto expected =
      oracle::multiply(oracle::transpose(v), oracle::multiply(dense_diagonal(values), v));
  const auto& found = matrices.diagonal(comm_, basis, diagonal(values)).diagonal;
  for (Index i = 0; i < n; ++i) {
    EXPECT_NEAR(found[static_cast<std::size_t>(i)], expected(i, i), 1e-13);
  }
}

TEST_F(BasisMatricesTest, AreForgottenWhenNotAskedForAgain) {
  const auto basis = basis_of(chain(exponential(4, 3.0)));
  const auto one = chain(exponential(4, 1.0)), two = chain(exponential(4, 2.0));
  BasisMatrices matrices;
  matrices.full(comm_, basis, one);
  matrices.diagonal(comm_, basis, two);
  matrices.forget_unused();
  matrices.full(comm_, basis, one);
  matrices.forget_unused();
  EXPECT_TRUE(matrices.has(basis, one, true));
  EXPECT_FALSE(matrices.has(basis, two, false));
}

// More fibres than one update takes, before, behind and on both sides of the mode.
TEST_F(BasisMatricesTest, WeightedGramsAreSumsOverAllFibres) {
  for (const Extents& extents : {Extents{3, 70001}, Extents{70001, 3}, Extents{140, 3, 500}}) {
    std::size_t mode = 0;
    while (extents[mode] != 3) ++mode;
    for (int split = 0; split <= static_cast<int>(extents.size()); ++split) {
      const Layout layout(extents, split, comm_.size());
      const auto x = oracle::random_vector(layout.size(), 3);
      GramRequest request{mode, std::vector<std::vector<double>>(extents.size())};
      const std::size_t weighted = mode == 0 ? 1 : 0;
      request.lists[weighted] = oracle::random_vector(extents[weighted], 4);  // of both signs
      auto found = weighted_grams(comm_, *workspace_, layout, local(layout, x), {request})[0];
      comm_.sum(found);
      std::vector<double> expected(9, 0.0);
      Index right = 1;
      for (std::size_t k = mode + 1; k < extents.size(); ++k) right *= extents[k];
      for (Index f = 0; f < layout.size() / 3; ++f) {
        const Index first = f / right * 3 * right + f % right;
        const double weight =
            request
                .lists[weighted][static_cast<std::size_t>(weighted == 0 ? f / right : f % right)];
        for (Index i = 0; i < 3; ++i) {
          for (Index j = 0; j <= i; ++j) {
            expected[static_cast<std::size_t>(3 * i + j)] +=
                weight * x[static_cast<std::size_t>(first + i * right)] *
                x[static_cast<std::size_t>(first + j * right)];
          }
        }
      }
      expect_close(found, expected, 1e-11);
    }
  }
}

}  // namespace
}  // namespace kronwerk::models
