// Fits of flow models to all kinds of data, and what follows from them: effects and predictions.
#include "end_to_end/flows/flow.hpp"

namespace kronwerk::end_to_end {
namespace {

struct Combination {
  const char* family;  ///< or "errors"
  bool square;
  int years;
  bool missing;
  int ranks;
};

std::string name_of(const ::testing::TestParamInfo<Combination>& info) {
  const Combination& c = info.param;
  return fmt::format("{}{}{}Years{}", c.family, c.square ? "Square" : "Rectangular", c.years,
                     c.missing ? "Missing" : "");
}

class FlowCombination : public FlowTest, public ::testing::WithParamInterface<Combination> {
 protected:
  bool counts() const { return std::string_view(GetParam().family) == "poisson"; }
  std::int64_t columns() const { return GetParam().square ? origins : destinations; }
  std::int64_t size() const { return origins * columns(); }

  /// Everything but the task: the last origin has no neighbours, and is nobody's.
  std::string model() const {
    const Combination& c = GetParam();
    std::string text =
        fmt::format(R"yaml(filter: "kron(I, I) - rho_o*kron(V, I) - rho_d*kron(I, {0})"
matrices:
  V: {{file: flows.h5, dataset: /V}}
  {1}u: {{file: flows.h5, dataset: /u}}
output: {{file: results/{{}}.h5, overwrite: true}}
mean:
  columns: ["kron(1, 1)", "kron(u, 1)"{2}]
)yaml",
                    c.square ? "V" : "W", c.square ? "" : "W: {file: flows.h5, dataset: /W}\n  ",
                    c.square ? ", \"kron(1, V*u)\", \"diagonal(u)\"" : "");
    if (counts()) text += "family: poisson\n";
    if (std::string_view(c.family) == "errors") text += "acts_on: errors\n";
    return text;
  }
  std::string observed() const {
    return fmt::format("observations: {{file: flows.h5, dataset: /flows{}}}\n",
                       GetParam().missing ? ", missing: nan" : "");
  }
  void put_flows() const {
    const Combination& c = GetParam();
    Numbers flows = oracle::random_vector(c.years * size(), 41);
    for (std::size_t i = 0; i < flows.size(); ++i) {
      if (counts()) flows[i] = std::floor(std::abs(4 * flows[i]));
      if (c.missing && i % 11 == 3) flows[i] = std::nan("");
    }
    std::vector<core::Index> shape{origins, columns()};
    if (c.years > 1) shape.insert(shape.begin(), c.years);
    put("/flows", shape, flows);
  }
  void expect_success(const std::string& name, const std::string& text) const {
    const Outcome outcome = run(GetParam().ranks, replaced(text, "{}.h5", name + ".h5"));
    ASSERT_EQ(outcome.code, 0) << text << outcome.errors;
  }
  Numbers values(const std::string& name, const std::string& dataset) const {
    return Result(path("results/" + name + ".h5")).values(dataset);
  }
};

TEST_P(FlowCombination, IsFittedThenPredictedWithEffects) {
  put_flows();
  Matrix v = v_;
  for (std::int64_t i = 0; i + 1 < v.rows; ++i) v(i, v.cols - 1) = 0;
  put_weights("/V", v);
  expect_success("fit", "task: fit\nparameters: {rho_o: 0.1, rho_d: 0.1}\n" + model() + observed() +
                            "fit: {parameters: {rho_o: {lower: -0.4, upper: 0.4}, "
                            "rho_d: {lower: -0.4, upper: 0.4}}}\n");
  if (HasFailure()) return;
  const std::string given = "parameters: {file: results/fit.h5}\n";
  expect_success("predict", "task: predict\n" + given + model() + observed());
  EXPECT_LT(oracle::relative_error(values("predict", "/fitted/expectation"),
                                   values("fit", "/fitted/expectation")),
            1e-9);
  const Numbers flows = Result(path("flows.h5")).values("/flows");
  const Numbers predicted = values("predict", "/predicted");
  ASSERT_EQ(predicted.size(), flows.size());
  for (std::size_t i = 0; i < flows.size(); ++i) {
    if (std::isnan(flows[i])) {
      EXPECT_TRUE(std::isfinite(predicted[i]));
      if (counts()) continue;
      EXPECT_EQ(values("predict", "/leave_one_out")[i], predicted[i]);
    } else {
      EXPECT_EQ(predicted[i], flows[i]);
    }
  }
  const std::string effects = "task: effects\n" + given + model() + "attribute: u\ndraws: 5\n" +
                              (counts() ? "on: mean\n" : "");
  if (!GetParam().square) {
    const Outcome outcome = run(GetParam().ranks, replaced(effects, "{}.h5", "effects.h5"));
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.errors.find("regions that are origins and destinations"), std::string::npos)
        << outcome.errors;
    return;
  }
  expect_success("effects", effects);
  for (std::size_t r = 0; r < static_cast<std::size_t>(origins); ++r) {
    double sum = 0;
    for (const char* kind : {"origin", "destination", "intra", "network"}) {
      sum += values("effects", std::string("/effects/") + kind)[r];
    }
    EXPECT_NEAR(sum, values("effects", "/effects/total")[r], 1e-10 * (1 + std::abs(sum)));
  }
  EXPECT_GT(Result(path("results/effects.h5")).value("/mean_standard_error/total"), 0);
}

INSTANTIATE_TEST_SUITE_P(Flows, FlowCombination,
                         ::testing::Values(Combination{"gaussian", true, 1, true, 2},
                                           Combination{"gaussian", false, 2, true, 3},
                                           Combination{"gaussian", true, 2, false, 1},
                                           Combination{"errors", true, 2, true, 2},
                                           Combination{"errors", false, 1, false, 3},
                                           Combination{"poisson", true, 1, true, 3},
                                           Combination{"poisson", true, 2, false, 2},
                                           Combination{"poisson", false, 2, true, 2}),
                         name_of);

}  // namespace
}  // namespace kronwerk::end_to_end
