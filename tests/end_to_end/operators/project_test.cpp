// Projections onto Kronecker sums and products, and everything that is refused.
#include <cmath>
#include <limits>
#include <numeric>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

using core::Extents;

std::vector<double> range(std::int64_t count, double centre = 0) {
  std::vector<double> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), -centre);
  return values;
}

class Project : public ProgramTest {
 protected:
  void write(const std::string& name, const Extents& shape,
             const std::vector<double>& values) const {
    io::DataFile file(path("data.h5").string(), true);
    file.write_dense("/" + name, shape, values);
    file.commit();
  }

  static std::string job(const std::string& dataset, const std::string& extents,
                         const std::string& more = "") {
    return fmt::format(
        "task: project\nextents: {}\ninput: {{file: data.h5, dataset: /{}}}\n{}"
        "output: {{file: results/out.h5, overwrite: true}}\n",
        extents, dataset, more);
  }

  Result result() const { return Result(path("results/out.h5")); }
};

TEST_F(Project, VectorsOntoKroneckerSumsOnAnyNumberOfRanks) {
  const Extents extents{5, 7, 3};
  const auto x = oracle::random_vector(105, 1);
  write("x", extents, x);
  write("flat", {105}, x);
  std::vector<std::vector<double>> expected;
  for (int np = 1; np <= 4; ++np) {
    ASSERT_EQ(run(np, job(np % 2 == 0 ? "x" : "flat", "[5, 7, 3]")).code, 0);
    const Result found(path("results/out.h5"));
    for (int k = 0; k < 3; ++k) {
      const std::string name = fmt::format("/factor/{}", k + 1);
      EXPECT_EQ(found.shape(name),
                (std::vector<std::int64_t>{extents[static_cast<std::size_t>(k)]}));
      if (np == 1) expected.push_back(found.values(name));
      EXPECT_LT(oracle::relative_error(found.values(name), expected[static_cast<std::size_t>(k)]),
                1e-14);
    }
    EXPECT_EQ(found.value("/offset"), 0);
    double squares = 0;
    double missed = 0;
    for (std::size_t p = 0; p < x.size(); ++p) {
      const double sum = expected[0][p / 21] + expected[1][p / 3 % 7] + expected[2][p % 3];
      squares += x[p] * x[p];
      missed += (x[p] - sum) * (x[p] - sum);
    }
    EXPECT_NEAR(found.number("/report", "relative_residual"), std::sqrt(missed / squares), 1e-13);
    EXPECT_NEAR(found.number("/report", "norm"), std::sqrt(squares), 1e-12);
  }
}

TEST_F(Project, MatricesGiveTheKnownMeansWithEveryTraceRule) {
  write("m", {12, 12}, range(144));
  for (const std::string trace : {"split", "first", "none"}) {
    const Outcome outcome = run(3, job("m", "[3, 2, 2]", "trace: " + trace + "\n"));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const Result found(path("results/out.h5"));
    EXPECT_EQ(found.shape("/factor/2"), (std::vector<std::int64_t>{2, 2}));
    auto second = found.values("/factor/2");
    const double taken = trace == "split" ? 71.5 * 2 / 3 : 71.5;
    second[0] += taken;
    second[3] += taken;
    const std::vector<double> means{58.5, 60.5, 82.5, 84.5};
    EXPECT_LT(oracle::relative_error(second, means), 1e-15);
    EXPECT_EQ(found.value("/offset"), trace == "none" ? 71.5 : 0);
    const auto first = found.values("/factor/1");
    EXPECT_NEAR(first[0] + first[4] + first[8],
                trace == "none" ? 0 : (trace == "first" ? 3 : 1) * 71.5, 1e-12);
  }
}

TEST_F(Project, DiagonalOfAKroneckerSumOfDiagonalsIsTheKnownSequence) {
  io::DataFile file(path("data.h5").string(), true);
  for (std::int64_t n = 2; n <= 4; ++n)
    file.write_dense(fmt::format("/v{}", n), Extents{n}, range(n));
  file.commit();
  std::string text =
      "task: diagonal\noperator: \"kronsum(diag(v2), diag(v3), diag(v4))\"\nmatrices:\n";
  for (int n = 2; n <= 4; ++n)
    text += fmt::format("  v{0}: {{file: data.h5, dataset: /v{0}}}\n", n);
  for (int np = 1; np <= 4; ++np) {
    const Outcome outcome = run(np, text + "output: {file: results/out.h5, overwrite: true}\n");
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_EQ(result().values("/result"),
              (std::vector<double>{0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5,
                                   1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6}));
  }
}

TEST_F(Project, OneModeReturnsTheInput) {
  const auto values = oracle::random_vector(36, 5);
  write("m", {6, 6}, values);
  ASSERT_EQ(run(2, job("m", "[6]")).code, 0);
  EXPECT_EQ(result().values("/factor/1"), values);
  write("v", {36}, values);
  ASSERT_EQ(run(4, job("v", "[36]")).code, 0);
  EXPECT_EQ(result().values("/factor/1"), values);
}

TEST_F(Project, TransformsTheInput) {
  std::vector<double> squares = range(12);
  for (double& value : squares) value *= value;
  write("x", {3, 4}, squares);
  std::string text = job("x", "[3, 4]");
  text.replace(text.find("dataset: /x"), 11, "dataset: /x, transform: sqrt");
  ASSERT_EQ(run(2, text).code, 0);
  EXPECT_NEAR(result().number("/report", "mean"), 5.5, 1e-14);
  EXPECT_LT(result().number("/report", "relative_residual"), 1e-14);
}

TEST_F(Project, GramOperatorsOfSamples) {
  const Extents extents{3, 4};
  const auto y = oracle::random_vector(5 * 12, 9);
  write("y", {5, 3, 4}, y);
  oracle::Matrix gram(12, 12);
  oracle::Matrix first(3, 3);
  for (std::size_t s = 0; s < 5; ++s) {
    for (std::size_t i = 0; i < 12; ++i) {
      for (std::size_t j = 0; j < 12; ++j) {
        const double value = y[s * 12 + i] * y[s * 12 + j];
        gram.values[i * 12 + j] += value / 5;
        if (i % 4 == j % 4) first.values[i / 4 * 3 + j / 4] += value / 20;
      }
    }
  }
  ASSERT_EQ(run(3, job("y", "[3, 4]", "of: gram\n")).code, 0);
  EXPECT_LT(oracle::relative_error(result().values("/gram/1"), first.values), 1e-14);
  const auto factor = result().values("/factor/2");
  const double residual = result().number("/report", "relative_residual");
  write("g", {12, 12}, gram.values);
  ASSERT_EQ(run(2, job("g", "[3, 4]")).code, 0);
  EXPECT_LT(oracle::relative_error(result().values("/factor/2"), factor), 1e-13);
  EXPECT_NEAR(result().number("/report", "relative_residual"), residual, 1e-13);
  EXPECT_FALSE(result().has("/gram"));
}

TEST_F(Project, OntoTheNearestKroneckerProduct) {
  const auto a = oracle::random_matrix(3, 2, 1);
  const auto b = oracle::random_matrix(2, 4, 2);
  const auto product = oracle::kron(a, b);
  write("m", {6, 8}, product.values);
  const std::string more = "onto: kron\ncolumns: [2, 4]\n";
  for (int np = 1; np <= 4; ++np) {
    const Outcome outcome = run(np, job("m", "[3, 2]", more));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const Result found(path("results/out.h5"));
    const oracle::Matrix left(3, 2, found.values("/factor/1"));
    const oracle::Matrix right(2, 4, found.values("/factor/2"));
    EXPECT_LT(oracle::relative_error(oracle::kron(left, right), product), 1e-14);
    EXPECT_LT(found.number("/report", "relative_residual"), 1e-14);
  }
  write("n", {36, 36}, oracle::random_vector(36 * 36, 3));
  const Outcome outcome =
      run(2, job("n", "[6, 6]", "onto: kron\nsolver: {max_iterations: 2, tolerance: 1.0e-14}\n"));
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(outcome.count("has not settled"), 1) << outcome.errors;
  EXPECT_EQ(result().number("/report", "converged"), 0);
}

TEST_F(Project, PlanSaysWhatItWouldTake) {
  write("y", {5, 3, 4}, range(60));
  write_text(path("job.yaml"), job("y", "[3, 4]", "of: gram\n"));
  const Outcome outcome = kronwerk(1, "plan job.yaml --ranks 6 --nodes 2");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.count("5 samples on the grid 3 x 4 (12 points)"), 1) << outcome.output;
  EXPECT_EQ(outcome.count("6 on 2 nodes"), 1) << outcome.output;
  EXPECT_EQ(outcome.count("fits"), 1) << outcome.output;
  EXPECT_FALSE(std::filesystem::exists(path("results")));
}

TEST_F(Project, RefusesBadInput) {
  write("v", {13}, range(13));
  write("long", {144}, range(144));
  write("wide", {12, 9}, range(108));
  write("m", {12, 12}, range(144));
  auto bad = range(144);
  bad[17] = std::numeric_limits<double>::quiet_NaN();
  write("nan", {12, 12}, bad);
  expect_refused(job("v", "[3, 4]"),
                 "has the shape (13), 13 values, but 'extents' (3 x 4) make a "
                 "grid of 12 points");
  expect_refused(job("long", "[3, 4]"), "a vector where a matrix is meant");
  expect_refused(job("wide", "[3, 4]"), "a matrix to project must be square");
  expect_refused(job("nan", "[3, 4]"), "NaN at position (1, 5)");
  expect_refused(job("m", "[]"), "'extents' is empty");
  expect_refused(job("m", "[12, 0]"), "'extents[]' must be at least 1, found 0");
  expect_refused(job("m", "12"), "'extents' must be a list");
  expect_refused(job("m", "[3, 4]", "onto: kron\ncolumns: [3, 5]\n"),
                 "expected a matrix of 12 x 15");
  expect_refused(job("m", "[3, 2, 2]", "onto: kron\n"), "'onto: kron' takes two factors");
  expect_refused(job("long", "[12, 12]", "onto: kron\n"), "'onto: kron' approximates matrices");
  expect_refused(job("m", "[3, 4]", "columns: [3, 4]\n"), "'columns' needs 'onto: kron'");
  expect_refused(job("m", "[3, 4]", "onto: kron\nof: gram\n"), "'of: gram' needs 'onto: kronsum'");
  expect_refused(job("m", "[5, 7]", "of: gram\n"), "expected m samples, (m x 35)");
  expect_refused(job("m", "[3, 4]", "onto: sum\n"), "'onto' must be one of kronsum, kron");
  std::string text = job("m", "[3, 4]");
  text.erase(text.find("extents"), std::string("extents: [3, 4]\n").size());
  expect_refused(text, "missing key 'extents'");
}

}  // namespace
}  // namespace kronwerk::end_to_end
