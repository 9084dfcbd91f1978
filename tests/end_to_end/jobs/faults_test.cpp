// Jobs that are ended or starved while they work: what they say, return and leave, and that the
// same job then gives the same bits. jobs/faults.sh draws many more of these.
#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

class Faults : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    if (program_.empty()) return;
    io::DataFile file(path("data.h5").string());
    file.write_dense("/p", std::vector<core::Index>{points, 3},
                     oracle::random_vector(3 * points, 1));
    file.write_dense("/W", std::vector<core::Index>{40, 40}, weights("ring", 40).values);
    file.write_dense("/b", std::vector<core::Index>{40, 40}, oracle::random_vector(1600, 2));
    file.commit();
  }

  /// Sums over all pairs of points: a second or so.
  static std::string reduction(const std::string& file = "data.h5") {
    return fmt::format(R"yaml(task: reduce
points:
  x: {{file: {0}, dataset: /p, index: i}}
  y: {{file: {0}, dataset: /p, index: j}}
formula: "exp(-norm(x - y))"
reduction: sum
output: {{file: results/out.h5, overwrite: true}}
)yaml",
                       file);
  }
  /// The same over so many pairs that it takes many minutes.
  std::string endless() const {
    io::DataFile file(path("many.h5").string(), true);
    file.write_dense("/p", std::vector<core::Index>{many_points, 3},
                     oracle::random_vector(3 * many_points, 4));
    file.commit();
    return reduction("many.h5");
  }
  static std::string sweep() {
    return R"yaml(task: solve
matrices:
  W: {file: data.h5, dataset: /W}
operator: "kron(I - r*W, I - 0.4*W)"
input: {file: data.h5, dataset: /b}
sweep: {r: [0.1, 0.2, 0.3, 0.4]}
output: {file: results/out.h5, overwrite: true}
)yaml";
  }

  /// Starts the command; when `begun` is true in the shell, and a moment later, does `fault`. Waits
  /// for the end of mpirun and of all ranks.
  Outcome disturbed(const std::string& start, const std::string& fault,
                    const std::string& begun = "ls -A results 2>/dev/null | grep -q .") const {
    return shell(
        fmt::format("timeout -k 5 120 {} & job=$!; for i in $(seq 3000); do {} && break; kill -0 "
                    "$job || break; "
                    "sleep 0.02; done; sleep 0.3; {}; wait $job; code=$?; for i in $(seq "
                    "500); do [ -z \"{}\" ] && break; sleep 0.02; done; exit $code",
                    start, begun, fault, own_ranks));
  }
  Outcome disturbed_job(int np, const std::string& text, const std::string& fault) const {
    write_text(path("job.yaml"), text);
    return disturbed(command(np, "run job.yaml"), fault);
  }

  /// Runs the job undisturbed and takes its result away.
  std::vector<double> undisturbed(int np, const std::string& text) const {
    const Outcome outcome = run(np, text);
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    const std::vector<double> values = values_of(text);
    std::filesystem::remove_all(path("results"));
    return values;
  }
  std::vector<double> values_of(const std::string& text) const {
    const bool reduces = text.find("task: reduce") != std::string::npos;
    return Result(path("results/out.h5")).values(reduces ? "/result/sum" : "/result");
  }
  /// What a disturbed job left is whole, or nothing; the same job then has the same bits and leaves
  /// its result alone.
  void expect_same_bits_now(int np, const std::string& text,
                            const std::vector<double>& whole) const {
    if (std::filesystem::exists(path("results/out.h5"))) {
      EXPECT_EQ(values_of(text), whole);
    }
    const Outcome again = run(np, text);
    ASSERT_EQ(again.code, 0) << again.errors;
    EXPECT_EQ(values_of(text), whole);
    for (const auto& entry : std::filesystem::directory_iterator(path("results"))) {
      EXPECT_EQ(entry.path().filename().string(), "out.h5");
    }
  }

  static constexpr core::Index points = 8000;
  static constexpr core::Index many_points = 400'000;
};

TEST_F(Faults, TerminatingOneRankEndsAReductionOnAll) {
  const Outcome outcome = disturbed_job(3, endless(), "kill -TERM " + one_own_rank());
  EXPECT_EQ(outcome.code, 143) << outcome.errors;
  EXPECT_EQ(outcome.count("terminated by SIGTERM; no result was written"), 1) << outcome.errors;
  EXPECT_TRUE(is_clean());
}

TEST_F(Faults, InterruptingEndsWithACodeOfItsOwn) {
  const Outcome outcome = disturbed_job(1, endless(), fmt::format("kill -INT {}", own_ranks));
  EXPECT_EQ(outcome.code, 130) << outcome.errors;
  EXPECT_EQ(outcome.count("interrupted by SIGINT; no result was written"), 1) << outcome.errors;
  EXPECT_TRUE(is_clean());
}

TEST_F(Faults, TerminatingAllRanksSaysSoOnce) {
  const Outcome outcome = disturbed_job(2, endless(), fmt::format("kill -TERM {}", own_ranks));
  EXPECT_EQ(outcome.code, 143) << outcome.errors;
  EXPECT_EQ(outcome.count("terminated by SIGTERM"), 1) << outcome.errors;
  EXPECT_TRUE(is_clean());
}

TEST_F(Faults, TerminatingAnImportLeavesNoFile) {
  std::string text = "name,x,y\n";
  const auto places = oracle::random_vector(200'000, 3);
  for (std::size_t i = 0; i < places.size(); i += 2) {
    text += fmt::format("p{},{:.6f},{:.6f}\n", i, places[i], places[i + 1]);
  }
  write_text(path("points.csv"), text);
  const Outcome outcome =
      disturbed(command(1, "import knn points.csv --planar --k 2000 --to results/out.h5:/W"),
                fmt::format("kill -TERM {}", own_ranks), fmt::format("[ -n \"{}\" ]", own_ranks));
  EXPECT_EQ(outcome.code, 143) << outcome.errors;
  EXPECT_TRUE(is_clean());
}

TEST_F(Faults, KillingOneRankLeavesNothingThatStaysInTheWay) {
  const auto whole = undisturbed(2, reduction());
  disturbed_job(2, reduction(), "kill -KILL " + one_own_rank());
  expect_same_bits_now(2, reduction(), whole);
}

TEST_F(Faults, KillingMpirunLeavesNothingThatStaysInTheWay) {
  const auto whole = undisturbed(2, reduction());
  disturbed_job(2, endless(), fmt::format("kill -KILL {}", own_launcher));
  EXPECT_FALSE(std::filesystem::exists(path("results/out.h5")));
  expect_same_bits_now(2, reduction(), whole);
}

TEST_F(Faults, TerminatingMpirunLeavesNothingThatStaysInTheWay) {
  const auto whole = undisturbed(2, reduction());
  EXPECT_NE(disturbed_job(2, endless(), fmt::format("kill -TERM {}", own_launcher)).code, 0);
  EXPECT_FALSE(std::filesystem::exists(path("results/out.h5")));
  expect_same_bits_now(2, reduction(), whole);
}

TEST_F(Faults, ASweepGoesOnWithTheSameBits) {
  const auto whole = undisturbed(2, sweep());
  disturbed_job(2, sweep(), "kill -KILL " + one_own_rank());
  expect_same_bits_now(2, sweep(), whole);
}

TEST_F(Faults, ARankThatStoodStillChangesNothing) {
  const auto whole = undisturbed(2, reduction());
  const std::string rank = one_own_rank();
  const Outcome outcome = disturbed_job(
      2, reduction(), fmt::format("r={}; kill -STOP $r; sleep 0.5; kill -CONT $r", rank));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(values_of(reduction()), whole);
}

TEST_F(Faults, SmallSharedMemoryIsSaidAndLeavesNothing) {
  if (shell("unshare --mount true").code != 0) GTEST_SKIP() << "needs namespaces, so root";
  io::DataFile file(path("large.h5").string());
  file.write_dense("/W", std::vector<core::Index>{600, 600}, oracle::random_vector(360'000, 4));
  file.write_dense("/b", std::vector<core::Index>{600, 2}, oracle::random_vector(1200, 5));
  file.commit();
  write_text(path("job.yaml"), R"yaml(task: apply
matrices:
  W: {file: large.h5, dataset: /W}
operator: "kron(W, eye(2))"
input: {file: large.h5, dataset: /b}
output: {file: results/out.h5, overwrite: true}
)yaml");
  const std::string job = "timeout -k 5 60 " + command(2, "run job.yaml");
  // MPI has memory of its own to share: Open MPI's in a folder, that of UCX by System V.
  const Outcome outcome =
      shell(fmt::format("UCX_TLS=self,sysv,tcp OMPI_MCA_btl_vader_backing_directory=$PWD unshare "
                        "--mount bash -c 'mount -t tmpfs -o "
                        "size=256k tmpfs /dev/shm && {}'",
                        job));
  EXPECT_EQ(outcome.code, 4) << outcome.output << outcome.errors;
  EXPECT_EQ(outcome.count("kronwerk: "), 1) << outcome.errors;
  EXPECT_TRUE(is_clean());
}

}  // namespace
}  // namespace kronwerk::end_to_end
