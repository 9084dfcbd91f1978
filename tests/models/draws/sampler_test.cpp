#include "kronwerk/models/draws/sampler.hpp"

#include "kronwerk/models/covariance/square_root.hpp"
#include "models/covariance/gaussian_fixture.hpp"
#include "models/draws/sample_moments.hpp"

namespace kronwerk::models {
namespace {

class SamplerTest : public GaussianFixture {
 protected:
  Sampler make_sampler(CovarianceTerms terms, std::vector<MeanColumn> mean = {}) const {
    return {comm_, workspace_, std::move(terms), std::move(mean)};
  }

  /// Draws one after the other, whole on every rank.
  std::vector<double> draws(const Sampler& sampler, std::uint64_t seed, Index first,
                            Index count) const {
    const auto layout = sampler.layout(count);
    std::vector<double> block(static_cast<std::size_t>(layout.home_size(comm_.rank())), 7.0);
    sampler.draw(seed, first, count, block);
    return whole(layout, block);
  }

  void expect_moments(const Sampler& sampler, const std::vector<double>& mean,
                      const Matrix& covariance) const {
    constexpr Index batch = 2000;
    SampleMoments moments(mean);
    for (Index first = 0; first < 20000; first += batch) {
      moments.add(draws(sampler, 42, first, batch));
    }
    moments.expect(covariance);
  }
};

TEST_F(SamplerTest, DrawsHaveTheMeanAndTheCovariance) {
  const auto a = exponential(3, 1.5), b = rbf(4, 1.2);
  const std::vector<double> u{1, -2, 0.5};
  const auto sampler = make_sampler({{{1.7, {chain(a), chain(b)}}, {0.4, {identity(3), chain(b)}}},
                                     ScaledProduct{0.3, {diagonal({1, 2, 0.5}), identity(4)}}},
                                    {{{{}, {}}, 2.0}, {{u, {}}, -1.0}});
  auto covariance = oracle::add(1.7, oracle::kron(a, b), 0.4, oracle::kron(oracle::identity(3), b));
  covariance = oracle::add(1, covariance, 0.3,
                           oracle::kron(dense_diagonal({1, 2, 0.5}), oracle::identity(4)));
  std::vector<double> mean;
  for (std::size_t i = 0; i < 12; ++i) mean.push_back(2 - u[i / 4]);
  expect_moments(sampler, mean, covariance);
}

TEST_F(SamplerTest, DrawsOfASingularCovarianceHaveIt) {
  // Points given twice: no Cholesky factor without pivoting.
  const Matrix a(3, 3, {1, 1, 0.5, 1, 1, 0.5, 0.5, 0.5, 1});
  const auto b = exponential(3, 0.8);
  const auto sampler = make_sampler({{{1, {chain(a), chain(b)}}}, {}});
  expect_moments(sampler, std::vector<double>(9, 0.0), oracle::kron(a, b));
}

TEST_F(SamplerTest, DrawsDependOnSeedAndNumberOnly) {
  const auto sampler = make_sampler({{{1.7, {chain(exponential(3, 1.5)), chain(rbf(5, 2.0))}}},
                                     ScaledProduct{0.3, {identity(3), identity(5)}}});
  const auto many = draws(sampler, 7, 3, 6);
  for (Index i = 0; i < 6; ++i) {
    const auto begin = many.begin() + 15 * i;
    expect_close(draws(sampler, 7, 3 + i, 1), {begin, begin + 15}, 1e-13);
  }
  EXPECT_GT(oracle::relative_error(draws(sampler, 8, 3, 1), draws(sampler, 7, 3, 1)), 0.1);
  EXPECT_GT(oracle::relative_error(draws(sampler, 7, 4, 1), draws(sampler, 7, 3, 1)), 0.1);
  // As one rank alone draws.
  const auto self = communication::Communicator::duplicate(MPI_COMM_SELF);
  const Sampler alone(self, std::make_shared<Workspace>(self),
                      {{{1.7, {chain(exponential(3, 1.5)), chain(rbf(5, 2.0))}}},
                       ScaledProduct{0.3, {identity(3), identity(5)}}});
  std::vector<double> expected(90);
  alone.draw(7, 3, 6, expected);
  expect_close(many, expected, 1e-13);
}

TEST_F(SamplerTest, SquareRootsAreWhatIsGivenOrHaveTheRank) {
  const auto a = exponential(4, 1.5);
  const auto lower = factor(lower_cholesky(a));
  const auto vectors = factor(oracle::identity(3));
  const Matrix singular(3, 3, {1, 1, 0.5, 1, 1, 0.5, 0.5, 0.5, 1});
  const auto roots =
      square_roots(comm_, {{{lower}, {lower, true}},
                           {{vectors},
                            {factors::make_diagonal("values", std::vector<double>{4, 1, 0})},
                            {vectors, true}},
                           chain(singular),
                           diagonal({4, 9}),
                           chain(a)});
  EXPECT_EQ(roots[0].size(), 1U);
  EXPECT_EQ(roots[0][0].factor, lower);
  EXPECT_EQ(roots[1][0].factor, vectors);
  EXPECT_EQ(roots[1][1].factor->diagonal(), (std::vector<double>{2, 1, 0}));
  EXPECT_EQ(factors::cols(roots[2]), 2);
  EXPECT_EQ(roots[3][0].factor->diagonal(), (std::vector<double>{2, 3}));
  Matrix root(4, 4);
  roots[4][0].factor->add_to_dense(1, root.values);
  EXPECT_LE(oracle::relative_error(root, lower_cholesky(a)), 1e-14);
}

TEST_F(SamplerTest, RefusesWhatItCannotDrawFrom) {
  const auto a = chain(exponential(3, 1.5)), b = chain(exponential(4, 1.5));
  const Matrix indefinite(3, 3, {1, 0, 2, 0, 1, 0, 2, 0, 1});
  const auto message = message_of<core::DataError>([&] {
    make_sampler({{{1, {chain(indefinite, "K1"), b}}}, {}});
  });
  EXPECT_NE(message.find("'K1'"), std::string::npos) << message;
  EXPECT_NE(message.find("smallest eigenvalue is -1"), std::string::npos) << message;
  message_of<core::DataError>([&] { make_sampler({{{-1, {a, b}}}, {}}); });
  message_of<core::DataError>([&] { make_sampler({{{1, {diagonal({1, -1, 1}), b}}}, {}}); });
  message_of<core::ConfigurationError>([&] {
    make_sampler({{{1, {a, b}}}, {}}, {{{{}, {}}, std::nullopt}});
  });
  message_of<core::ShapeError>([&] { make_sampler({{{1, {a, b}}}, {}}, {{{{1.0}, {}}, 1.0}}); });
  std::vector<double> room(1000);
  message_of<core::ShapeError>([&] { make_sampler({{{1, {a, b}}}, {}}).draw(1, 0, 1, room); });
}

}  // namespace
}  // namespace kronwerk::models
