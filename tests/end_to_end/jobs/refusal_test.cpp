// Bad input: every rank ends with the same exit code, the message is printed once and says where,
// nothing hangs and nothing is left behind.
#include <sys/mount.h>

#include <cmath>
#include <limits>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

const std::string good = R"yaml(task: solve
parameters: {rho_o: 0.35, rho_d: 0.40}
matrices:
  W: {file: data.h5, dataset: /W}
operator: "kron(I - rho_o*W, I - rho_d*W)"
input: {file: data.h5, dataset: /b}
output: {file: results/out.h5}
)yaml";

std::string replaced(const std::string& what, const std::string& by) {
  std::string text = good;
  const std::size_t position = text.find(what);
  EXPECT_NE(position, std::string::npos) << what;
  return text.replace(position, what.size(), by);
}

class Refusal : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    if (program_.empty()) return;
    io::DataFile file(path("data.h5").string());
    file.write_sparse("/W", to_sparse(weights("ring", 5)));
    file.write_dense("/b", std::vector<core::Index>{5, 5}, oracle::random_vector(25, 1));
    file.write_dense("/wrong", std::vector<core::Index>{5, 4}, oracle::random_vector(20, 1));
    file.write_dense("/cube", std::vector<core::Index>{5, 5, 5}, oracle::random_vector(125, 1));
    file.write_dense("/v", std::vector<core::Index>{5}, oracle::random_vector(5, 1));
    std::vector<double> bad = oracle::random_vector(25, 1);
    bad[7] = std::numeric_limits<double>::quiet_NaN();
    file.write_dense("/nan", std::vector<core::Index>{5, 5}, bad);
    io::SparseMatrix broken = to_sparse(weights("ring", 5));
    broken.column_indices[3] = 99;
    file.write_sparse("/broken", broken);
    broken = to_sparse(weights("ring", 5));
    std::swap(broken.row_offsets[1], broken.row_offsets[2]);
    file.write_sparse("/offsets", broken);
    file.commit();
  }
};

TEST_F(Refusal, OfConfigurations) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {replaced("task:", "tsk:"), "job.yaml:1:1: unknown key 'tsk' (did you mean 'task'?)"},
      {replaced("task: solve\n", ""), "job.yaml: missing key 'task'"},
      {good + "task: solve\n", "job.yaml:8:1: duplicate key 'task' (first given on line 1)"},
      {replaced("0.35", "high"), "job.yaml:2:21: 'parameters.rho_o' must be a number"},
      {replaced("rho_d: 0.40", "rho_d: 0.40, rho_w: 1"),
       "the parameter 'rho_w' is not used by the operator"},
      {replaced("rho_d: 0.40", "rho_e: 0.40"), "'rho_e' is not used by the operator"},
      {replaced("matrices:\n", "matrices:\n  V: {file: data.h5, dataset: /W}\n"),
       "job.yaml:4:3: the matrix 'V' is not used by the operator"},
      {replaced("rho_d: 0.40", "rho_d: 0.40, kron: 1"), "'kron' cannot name a parameter"},
      {replaced("rho_d*W)", "rho_d*X)"), "unknown name 'X'"},
      {replaced("rho_d*W)\"", "rho_d*W\""), "^"},
      {replaced("kron(I - rho_o*W, I - rho_d*W)", "kron(I - rho_o*W, I - rho_d*W) + W"), "^"},
      {replaced("{file: data.h5, dataset: /W}", "{file: data.h5, dataset: /cube}"),
       "'W' is a vector: as a matrix, write diag(W)"},
      {replaced("{file: data.h5, dataset: /W}", "{file: data.h5, dataset: /wrong}"), "5 x 4"},
  };
  expect_all_refused(cases);
}

TEST_F(Refusal, OfData) {
  write_text(path("text.h5"), "no HDF5\n");
  const std::string whole = read_text(path("data.h5"));
  write_text(path("short.h5"), whole.substr(0, whole.size() / 2));
  const std::string input = "{file: data.h5, dataset: /b}";
  const std::vector<std::pair<std::string, std::string>> cases{
      {replaced(input, "{file: absent.h5, dataset: /b}"), "absent.h5"},
      {replaced(input, "{file: text.h5, dataset: /b}"), "text.h5"},
      {replaced(input, "{file: short.h5, dataset: /b}"), "short.h5"},
      {replaced(input, "{file: data.h5, dataset: /bb}"), "/bb"},
      {replaced(input, "{file: data.h5, dataset: /wrong}"),
       "has the shape (5 x 4), but the operator acts on the grid 5 x 5: expected (25) or (5 x 5) "
       "for "
       "one vector, (m x 25) or (m x 5 x 5) for m vectors"},
      {replaced(input, "{file: data.h5, dataset: /nan}"), "/nan"},
      {replaced("{file: data.h5, dataset: /W}", "{file: data.h5, dataset: /broken}"), "99"},
      {replaced("{file: data.h5, dataset: /W}", "{file: data.h5, dataset: /offsets}"), "indptr"},
      {replaced("{file: data.h5, dataset: /b}", "{file: data.h5, dataset: /b, transform: log}"),
       "the transform 'log' of 'input' is not finite at the value"},
      {good + "gradient: {cotangent: {file: data.h5, dataset: /cube}, parameters: [rho_o]}\n",
       "'gradient.cotangent' holds 5 vectors, but 'input' holds 1"},
  };
  expect_all_refused(cases, 3);
}

TEST_F(Refusal, OfASingularFactorNamesItAndItsSize) {
  const Outcome outcome = run(2, replaced("0.35", "1"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.count("kronwerk: "), 1) << outcome.errors;
  EXPECT_GE(outcome.count("singular"), 1) << outcome.errors;
  EXPECT_GE(outcome.count("5 x 5"), 1) << outcome.errors;
  EXPECT_GE(outcome.count("condition"), 1) << outcome.errors;
  EXPECT_TRUE(is_clean());
}

TEST_F(Refusal, ButNearlySingularFactorsOnlyWarn) {
  const Outcome outcome = run(2, replaced("0.35", "0.99999999999999"));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.count("nearly singular"), 1) << outcome.errors;
}

TEST_F(Refusal, OfACommandLine) {
  for (const std::string line :
       {"", "walk", "run", "run job.yaml --sett a=b", "plan job.yaml --ranks none", "show",
        "import gal", "import knn points.csv --to data.h5", "plan job.yaml -- -ksp_monitor"}) {
    SCOPED_TRACE(line);
    write_text(path("job.yaml"), good);
    expect_refusal(serve(2, line), "kronwerk: ");
  }
  expect_refusal(kronwerk(2, "run absent.yaml"),
                 "absent.yaml: there is no such configuration file");
  expect_refused(
      good,
      "--set solver.toleranse=1: unknown key 'toleranse' in 'solver' (did you mean 'tolerance'?)",
      2, "--set solver.toleranse=1");
  expect_refused(good, "PETSc cannot do what its options '-ksp_type nonsense' ask for", 2,
                 "--set solver.method=krylov -- -ksp_type nonsense");
}

TEST_F(Refusal, OfOutputsThatCannotBeWritten) {
  write_text(path("results"), "a file, not a directory");
  const Outcome blocked = run(2, good);
  EXPECT_EQ(blocked.code, 2) << blocked.errors;
  EXPECT_EQ(blocked.count("kronwerk: "), 1) << blocked.errors;
  std::filesystem::remove(path("results"));
  ASSERT_EQ(run(2, good).code, 0);
  const std::string before = read_text(path("results/out.h5"));
  const Outcome again = run(2, good);
  EXPECT_EQ(again.code, 2) << again.errors;
  EXPECT_EQ(again.count("overwrite"), 1) << again.errors;
  EXPECT_EQ(read_text(path("results/out.h5")), before);
  EXPECT_EQ(run(2, good, "--set output.overwrite=true").code, 0);
}

TEST_F(Refusal, OfJobsLargerThanTheMachine) {
  io::DataFile file(path("large.h5").string());
  io::SparseMatrix large;
  large.rows = large.cols = 2'000'000;
  large.row_offsets.assign(2'000'001, 0);
  file.write_sparse("/W", large);
  file.commit();
  std::string text = replaced("{file: data.h5, dataset: /W}", "{file: large.h5, dataset: /W}");
  text.replace(text.find("{file: data.h5, dataset: /b}"), 28, "{random: normal}");
  expect_too_large(text);
}

TEST_F(Refusal, OfAFullDisk) {
  const auto disk = path("disk");
  std::filesystem::create_directory(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") != 0) {
    GTEST_SKIP() << "a small tmpfs can only be mounted by root";
  }
  io::DataFile file(path("many.h5").string());
  file.write_dense("/b", std::vector<core::Index>{1000, 25}, oracle::random_vector(25'000, 1));
  file.commit();
  std::string text = replaced("results/out.h5", "disk/out.h5");
  text.replace(text.find("data.h5, dataset: /b"), 20, "many.h5, dataset: /b");
  for (const int np : {1, 3}) {
    const Outcome outcome = run(np, text);
    EXPECT_EQ(outcome.code, 4) << outcome.errors;
    EXPECT_EQ(outcome.count("kronwerk: "), 1) << outcome.errors;
    EXPECT_TRUE(is_clean("disk"));
  }
  umount2(disk.c_str(), MNT_DETACH);
}

class Termination : public Refusal {
 protected:
  /// A solve that creeps and would go on for days.
  void SetUp() override {
    Refusal::SetUp();
    write_text(path("job.yaml"), good +
                                     "solver: {method: krylov, tolerance: 1e-300, max_iterations: "
                                     "2000000000}\n");
  }
  /// Starts the job, waits until it solves, then runs `kill`, in which $job is mpirun's process.
  Outcome run_and(const std::string& kill) const {
    const std::string job =
        command(3, "run job.yaml -- -ksp_type richardson -ksp_richardson_scale 1e-9");
    return shell("timeout -k 5 120 " + job +
                 " & job=$!; for i in $(seq 600); do ls -A results "
                 "2>/dev/null | grep -q . && break; sleep 0.1; done; sleep 0.5; " +
                 kill + "; wait $job");
  }
};

TEST_F(Termination, OfOneRankEndsTheJobWith143) {
  const Outcome outcome = run_and("kill -TERM " + one_own_rank());
  EXPECT_EQ(outcome.code, 143) << outcome.errors;
  EXPECT_EQ(outcome.count("terminated by SIGTERM"), 1) << outcome.errors;
  // At most the iterate, and then the message says where it is; no part of a result.
  for (const auto& entry : std::filesystem::directory_iterator(path("results"))) {
    const std::string name = entry.path().filename().string();
    EXPECT_TRUE(name.ends_with(".state")) << name;
    EXPECT_EQ(outcome.count(name), 1) << outcome.errors;
  }
}

TEST_F(Termination, OfMpirunLeavesNoResult) {
  const Outcome outcome = run_and(fmt::format("kill -TERM {}", own_launcher));
  EXPECT_NE(outcome.code, 0);
  EXPECT_FALSE(std::filesystem::exists(path("results/out.h5")));
}

}  // namespace
}  // namespace kronwerk::end_to_end
