// What kernels make of coordinates at the ends of their range: degrees, metres far from 0 in single
// precision, points that are all equal.
#include <cmath>

#include "end_to_end/kernels/clouds.hpp"

namespace kronwerk::end_to_end {
namespace {

class KernelRange : public ProgramTest {
 protected:
  void write_points(const std::string& name, const Values& values) const {
    io::DataFile file(path(name + ".h5").string(), true);
    file.write_dense("/x", std::vector<core::Index>{std::ssize(values) / 2, 2}, values);
    file.write_dense("/b", std::vector<core::Index>{std::ssize(values) / 2},
                     Values(values.size() / 2, 1.0));
    file.commit();
  }

  /// @param kernel  the formula, and what else stands beside it
  static std::string operator_job(const std::string& points, const std::string& kernel,
                                  const std::string& formula, const std::string& more = "") {
    return fmt::format(
        "task: apply\nkernels:\n  K: {{points: {{file: {0}.h5, dataset: /x}}, formula: {1}}}\n"
        "operator: \"{2}\"\ninput: {{file: {0}.h5, dataset: /b}}\n"
        "output: {{file: results/out.h5, overwrite: true}}\n{3}",
        points, kernel, formula, more);
  }
};

TEST_F(KernelRange, LongitudesAndLatitudesOutOfRangeAreRefused) {
  write_points("good", {7.4, 46.9, 8.5, 47.4, 6.1, 46.2});
  write_points("swapped", {46.9, 7.4, 47.4, 98.5, 46.2, 6.1});
  write_points("far", {7.4, 46.9, -181, 47.4, 6.1, 46.2});
  const std::string kernel = "\"exp(-d/100)\", distance: great-circle";
  for (const std::string formula : {"K", "K + 0.1*I", "K*K"}) {
    const auto good = run(2, operator_job("good", kernel, formula));
    EXPECT_EQ(good.code, 0) << good.errors;
    std::filesystem::remove_all(path("results"));
    expect_refused(operator_job("swapped", kernel, formula),
                   "the latitude of point 1 is 98.5; expected -90 to 90 degrees", 3);
    expect_refused(operator_job("far", kernel, formula), "the longitude of point 1 is -181", 1);
  }
  EXPECT_EQ(run(1, operator_job("swapped", "\"exp(-d/100)\"", "K")).code, 0);
}

TEST_F(KernelRange, SinglePrecisionIsAsGoodFarFromZeroAsNear) {
  Values near, far;
  for (int p = 0; p < 60; ++p) {
    near.push_back(100 * std::sin(1.3 * p));
    near.push_back(100 * std::cos(2.1 * p));
    far.push_back(near[near.size() - 2] + 2.6e6);
    far.push_back(near.back() + 5.2e6);
  }
  write_points("near", near);
  write_points("far", far);
  const std::string single = "precision: float32\n";
  for (const std::string formula : {"K", "K + 0.1*I"}) {
    const std::string kernel = "\"exp(-d/30)\"";
    ASSERT_EQ(run(1, operator_job("near", kernel, formula)).code, 0);
    const Values expected = Result(path("results/out.h5")).values("/result");
    const auto outcome = run(2, operator_job("far", kernel, formula, single));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_EQ(outcome.count("far from 0"), 0) << outcome.errors;
    const Values found = Result(path("results/out.h5")).values("/result");
    for (std::size_t p = 0; p < found.size(); ++p) EXPECT_NEAR(found[p], expected[p], 2e-5);
  }
  const auto fixed = run(2, operator_job("far", "\"exp(-d/30) + 1e-20*linear()\"", "K", single));
  EXPECT_EQ(fixed.code, 0) << fixed.errors;
  EXPECT_EQ(fixed.count("lie far from 0 for their extent"), 1) << fixed.errors;
}

TEST_F(KernelRange, NeighboursOfEqualPointsAreImportedAtOnce) {
  std::string text = "x,y\n";
  for (int p = 0; p < 10'000; ++p) text += "7.5,46.25\n";
  write_text(path("equal.csv"), text);
  const auto outcome = kronwerk(1, "import knn equal.csv --planar --k 4 --to equal.h5:/W");
  EXPECT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
}

TEST_F(KernelRange, TheExponentialOfNothingIsTheIdentity) {
  write_points("points", {1, 2, 3, 4, 5, 6});
  const auto job = [](double time, double factor) {
    return fmt::format(
        "task: expm\ntime: {}\nparameters: {{s: {}}}\nmatrices:\n"
        "  A: {{file: points.h5, dataset: /A}}\noperator: \"s*kronsum(A, A)\"\n"
        "input: {{file: points.h5, dataset: /v}}\n"
        "output: {{file: results/out.h5, overwrite: true}}\n",
        time, factor);
  };
  const Values v{1, -2, 3, 0.5};
  io::DataFile file(path("points.h5").string(), true);
  file.write_dense("/A", std::vector<core::Index>{2, 2}, Values{1, 2, 3, -4});
  file.write_dense("/v", std::vector<core::Index>{4}, v);
  file.commit();
  for (const auto& [time, factor] : {std::pair{0.0, 0.7}, {1.0, 0.0}, {0.0, 0.0}}) {
    const auto outcome = run(2, job(time, factor));
    ASSERT_EQ(outcome.code, 0) << time << ", " << factor << ": " << outcome.errors;
    EXPECT_EQ(Result(path("results/out.h5")).values("/result"), v) << time << ", " << factor;
  }
}

}  // namespace
}  // namespace kronwerk::end_to_end
