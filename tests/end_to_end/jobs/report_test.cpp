// What a job says of its time: in the result, and on the terminal.
#include <algorithm>
#include <numeric>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

class ReportTest : public ProgramTest {
 protected:
  static std::string job(const std::string& more = "parameters: {rho: 0.4}") {
    return fmt::format(R"yaml(task: solve
{}
matrices:
  W: {{file: data.h5, dataset: /W}}
operator: "kron(I - rho*W, I - rho*W)"
input: {{random: normal}}
output: {{file: results/out.h5, overwrite: true}}
)yaml",
                       more);
  }

  void SetUp() override {
    ProgramTest::SetUp();
    constexpr int n = 40;
    std::vector<double> ring(n * n, 0.0);
    for (int i = 0; i < n; ++i) {
      ring[static_cast<std::size_t>(i * n + (i + 1) % n)] = 0.5;
      ring[static_cast<std::size_t>(i * n + (i + n - 1) % n)] = 0.5;
    }
    io::DataFile data(path("data.h5").string());
    data.write_dense("/W", std::vector<core::Index>{n, n}, ring);
    data.commit();
  }

  static double sum(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
  }
  /// A column of a measure of /report/stages: 0 rank 0, 1 least, 2 mean, 3 largest.
  static std::vector<double> column(const Result& result, const std::string& measure, int which) {
    const auto all = result.values("/report/stages/" + measure);
    std::vector<double> values;
    for (std::size_t i = static_cast<std::size_t>(which); i < all.size(); i += 4) {
      values.push_back(all[i]);
    }
    return values;
  }
};

TEST_F(ReportTest, StagesAndWaitingOfRankZeroAddUpToTheTotal) {
  for (const int np : {1, 2, 3}) {
    ASSERT_EQ(run(np, job()).code, 0);
    const Result result(path("results/out.h5"));
    const double total = result.number("/report/stages", "total");
    const double stages = sum(column(result, "seconds", 0));
    const double waiting = sum(column(result, "waiting", 0));
    EXPECT_NEAR(stages + waiting, total, 0.02 * total) << np;
    EXPECT_NEAR(sum(column(result, "elapsed", 0)), total, 1e-9 * total) << np;
    const auto least = column(result, "elapsed", 1);
    const auto mean = column(result, "elapsed", 2);
    const auto largest = column(result, "elapsed", 3);
    for (std::size_t s = 0; s < least.size(); ++s) {
      EXPECT_LE(least[s], mean[s] * (1 + 1e-12));
      EXPECT_LE(mean[s], largest[s] * (1 + 1e-12));
    }
    // One rank talks to nobody.
    EXPECT_EQ(sum(column(result, "collectives", 3)) > 0, np > 1);
    EXPECT_EQ(sum(column(result, "bytes_sent", 3)) > 0, np > 1);
    EXPECT_EQ(sum(column(result, "shared_bytes", 3)) > 0, np > 1);
  }
}

TEST_F(ReportTest, TellsStagesWaitingStartUpAndPlacementOnTheTerminal) {
  const Outcome outcome = start(2, job());
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  for (const char* line : {"\nstage ", "\nstartup ", "\nread ", "\nallocate ", "\nother ",
                           "\nwaiting ", "\ntotal ", "\nnodes "}) {
    EXPECT_GE(outcome.count(line), 1) << line;
  }
  EXPECT_EQ(outcome.count("loading the program"), 1);
  EXPECT_EQ(outcome.count("rank 0-1, binding"), 1) << outcome.output;
  EXPECT_EQ(run(2, job(), "--quiet").output, "");
}

TEST_F(ReportTest, CountsWhatLeavesARankOfAnotherNodeAsMessages) {
  write_text(path("job.yaml"), job());
  const std::string nodes = "export KRONWERK_TEST_NODES=1+1; ";
  ASSERT_EQ(shell(nodes + command(2, "run job.yaml")).code, 0);
  const Result result(path("results/out.h5"));
  EXPECT_GT(sum(column(result, "messages", 1)), 0);
  EXPECT_EQ(sum(column(result, "shared_bytes", 3)), 0);
  EXPECT_EQ(result.number("/", "nodes"), 2);
  EXPECT_EQ(result.shape("/report/nodes/host"), (std::vector<std::int64_t>{2}));
}

TEST_F(ReportTest, OfASweepCoversAllPoints) {
  const Outcome outcome = run(2, job("sweep: {rho: [0.1, 0.2, 0.3]}"));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_NEAR(sum(column(result, "elapsed", 0)), result.number("/report/stages", "total"), 1e-6);
  EXPECT_EQ(outcome.count("\nwaiting "), 1);
}

TEST_F(ReportTest, RepeatsGiveTheSameResultAndTimesOfEach) {
  ASSERT_EQ(run(2, job()).code, 0);
  const auto once = Result(path("results/out.h5")).values("/result");
  const Outcome outcome = run(2, job() + "repeat: 4\n");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_EQ(result.values("/result"), once);
  EXPECT_EQ(outcome.count("of the 3 after the first"), 1) << outcome.output;
  EXPECT_EQ(outcome.count("\nresult "), 1) << outcome.output;
  EXPECT_NEAR(sum(column(result, "elapsed", 0)), result.number("/report/stages", "total"), 1e-6);
}

/// Every kind of job computes as much in each repeat: the same flops and calls in all of them but
/// the first, which also makes what is kept.
class Repeats : public ProgramTest, public testing::WithParamInterface<std::string> {};

/// The second repeat and the third are alike.
void expect_equal_repeats(const Result& result) {
  const auto shape = result.shape("/report/repeats/collectives");
  ASSERT_EQ(shape, (std::vector<std::int64_t>{3, shape.at(1), 4}));
  const auto stages = static_cast<std::ptrdiff_t>(4 * shape[1]);
  for (const char* measure : {"collectives", "flops", "messages"}) {
    const auto values = result.values(std::string("/report/repeats/") + measure);
    const std::vector<double> second(values.begin() + stages, values.begin() + 2 * stages);
    const std::vector<double> third(values.begin() + 2 * stages, values.end());
    EXPECT_EQ(second, third) << measure;
    EXPECT_TRUE(measure != std::string("collectives") ||
                std::accumulate(second.begin(), second.end(), 0.0) > 0);
  }
}

TEST_P(Repeats, ComputeEverythingAnew) {
  const char* source = std::getenv("KRONWERK_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  const Outcome outcome =
      kronwerk(2, fmt::format("run {}/configs/{} --set repeat=3 --set output.file={}", source,
                              GetParam(), path("out.h5").string()));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.errors, "");
  expect_equal_repeats(Result(path("out.h5")));
  EXPECT_FALSE(std::filesystem::exists(path("out.h5.state")));
}

TEST_F(ReportTest, GaussianJobsAreRepeatedToo) {
  const std::vector<core::Index> shape{12, 12};
  io::DataFile data(path("cells.h5").string());
  data.write_dense("/x", std::vector<core::Index>{12}, oracle::random_vector(12, 5));
  data.write_dense("/y", shape, oracle::random_vector(144, 7));
  data.commit();
  for (const char* task : {"logpdf", "sample", "predict", "fit"}) {
    const Outcome outcome = run(2, fmt::format(R"yaml(task: {}
parameters: {{eta: 1, ls: 0.5, sigma: 0.5}}
kernels:
  K: {{formula: "exponential(d, ls)", points: {{file: cells.h5, dataset: /x}}}}
covariance: "eta^2*kron(K, K) + sigma^2*I"
observations: {{file: cells.h5, dataset: /y}}
fit: {{parameters: {{eta: {{}}, sigma: {{}}}}}}
repeat: 3
output: {{file: out.h5, overwrite: true}}
)yaml",
                                               task));
    ASSERT_EQ(outcome.code, 0) << task << outcome.errors;
    expect_equal_repeats(Result(path("out.h5")));
    EXPECT_FALSE(std::filesystem::exists(path("out.h5.state")));
  }
}

INSTANTIATE_TEST_SUITE_P(Examples, Repeats,
                         testing::Values("flights/flights.yaml", "flow-fit/flow-fit.yaml",
                                         "migration/poisson.yaml",
                                         "kernel-reductions/kernel-reductions.yaml",
                                         "projection/projection.yaml", "sylvester/sylvester.yaml",
                                         "kernel-ridge/kernel-ridge.yaml"),
                         [](const auto& instance) {
                           std::string name = std::filesystem::path(instance.param).stem().string();
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace kronwerk::end_to_end
