// Processes that are ended at random moments and started again, against the same job undisturbed:
// signals, exit codes and what is said. tests/application/restart/interrupted_job_test.cpp draws
// many more moments.
#include <random>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

constexpr const char* output = "output: {file: results/out.h5, overwrite: true}\n";

class Restart : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    if (program_.empty()) return;
    io::DataFile file(path("data.h5").string());
    file.write_dense("/W", std::vector<core::Index>{n, n}, weights("directed", n).values);
    file.write_dense("/A", std::vector<core::Index>{n, n}, weights("dense", n).values);
    file.write_dense("/b", std::vector<core::Index>{vectors, n, n},
                     oracle::random_vector(vectors * n * n, 2));
    file.write_dense("/x", std::vector<core::Index>{12}, oracle::random_vector(12, 5));
    file.write_dense("/y", std::vector<core::Index>{12, 12}, oracle::random_vector(144, 7));
    file.commit();
  }

  /// Ends the program by a signal some time after it began.
  Outcome ended(const std::string& signal, double seconds) const {
    return shell(fmt::format("timeout -s {} {:.3f} {} run job.yaml", signal, seconds, program_));
  }

  static constexpr core::Index n = 40;
  static constexpr core::Index vectors = 12;
};

struct Task {
  const char* name;
  std::string text;
  const char* dataset;
  double tolerance;  ///< 0: the same bits
};

const std::string matrices =
    "matrices: {W: {file: data.h5, dataset: /W}, A: {file: data.h5, dataset: /A}}\n"
    "input: {file: data.h5, dataset: /b}\n";
const std::string gaussian = R"yaml(parameters: {eta: 1, ls: 0.5, sigma: 0.5}
kernels:
  K: {formula: "exponential(d, ls)", points: {file: data.h5, dataset: /x}}
covariance: "eta^2*kron(K, K) + sigma^2*I"
)yaml";

const std::vector<Task>& tasks() {
  static const std::vector<Task> all{
      {"solve",
       "task: solve\nparameters: {r: 0.3}\noperator: \"kron(I - r*W, I - 0.4*A)\"\nbatch: 1\n"
       "gradient: {cotangent: ones, parameters: [r], input: true}\n" +
           matrices,
       "/gradient/input", 0},
      {"krylov",
       "task: solve\noperator: \"kron(I, I) - 0.5*kron(W, A) + 0.3*kron(A, W)\"\nbatch: 3\n"
       "solver: {method: krylov, tolerance: 1e-11}\ngradient: {cotangent: ones, input: true}\n" +
           matrices,
       "/gradient/input", 1e-8},
      {"fit",
       "task: fit\nobservations: {file: data.h5, dataset: /y}\n" + gaussian +
           "fit: {parameters: {eta: {}, sigma: {}, ls: {}}, starts: 6}\n",
       "/parameters/eta", 0},
      {"sweep",
       "task: solve\noperator: \"kron(I - r*W, I - 0.4*A)\"\nsweep: {r: {from: 0, to: 0.9, count: "
       "12}}\n" +
           matrices,
       "/result", 0},
  };
  return all;
}

class Moments : public Restart, public testing::WithParamInterface<std::size_t> {};

/// SIGTERM and SIGKILL take turns; the moments are drawn, with the task's number as seed, from the
/// time that the job takes.
TEST_P(Moments, OfEveryTaskDoNotChangeItsResult) {
  const Task& task = tasks()[GetParam()];
  write_text(path("job.yaml"), task.text + "checkpoint: {every: 0.02}\n" + output);
  const auto begin = std::chrono::steady_clock::now();
  const Outcome whole = shell(fmt::format("{} run job.yaml", program_));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  ASSERT_EQ(whole.code, 0) << whole.errors;
  const auto expected = Result(path("results/out.h5")).values(task.dataset);
  std::filesystem::remove_all(path("results"));
  std::mt19937 random(static_cast<unsigned>(GetParam() + 1));
  std::uniform_real_distribution<double> moment(0.3, 1.05);
  for (int turn = 0; turn < 2; ++turn) {
    const bool terminates = turn % 2 == 0;
    const Outcome outcome = ended(terminates ? "TERM" : "KILL", seconds * moment(random));
    if (std::filesystem::exists(path("results/out.h5"))) break;  // sooner than the signal
    // 124 and 137 are what timeout makes of them.
    EXPECT_EQ(outcome.code, terminates ? 124 : 137) << outcome.errors;
  }
  const bool kept = std::filesystem::exists(path("results/out.h5.state/journal"));
  const Outcome last = shell(fmt::format("{} run job.yaml", program_));
  ASSERT_EQ(last.code, 0) << last.errors;
  EXPECT_EQ(last.count("goes on from results/out.h5.state") > 0, kept) << last.output;
  const Result result(path("results/out.h5"));
  const auto values = result.values(task.dataset);
  if (task.tolerance == 0) {
    EXPECT_EQ(values, expected);
  } else {
    EXPECT_LE(oracle::relative_error(values, expected), task.tolerance);
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path("results")), {}), 1);
}

INSTANTIATE_TEST_SUITE_P(Tasks, Moments, testing::Range(std::size_t{0}, tasks().size()),
                         [](const auto& task) { return std::string(tasks()[task.param].name); });

/// Stopped once its first blocks are there, as a job whose time is up.
TEST_F(Restart, OtherNumbersOfRanksGoOn) {
  write_text(path("job.yaml"), tasks()[0].text + "checkpoint: {every: 0}\n" + output);
  ASSERT_EQ(kronwerk(1, "run job.yaml").code, 0);
  const Result undisturbed(path("results/out.h5"));
  const double gradient = undisturbed.value("/gradient/r");
  const auto expected = undisturbed.values("/gradient/input");
  std::filesystem::remove_all(path("results"));
  const Outcome stopped = shell(
      fmt::format("{} & job=$!; for i in $(seq 6000); do [ -s results/out.h5.state/journal ] && "
                  "break; sleep 0.01; done; kill -TERM $(pgrep -P $job); wait $job",
                  command(2, "run job.yaml")));
  if (std::filesystem::exists(path("results/out.h5"))) GTEST_SKIP() << "the job was faster";
  EXPECT_NE(stopped.code, 0);
  const Outcome last = kronwerk(3, "run job.yaml");
  ASSERT_EQ(last.code, 0) << last.errors;
  EXPECT_EQ(last.count("goes on from results/out.h5.state with "), 1) << last.output;
  const Result result(path("results/out.h5"));
  EXPECT_NE(result.text("/report", "resumed").find(" of 12 vectors"), std::string::npos);
  EXPECT_NEAR(result.value("/gradient/r"), gradient, 1e-11 * std::abs(gradient));
  EXPECT_LE(oracle::relative_error(result.values("/gradient/input"), expected), 1e-13);
}

TEST_F(Restart, TakesAnInitialGuess) {
  const std::string job =
      "task: solve\noperator: \"kron(I, I) - 0.5*kron(W, A) + 0.3*kron(A, W)\"\n"
      "solver: {method: krylov}\n" +
      matrices;
  ASSERT_EQ(run(1, job + "output: guess.h5\n").code, 0);
  const Result guess(path("guess.h5"));
  EXPECT_GT(guess.number("/report", "iterations"), 2);
  const std::string guessed = job + output + "petsc: \"\"\n";
  const std::string given =
      " --set solver.initial_guess.file=guess.h5 --set solver.initial_guess.dataset=/result";
  const Outcome outcome = run(2, guessed, given);
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_EQ(result.number("/report", "iterations"), 0);
  EXPECT_LE(result.number("/report", "relative_residual"), 1e-10);
  EXPECT_LE(oracle::relative_error(result.values("/result"), guess.values("/result")), 1e-15);
}

TEST_F(Restart, RefusesAGuessOfAnotherShapeAndSaysWhereItIsOfNoUse) {
  io::DataFile file(path("guess.h5").string());
  file.write_dense("/few", std::vector<core::Index>{2, n, n}, oracle::random_vector(2 * n * n, 2));
  file.write_dense("/small", std::vector<core::Index>{3}, oracle::random_vector(3, 2));
  file.commit();
  const auto job = [](const std::string& dataset, const std::string& method) {
    return "task: solve\noperator: \"kron(I - 0.3*W, I - 0.4*A)\"\nsolver:\n  method: " + method +
           "\n  initial_guess: {file: guess.h5, dataset: " + dataset + "}\n" + matrices + output;
  };
  const Outcome few = run(2, job("/few", "krylov"));
  EXPECT_EQ(few.code, 2) << few.errors;
  EXPECT_EQ(few.count("'solver.initial_guess' holds 2 vectors, but 'input' holds 12"), 1)
      << few.errors;
  const Outcome small = run(2, job("/small", "krylov"));
  EXPECT_EQ(small.code, 2) << small.errors;
  EXPECT_EQ(small.count("'solver.initial_guess'"), 1) << small.errors;
  EXPECT_EQ(run(1, job("/absent", "krylov")).code, 2);
  EXPECT_TRUE(is_clean());
  const Outcome direct = run(1, job("/b", "direct"), "--set solver.initial_guess.file=data.h5");
  EXPECT_EQ(direct.code, 0) << direct.errors;
  EXPECT_EQ(direct.count("'solver.initial_guess' is for iterations, and of no use here"), 1)
      << direct.errors;
}

}  // namespace
}  // namespace kronwerk::end_to_end
