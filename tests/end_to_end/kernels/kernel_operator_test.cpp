// Kernel matrices in operator formulas: c*K + alpha*I evaluated where it is needed, kernels as
// factors, stored and lazy; against dense algebra and differences.
#include <cmath>
#include <functional>

#include "end_to_end/kernels/clouds.hpp"

namespace kronwerk::end_to_end {
namespace {

using oracle::Matrix;
constexpr std::size_t p_points = 9;
constexpr std::size_t q_points = 7;

/// exp(-|x - y|²/2s²) between two clouds of the plane.
Matrix gaussian(const Values& x, const Values& y, double s) {
  Matrix k(std::ssize(x) / 2, std::ssize(y) / 2);
  for (std::int64_t i = 0; i < k.rows; ++i) {
    for (std::int64_t j = 0; j < k.cols; ++j) {
      const auto a = static_cast<std::size_t>(2 * i), b = static_cast<std::size_t>(2 * j);
      k(i, j) =
          std::exp(-(std::pow(x[a] - y[b], 2) + std::pow(x[a + 1] - y[b + 1], 2)) / (2 * s * s));
    }
  }
  return k;
}

Matrix shifted(double c, const Matrix& k, double alpha) {
  return oracle::add(c, k, alpha, oracle::identity(k.rows));
}

class KernelOperators : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    if (program_.empty()) return;
    p_ = oracle::random_vector(2 * p_points, 1);
    q_ = oracle::random_vector(2 * q_points, 2);
    r_ = oracle::random_vector(2 * p_points, 3);
    b_ = oracle::random_vector(3 * p_points, 4);
    g_ = oracle::random_vector(3 * p_points, 5);
    io::DataFile file(path("data.h5").string());
    file.write_dense("/p", std::vector<core::Index>{p_points, 2}, p_);
    file.write_dense("/q", std::vector<core::Index>{q_points, 2}, q_);
    file.write_dense("/r", std::vector<core::Index>{p_points, 2}, r_);
    file.write_dense("/b", std::vector<core::Index>{3, p_points}, b_);
    file.write_dense("/g", std::vector<core::Index>{3, p_points}, g_);
    file.write_dense("/gq", std::vector<core::Index>{3, q_points}, gq());
    file.write_dense("/grid", std::vector<core::Index>{p_points, q_points}, grid());
    Values bad = p_, twice = p_;
    bad[3] = std::nan("");
    twice[2] = twice[0];
    twice[3] = twice[1];
    file.write_dense("/bad", std::vector<core::Index>{p_points, 2}, bad);
    file.write_dense("/twice", std::vector<core::Index>{p_points, 2}, twice);
    file.write_dense("/three", std::vector<core::Index>{p_points, 3}, Values(27, 1.0));
    file.commit();
  }

  static Values gq() { return oracle::random_vector(3 * q_points, 6); }
  static Values grid() { return oracle::random_vector(p_points * q_points, 7); }

  /// One kernel K over one cloud, or from the points of `rows` to those of `columns`.
  static std::string kernel(const std::string& storage, const std::string& rows = "/p",
                            const std::string& columns = "", const std::string& more = "") {
    const std::string points =
        columns.empty() ? fmt::format("{{file: data.h5, dataset: {}}}", rows)
                        : fmt::format(
                              "{{x: {{file: data.h5, dataset: {}, index: i}}, y: {{file: "
                              "data.h5, dataset: {}, index: j}}}}",
                              rows, columns);
    return fmt::format(
        "kernels:\n  K: {{formula: \"exp(-sqdist(x, y)/(2*s^2))\", points: {}, storage: {}{}}}\n",
        points, storage, more);
  }
  static std::string job(const std::string& task, const std::string& parameters,
                         const std::string& kernels, const std::string& formula,
                         const std::string& more) {
    return fmt::format(
        "task: {}\nparameters: {{{}}}\n{}operator: \"{}\"\n{}\noutput: {{file: results/out.h5, "
        "overwrite: true}}\n",
        task, parameters, kernels, formula, more);
  }

  /// op⁻¹ b for three right-hand sides, or their image.
  static Values each(const Values& b, const std::function<Values(std::span<const double>)>& f) {
    Values result;
    const std::size_t size = b.size() / 3;
    for (std::size_t v = 0; v < 3; ++v) {
      const Values one = f(std::span(b).subspan(v * size, size));
      result.insert(result.end(), one.begin(), one.end());
    }
    return result;
  }
  static Values solve(const Matrix& op, const Values& b) {
    return each(b, [&](auto one) { return oracle::solve(op, one); });
  }
  static Values apply(const Matrix& op, const Values& b) {
    return each(b, [&](auto one) { return oracle::multiply(op, one); });
  }

  void near(const Result& result, const std::string& name, const Values& expected,
            double tolerance = 1e-7) const {
    EXPECT_LT(oracle::relative_error(result.values(name), expected), tolerance) << name;
  }

  Values p_, q_, r_, b_, g_;
};

const std::string parameters = "s: 0.8, c: 1.5, alpha: 0.4";
const Values at{0.8, 1.5, 0.4};

TEST_F(KernelOperators, ApplyARectangularKernelToSeveralVectors) {
  const auto result_at = [&](const Values& theta, const Values& b) {
    return apply(oracle::add(theta[1], gaussian(q_, p_, theta[0]), 0, Matrix(7, 9)), b);
  };
  const Values by_parameters =
      differences({0.8, 1.5}, [&](const Values& theta) { return dot(gq(), result_at(theta, b_)); });
  const Values by_input = differences(b_, [&](const Values& b) {
    return dot(gq(), result_at({0.8, 1.5}, b));
  });
  for (const std::string storage : {"auto", "lazy", "stored"}) {
    for (const int np : {1, 2, 4}) {
      SCOPED_TRACE(fmt::format("{}, np = {}", storage, np));
      const auto outcome =
          run(np, job("apply", "s: 0.8, c: 1.5", kernel(storage, "/q", "/p"), "c*K",
                      "input: {file: data.h5, dataset: /b}\ngradient: {cotangent: {file: data.h5, "
                      "dataset: /gq}, parameters: [s, c], input: true}"));
      ASSERT_EQ(outcome.code, 0) << outcome.errors;
      const Result result(path("results/out.h5"));
      EXPECT_EQ(result.shape("/result"), (Shape{3, q_points}));
      near(result, "/result", result_at({0.8, 1.5}, b_), 1e-13);
      near(result, "/gradient/s", {by_parameters[0]});
      near(result, "/gradient/c", {by_parameters[1]});
      near(result, "/gradient/input", by_input);
    }
  }
}

TEST_F(KernelOperators, SolveWithAMultipleOfTheIdentity) {
  const auto loss = [&](const Values& theta, const Values& points, const Values& b) {
    return dot(g_, solve(shifted(theta[1], gaussian(points, points, theta[0]), theta[2]), b));
  };
  const Values expected = solve(shifted(1.5, gaussian(p_, p_, 0.8), 0.4), b_);
  const Values by_parameters =
      differences(at, [&](const Values& theta) { return loss(theta, p_, b_); });
  const Values by_points = differences(p_, [&](const Values& p) { return loss(at, p, b_); });
  const Values by_input = differences(b_, [&](const Values& b) { return loss(at, p_, b); });
  for (const std::string method : {"auto", "direct", "krylov", "stored"}) {
    for (const int np : {1, 3}) {
      SCOPED_TRACE(fmt::format("{}, np = {}", method, np));
      const bool stored = method == "stored";
      const auto outcome =
          run(np, job("solve", parameters, kernel(stored ? "stored" : "auto"), "c*K + alpha*I",
                      fmt::format("input: {{file: data.h5, dataset: /b}}\nsolver: {{method: {}, "
                                  "tolerance: 1e-12}}\ngradient: {{cotangent: {{file: data.h5, "
                                  "dataset: /g}}, parameters: [s, c, alpha], input: true{}}}",
                                  stored ? "auto" : method, stored ? "" : ", points: [x]")));
      ASSERT_EQ(outcome.code, 0) << outcome.errors;
      const Result result(path("results/out.h5"));
      EXPECT_EQ(result.shape("/result"), (Shape{3, p_points}));
      near(result, "/result", expected, 1e-10);
      near(result, "/gradient/s", {by_parameters[0]});
      near(result, "/gradient/c", {by_parameters[1]});
      near(result, "/gradient/alpha", {by_parameters[2]});
      near(result, "/gradient/input", by_input);
      EXPECT_EQ(result.has("/gradient/x"), !stored);
      if (!stored) {
        near(result, "/gradient/x", by_points);
        EXPECT_EQ(result.shape("/gradient/x"), (Shape{p_points, 2}));
        for (const double residual : result.values("/residuals")) EXPECT_LE(residual, 1e-11);
        EXPECT_EQ(result.values("/residuals").size(), 3U);
      }
    }
  }
}

TEST_F(KernelOperators, SolveWithAKernelBetweenTwoClouds) {
  const auto loss = [&](const Values& theta, const Values& x, const Values& y) {
    return dot(g_, solve(shifted(theta[1], gaussian(x, y, theta[0]), theta[2]), b_));
  };
  const Values theta{0.8, 1.5, 6};
  const Values by_parameters = differences(theta, [&](const Values& t) { return loss(t, p_, r_); });
  const Values by_rows = differences(p_, [&](const Values& x) { return loss(theta, x, r_); });
  const Values by_columns = differences(r_, [&](const Values& y) { return loss(theta, p_, y); });
  for (const std::string method : {"direct", "krylov"}) {
    const auto outcome =
        run(2, job("solve", "s: 0.8, c: 1.5, alpha: 6", kernel("lazy", "/p", "/r"), "c*K + alpha*I",
                   fmt::format("input: {{file: data.h5, dataset: /b}}\nsolver: {{method: {}, "
                               "tolerance: 1e-12}}\ngradient: {{cotangent: {{file: data.h5, "
                               "dataset: /g}}, parameters: [s, c, alpha], points: [x, y]}}",
                               method)));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const Result result(path("results/out.h5"));
    near(result, "/result", solve(shifted(1.5, gaussian(p_, r_, 0.8), 6), b_), 1e-10);
    near(result, "/gradient/s", {by_parameters[0]});
    near(result, "/gradient/c", {by_parameters[1]});
    near(result, "/gradient/alpha", {by_parameters[2]});
    near(result, "/gradient/x", by_rows);
    near(result, "/gradient/y", by_columns);
  }
}

TEST_F(KernelOperators, TheJitterIsPartOfTheKernel) {
  for (const std::string storage : {"auto", "lazy", "stored"}) {
    for (const std::string formula : {"c*K + alpha*I", "K*K"}) {
      SCOPED_TRACE(storage + " " + formula);
      const bool product = formula == "K*K";
      const Matrix k = shifted(1, gaussian(p_, p_, 0.8), 0.5);
      const auto outcome = run(2, job("solve", product ? "s: 0.8" : parameters,
                                      kernel(storage, "/p", "", ", jitter: 0.5"), formula,
                                      "input: {file: data.h5, dataset: /b}"));
      ASSERT_EQ(outcome.code, 0) << outcome.errors;
      near(Result(path("results/out.h5")), "/result",
           solve(product ? oracle::multiply(k, k) : shifted(1.5, k, 0.4), b_), 1e-8);
    }
  }
}

TEST_F(KernelOperators, LogDeterminantWithDerivatives) {
  const auto logdet = [&](const Values& theta) {
    return oracle::log_abs_det(shifted(theta[1], gaussian(p_, p_, theta[0]), theta[2]));
  };
  const double value = logdet(at);
  const Values derivatives = differences(at, logdet);
  for (const std::string storage : {"auto", "stored"}) {
    for (const int np : {1, 2, 3}) {
      const auto outcome = run(np, job("logdet", parameters, kernel(storage), "c*K + alpha*I",
                                       "gradient: {cotangent: result, parameters: [s, c, alpha]}"));
      ASSERT_EQ(outcome.code, 0) << outcome.errors;
      const Result result(path("results/out.h5"));
      EXPECT_NEAR(result.value("/result"), value, 1e-11);
      near(result, "/gradient/s", {value * derivatives[0]});
      near(result, "/gradient/c", {value * derivatives[1]});
      near(result, "/gradient/alpha", {value * derivatives[2]});
    }
  }
}

TEST_F(KernelOperators, LogDeterminantByProbes) {
  const double value = oracle::log_abs_det(shifted(1.5, gaussian(p_, p_, 0.8), 0.4));
  const auto outcome = run(2, job("logdet", parameters, kernel("auto"), "c*K + alpha*I",
                                  "solver: {method: krylov, preconditioner: none, probes: 200}\n"
                                  "gradient: {parameters: [alpha]}"));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("results/out.h5"));
  const double error = result.value("/standard_error");
  EXPECT_GT(error, 0);
  EXPECT_LT(error, 1);
  EXPECT_NEAR(result.value("/result"), value, 5 * error);
  const auto inverse = oracle::inverse(shifted(1.5, gaussian(p_, p_, 0.8), 0.4));
  double trace = 0;
  for (std::int64_t i = 0; i < inverse.rows; ++i) trace += inverse(i, i);
  const double spread = result.value("/gradient_standard_error/alpha");
  EXPECT_GT(spread, 0);
  EXPECT_NEAR(result.value("/gradient/alpha"), trace, 6 * spread);
}

/// kron(c*K1 + I, K2) and kron(c*K1, K2) + alpha*I with two length scales.
class KernelFactors : public KernelOperators {
 protected:
  static std::string kernels(const std::string& storage, const std::string& precision = "") {
    const auto one = [&](const std::string& name, const std::string& s, const std::string& points) {
      return fmt::format(
          "  {}: {{formula: \"exp(-sqdist(x, y)/(2*{}^2))\", points: {{file: data.h5, dataset: "
          "{}}}, storage: {}}}\n",
          name, s, points, storage);
    };
    return precision + "kernels:\n" + one("K1", "s", "/p") + one("K2", "t", "/q");
  }
  /// theta: s, t, c, alpha
  Matrix product(const Values& theta) const {
    return oracle::kron(shifted(theta[2], gaussian(p_, p_, theta[0]), theta[3]),
                        gaussian(q_, q_, theta[1]));
  }
  Matrix sum(const Values& theta) const {
    return shifted(theta[2], oracle::kron(gaussian(p_, p_, theta[0]), gaussian(q_, q_, theta[1])),
                   theta[3]);
  }
};

const std::string four = "s: 0.5, t: 0.6, c: 1.5, alpha: 0.4";
const Values four_at{0.5, 0.6, 1.5, 0.4};
const std::string factor_gradient =
    "input: {file: data.h5, dataset: /grid}\n"
    "gradient: {cotangent: result, parameters: [s, t, c, alpha]}";

TEST_F(KernelFactors, ApplyAndSolveInProductsAndSumsStoredAndLazy) {
  for (const std::string formula :
       {"kron(c*K1 + alpha*I, K2)", "c*kron(K1, K2) + alpha*kron(I, I)"}) {
    for (const std::string task : {"apply", "solve"}) {
      const auto dense = [&](const Values& theta) {
        return formula[0] == 'k' ? product(theta) : sum(theta);
      };
      const auto value = [&](const Values& theta) {
        return task == "apply" ? oracle::multiply(dense(theta), grid())
                               : oracle::solve(dense(theta), grid());
      };
      const Values expected = value(four_at);
      const Values gradient =
          differences(four_at, [&](const Values& theta) { return dot(expected, value(theta)); });
      for (const std::string storage : {"auto", "stored", "lazy"}) {
        const int np = storage == "lazy" ? 3 : 2;
        SCOPED_TRACE(fmt::format("{} {} {}", task, formula, storage));
        const auto outcome = run(np, job(task, four, kernels(storage), formula, factor_gradient));
        ASSERT_EQ(outcome.code, 0) << outcome.errors;
        const Result result(path("results/out.h5"));
        near(result, "/result", expected, 1e-8);
        near(result, "/gradient/s", {gradient[0]}, 1e-6);
        near(result, "/gradient/t", {gradient[1]}, 1e-6);
        near(result, "/gradient/c", {gradient[2]}, 1e-6);
        near(result, "/gradient/alpha", {gradient[3]}, 1e-6);
      }
    }
  }
}

TEST_F(KernelFactors, AreNotStoredIfLazy) {
  // In float32 the entries of a lazy matrix are rounded; stored ones never are.
  const Values expected = oracle::multiply(product(four_at), grid());
  for (const std::string storage : {"stored", "lazy"}) {
    const auto outcome =
        run(2, job("apply", four, kernels(storage, "precision: float32\n"),
                   "kron(c*K1 + alpha*I, K2)", "input: {file: data.h5, dataset: /grid}"));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const double error =
        oracle::relative_error(Result(path("results/out.h5")).values("/result"), expected);
    EXPECT_LT(error, storage == "lazy" ? 1e-5 : 1e-13);
    EXPECT_EQ(storage == "lazy", error > 1e-11);
  }
}

TEST_F(KernelFactors, GiveLogDeterminantsTracesAndDiagonals) {
  for (const std::string storage : {"stored", "lazy"}) {
    SCOPED_TRACE(storage);
    const std::string formula = "c*kron(K1, K2) + alpha*kron(I, I)";
    ASSERT_EQ(
        run(2, job("logdet", four, kernels(storage), formula, "gradient: {parameters: [s]}")).code,
        0);
    {
      const Result result(path("results/out.h5"));
      const auto logdet = [&](const Values& s) {
        return oracle::log_abs_det(sum({s[0], 0.6, 1.5, 0.4}));
      };
      EXPECT_NEAR(result.value("/result"), logdet({0.5}), 1e-9);
      near(result, "/gradient/s", differences({0.5}, logdet), 1e-6);
    }
    ASSERT_EQ(run(2, job("trace", four, kernels(storage), formula, "")).code, 0);
    EXPECT_NEAR(Result(path("results/out.h5")).value("/result"), 63 * 1.9, 1e-10);
    ASSERT_EQ(run(2, job("diagonal", four, kernels(storage), formula, "")).code, 0);
    near(Result(path("results/out.h5")), "/result", Values(63, 1.9), 1e-13);
  }
}

TEST_F(KernelFactors, ComposeWithOtherOperators) {
  const Matrix k = gaussian(p_, p_, 0.8);
  const Matrix dense = oracle::add(1, oracle::multiply(k, oracle::transpose(k)), 0.5, k);
  for (const std::string storage : {"auto", "lazy"}) {
    const auto outcome = run(2, job("apply", "s: 0.8", kernel(storage), "K*K' + 0.5*K",
                                    "input: {file: data.h5, dataset: /b}"));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    near(Result(path("results/out.h5")), "/result", apply(dense, b_), 1e-13);
  }
}

TEST_F(KernelFactors, ASweepDecomposesEveryMatrixOncePerLengthScale) {
  const std::string swept = "t: 0.6, c: 1.5, alpha: 0.4";
  const auto outcome =
      run(2, job("solve", swept, kernels("auto"), "c*kron(K1, K2) + alpha*kron(I, I)",
                 "input: {file: data.h5, dataset: /grid}\nsweep: {s: [0.4, 0.7], alpha: [0.4, 0.5, "
                 "0.6]}"));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_EQ(result.shape("/result"), (Shape{2, 3, p_points, q_points}));
  EXPECT_EQ(result.number("/report", "decompositions"), 3);  // K1 at two scales, K2 at one
  Values expected;
  for (const double s : {0.4, 0.7}) {
    for (const double alpha : {0.4, 0.5, 0.6}) {
      const Values one = oracle::solve(sum({s, 0.6, 1.5, alpha}), grid());
      expected.insert(expected.end(), one.begin(), one.end());
    }
  }
  near(result, "/result", expected, 1e-9);
}

TEST_F(KernelOperators, ASweepOfOneKernelKeepsItsDecomposition) {
  const auto outcome =
      run(2, job("solve", "c: 1.5, alpha: 0.4", kernel("auto"), "c*K + alpha*I",
                 "input: {file: data.h5, dataset: /b}\nsweep: {s: [0.5, 0.8], alpha: [0.4, 1]}"));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("results/out.h5"));
  Values expected;
  for (const double s : {0.5, 0.8}) {
    for (const double alpha : {0.4, 1.0}) {
      const Values one = solve(shifted(1.5, gaussian(p_, p_, s), alpha), b_);
      expected.insert(expected.end(), one.begin(), one.end());
    }
  }
  near(result, "/result", expected, 1e-9);
}

TEST_F(KernelOperators, ASolveThatDoesNotConvergeKeepsItsHistoryAndExitsWith3) {
  const auto outcome =
      run(2, job("solve", "s: 0.8, c: 1.5, alpha: 1e-6", kernel("auto"), "c*K + alpha*I",
                 "input: {file: data.h5, dataset: /b}\n"
                 "solver: {method: krylov, preconditioner: none, max_iterations: 2}"));
  EXPECT_EQ(outcome.code, 3) << outcome.errors;
  EXPECT_EQ(outcome.count("did not reach the tolerance"), 1) << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_EQ(result.number("/report", "converged"), 0);
  EXPECT_GE(result.values("/history").size(), 2U);
  EXPECT_EQ(result.shape("/result"), (Shape{3, p_points}));
}

TEST_F(KernelOperators, RefuseBadInput) {
  const std::string input = "input: {file: data.h5, dataset: /b}";
  const auto solve_job = [&](const std::string& kernels, const std::string& more = "",
                             const std::string& formula = "c*K + alpha*I") {
    return job("solve", parameters, kernels, formula, input + "\n" + more);
  };
  const auto replaced = [](std::string text, const std::string& what, const std::string& by) {
    const auto position = text.find(what);
    EXPECT_NE(position, std::string::npos) << what;
    return text.replace(position, what.size(), by);
  };
  const std::string good = solve_job(kernel("auto"));
  const std::string points = "gradient: {cotangent: ones, points: [z]}";
  const std::vector<std::pair<std::string, std::string>> cases{
      {replaced(good, "sqdist(x, y)", "sqdist(x, )"), "^"},
      {replaced(good, "exp(-sqdist(x, y)/(2*s^2))", "(x - y)/s"),
       "a kernel matrix has one number for every pair of points"},
      {solve_job(kernel("auto", "/p", "/three")), "^"},
      {solve_job(kernel("auto", "/bad")), "data.h5:/bad"},
      {solve_job(kernel("lazy", "/bad"), "", "K*K + c*I + alpha*I"), "data.h5:/bad"},
      {solve_job(kernel("auto", "/q", "/p")), "the shapes do not conform"},
      {replaced(solve_job(kernel("auto", "/twice"), "solver: {method: direct}"), "alpha: 0.4",
                "alpha: 0"),
       "alpha"},
      {replaced(solve_job(kernel("auto", "/twice"), "solver: {method: krylov}"), "alpha: 0.4",
                "alpha: 0"),
       "alpha"},
      {solve_job(kernel("auto"), points), "names 'z', which is no variable of the kernel 'K'"},
      {solve_job(kernel("stored"), replaced(points, "[z]", "[x]")),
       "'gradient.points' is for operators of one kernel"},
      {solve_job(kernel("auto"), replaced(points, "[z]", "[x]") + "\nsweep: {s: [0.1]}"),
       "'gradient.points' is for operators of one kernel"},
      {solve_job(kernel("sometimes")), "storage"},
      {replaced(good, "storage: auto", "storage: auto, jitter: -1"), "jitter"},
  };
  expect_all_refused(cases);
}

TEST_F(KernelOperators, RefuseCloudsLargerThanTheMemory) {
  write_huge_cloud(path("huge.h5"));
  std::string kernels = kernel("auto");
  const std::string points = "data.h5, dataset: /p";
  kernels.replace(kernels.find(points), points.size(), "huge.h5, dataset: /x");
  expect_too_large(job("apply", parameters, kernels, "c*K + alpha*I", "input: {random: normal}"));
}

}  // namespace
}  // namespace kronwerk::end_to_end
