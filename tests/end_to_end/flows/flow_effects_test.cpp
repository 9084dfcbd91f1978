// Effects of a regional attribute on flows between the same regions, and on their means.
#include "end_to_end/flows/flow.hpp"

namespace kronwerk::end_to_end {
namespace {

class FlowEffectsTask : public FlowTest {
 protected:
  static constexpr std::int64_t n = origins;

  static std::string task(const std::string& rest, const std::string& columns = all) {
    return fmt::format(R"yaml(task: effects
filter: "kron(I, I) - rho_o*kron(V, I) - rho_d*kron(I, V) - rho_w*kron(V, V)"
parameters: {{rho_o: 0.3, rho_d: 0.2, rho_w: 0.1}}
matrices:
  V: {{file: flows.h5, dataset: /V}}
  u: {{file: flows.h5, dataset: /u}}
mean:
  columns: [{}]
  coefficients: [0.4, 0.5, -0.3, 0.6, 0.7]
attribute: u
output: {{file: results/out.h5, overwrite: true}}
{})yaml",
                       columns, rest);
  }
  static constexpr const char* all =
      R"c("kron(1, 1)", "kron(u, 1)", "kron(1, V*u)", "diagonal(u)", "diagonal(V'*u)")c";

  Matrix filter() const {
    const Matrix identity = oracle::identity(n);
    Matrix a = oracle::add(1, oracle::identity(n * n), -0.3, oracle::kron(v_, identity));
    a = oracle::add(1, a, -0.2, oracle::kron(identity, v_));
    return oracle::add(1, a, -0.1, oracle::kron(v_, v_));
  }
  /// The change of Zδ by region r.
  Numbers change(std::int64_t r) const {
    Numbers s(n * n, 0.0);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double& value = s[static_cast<std::size_t>(i * n + j)];
        if (i == r) value += 0.5;
        value += -0.3 * v_(j, r);
        if (i != j) continue;
        if (i == r) value += 0.6;
        value += 0.7 * v_(r, i);
      }
    }
    return s;
  }
  Numbers trend() const {
    Numbers z(n * n, 0.4);
    for (std::int64_t r = 0; r < n; ++r) {
      const Numbers s = change(r);
      for (std::size_t i = 0; i < z.size(); ++i) z[i] += u_[static_cast<std::size_t>(r)] * s[i];
    }
    return z;
  }

  void expect_effects(const Numbers& weights) const {
    const Result found(path("results/out.h5"));
    const char* kinds[] = {"origin", "destination", "intra", "network", "total"};
    for (std::int64_t r = 0; r < n; ++r) {
      const Numbers f = oracle::solve(filter(), change(r));
      std::map<std::string, double> expected;
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
          const auto cell = static_cast<std::size_t>(i * n + j);
          const double value = weights[cell] * f[cell];
          expected[i == r   ? (j == r ? "intra" : "origin")
                   : j == r ? "destination"
                            : "network"] += value;
          expected["total"] += value;
        }
      }
      for (const char* kind : kinds) {
        EXPECT_NEAR(found.values(std::string("/effects/") + kind)[static_cast<std::size_t>(r)],
                    expected[kind], 1e-11)
            << kind << " of " << r;
      }
    }
  }
};

TEST_F(FlowEffectsTask, OfAllKindsOfColumnsAreExact) {
  for (const int np : {1, 3}) {
    const Outcome outcome = run(np, task(""));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    expect_effects(Numbers(n * n, 1.0));
    EXPECT_EQ(Result(path("results/out.h5")).number("/report", "grid_solves"), 0);
  }
}

TEST_F(FlowEffectsTask, OnMeansAreDerivativesOfCounts) {
  Numbers exposure = oracle::random_vector(n * n, 12);
  for (double& value : exposure) value = 2 + value;
  exposure[3] = 0;
  put("/people", {n, n}, exposure);
  const std::string rest =
      "family: poisson\non: mean\nexposure: {file: flows.h5, dataset: /people}\n";
  Numbers means = oracle::solve(filter(), trend());
  for (std::size_t i = 0; i < means.size(); ++i) means[i] = exposure[i] * std::exp(means[i]);
  for (const int np : {1, 2, 4}) {
    const Outcome outcome = run(np, task(rest));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    expect_effects(means);
  }
  // The filter of a fit without interaction leaves the column's own derivative.
  const Outcome plain =
      run(2, replaced(task("family: negative_binomial\non: mean\n"),
                      "rho_o: 0.3, rho_d: 0.2, rho_w: 0.1", "rho_o: 0, rho_d: 0, rho_w: 0"));
  ASSERT_EQ(plain.code, 0) << plain.errors;
  const Numbers z = trend();
  double sum = 0;
  for (std::size_t j = 1; j < static_cast<std::size_t>(n); ++j) sum += 0.5 * std::exp(z[j]);
  const auto j = static_cast<std::size_t>(0);
  for (std::size_t k = 1; k < static_cast<std::size_t>(n); ++k) {
    sum += -0.3 * v_(static_cast<std::int64_t>(k), 0) * std::exp(z[j * n + k]);
  }
  EXPECT_NEAR(Result(path("results/out.h5")).values("/effects/origin")[0], sum, 1e-11);
}

TEST_F(FlowEffectsTask, OfAnErrorsModelAreThoseOfTheColumns) {
  const Outcome outcome = run(2, task("acts_on: errors\n"));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result found(path("results/out.h5"));
  // From region 1 to others: its own column, and the lagged attribute of the others.
  EXPECT_NEAR(found.values("/effects/origin")[1],
              0.5 * (n - 1) - 0.3 * (v_(0, 1) + v_(2, 1) + v_(3, 1) + v_(4, 1)), 1e-12);
  EXPECT_NEAR(found.values("/effects/intra")[1], 0.5 + 0.6, 1e-12);
}

TEST_F(FlowEffectsTask, RefuseWhatHasNoMeaning) {
  const auto refused = [this](const std::string& rest, const std::string& message) {
    expect_refused(task(rest), message);
  };
  refused("on: mean\n", "'on: mean' is for the families poisson and negative_binomial");
  refused("on: means\n", "'on' must be one of linear_predictor, mean");
  refused("draws: 1\n", "at least two 'draws'");
  const std::string people = "exposure: {file: flows.h5, dataset: /people}\n";
  put("/people", {n, n}, Numbers(n * n, 1.0));
  refused("family: poisson\n" + people, "do not depend on the exposure");
  put("/people", {3, n, n}, Numbers(3 * n * n, 1.0));
  refused("family: poisson\non: mean\n" + people, "is for 3 grids of flows");
  put("/people", {n, n}, Numbers(n * n, -1.0));
  refused("family: poisson\non: mean\n" + people, "negative or infinite");
  put("/u", {n}, Numbers(n, 2000.0));
  refused("family: poisson\non: mean\n", "overflows");
  // A fit without standard errors has no covariance to draw from.
  put("/u", {n}, u_);
  ASSERT_EQ(run(2, replaced(job(), "fit: {", "fit: {standard_errors: false, ")).code, 0);
  const Outcome outcome =
      run(2, replaced(replaced(task("draws: 5\n"), "{rho_o: 0.3, rho_d: 0.2, rho_w: 0.1}",
                               "{file: results/out.h5}"),
                      "results/out.h5, overwrite", "results/effects.h5, overwrite"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.count("need the covariance of a fit"), 1) << outcome.errors;
}

}  // namespace
}  // namespace kronwerk::end_to_end
