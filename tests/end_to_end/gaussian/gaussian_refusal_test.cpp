// Bad input of the Gaussian tasks: exit code 2, one message that names what is wrong, no result.
#include <limits>

#include "end_to_end/gaussian/gaussian.hpp"

namespace kronwerk::end_to_end {
namespace {

class GaussianRefusal : public GaussianTest {
 protected:
  static std::string logpdf(const std::string& rest = "") {
    return observing("logpdf", "/y", rest);
  }
  /// The job of logpdf with one replacement.
  static std::string with(const std::string& what, const std::string& by,
                          const std::string& rest = "") {
    return replaced(logpdf(rest), what, by);
  }
  /// The covariance of two matrices in data.h5.
  static std::string of_matrices(const std::string& first, const std::string& formula) {
    return fmt::format(R"yaml(task: logpdf
matrices:
  A: {{file: data.h5, dataset: {}}}
  B: {{file: data.h5, dataset: /B}}
covariance: "{}"
observations: {{file: data.h5, dataset: /y}}
output: {{file: results/out.h5}}
)yaml",
                       first, formula);
  }
};

TEST_F(GaussianRefusal, OfFactorsThatAreNoCovariances) {
  oracle::Matrix a = oracle::identity(5);
  a(3, 1) = 0.25;
  a(1, 3) = 0.5;
  put("/asymmetric", {5, 5}, a.values);
  a(1, 3) = a(3, 1) = -3;
  put("/indefinite", {5, 5}, a.values);
  a = oracle::identity(5);
  a(2, 2) = 0;
  put("/singular", {5, 5}, a.values);
  a = oracle::identity(5);
  a(0, 4) = 0.5;
  put("/upper", {5, 5}, a.values);
  put("/rectangular", {5, 4}, oracle::random_vector(20, 2));
  oracle::Matrix b = oracle::identity(3);
  b(0, 1) = b(1, 0) = 0.3;
  put("/B", {3, 3}, b.values);
  const std::string noisy = "kron(A, B) + 0.1*I";
  expect_all_refused({
      {of_matrices("/asymmetric", noisy),
       "the factor 'A' (5 x 5) is no covariance matrix: it is "
       "not symmetric, entry (3, 1) is 0.25"},
      {of_matrices("/asymmetric", "kron(A, B)"), "the factor 'A' (5 x 5) is no covariance matrix"},
      {of_matrices("/indefinite", noisy),
       "the factor 'A' (5 x 5) is no covariance matrix: it is "
       "not positive semi-definite, its smallest eigenvalue is "
       "-2"},
      {of_matrices("/indefinite", "kron(A, B)"), "its smallest eigenvalue is -2"},
      {of_matrices("/singular", "kron(A, B)"), "singular"},
      {of_matrices("/upper, given_as: cholesky", "kron(A, B)"), "is not lower triangular"},
      {of_matrices("/rectangular", "kron(A, B)"), "a covariance is square"},
  });
}

TEST_F(GaussianRefusal, OfValuesWithoutMeaning) {
  Numbers twice = space;
  twice[4] = twice[1];
  put("/twice", {5}, twice);
  const std::string no_noise = with(" + sigma^2*I", "");
  expect_all_refused({
      {replaced(with("eta^2*kron", "eta*kron"), "eta: 1.3", "eta: -1.3"),
       "has the variance -1.3; a variance is finite and not negative"},
      {replaced(with("sigma^2*I", "sigma*I"), "sigma: 0.4", "sigma: -0.4"),
       "the noise of the covariance has the variance -0.4"},
      {with("ls_s: 0.9", "ls_s: -0.9"), "the length scale 'ls_s' of the kernel 'Ks' is -0.9"},
      {with("ls_t: 1.7", "ls_t: 0"), "the length scale 'ls_t' of the kernel 'Kt' is 0"},
      {replaced(replaced(no_noise, ", sigma: 0.4", ""), "/s}", "/twice}"), "singular"},
      {replaced(with("eta: 1.3", "eta: 0"), "sigma: 0.4", "sigma: 0"), "the covariance is zero"},
  });
  // A jitter makes them different; it is reported.
  const std::string text = replaced(replaced(no_noise, ", sigma: 0.4", ""), "dataset: /s}",
                                    "dataset: /twice}, jitter: 1e-3");
  const Outcome outcome = run(2, text);
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.count("jitter      0.001 on the diagonal of Ks"), 1) << outcome.output;
  EXPECT_EQ(Result(path("results/out.h5")).number("/report", "jitter_Ks"), 1e-3);
}

TEST_F(GaussianRefusal, OfFormulas) {
  put("/v", {15}, oracle::random_vector(15, 3));
  put("/trend", {4}, {1, 2, 3, 4});
  put("/ones", {3}, {1, 1, 1});
  const std::string trend = "matrices: {trend: {file: data.h5, dataset: /trend}}\n";
  const std::string same = "matrices: {same: {file: data.h5, dataset: /ones}}\n";
  const auto mean = [&](const std::string& columns, const std::string& rest) {
    return replaced(with("mu: 0.5, ", "", rest), "mean: mu", "mean: {columns: [" + columns + "]}");
  };
  expect_all_refused({
      {with("sigma^2*I", "sigma^2*diag(v)", "matrices: {v: {file: data.h5, dataset: /v}}\n"),
       "give the noise as a Kronecker product of diagonals"},
      {with("kron(Ks, Kt)", "kron(Ks, Kq)"),
       "the kernel 'Kt' is not used by the covariance eta^2*kron(Ks, Kq) + sigma^2*I (did you "
       "mean 'Kq'?)"},
      {with("kron(Ks, Kt)", "kron(Ks, Kt"), "job.yaml:6:13: this '(' is never closed"},
      {replaced(with("mean: mu", "mean: my"), "mu: 0.5, ", ""),
       "'mean' names 'my', which is not among the parameters"},
      {with("mean: mu", "mean: 0.5"), "the parameter 'mu' is not used by the covariance"},
      {mean("\"kron(1, 1, 1)\"", ""), "has 3 modes; the grid 5 x 3 has 2"},
      {mean("\"kron(trend, 1)\"", trend), "has the shape 4; mode 1 needs a vector of 5"},
      {mean("\"kron(1, 1)\", \"kron(1, same)\"", same), "linearly dependent"},
      {mean("\"kron(1, 2)\"", ""), "a column of the mean is kron(…)"},
      {replaced(job("sample", ""), "mean: mu\n",
                "mean: {columns: [\"kron(1, 1)\", \"kron(1, 1)\"], coefficients: [1]}\n"),
       "'mean' has 2 columns and 1 'coefficients'"},
      {job("sample", "draws: 0\n"), "'draws' must be at least 1"},
  });
}

TEST_F(GaussianRefusal, OfObservations) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Numbers gaps = piece(y_, 0, cells);
  gaps[7] = nan;
  put("/gaps", {5, 3}, gaps);
  put("/none", {5, 3}, Numbers(cells, nan));
  Numbers second = y_;
  std::fill_n(second.begin() + cells, cells, nan);
  put("/second", {3, 5, 3}, second);
  put("/zeros", {5, 3}, Numbers(cells, 0.0));
  Numbers all_but_one(cells, 1.0);
  all_but_one[3] = 0;
  put("/all_but_one", {5, 3}, all_but_one);
  Numbers infinite = piece(y_, 0, cells);
  infinite[2] = std::numeric_limits<double>::infinity();
  put("/infinite", {5, 3}, infinite);
  put("/wrong", {3, 5}, oracle::random_vector(cells, 2));
  put("/two", {2, 5, 3}, Numbers(2 * cells, 1.0));
  put("/plane", {4, 2}, oracle::random_vector(8, 2));
  const auto masked = [](const std::string& mask) {
    return fmt::format(", mask: {{file: data.h5, dataset: {}}}", mask);
  };
  const std::string new_points = "new_points: {Ks: {file: data.h5, dataset: /s_new}}\n";
  expect_all_refused({
      {observing("logpdf", "/gaps", ""),
       "data.h5:/gaps holds NaN at position 7; if cells that are NaN were not observed, say so by "
       "'missing: nan'"},
      {observing("predict", "/gaps", "", masked("/all_but_one")),
       "data.h5:/gaps holds NaN at position 7, a cell that was observed by the mask "
       "data.h5:/all_but_one; correct the mask, or add 'missing: nan'"},
      {observing("logpdf", "/infinite", "", ", missing: nan"), "holds inf at position 2"},
      {observing("logpdf", "/none", "", ", missing: nan"), "not one cell of"},
      {observing("predict", "/none", "", ", missing: nan"), "not one cell of"},
      {observing("logpdf", "/second", "", ", missing: nan"),
       "not one cell of observation 1 of data.h5:/second was observed; leave it out"},
      {observing("logpdf", "/y", "", masked("/zeros")), "not one cell of"},
      {observing("logpdf", "/wrong", ""), "has the shape (3 x 5)"},
      {observing("logpdf", "/y", "", masked("/wrong")), "'observations.mask' "},
      {observing("logpdf", "/y3", "", masked("/two")), "is for 2 observations"},
      {observing("logpdf", "/y", "", ", transform: log"),
       "the transform 'log' of 'observations' is not finite at the value"},
      {observing("predict", "/gaps", "factored_covariance: true\n", ", missing: nan"),
       "with missing cells the covariance between new points has no factors"},
      {observing("predict", "/y", replaced(new_points, "Ks", "Kz")),
       "'new_points' names 'Kz', which is no kernel"},
      {observing("predict", "/y", replaced(new_points, "/s_new", "/plane")),
       "the new points of 'Ks' have 2 dimensions; the observed points have 1"},
  });
}

TEST_F(GaussianRefusal, OfFits) {
  const auto fit = [](const std::string& eta) {
    return observing("fit", "/y", fmt::format("fit: {{parameters: {{eta: {}}}}}\n", eta));
  };
  put("/results/x", {1}, {1});
  expect_all_refused({
      {fit("{prior: \"uniform(2, 3)\"}"),
       "the parameter 'eta' begins at 1.3, outside of its support"},
      {fit("{lower: 1.5}"), "the parameter 'eta' begins at 1.3, outside of its support"},
      {fit("{lower: 3, upper: 2}"), "the lower bound 3 is not below the upper bound 2"},
      {fit("{lower: 1, upper: 1.5, prior: \"uniform(2, 3)\"}"), "nowhere to go"},
      {fit("{prior: \"normel(0, 1)\"}"), "did you mean 'normal'?"},
      {fit("{prior: \"normal(0, -1)\"}"), "the prior normal(0, -1)"},
      {fit("{prior: \"normal(0)\"}"), "takes 2 arguments; found 1"},
      {replaced(fit("{}"), "{eta: {}}", "{etta: {}}"),
       "'fit.parameters' names 'etta', which is not among the parameters (did you mean 'eta'?)"},
      {replaced(fit("{}"), "eta: 1.3, ", "file: data.h5, "), "/parameters"},
      {replaced(fit("{}"), "eta: 1.3, ", "file: absent.h5, "), "absent.h5"},
  });
}

}  // namespace
}  // namespace kronwerk::end_to_end
