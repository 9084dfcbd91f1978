// What is wrong with a Gaussian flow model is refused by name, on every rank, or said.
#include <cmath>
#include <limits>

#include "end_to_end/flows/flow.hpp"

namespace kronwerk::end_to_end {
namespace {

class FlowRefusal : public FlowTest {
 protected:
  static std::string observing(const std::string& more) {
    return replaced(job(), "dataset: /y}", "dataset: /y, " + more + "}");
  }
};

TEST_F(FlowRefusal, OfModelsThatAreNone) {
  expect_refused(replaced(job(), "rho_o: 0.1", "rho_o: 1.5"),
                 "begin outside of the feasible region of the filter");
  expect_refused(replaced(job(), "- rho_d*kron(I, W)", "- rho_d*kron(I, x)"), "'x'");
  expect_refused(replaced(replaced(job(), "kron(I, I) - rho_o*kron(V, I)", "rho_o*kron(V, I)"),
                          "rho_d*kron(I, W)", "rho_d*kron(V, g')"),
                 "shapes");
  expect_refused(replaced(job(), "fit: {parameters: {rho_o: {}, rho_d: {}, rho_w: {}}}",
                          "fit: {parameters: {}}"),
                 "'fit.parameters' is empty");
  expect_refused(replaced(job(), "kron(V, W)\"", "kron(V, W*W' + W)\""),
                 "the log determinant of a filter is exact where");
  expect_refused(replaced(job(), "kron(1, W*x)", "kron(1, V*x)"), "has 5 rows; expected 7");
  expect_refused(replaced(job(), "kron(1, W*x)", "diagonal(u)"), "between the same regions");
  expect_refused(replaced(job(), "grid(g)", "grid(W)"), "is not used by the columns");
  expect_refused(replaced(job(), "grid(g)", "sqrt(g)"), "a column of the mean is");
}

TEST_F(FlowRefusal, OfFiltersThatAreNotSquareOrHaveNoParameter) {
  put("/R", {origins, destinations}, oracle::random_vector(cells, 4));
  const std::string with = replaced(job(), "  u: {", "  R: {file: flows.h5, dataset: /R}\n  u: {");
  const std::size_t begin = with.find("filter: ");
  const std::string rest = with.substr(with.find('\n', begin));
  const auto filter = [&](const std::string& text) {
    return with.substr(0, begin) + "filter: \"" + text + "\"" + rest;
  };
  expect_refused(filter("rho_o*kron(R, V) + (rho_d + rho_w)*kron(R, V)"), "square operator");
  expect_refused(
      replaced(filter("kron(I - 0.1*V, I - 0.1*W)"), "  R: {file: flows.h5, dataset: /R}\n", ""),
      "is not used by the");
}

TEST_F(FlowRefusal, OfParametersThatAreNotLinearAndHaveNoBounds) {
  const std::string bent = replaced(
      replaced(job(), "- rho_o*kron(V, I)", "- exp(-rho_o)*kron(V, I)"), "rho_o: 0.1", "rho_o: 2");
  expect_refused(bent, "the filter is not linear in 'rho_o'");
  expect_refused(replaced(bent, "rho_o: {}", "rho_o: {lower: 1}"), "rho_o: {lower: …, upper: …}");
  // Between the bounds the region is looked at in numbers: from 0 on A has rows that sum to zero.
  expect_refused(replaced(replaced(bent, "rho_o: {}", "rho_o: {lower: -1, upper: 6}"), "rho_o: 2",
                          "rho_o: -0.5"),
                 "begin outside of the feasible region of the filter");
  const Outcome outcome = run(2, replaced(bent, "rho_o: {}", "rho_o: {lower: 1, upper: 6}"));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
}

TEST_F(FlowRefusal, OfColumnsThatAreCollinearNamesThem) {
  expect_refused(replaced(job(), "kron(1, W*x)", "kron(1, x)"),
                 "the column 'kron(1, x)' of the mean is a linear combination of 'kron(1, x)'");
  expect_refused(replaced(job("acts_on: errors\n"), "kron(1, W*x)", "kron(1, x)"),
                 "is a linear combination of");
}

TEST_F(FlowRefusal, OfObservationsThatAreNotThere) {
  put("/none", {origins, destinations}, Numbers(cells, 0));
  expect_refused(observing("mask: {file: flows.h5, dataset: /none}"),
                 "has not one flow that was observed", 3);
  Numbers holes = y_;
  holes[33] = std::nan("");
  put("/holes", {origins, destinations}, holes);
  expect_refused(job("", "/holes"), "holds NaN at origin 4, destination 5", 3);
  const std::int64_t n = 70;
  Numbers many(n * n, std::nan(""));
  many[0] = 1;
  put("/many", {n, n}, many);
  put_weights("/A", weights("ring", n));
  expect_refused(R"yaml(task: fit
filter: "kron(I, I) - rho*kron(A, I) - rho*kron(I, A)"
parameters: {rho: 0.1}
matrices: {A: {file: flows.h5, dataset: /A}}
observations: {file: flows.h5, dataset: /many, missing: nan}
fit: {parameters: {rho: {}}}
output: results/out.h5
)yaml",
                 "lacks 4,899 flows; a Gaussian flow model is fitted with at most 4,000 missing");
}

TEST_F(FlowRefusal, OfRegionsInAnotherOrder) {
  const auto name = [&](const std::string& path_of_ids, const std::vector<std::string>& ids) {
    io::DataFile file(path("flows.h5").string(), true);
    file.write_strings(path_of_ids, ids);
    file.commit();
  };
  const std::vector<std::string> ids{"A", "B", "C", "D", "E"};
  const std::vector<std::string> other{"A", "B", "D", "C", "E"};
  name("/V_ids", ids);
  name("/g_row_ids", ids);
  ASSERT_EQ(run(2, job()).code, 0);
  std::filesystem::remove_all(path("results"));
  name("/y_row_ids", other);
  expect_refused(job(), "'V' and 'observations' meet in one mode");
  name("/y_row_ids", ids);
  name("/u_ids", other);
  expect_refused(job(), "'V' and 'u' meet in one mode");
  // Behind a matrix, which has ids of its own or not.
  name("/u_ids", ids);
  const std::vector<std::string> towns{"a", "b", "c", "d", "e", "f", "g"};
  const std::vector<std::string> moved{"b", "a", "c", "d", "e", "f", "g"};
  name("/y_column_ids", towns);
  name("/x_ids", moved);
  expect_refused(replaced(job(), "\"kron(1, x)\", ", ""), "and 'x' meet in one mode", 3);
  name("/W_ids", towns);
  expect_refused(replaced(job(), "\"kron(1, x)\", ", ""), "and 'x' meet in one mode");
  name("/x_ids", towns);
  name("/W_ids", moved);
  expect_refused(replaced(job(), "\"kron(1, x)\", ", ""), "meet in one mode");
  name("/W_ids", towns);
  EXPECT_EQ(run(2, job()).code, 0);
}

TEST_F(FlowRefusal, OfIdsBehindRectangularMatrices) {
  const auto name = [&](const std::string& path_of_ids, const std::vector<std::string>& ids) {
    io::DataFile file(path("flows.h5").string(), true);
    file.write_strings(path_of_ids, ids);
    file.commit();
  };
  // The means of three groups of destinations.
  put("/G", {destinations, 3}, oracle::random_vector(destinations * 3, 3));
  put("/h", {3}, oracle::random_vector(3, 4));
  const std::string grouped =
      replaced(replaced(job(), "  u: {",
                        "  G: {file: flows.h5, dataset: /G}\n  h: {file: flows.h5, dataset: /h}\n"
                        "  u: {"),
               "kron(1, W*x)", "kron(1, W*G*h)");
  name("/G_row_ids", {"a", "b", "c", "d", "e", "f", "g"});
  name("/G_column_ids", {"p", "q", "r"});
  name("/h_ids", {"p", "q", "r"});
  EXPECT_EQ(run(2, grouped).code, 0);
  std::filesystem::remove_all(path("results"));
  name("/h_ids", {"q", "p", "r"});
  expect_refused(grouped, "'G' and 'h' meet in one mode");
  name("/h_ids", {"p", "q", "r"});
  name("/y_column_ids", {"a", "b", "c", "d", "e", "g", "f"});
  expect_refused(grouped, "'G' meet in one mode");
}

TEST_F(FlowRefusal, OfKeysOfOtherModels) {
  expect_refused(job("covariance: \"kron(V, W)\"\n"), "'covariance' is for Gaussian processes");
  expect_refused(replaced(job(), "grid(g)\"]", "grid(g)\"]\n  per_observation: true"),
                 "share their coefficients");
  expect_refused(
      "task: fit\ncovariance: \"I\"\nacts_on: errors\nfit: {parameters: {a: {}}}\n"
      "parameters: {a: 1}\nobservations: {file: flows.h5, dataset: /y}\n"
      "output: results/out.h5\n",
      "'acts_on' is for flow models");
  expect_refused(
      replaced(replaced(job("jacobian: true\n"), "dataset: /y}", "dataset: /y, transform: square}"),
               "dataset: /y,", "dataset: /zeros,"),
      "zeros");
}

TEST_F(FlowRefusal, WarnsOfRegionsThatAreTheirOwnNeighbours) {
  Matrix own = w_;
  own(3, 3) = 0.25;
  put_weights("/own", own);
  const Outcome outcome = run(3, replaced(job(), "dataset: /W}", "dataset: /own}"));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.count("the diagonal of 'W' is not zero (entry 3 is 0.25)"), 1)
      << outcome.errors;
}

TEST_F(FlowRefusal, SaysThatTheEstimateIsOnTheBorderOfTheRegion) {
  // The eigenvalues of a circle of five are the fifth roots of one. A is certainly regular where
  // the real part of 1 - ρ_o a - ρ_d b is positive, for negative ρ down to a sum of 1/cos(4π/5):
  // the flows want less, where its imaginary part does not vanish.
  const std::int64_t n = 5;
  const std::int64_t years = 20;
  Matrix circle(n, n);
  for (std::int64_t i = 0; i < n; ++i) circle(i, (i + 1) % n) = 1;
  const Matrix identity = oracle::identity(n);
  const Matrix a =
      oracle::add(1, oracle::add(1, oracle::identity(n * n), 1, oracle::kron(circle, identity)),
                  0.4, oracle::kron(identity, circle));
  Numbers flows;
  for (std::uint64_t year = 0; year < years; ++year) {
    const Numbers more = oracle::solve(a, oracle::random_vector(n * n, year));
    flows.insert(flows.end(), more.begin(), more.end());
  }
  put_weights("/C", circle);
  put("/flows", {years, n, n}, flows);
  const Outcome outcome = run(2, R"yaml(task: fit
filter: "kron(I, I) - rho_o*kron(C, I) - rho_d*kron(I, C)"
parameters: {rho_o: -0.1, rho_d: -0.1}
matrices: {C: {file: flows.h5, dataset: /C}}
observations: {file: flows.h5, dataset: /flows}
fit: {parameters: {rho_o: {}, rho_d: {}}}
output: {file: results/out.h5, overwrite: true}
)yaml");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_NEAR(result.value("/parameters/rho_o") + result.value("/parameters/rho_d"),
              1 / std::cos(0.8 * std::numbers::pi), 1e-6);
  EXPECT_GE(outcome.count("on the border of the feasible region"), 1) << outcome.errors;
  EXPECT_EQ(result.number("/report", "at_border"), 1);
  EXPECT_EQ(result.number("/report", "converged"), 1);
}

}  // namespace
}  // namespace kronwerk::end_to_end
