// What flows were drawn from is found by fits to them, within four standard errors.
#include "end_to_end/flows/flow.hpp"

namespace kronwerk::end_to_end {
namespace {

class FlowRecovery : public ProgramTest, public ::testing::WithParamInterface<const char*> {
 protected:
  static constexpr std::int64_t regions = 24;

  void SetUp() override {
    ProgramTest::SetUp();
    if (program_.empty()) return;
    io::DataFile file(path("flows.h5").string(), true);
    file.write_sparse("/W", to_sparse(weights("ring", regions)));
    file.write_dense("/u", std::vector<core::Index>{regions}, oracle::random_vector(regions, 3));
    file.write_dense("/g", std::vector<core::Index>{regions, regions},
                     oracle::random_vector(regions * regions, 4));
    file.commit();
  }

  /// `rest`: the keys of the task, `mean`: what is beside the columns.
  static std::string job(const std::string& task, const std::string& mean,
                         const std::string& rest) {
    return fmt::format(R"yaml(task: {}
filter: "kron(I, I) - rho_o*kron(W, I) - rho_d*kron(I, W) - rho_w*kron(W, W)"
matrices:
  W: {{file: flows.h5, dataset: /W}}
  u: {{file: flows.h5, dataset: /u}}
  g: {{file: flows.h5, dataset: /g}}
mean:
  columns: ["kron(1, 1)", "kron(u, 1)", "kron(1, W*u)", "diagonal(1)", "grid(g)"]
{}{})yaml",
                       task, mean, rest);
  }
};

TEST_P(FlowRecovery, FindsTheTruthWithinFourStandardErrors) {
  const std::string family = GetParam();
  const bool errors = family == "errors";
  const std::string kind = errors ? "acts_on: errors\n" : fmt::format("family: {}\n", family);
  const bool gaussian = errors || family == "gaussian";
  const std::string spread = gaussian ? "sigma2: 0.5\n" : family == "poisson" ? "" : "theta: 3\n";
  const Numbers truth{0.6, 0.5, -0.4, 0.3, 0.2};
  const Outcome drawn =
      run(3, job("sample", "  coefficients: [0.6, 0.5, -0.4, 0.3, 0.2]\n",
                 kind + spread +
                     "parameters: {rho_o: 0.3, rho_d: 0.25, rho_w: -0.1}\nseed: 11\n"
                     "output: {file: drawn.h5, overwrite: true}\n"));
  ASSERT_EQ(drawn.code, 0) << drawn.errors;
  const Outcome fit = run(2, job("fit", "",
                                 kind + "parameters: {rho_o: 0, rho_d: 0, rho_w: 0}\n"
                                        "observations: {file: drawn.h5, dataset: /result}\n"
                                        "fit: {parameters: {rho_o: {}, rho_d: {}, rho_w: {}}}\n"
                                        "output: {file: fit.h5, overwrite: true}\n"));
  ASSERT_EQ(fit.code, 0) << fit.errors;
  const Result result(path("fit.h5"));
  const auto expect_near = [&](const std::string& name, double found, double error, double value) {
    EXPECT_GT(error, 0) << name;
    EXPECT_NEAR(found, value, 4 * error) << name;
  };
  const auto expect_found = [&](const std::string& name, const std::string& at, double value) {
    expect_near(name, result.value(at + name), result.value("/standard_error/" + name), value);
  };
  expect_found("rho_o", "/parameters/", 0.3);
  expect_found("rho_d", "/parameters/", 0.25);
  expect_found("rho_w", "/parameters/", -0.1);
  const Numbers found = result.values("/coefficients");
  const Numbers deviations = result.values("/standard_error/coefficients");
  ASSERT_EQ(found.size(), truth.size());
  for (std::size_t j = 0; j < truth.size(); ++j) {
    expect_near(fmt::format("column {}", j), found[j], deviations[j], truth[j]);
  }
  if (gaussian) expect_found("sigma2", "/", 0.5);
  if (family == "negative_binomial") expect_found("theta", "/", 3);
}

INSTANTIATE_TEST_SUITE_P(Flows, FlowRecovery,
                         ::testing::Values("gaussian", "errors", "poisson", "negative_binomial"),
                         [](const auto& model) { return std::string(model.param); });

}  // namespace
}  // namespace kronwerk::end_to_end
