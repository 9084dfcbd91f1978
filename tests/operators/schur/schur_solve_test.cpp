#include "operators/schur/schur_fixture.hpp"

namespace kronwerk::operators {
namespace {

const Dense one;  // the identity

class SchurSolve : public SchurFixture {};

TEST_F(SchurSolve, SylvesterHasTheKnownSolution) {
  const auto a = schur_of({3, 3, {-3, -2, 0, -1, -1, 3, 3, -5, -1}});
  const auto b = schur_of({1, 1, {1}});
  const auto op =
      make_schur_inverse(comm_, workspace_, sum_of(a, b, {{1, a.t, one}, {1, one, b.t}}));
  expect_close(apply(*op, std::vector<double>{1, 2, 3}), {0.0625, -0.5625, 0.6875}, 1e-14);
}

TEST_F(SchurSolve, LyapunovHasTheKnownSolution) {
  const auto a = schur_of({2, 2, {1, 2, -3, -4}});
  const auto op =
      make_schur_inverse(comm_, workspace_, sum_of(a, a, {{1, a.t, one}, {1, one, a.t}}));
  expect_close(apply(*op, std::vector<double>{-3, -1, -1, -1}), {37.0 / 6, -23.0 / 6, -23.0 / 6, 3},
               1e-14);
}

TEST_F(SchurSolve, AFlowOperatorAgreesWithTheDenseSolve) {
  const auto a = schur_of(oracle::random_matrix(7, 7, 5));
  const auto b = schur_of(oracle::random_matrix(11, 11, 6));
  const std::vector<TestTerm> terms{
      {1, one, one}, {-0.3, a.t, one}, {-0.2, one, b.t}, {-0.15, a.t, b.t}};
  const Dense full_a = a.full(a.t);
  const Dense full_b = b.full(b.t);
  Dense dense = oracle::kron(oracle::identity(7), oracle::identity(11));
  dense = oracle::add(1, dense, -0.3, oracle::kron(full_a, oracle::identity(11)));
  dense = oracle::add(1, dense, -0.2, oracle::kron(oracle::identity(7), full_b));
  dense = oracle::add(1, dense, -0.15, oracle::kron(full_a, full_b));
  const auto op = make_schur_inverse(comm_, workspace_, sum_of(a, b, terms));
  const auto rhs = oracle::random_vector(77, 3);
  expect_close(apply(*op, rhs), oracle::solve(dense, rhs), 1e-11);
  expect_close(apply(*op, rhs, true), oracle::solve(oracle::transpose(dense), rhs), 1e-11);
}

TEST_F(SchurSolve, SumsOfAllBlockPatternsAndExtentsAreInverted) {
  const std::vector<std::pair<Index, Index>> extents{{1, 1},  {1, 5},  {5, 1},   {2, 2},  {3, 2},
                                                     {2, 13}, {13, 4}, {17, 31}, {37, 19}};
  for (const auto& [rows, columns] : extents) {
    for (const Pairs rows_pairs : {Pairs::none, Pairs::from_first, Pairs::from_second}) {
      for (const Pairs columns_pairs : {Pairs::from_first, Pairs::from_second}) {
        SCOPED_TRACE(testing::Message()
                     << rows << " x " << columns << ", pairs " << static_cast<int>(rows_pairs)
                     << " and " << static_cast<int>(columns_pairs));
        const auto a = random_schur(rows, rows_pairs, 11);
        const auto b = random_schur(columns, columns_pairs, 12);
        expect_inverse(a, b, {{1, a.t, one}, {1, one, b.t}});
        expect_inverse(a, b, {{1, one, one}, {0.3, a.t, one}, {0.2, one, b.t}, {0.7, a.t, b.t}});
      }
    }
  }
}

TEST_F(SchurSolve, SeveralPanelsAndLevelsOfBlocksAreInverted) {
  const auto a = random_schur(151, Pairs::every_third, 21);
  const auto b = random_schur(83, Pairs::from_second, 22);
  expect_inverse(a, b, {{1, one, one}, {0.3, a.t, one}, {0.2, one, b.t}, {0.7, a.t, b.t}});
  expect_inverse(b, a, {{1, b.t, one}, {0.5, one, a.t}});
}

TEST_F(SchurSolve, PolynomialsOfTheModesMatricesAreTakenToo) {
  const auto a = random_schur(23, Pairs::every_third, 31);
  const auto b = random_schur(18, Pairs::from_first, 32);
  const Dense a_square = oracle::multiply(a.t, a.t);
  const Dense shifted = oracle::add(4, oracle::identity(18), 0.3, b.t);
  const Dense b_inverse = oracle::inverse(b.t);
  expect_inverse(a, b,
                 {{1, a_square, shifted},
                  {2, a.t, b_inverse},
                  {-0.1, a_square, b_inverse},
                  {0.5, one, shifted},
                  {3, one, one}});
}

TEST_F(SchurSolve, AModeWithADiagonalMatrixGoesWithATriangularOne) {
  auto diagonal = random_schur(14, Pairs::none, 41);
  for (Index i = 0; i < 14; ++i) {
    for (Index j = 0; j < i; ++j) diagonal.t(j, i) = 0;
  }
  const auto full = random_schur(21, Pairs::every_third, 42);
  for (const double mixed : {0.0, 0.4}) {
    expect_inverse(diagonal, full,
                   {{1, diagonal.t, one}, {1, one, full.t}, {mixed, diagonal.t, full.t}});
    expect_inverse(full, diagonal,
                   {{1, full.t, one}, {1, one, diagonal.t}, {mixed, full.t, diagonal.t}});
  }
}

TEST_F(SchurSolve, ASingleProductIsInverted) {
  const auto a = random_schur(19, Pairs::from_first, 51);
  const auto b = random_schur(6, Pairs::from_second, 52);
  expect_inverse(a, b, {{-2.5, a.t, b.t}});
}

TEST_F(SchurSolve, ResultsAreAddedOnRequest) {
  const auto a = random_schur(9, Pairs::from_second, 61);
  const auto b = random_schur(10, Pairs::from_second, 62);
  const auto op =
      make_schur_inverse(comm_, workspace_, sum_of(a, b, {{1, a.t, one}, {1, one, b.t}}));
  const auto rhs = local(op->input_layout(), oracle::random_vector(90, 4));
  std::vector<double> once(rhs.size());
  op->apply(rhs, once);
  std::vector<double> twice = once;
  op->apply(rhs, twice, true);
  for (std::size_t i = 0; i < once.size(); ++i) EXPECT_DOUBLE_EQ(twice[i], 2 * once[i]);
}

TEST_F(SchurSolve, VectorsOfABatchAreSolvedOneByOneOrOnePerRank) {
  const auto a = random_schur(21, Pairs::every_third, 71);
  const auto b = random_schur(8, Pairs::from_second, 72);
  const std::vector<TestTerm> terms{{1, a.t, one}, {1, one, b.t}, {0.4, a.t, b.t}};
  constexpr Index batch = 5;
  const auto x = oracle::random_vector(batch * 21 * 8, 8);
  for (const std::optional<int> split : {std::optional<int>(), std::optional<int>(0),
                                         std::optional<int>(1), std::optional<int>(2)}) {
    const auto op = make_schur_inverse(comm_, workspace_, sum_of(a, b, terms), batch, split);
    EXPECT_TRUE(!split || op->input_layout().leading_modes() == *split);
    for (const bool transposed : {false, true}) {
      std::vector<double> rhs;
      for (Index vector = 0; vector < batch; ++vector) {
        const auto begin = x.begin() + vector * 168;
        const auto part = apply_sum(a, b, terms, {begin, begin + 168}, transposed);
        rhs.insert(rhs.end(), part.begin(), part.end());
      }
      expect_close(apply(*op, rhs, transposed), x, 1e-12);
    }
  }
}

TEST_F(SchurSolve, EigenvaluesThatCancelAreNamed) {
  auto a = random_schur(5, Pairs::none, 81);
  auto b = random_schur(4, Pairs::from_second, 82);
  b.t(3, 3) = -1.5;
  b.eigenvalues[3] = -1.5;
  a.t(2, 2) = 1.5;
  a.eigenvalues[2] = 1.5;
  const auto sum = sum_of(a, b, {{1, a.t, one}, {1, one, b.t}});
  try {
    make_schur_inverse(comm_, workspace_, sum);
    FAIL() << "a singular sum was taken";
  } catch (const core::DataError& error) {
    EXPECT_NE(std::string(error.what()).find("eigenvalue 3 of mode 1 (1.5)"), std::string::npos)
        << error.what();
    EXPECT_NE(std::string(error.what()).find("eigenvalue 4 of mode 2 (-1.5)"), std::string::npos)
        << error.what();
  }
}

TEST_F(SchurSolve, ComplexEigenvaluesThatCancelAreNamed) {
  const auto a = random_schur(7, Pairs::from_second, 91, 0.5);
  const auto sum = sum_of(a, a, {{1, a.t, one}, {-1, one, a.t}});
  EXPECT_THROW(make_schur_inverse(comm_, workspace_, sum), core::DataError);
}

TEST_F(SchurSolve, MatricesThatDoNotFitAreRefused) {
  const auto a = random_schur(6, Pairs::from_first, 95);
  const auto b = random_schur(5, Pairs::none, 96);
  EXPECT_THROW(make_schur_inverse(comm_, workspace_, sum_of(a, b, {{1, b.t, one}})),
               core::ShapeError);
  EXPECT_THROW(
      make_schur_inverse(comm_, workspace_, sum_of(a, b, {{1, oracle::transpose(a.t), b.t}})),
      core::ShapeError);
  EXPECT_THROW(make_schur_inverse(comm_, workspace_, sum_of(a, b, {{1, a.t, b.t}}), 1, 2),
               core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::operators
