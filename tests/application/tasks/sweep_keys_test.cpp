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

}  // namespace
}  // namespace kronwerk::application
