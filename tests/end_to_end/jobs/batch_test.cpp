// Batches of data rows, dense and in compressed rows, streamed in blocks.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

using core::Index;
using oracle::Matrix;

class Batch : public ProgramTest {
 protected:
  static constexpr Index vectors = 7;
  static constexpr Index blocks = 3;

  /// Data rows of 3 x 5 values, most of them zero, one row empty; W (4 x 5), V (2 x 3), and the
  /// square A and B.
  void SetUp() override {
    ProgramTest::SetUp();
    if (program_.empty()) return;
    const auto numbers = oracle::random_vector(vectors * blocks * 5, 4);
    for (Index i = 0; i < std::ssize(numbers); ++i) {
      const bool stored = i / 15 != 2 && (i * 7) % 4 == 1;
      x_.values[static_cast<std::size_t>(i)] = stored ? numbers[static_cast<std::size_t>(i)] : 0;
    }
    io::DataFile file(path("data.h5").string());
    write(file, "/W", w_);
    write(file, "/V", v_);
    write(file, "/A", a_);
    write(file, "/B", b_);
    write(file, "/dense", x_);
    file.write_sparse("/sparse", to_sparse(x_));
    file.commit();
  }
  static void write(io::DataFile& file, const std::string& name, const Matrix& matrix) {
    file.write_dense(name, std::vector<Index>{matrix.rows, matrix.cols}, matrix.values);
  }

  static std::string job(const std::string& task, const std::string& formula,
                         const std::string& dataset, Index batch, const std::string& more = "") {
    std::string matrices;
    for (const char* name : {"W", "V", "A", "B"}) {
      if (formula.find(name) == std::string::npos) continue;
      matrices += fmt::format("  {}: {{file: data.h5, dataset: /{}}}\n", name, name);
    }
    return fmt::format(
        "task: {}\nmatrices:\n{}operator: \"{}\"\ninput: {{file: data.h5, dataset: /{}}}\n"
        "batch: {}\noutput: {{file: results/out.h5, overwrite: true}}\n{}",
        task, matrices, formula, dataset, batch, more);
  }

  /// Every row of x times opᵀ.
  static Matrix applied(const Matrix& op, const Matrix& x) {
    return oracle::multiply(x, oracle::transpose(op));
  }

  void expect_result(const Matrix& expected, double bound = 1e-14) const {
    const Result result(path("results/out.h5"));
    EXPECT_EQ(result.shape("/result"), (std::vector<std::int64_t>{expected.rows, expected.cols}));
    EXPECT_LT(oracle::relative_error(result.values("/result"), expected.values), bound);
  }

  Matrix x_{vectors, blocks * 5};
  const Matrix w_ = oracle::random_matrix(4, 5, 1);
  const Matrix v_ = oracle::random_matrix(2, 3, 2);
  const Matrix a_ = oracle::random_regular(3, 3);
  const Matrix b_ = oracle::random_regular(5, 5);
};

TEST_F(Batch, AppliesALayerToDenseAndSparseRowsInBlocksOfAnySize) {
  const Matrix expected = applied(oracle::kron(oracle::identity(blocks), w_), x_);
  for (const std::string dataset : {"dense", "sparse"}) {
    for (int np = 1; np <= 4; ++np) {
      // The last block is smaller than the others, or the only one.
      for (const Index batch : {Index{1}, Index{3}, vectors}) {
        SCOPED_TRACE(fmt::format("{}, np {}, batch {}", dataset, np, batch));
        const Outcome outcome = run(np, job("apply", "kron(eye(3), W)", dataset, batch));
        ASSERT_EQ(outcome.code, 0) << outcome.errors;
        expect_result(expected);
        const Result result(path("results/out.h5"));
        const bool skips = result.text("/report", "method").find("stored") != std::string::npos;
        EXPECT_EQ(skips, dataset == "sparse");
      }
    }
  }
}

TEST_F(Batch, SkipsZerosOfTransposedAndScaledLayersToo) {
  io::DataFile file(path("data.h5").string(), true);
  write(file, "/W", oracle::transpose(w_));
  file.commit();
  const Outcome outcome = run(3, job("apply", "-0.5*kron(eye(3), W')", "sparse", 4));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  Matrix expected = applied(oracle::kron(oracle::identity(blocks), w_), x_);
  for (double& value : expected.values) value *= -0.5;
  expect_result(expected);
  EXPECT_EQ(outcome.count("of the input is stored"), 1) << outcome.output;
}

TEST_F(Batch, OtherOperatorsTakeSparseRowsAsIfTheyWereDense) {
  for (const int np : {1, 3}) {
    ASSERT_EQ(run(np, job("apply", "kron(V, W)", "sparse", 2)).code, 0);
    expect_result(applied(oracle::kron(v_, w_), x_));
    ASSERT_EQ(run(np, job("apply", "kron(A, eye(5)) + kron(eye(3), B)", "sparse", 2)).code, 0);
    expect_result(applied(oracle::add(1, oracle::kron(a_, oracle::identity(5)), 1,
                                      oracle::kron(oracle::identity(3), b_)),
                          x_));
    ASSERT_EQ(run(np, job("solve", "kron(A, B)", "sparse", 4)).code, 0);
    const Matrix solution =
        oracle::transpose(oracle::solve(oracle::kron(a_, b_), oracle::transpose(x_)));
    expect_result(solution, 1e-12);
  }
}

TEST_F(Batch, DerivativesAndTransformsOfSparseRowsAreThoseOfDenseOnes) {
  const std::string more =
      "parameters: {s: 0.75}\ngradient: {cotangent: result, parameters: [s], input: true}\n"
      "tangent: {parameters: {s: 2}, input: {file: data.h5, dataset: /sparse}}\n";
  std::vector<std::vector<double>> values;
  for (const std::string dataset : {"dense", "sparse"}) {
    // The transform makes ones of the zeros.
    const std::string input = dataset + ", transform: exp";
    const Outcome outcome = run(2, job("apply", "s*kron(eye(3), W)", input, 3, more));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const Result result(path("results/out.h5"));
    values.push_back({result.value("/gradient/s")});
    for (const char* name : {"/result", "/gradient/input", "/tangent"}) {
      const auto some = result.values(name);
      values.back().insert(values.back().end(), some.begin(), some.end());
    }
  }
  EXPECT_EQ(values[0], values[1]);
  Matrix powers = x_;
  for (double& value : powers.values) value = 0.75 * std::exp(value);
  expect_result(applied(oracle::kron(oracle::identity(blocks), w_), powers));
}

TEST_F(Batch, OneSparseMatrixIsOneVectorOverAGridOfItsShape) {
  const Matrix grid = oracle::random_matrix(3, 5, 9);
  io::DataFile file(path("data.h5").string(), true);
  file.write_sparse("/sparse", to_sparse(grid));
  file.commit();
  for (const std::string formula : {"kron(A, B)", "kron(eye(3), B)"}) {
    const Outcome outcome = run(2, job("apply", formula, "sparse", 1));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const bool left = formula == "kron(A, B)";
    const Matrix product =
        oracle::multiply(left ? oracle::multiply(a_, grid) : grid, oracle::transpose(b_));
    expect_result(product);
  }
}

TEST_F(Batch, RefusesAPartialLastRowNamingBothNumbers) {
  io::DataFile file(path("data.h5").string(), true);
  file.write_dense("/dense", std::vector<Index>{37}, std::vector<double>(37, 1.0));
  file.commit();
  const Outcome outcome = run(2, job("apply", "kron(eye(3), W)", "dense", 2));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.count("the last would be partial: 37 = 2 x 15 + 7"), 1) << outcome.errors;
  EXPECT_TRUE(is_clean());
}

TEST_F(Batch, RefusesSparseRowsOfAnotherLength) {
  const Outcome outcome = run(2, job("apply", "kron(eye(4), W)", "sparse", 2));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.count("has the shape (7 x 15), but the operator acts on the grid 4 x 5"), 1)
      << outcome.errors;
}

TEST_F(Batch, RefusesBadSparseRowsByNumberWhereverTheyAre) {
  const auto expect_refused_with = [&](const std::string& part, const auto& damage) {
    auto matrix = to_sparse(x_);
    damage(matrix);
    io::DataFile file(path("data.h5").string(), true);
    file.write_sparse("/sparse", matrix);
    file.commit();
    for (const int np : {1, 3}) {
      for (const std::string formula : {"kron(eye(3), W)", "kron(V, W)"}) {
        expect_refused(job("apply", formula, "sparse", 2), part, np);
      }
    }
  };
  expect_refused_with("row 6 has the column 15", [](auto& m) { m.column_indices.back() = 15; });
  expect_refused_with("row 0 holds NaN at position 1", [](auto& m) { m.values[1] = std::nan(""); });
  expect_refused_with("where row 5 begins, follows",
                      [](auto& m) { m.row_offsets[5] = m.row_offsets[4] - 1; });
}

TEST_F(Batch, TheExampleGivesThePromisedNumbersFromDenseAndSparseRows) {
  const char* source = std::getenv("KRONWERK_SOURCE_DIR");
  ASSERT_NE(source, nullptr) << "KRONWERK_SOURCE_DIR names the directory of the sources";
  std::vector<double> first;
  for (const std::string name : {"batched-layer", "sparse"}) {
    for (int np = 1; np <= 4; ++np) {
      const Outcome outcome =
          kronwerk(np, fmt::format("run {}/configs/batched-layer/{}.yaml --set output.file={}",
                                   source, name, path("results/out.h5").string()));
      ASSERT_EQ(outcome.code, 0) << outcome.errors;
      const Result result(path("results/out.h5"));
      EXPECT_EQ(result.shape("/result"), (std::vector<std::int64_t>{305, 60}));
      const auto values = result.values("/result");
      EXPECT_NEAR(std::sqrt(dot(values, values)), 532904.0341, 1e-4);
      EXPECT_NEAR(*std::max_element(values.begin(), values.end()), 43860.643, 1e-3);
      if (first.empty()) first = values;
      EXPECT_LT(oracle::relative_error(values, first), 1e-14) << name << ", np " << np;
    }
  }
}

TEST_F(Batch, KeepsNoMoreThanABlockInMemory) {
  // 64 MB of rows, of which a block is 1 % or all.
  constexpr Index rows = 2000;
  constexpr Index length = 4000;
  io::DataFile file(path("data.h5").string(), true);
  file.create_dense("/large", std::vector<Index>{rows, length});
  std::vector<double> row(length);
  for (Index i = 0; i < rows; ++i) {
    std::iota(row.begin(), row.end(), static_cast<double>(i));
    file.write_range("/large", i * length, row);
  }
  file.commit();
  std::vector<double> peaks;
  std::vector<std::vector<double>> results;
  for (const Index batch : {Index{20}, rows}) {
    const Outcome outcome = start(1, job("apply", "kron(eye(800), W)", "large", batch));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const Result result(path("results/out.h5"));
    peaks.push_back(result.number("/report", "peak_bytes_per_rank"));
    results.push_back(result.values("/result"));
  }
  EXPECT_LT(peaks[0] + 80e6, peaks[1]);
  EXPECT_EQ(results[0], results[1]);
}

}  // namespace
}  // namespace kronwerk::end_to_end
