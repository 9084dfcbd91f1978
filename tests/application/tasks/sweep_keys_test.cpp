// Sweeps over keys of the job.
#include <cmath>

#include "application/job_test.hpp"

namespace kronwerk::application {
namespace {

class SweepKeys : public JobTest {
 protected:
  SweepKeys() {
    make_data([](io::DataFile& file) {
      file.write_dense("/A", Shape{2, 2}, Numbers{1, 0, 0, 2});
      file.write_dense("/B", Shape{2, 2}, Numbers{4, 1, 1, 3});
      file.write_dense("/x", Shape{2, 2}, Numbers{1, 1, 1, 1});
    });
  }
};

TEST_F(SweepKeys, TimeIsThatOfEachPoint) {
  expect_done(
      "task: expm\nmatrices: {A: {file: data.h5, dataset: /A}}\noperator: \"kronsum(A, A)\"\n"
      "input: {file: data.h5, dataset: /x}\nsweep: {time: [0, 0.5]}\n");
  EXPECT_EQ(read("/sweep/time"), (Numbers{0, 0.5}));
  const Numbers found = read("/result");
  const Numbers expected{1, 1, 1, 1, std::exp(1), std::exp(1.5), std::exp(1.5), std::exp(2)};
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-12);
}

TEST_F(SweepKeys, ToleranceIsThatOfEachPoint) {
  expect_done(
      "task: solve\nmatrices: {A: {file: data.h5, dataset: /A}, B: {file: data.h5, dataset: /B}}\n"
      "operator: \"kron(A, B) + kron(B, A)\"\ninput: {file: data.h5, dataset: /x}\n"
      "solver: {method: krylov}\nsweep: {solver: {tolerance: [0.1, 1.0e-10]}}\n");
  EXPECT_EQ(read("/sweep/solver.tolerance"), (Numbers{0.1, 1e-10}));
  const Numbers x = read("/result");
  ASSERT_EQ(x.size(), 8U);
  // kron(A, B) + kron(B, A) = (8, 1, 1, 0; 1, 11, 1, 2; …): by rows of X, A X Bᵀ + B X Aᵀ.
  const auto residual = [&](std::size_t at) {
    const double a = x[at], b = x[at + 1], c = x[at + 2], d = x[at + 3];
    const Numbers r{(4 * a + b) + (4 * a + c) - 1, (a + 3 * b) + 2 * (4 * b + d) - 1,
                    2 * (4 * c + d) + (a + 3 * c) - 1, 2 * (c + 3 * d) + 2 * (b + 3 * d) - 1};
    double sum = 0;
    for (const double each : r) sum += each * each;
    return std::sqrt(sum) / 2;
  };
  EXPECT_LE(residual(0), 0.1);
  EXPECT_LE(residual(4), 1e-10);
}

TEST_F(SweepKeys, TheBestPointHasTheParametersOfTheNextJob) {
  // log|I − r A|, A = diag(1, 2): log(1 − r) + log(1 − 2 r), singular at 0.5 and at 1.
  const std::string job =
      "matrices: {A: {file: data.h5, dataset: /A}}\noperator: \"I*c - r*A\"\n"
      "parameters: {c: 1, r: 0.3}\n";
  const Outcome outcome = run("task: logdet\n" + job + "sweep: {r: [0.1, 0.5, -0.7, 0.2]}\n");
  EXPECT_EQ(outcome.code, 3) << outcome.message;
  EXPECT_EQ(read("/parameters/r")[0], -0.7);
  EXPECT_EQ(read("/parameters/c")[0], 1);
  if (comm_.is_root()) std::filesystem::rename(path("out.h5"), path("sweep.h5"));
  comm_.barrier();
  expect_done(
      "task: logdet\nmatrices: {A: {file: data.h5, dataset: /A}}\noperator: \"I*c - r*A\"\n"
      "parameters: {file: sweep.h5}\n");
  EXPECT_NEAR(read("/result")[0], std::log(1.7) + std::log(2.4), 1e-14);
}

TEST_F(SweepKeys, VectorsHaveNoBestPoint) {
  expect_done(
      "task: apply\nmatrices: {A: {file: data.h5, dataset: /A}}\nparameters: {r: 1}\n"
      "operator: \"r*kron(A, A)\"\ninput: {file: data.h5, dataset: /x}\nsweep: {r: [1, 2]}\n");
  EXPECT_FALSE(io::holds(comm_, {path("out.h5"), "/parameters"}));
}

}  // namespace
}  // namespace kronwerk::application
