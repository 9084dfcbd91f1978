#include "kronwerk/models/covariance/covariance.hpp"

#include "models/covariance/gaussian_fixture.hpp"

namespace kronwerk::models {
namespace {

using core::ConfigurationError;
using core::DataError;
using core::ShapeError;

class CovarianceTest : public GaussianFixture {
 protected:
  /// Everything a covariance offers against the dense matrix, for one and for three vectors.
  void expect_is(const Covariance& covariance, const Matrix& dense, double tolerance = 1e-11) {
    OperatorFixture::expect_is(*covariance.forward(), dense, tolerance);
    const auto inverse = oracle::inverse(dense);
    OperatorFixture::expect_is(*covariance.inverse(), inverse, tolerance);
    const Matrix three = oracle::kron(oracle::identity(3), inverse);
    OperatorFixture::expect_is(*covariance.inverse(3), three, tolerance);
    EXPECT_EQ(covariance.layout(3).home_begin(1),
              covariance.inverse(3)->input_layout().home_begin(1));
    EXPECT_NEAR(covariance.log_determinant(), oracle::log_abs_det(dense),
                tolerance * static_cast<double>(dense.rows));
    expect_diagonal_in_basis(covariance, inverse, tolerance);
  }

  /// V diag(1/e) Vᵀ = K⁻¹
  void expect_diagonal_in_basis(const Covariance& covariance, const Matrix& inverse,
                                double tolerance) {
    const auto x = oracle::random_vector(inverse.rows, 3);
    auto block = local(covariance.layout(), x);
    std::vector<double> other(block.size());
    covariance.to_basis()->apply(block, other);
    covariance.divide(1, other);
    covariance.from_basis()->apply(other, block);
    expect_close(whole(covariance.layout(), block), oracle::multiply(inverse, x), tolerance);
  }
};

TEST_F(CovarianceTest, OfAProductWithNoiseHasEigenvectors) {
  const auto a = exponential(5, 1.5), b = exponential(3, 2.0), c = exponential(4, 0.7);
  const auto covariance = make({{{1.7, {chain(a), chain(b), chain(c)}}},
                                ScaledProduct{0.3, {identity(5), identity(3), identity(4)}}});
  expect_is(covariance, oracle::add(1.7, oracle::kron({a, b, c}), 0.3, oracle::identity(60)));
  EXPECT_NE(covariance.description().find("eigendecomposition"), std::string::npos);
}

TEST_F(CovarianceTest, OfAProductWithoutNoiseHasCholeskyFactors) {
  const auto a = exponential(6, 1.5), b = exponential(7, 0.8);
  const Index before = factors::decomposition_count();
  const auto covariance = make({{{2.5, {chain(a), chain(b)}}}, {}});
  expect_is(covariance, oracle::add(2.5, oracle::kron(a, b), 0, oracle::identity(42)));
  EXPECT_EQ(factors::decomposition_count(), before);
  EXPECT_NE(covariance.description().find("Cholesky"), std::string::npos);
}

TEST_F(CovarianceTest, TakesNoiseThatIsAProductOfDiagonals) {
  const auto a = exponential(5, 1.5), b = exponential(4, 2.0);
  const std::vector<double> d{0.5, 1, 2, 0.7, 1.1}, e{0.3, 0.9, 1.5, 2};
  const auto covariance =
      make({{{1.2, {chain(a), chain(b)}}}, ScaledProduct{0.6, {diagonal(d), diagonal(e)}}});
  expect_is(covariance, oracle::add(1.2, oracle::kron(a, b), 0.6,
                                    oracle::kron(dense_diagonal(d), dense_diagonal(e))));
}

TEST_F(CovarianceTest, TakesSeveralTermsThatShareTheirBases) {
  const auto a = exponential(5, 1.5), b = exponential(4, 2.0);
  const auto first = chain(a), second = chain(b);
  const auto covariance = make({{{1.2, {first, second}}, {0.5, {first, identity(4)}}},
                                ScaledProduct{0.2, {identity(5), identity(4)}}});
  const auto dense = oracle::add(
      1, oracle::add(1.2, oracle::kron(a, b), 0.5, oracle::kron(a, oracle::identity(4))), 0.2,
      oracle::identity(20));
  expect_is(covariance, dense);
}

TEST_F(CovarianceTest, TakesTwoDifferentProductsAsPairs) {
  const auto a = exponential(3, 1.5), b = exponential(4, 2.0);
  const auto c = exponential(3, 0.3), d = exponential(4, 0.5);
  const auto covariance = make({{{1.2, {chain(a), chain(b)}}, {0.5, {chain(c), chain(d)}}}, {}});
  expect_is(covariance, oracle::add(1.2, oracle::kron(a, b), 0.5, oracle::kron(c, d)));
}

TEST_F(CovarianceTest, TakesCholeskyFactorsAndEigenvectorsAsGiven) {
  const auto a = exponential(5, 1.5);
  const auto lower = factor(lower_cholesky(a));
  // A rotation of the first two axes, and stretched axes.
  Matrix q = oracle::identity(3);
  q(0, 0) = q(1, 1) = 0.6;
  q(0, 1) = -0.8;
  q(1, 0) = 0.8;
  const std::vector<double> values{2, 0.5, 1};
  const auto b =
      oracle::multiply(q, oracle::multiply(dense_diagonal(values), oracle::transpose(q)));
  const auto vectors = factor(q);
  const factors::Chain first{{lower}, {lower, true}};
  const factors::Chain second{
      {vectors}, {factors::make_diagonal("values", values)}, {vectors, true}};
  const Index before = factors::decomposition_count();
  const Index factorised = factors::factorisation_count();
  expect_is(make({{{1.5, {first, second}}}, {}}),
            oracle::add(1.5, oracle::kron(a, b), 0, oracle::identity(15)));
  EXPECT_EQ(factors::decomposition_count(), before);
  EXPECT_EQ(factors::factorisation_count(), factorised);
  expect_is(make({{{1.5, {first, second}}}, ScaledProduct{0.2, {identity(5), identity(3)}}}),
            oracle::add(1.5, oracle::kron(a, b), 0.2, oracle::identity(15)));
  EXPECT_EQ(factors::decomposition_count(), before + 1);
}

TEST_F(CovarianceTest, HasModesOfIndependentReplicatesAndOfExtentOne) {
  const auto a = exponential(5, 1.5);
  const auto covariance = make({{{1.2, {identity(3), chain(a), identity(1)}}},
                                ScaledProduct{0.4, {identity(3), identity(5), identity(1)}}});
  expect_is(covariance,
            oracle::add(1.2, oracle::kron(oracle::identity(3), a), 0.4, oracle::identity(15)));
}

TEST_F(CovarianceTest, KeepsBasesWhileTheFactorsAreTheSame) {
  const auto first = chain(exponential(5, 1.5)), second = chain(exponential(4, 2.0));
  BasisCache cache;
  const auto covariance = [&](double eta, double sigma, const factors::Chain& last) {
    return Covariance(comm_, workspace_,
                      {{{eta, {first, last}}}, ScaledProduct{sigma, {identity(5), identity(4)}}},
                      cache);
  };
  const Index before = factors::decomposition_count();
  const auto one = covariance(1, 0.5, second);
  EXPECT_EQ(factors::decomposition_count(), before + 2);
  const auto two = covariance(2, 0.1, second);
  EXPECT_EQ(factors::decomposition_count(), before + 2);
  EXPECT_NE(one.log_determinant(), two.log_determinant());
  covariance(2, 0.1, chain(exponential(4, 1.0)));
  EXPECT_EQ(factors::decomposition_count(), before + 3);
}

TEST_F(CovarianceTest, GivesTracesOfItsInverse) {
  const auto a = exponential(5, 1.5), b = exponential(4, 2.0);
  const auto covariance =
      make({{{1.2, {chain(a), chain(b)}}}, ScaledProduct{0.4, {identity(5), identity(4)}}});
  const auto derivative = exponential_derivative(4, 2.0);
  const std::vector<ScaledProduct> terms{{1.2, {chain(a), chain(derivative)}}};
  const auto ratio =
      oracle::solve(oracle::add(1.2, oracle::kron(a, b), 0.4, oracle::identity(20)),
                    oracle::add(1.2, oracle::kron(a, derivative), 0, oracle::identity(20)));
  double trace = 0;
  for (Index i = 0; i < 20; ++i) trace += ratio(i, i);
  EXPECT_NEAR(covariance.trace_of_inverse(terms), trace, 1e-11 * std::abs(trace));
}

TEST_F(CovarianceTest, RefusesFactorsThatAreNotSymmetric) {
  auto a = exponential(5, 1.5);
  a(3, 1) += 0.1;
  for (const bool noise : {true, false}) {
    CovarianceTerms terms{{{1, {chain(a, "K1"), chain(exponential(3, 1))}}}, {}};
    if (noise) terms.noise = ScaledProduct{0.4, {identity(5), identity(3)}};
    const auto message = message_of<DataError>([&] { make(terms); });
    EXPECT_NE(message.find("'K1' (5 x 5)"), std::string::npos) << message;
    EXPECT_NE(message.find("not symmetric"), std::string::npos) << message;
    EXPECT_NE(message.find("(3, 1)"), std::string::npos) << message;
  }
}

TEST_F(CovarianceTest, RefusesFactorsWithoutEigenvectors) {
  const Matrix defective(2, 2, {1, 1, 0, 1});
  const auto one = identity(3);
  const auto with_noise = message_of<DataError>([&] {
    make({{{1, {chain(defective, "K1"), chain(exponential(3, 1))}}},
          ScaledProduct{0.4, {identity(2), identity(3)}}});
  });
  EXPECT_NE(with_noise.find("not symmetric"), std::string::npos) << with_noise;
  // Without noise, in a sum where neither mode has a second matrix.
  const auto without = message_of<DataError>([&] {
    make({{{1, {chain(defective, "K1"), one}}, {1, {identity(2), chain(exponential(3, 1))}}}, {}});
  });
  EXPECT_NE(without.find("not symmetric"), std::string::npos) << without;
}

TEST_F(CovarianceTest, RefusesIndefiniteFactorsByNameAndSmallestEigenvalue) {
  const Matrix a(2, 2, {1, 1.5, 1.5, 1});
  for (const bool noise : {true, false}) {
    CovarianceTerms terms{{{1, {chain(exponential(3, 1)), chain(a, "K2")}}}, {}};
    if (noise) terms.noise = ScaledProduct{9, {identity(3), identity(2)}};
    const auto message = message_of<DataError>([&] { make(terms); });
    EXPECT_NE(message.find("'K2' (2 x 2)"), std::string::npos) << message;
    EXPECT_NE(message.find("smallest eigenvalue is -0.5"), std::string::npos) << message;
  }
}

TEST_F(CovarianceTest, RefusesASingularCovarianceButNotWithNoise) {
  // A point given twice.
  const Matrix a(3, 3, {1, 1, 0.5, 1, 1, 0.5, 0.5, 0.5, 1});
  const auto first = chain(a, "K1"), second = chain(exponential(4, 1));
  const auto message = message_of<DataError>([&] { make({{{1, {first, second}}}, {}}); });
  EXPECT_NE(message.find("singular"), std::string::npos) << message;
  EXPECT_NE(message.find("'K1'"), std::string::npos) << message;
  message_of<DataError>([&] {
    make({{{1, {first, second}}}, ScaledProduct{0, {identity(3), identity(4)}}});
  });
  const auto covariance =
      make({{{1, {first, second}}}, ScaledProduct{0.1, {identity(3), identity(4)}}});
  EXPECT_NEAR(covariance.smallest(), 0.1, 1e-12);
}

TEST_F(CovarianceTest, RefusesNegativeVariancesAndNoiseThatIsNotDiagonal) {
  const auto a = chain(exponential(3, 1)), b = chain(exponential(4, 1));
  const auto noise = [&](double scale) { return ScaledProduct{scale, {identity(3), identity(4)}}; };
  EXPECT_NE(message_of<DataError>([&] {
              make({{{-1, {a, b}}}, noise(1)});
            }).find("-1"),
            std::string::npos);
  EXPECT_NE(message_of<DataError>([&] {
              make({{{1, {a, b}}}, noise(-0.5)});
            }).find("-0.5"),
            std::string::npos);
  message_of<DataError>([&] { make({{{0, {a, b}}}, {}}); });
  message_of<ConfigurationError>([&] {
    make({{{1, {a, b}}}, ScaledProduct{1, {a, identity(4)}}});
  });
  message_of<DataError>([&] {
    make({{{1, {a, b}}}, ScaledProduct{1, {diagonal({1, 0, 2}), identity(4)}}});
  });
}

TEST_F(CovarianceTest, RefusesTermsWithoutCommonCoordinatesAndOfDifferentShape) {
  const auto a = chain(exponential(3, 1), "A"), b = chain(exponential(4, 1), "B");
  const auto c = chain(exponential(3, 2), "C");
  const auto message = message_of<ConfigurationError>([&] {
    make({{{1, {a, b}}, {1, {c, b}}}, ScaledProduct{1, {identity(3), identity(4)}}});
  });
  EXPECT_NE(message.find("'A', 'C'"), std::string::npos) << message;
  message_of<ShapeError>([&] {
    make({{{1, {a, b}}}, ScaledProduct{1, {identity(4), identity(3)}}});
  });
}

}  // namespace
}  // namespace kronwerk::models
