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
  const Outcome outcome = run(2, job());
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

}  // namespace
}  // namespace kronwerk::end_to_end
