#include <gtest/gtest.h>

#include <string>

#include "configuration/job_text.hpp"
#include "kronwerk/configuration/job.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::configuration {
namespace {

const std::string gaussian_text = R"yaml(task: fit
parameters: {eta: 1.0, ls_t: 2.0, ls_s: 300, sigma: 0.3}
kernels:
  Kspace: {formula: "matern32(d, ls_s)", points: {file: w.h5, dataset: /p}, distance: great-circle}
  Ktime: {formula: "exponential(d, ls_t)", points: {file: w.h5, dataset: /t}, jitter: 1e-9}
covariance: "eta^2*kron(Kspace, Ktime) + sigma^2*I"
mean: 0.5
observations: {file: w.h5, dataset: /y, transform: sqrt, missing: nan, mask: {file: w.h5, dataset: /m}}
fit:
  parameters:
    eta: {prior: "lognormal(0, 1)"}
    ls_t: {lower: 0.1, upper: 10}
  starts: 3
  seed: 7
new_points:
  Ktime: {file: w.h5, dataset: /new}
output: out.h5
)yaml";

const std::string reduce_text = R"yaml(task: reduce
parameters: {s: 1.0}
points:
  x: {file: c.h5, dataset: /x, index: i}
  y: {file: c.h5, dataset: /y, index: j}
  w: {file: c.h5, dataset: /w, index: none}
formula: "exp(-sqdist(x, y, w) / (2*s^2))"
reduction: [sum, logsumexp]
block_sparse: {points: [x, y], range: 2.5}
precision: float32
k: 5
output: out.h5
)yaml";

TEST(GaussianJob, HasKernelsObservationsAndWhatToFit) {
  const Job job = parse_job(gaussian_text, "configs/x.yaml");
  EXPECT_EQ(job.formula.value, "eta^2*kron(Kspace, Ktime) + sigma^2*I");
  const KernelRequest& space = job.kernels.at("Kspace");
  EXPECT_EQ(space.points->file, "configs/w.h5");
  EXPECT_EQ(space.distance, DistanceKind::great_circle);
  EXPECT_EQ(job.kernels.at("Ktime").jitter, 1e-9);
  ASSERT_TRUE(job.gaussian && job.gaussian->observations);
  EXPECT_EQ(job.gaussian->mean.constant, 0.5);
  EXPECT_TRUE(job.gaussian->observations->nan_is_missing);
  EXPECT_EQ(job.gaussian->observations->transform, Transform::sqrt);
  EXPECT_EQ(job.gaussian->observations->mask->dataset, "/m");
  const FitRequest& fit = job.gaussian->fit;
  EXPECT_EQ(fit.starts, 3);
  EXPECT_EQ(fit.seed, 7U);
  EXPECT_EQ(fit.parameters.at("eta").prior->value, "lognormal(0, 1)");
  EXPECT_EQ(*fit.parameters.at("ls_t").upper, 10);
  EXPECT_TRUE(job.gaussian->new_points.empty());  // of another task: reported, not used
  EXPECT_EQ(job.warnings.size(), 1U);
}

TEST(GaussianJob, TakesPredictionsAndRegressions) {
  std::string text = replaced(gaussian_text, "task: fit", "task: predict");
  text = replaced(text, "mean: 0.5", "mean: {columns: [\"kron(1, 1)\", \"kron(1, t)\"]}");
  const Job job = parse_job(text, "configs/x.yaml");
  EXPECT_EQ(job.gaussian->new_points.at("Ktime").points.dataset, "/new");
  EXPECT_EQ(job.gaussian->mean.columns.size(), 2U);
  EXPECT_EQ(job.gaussian->draws, 0);
  EXPECT_TRUE(job.gaussian->variance);
  EXPECT_EQ(
      parse_job(replaced(gaussian_text, "task: fit", "task: sample"), "x.yaml").gaussian->draws, 1);
  const Job by_name = parse_job(replaced(gaussian_text, "mean: 0.5", "mean: mu"), "x.yaml");
  EXPECT_EQ(by_name.gaussian->mean.parameter->value, "mu");
}

TEST(GaussianJob, RefusesWhatMakesNoModel) {
  EXPECT_EQ(message(replaced(gaussian_text, "covariance:", "operator:")),
            "configs/x.yaml: missing key 'covariance' (the covariance formula, quoted: Kronecker "
            "products plus noise, a multiple of I or a Kronecker product of diagonals)");
  EXPECT_EQ(message(replaced(gaussian_text, "    eta: {prior", "    etta: {prior")),
            "configs/x.yaml:11:5: 'fit.parameters' names 'etta', which is not among the parameters "
            "(did you mean 'eta'?)");
  EXPECT_EQ(
      message(replaced(gaussian_text, "upper: 10", "upper: 0.05")),
      "configs/x.yaml:12:5: 'fit.parameters.ls_t': the lower bound 0.1 is not below the upper "
      "bound 0.05");
  EXPECT_EQ(message(replaced(replaced(gaussian_text, "task: fit", "task: predict"),
                             "  Ktime: {file", "  Ktimes: {file")),
            "configs/x.yaml:16:3: 'new_points' names 'Ktimes', which is no kernel of one set of "
            "points (did you mean 'Ktime'?)");
  EXPECT_EQ(message(replaced(gaussian_text, "jitter: 1e-9", "jitter: -1")),
            "configs/x.yaml:5:87: 'kernels.Ktime.jitter' must be at least 0, found -1");
  EXPECT_EQ(message(replaced(gaussian_text, "  Kspace:", "  eta:")),
            "configs/x.yaml:4:3: 'eta' names both a parameter and a kernel; rename one");
}

TEST(ReduceJob, HasVariablesFormulaAndReductions) {
  const Job job = parse_job(reduce_text, "configs/x.yaml");
  ASSERT_TRUE(job.reduce);
  EXPECT_EQ(job.reduce->variables.at("w").index, PointIndex::none);
  EXPECT_EQ(job.reduce->variables.at("y").data.file, "configs/c.h5");
  EXPECT_EQ(job.reduce->reductions.size(), 2U);
  EXPECT_EQ(job.reduce->over, PointIndex::j);
  EXPECT_EQ(job.reduce->k, 5);
  EXPECT_EQ(*job.reduce->block_sparse->range, 2.5);
  EXPECT_EQ(job.precision, FloatKind::float32);
}

TEST(ReduceJob, RefusesWhatIsIncomplete) {
  EXPECT_EQ(message(replaced(reduce_text, "formula:", "weight:")),
            "configs/x.yaml: missing key 'formula' (the kernel formula, quoted: a number or vector "
            "for every pair (i, j))");
  EXPECT_EQ(
      message(replaced(reduce_text, "points: [x, y]", "points: [y, x]")),
      "configs/x.yaml:9:25: 'block_sparse.points' takes a variable of i, then one of j; 'y' is "
      "no variable of i");
  EXPECT_EQ(message(replaced(reduce_text, ", range: 2.5", "")),
            "configs/x.yaml:9:15: 'block_sparse' needs 'range' or 'tolerance'");
  EXPECT_EQ(message(replaced(reduce_text, "index: none", "index: k")),
            "configs/x.yaml:6:39: 'points.w.index' must be one of i, j, none; found 'k' (did you "
            "mean 'i'?)");
  EXPECT_EQ(message(replaced(reduce_text, "k: 5", "k: 0")),
            "configs/x.yaml:11:4: 'k' must be at least 1, found 0");
}

}  // namespace
}  // namespace kronwerk::configuration
