// Iterates as whoever keeps them sees them: each belongs to the residual of its iteration, and the
// solve goes on from it.
#include "operators/krylov/krylov_fixture.hpp"

namespace kronwerk::operators {
namespace {

struct Told {
  std::vector<std::vector<double>> iterates;  ///< this rank's blocks
  std::vector<double> residuals;
};

KrylovSettings telling(KrylovSettings settings, Told& told) {
  settings.on_iterate = [&told](const KrylovIterate& iterate) {
    std::vector<double> room;
    const auto x = iterate(room);
    told.iterates.emplace_back(x.begin(), x.end());
  };
  settings.on_iteration = [&told](Index iteration, double residual) {
    if (iteration > 0) told.residuals.push_back(residual);
  };
  return settings;
}

class KrylovIterates : public KrylovTest {
 protected:
  /// Of x and b that are both this factor times what they would be.
  static double residual(const oracle::Matrix& matrix, std::vector<double> x, std::vector<double> b,
                         double factor) {
    for (double& each : x) each /= factor;
    for (double& each : b) each /= factor;
    return oracle::relative_error(oracle::multiply(matrix, x), b);
  }
};

TEST_F(KrylovIterates, BelongToTheResidualsAndCanBeStartedFrom) {
  const oracle::Matrix matrix = positive_definite(size, 5);
  for (const auto method : {KrylovMethod::cg, KrylovMethod::gmres, KrylovMethod::bicgstab}) {
    for (const double factor : {1.0, 1e-200}) {
      SCOPED_TRACE(to_text(method));
      Told told;
      KrylovSolver solver(make({matrix}), nullptr, 1, telling(settings(method), told));
      std::vector<double> b = oracle::random_vector(size, 6);
      for (double& each : b) each *= factor;
      const Solution solution = solve(solver, 1, b);
      ASSERT_TRUE(solution.outcome.converged) << solution.outcome.reason;
      ASSERT_EQ(told.iterates.size(), told.residuals.size());
      ASSERT_GT(told.iterates.size(), 5U);
      for (const std::size_t k : {std::size_t{2}, told.iterates.size() - 2}) {
        const auto x = whole(1, told.iterates[k]);
        EXPECT_NEAR(residual(matrix, x, b, factor) / told.residuals[k], 1, 1e-2) << k;
      }
      // Half way there, so half of the work is left.
      const auto half = whole(1, told.iterates[told.iterates.size() / 2]);
      const std::size_t all = told.iterates.size();
      told = {};
      const Solution rest = solve(solver, 1, b, false, half);
      EXPECT_TRUE(rest.outcome.converged) << rest.outcome.reason;
      EXPECT_LE(residual(matrix, rest.x, b, factor), 1.1e-10);
      EXPECT_LE(told.iterates.size(), all);
      const Solution none = solve(solver, 1, b, false, rest.x);
      EXPECT_EQ(none.outcome.iterations, 0);
      EXPECT_EQ(none.x, rest.x);
    }
  }
}

TEST_F(KrylovIterates, OfSeveralColumnsAreBlocksOfAll) {
  const std::vector<oracle::Matrix> matrices{positive_definite(size, 7),
                                             positive_definite(size, 8)};
  const auto b = oracle::random_vector(2 * size, 9);
  for (const auto method : {KrylovMethod::cg, KrylovMethod::bicgstab}) {
    Told told;
    KrylovSolver solver(make(matrices, 2), nullptr, 2, telling(settings(method), told));
    const Solution solution = solve(solver, 2, b);
    ASSERT_TRUE(solution.outcome.converged) << solution.outcome.reason;
    ASSERT_FALSE(told.iterates.empty());
    EXPECT_LE(oracle::relative_error(whole(2, told.iterates.back()), solution.x), 1e-8);
  }
}

TEST_F(KrylovIterates, OneAfterTheOtherAreToldAfterEachColumn) {
  const std::vector<oracle::Matrix> matrices{positive_definite(size, 7)};
  const auto b = oracle::random_vector(3 * size, 9);
  Told told;
  KrylovSolver solver(make({matrices[0], matrices[0], matrices[0]}, 3), nullptr, 3,
                      telling(settings(KrylovMethod::gmres), told), make(matrices));
  const Solution solution = solve(solver, 3, b);
  ASSERT_TRUE(solution.outcome.converged) << solution.outcome.reason;
  ASSERT_EQ(told.iterates.size(), 3U);
  EXPECT_EQ(whole(3, told.iterates.back()), solution.x);
  auto first = whole(3, told.iterates.front());
  EXPECT_TRUE(std::all_of(first.begin() + size, first.end(), [](double v) { return v == 0; }));
}

}  // namespace
}  // namespace kronwerk::operators
