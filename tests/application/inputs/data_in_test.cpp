// What jobs take in, whoever wrote it.
#include <cmath>

#include "application/job_test.hpp"

namespace kronwerk::application {
namespace {

using DataIn = JobTest;

TEST_F(DataIn, DimensionsInTheOppositeOrderAreThoseOfTheJob) {
  // A = (1, 2, 3; 4, 5, 6) and x = (1, 2, 0; 0, 1, 3; 2, 0, 1), as MATLAB would have written them.
  make_data([](io::DataFile& file) {
    file.write_dense("/A", Shape{3, 2}, Numbers{1, 4, 2, 5, 3, 6});
    file.write_dense("/x", Shape{3, 3}, Numbers{1, 0, 2, 2, 1, 0, 0, 3, 1});
  });
  expect_done(R"yaml(task: apply
matrices: {A: {file: data.h5, dataset: /A, transpose: true}}
operator: "kron(A, A)"
input: {file: data.h5, dataset: /x, transpose: true}
)yaml");
  EXPECT_EQ(read("/result"), (Numbers{42, 102, 105, 255}));
}

TEST_F(DataIn, ReductionsOfSeveralNumbersAreRightHandSides) {
  make_data([](io::DataFile& file) {
    file.write_dense("/p", Shape{3}, Numbers{0, 1, 3});
    file.write_dense("/v", Shape{3, 2}, Numbers{1, 0, 0, 2, 1, 1});
  });
  expect_done(R"yaml(task: reduce
points:
  x: {file: data.h5, dataset: /p, index: i}
  y: {file: data.h5, dataset: /p, index: j}
  v: {file: data.h5, dataset: /v, index: j}
formula: "exp(-abs(x - y))*v"
reduction: sum
output: {file: sums.h5, overwrite: true}
)yaml");
  const std::string solve =
      "task: solve\nkernels: {K: {formula: \"exponential(d, 1)\", points: {file: data.h5, dataset: "
      "/p}}}\noperator: \"K\"\ninput: {file: sums.h5, dataset: /result/sum";
  expect_refused(solve + "}\n", "2 vectors of 3 values in columns: 'transpose: true'");
  expect_done(solve + ", transpose: true}\n");
  const Numbers found = read("/result"), expected{1, 0, 1, 0, 2, 1};
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-9) << i;
}

TEST_F(DataIn, NanInObservationsNamesTheKeyThatAllowsIt) {
  make_data([](io::DataFile& file) {
    file.write_dense("/x", Shape{2}, Numbers{0, 1});
    file.write_dense("/W", Shape{2, 2}, Numbers{0, 1, 1, 0});
    file.write_dense("/y", Shape{2, 2}, Numbers{1, std::nan(""), 2, 1});
  });
  const std::string observations = "observations: {file: data.h5, dataset: /y}\n";
  const std::string kernels =
      "kernels: {K: {formula: \"exponential(d, 1)\", points: {file: data.h5, dataset: /x}}}\n"
      "covariance: \"kron(K, K)";
  expect_refused("task: logpdf\n" + kernels + " + 0.1*I\"\n" + observations, "missing: nan");
  expect_refused("task: logpdf\nlikelihood: {family: poisson}\n" + kernels + "\"\n" + observations,
                 "missing: nan");
  const std::string flow =
      "task: fit\nmatrices: {W: {file: data.h5, dataset: /W}}\nparameters: {r: 0, s: 0}\n"
      "filter: \"kron(I - r*W, I - s*W)\"\nmean: {columns: [\"kron(1, 1)\"]}\n"
      "fit: {parameters: {r: {}, s: {}}}\n";
  expect_refused(flow + observations, "missing: nan");
  expect_refused(flow + "family: poisson\n" + observations, "missing: nan");
}

}  // namespace
}  // namespace kronwerk::application
