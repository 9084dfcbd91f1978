// Data that a job must not destroy, and data that do not belong together.
#include <sys/stat.h>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

using Strings = std::vector<std::string>;

class DataSafety : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    if (program_.empty()) return;
    const Strings ids{"A", "B", "C", "D"};
    const Strings other{"B", "A", "C", "D"};
    io::DataFile file(path("data.h5").string());
    const auto add = [&](const std::string& name, const std::vector<core::Index>& shape,
                         const std::string& suffix, const Strings& list) {
      file.write_dense(name, shape, oracle::random_vector(core::product(shape), 7));
      if (!suffix.empty()) file.write_strings(name + suffix, list);
    };
    file.write_sparse("/W", to_sparse(weights("ring", 4)));
    file.write_strings("/W_ids", ids);
    file.write_sparse("/V", to_sparse(weights("directed", 4)));
    file.write_strings("/V_ids", other);
    add("/b", {4, 4}, "_ids", ids);
    add("/flows", {4, 4}, "_ids", other);
    add("/panel", {3, 4, 4}, "_ids", other);
    add("/rows", {4, 4}, "_row_ids", other);
    add("/columns", {4, 4}, "_column_ids", other);
    add("/v", {4}, "_ids", other);
    add("/x", {4, 2}, "_row_ids", other);
    add("/z", {4, 2}, "_row_ids", ids);
    add("/counted", {4, 4}, "_ids", {"1", "2", "3", "4"});
    add("/foreign", {4, 4}, "_ids", {"P", "Q", "R", "S"});
    add("/mixed", {4, 4}, "_ids", {"E", "A", "C", "D"});
    const auto spd = oracle::add(4, oracle::identity(4), 1, weights("ring", 4));
    file.write_dense("/K", std::vector<core::Index>{4, 4}, spd.values);
    file.write_strings("/K_ids", ids);
    file.commit();
  }

  static std::string job(const std::string& formula, const std::string& input) {
    return fmt::format(
        R"yaml(task: apply
matrices:
  W: {{file: data.h5, dataset: /W}}
{}operator: "{}"
input: {{file: data.h5, dataset: {}}}
output: {{file: results/out.h5, overwrite: true}}
)yaml",
        formula.find('V') == std::string::npos ? "" : "  V: {file: data.h5, dataset: /V}\n",
        formula, input);
  }
};

TEST_F(DataSafety, InputsAndTheConfigurationAreNoOutputs) {
  const std::string before = read_text(path("data.h5"));
  std::filesystem::create_symlink("data.h5", path("link.h5"));
  for (const auto& [output, np] : std::vector<std::pair<std::string, int>>{
           {"./data.h5", 1}, {"link.h5", 3}, {"job.yaml", 2}}) {
    std::string text = job("kron(W, W)", "/b");
    text.replace(text.find("results/out.h5"), 14, output);
    const Outcome outcome = run(np, text);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.count("that would destroy it"), 1) << outcome.errors;
    EXPECT_EQ(read_text(path("job.yaml")), text);
    EXPECT_EQ(kronwerk(1, "plan job.yaml").code, 2);
  }
  EXPECT_EQ(read_text(path("data.h5")), before);
}

TEST_F(DataSafety, WhatIsNoFileIsNoOutput) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  for (const auto& [output, np] :
       std::vector<std::pair<std::string, int>>{{"fifo", 2}, {"/dev/null", 1}, {".", 3}}) {
    std::string text = job("kron(W, W)", "/b");
    text.replace(text.find("results/out.h5"), 14, output);
    const Outcome outcome = run(np, text);
    EXPECT_EQ(outcome.code, 2) << output;
    EXPECT_EQ(outcome.count("expected the name of a file"), 1) << outcome.errors;
  }
  EXPECT_TRUE(std::filesystem::is_fifo(path("fifo")));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST_F(DataSafety, OneSweepAtATimeWritesAResult) {
  // The first is held up in the middle, so that both run at the same time whatever the machine.
  std::string text = job("kron(I - r*W, W)", "/b");
  text += "sweep: {r: {from: 0.1, to: 0.5, count: 40}}\n";
  write_text(path("job.yaml"), text);
  for (const int np : {1, 2}) {
    const Outcome both = shell(fmt::format(
        R"(timeout 120 {0} & first=$!
lock=results/.out.h5.lock
for i in $(seq 6000); do [ -s $lock ] && break; sleep 0.01; done
holder=$(sed 's/ .*//' $lock | awk -F- '{{print $(NF-1)}}')
kill -STOP $holder
timeout 60 {0}; echo second $?
kill -CONT $holder
wait $first; echo first $?)",
        command(np, "run job.yaml --quiet")));
    EXPECT_EQ(both.count("second 2"), 1) << both.output << both.errors;
    EXPECT_EQ(both.count("first 0"), 1) << both.output << both.errors;
    EXPECT_EQ(both.count("another job is writing this file (process"), 1) << both.errors;
    EXPECT_EQ(Result(path("results/out.h5")).shape("/result").front(), 40);
    EXPECT_FALSE(std::filesystem::exists(path("results/.out.h5.lock")));
    std::filesystem::remove_all(path("results"));
  }
}

TEST_F(DataSafety, ImportsAtTheSameTimeTakeTurns) {
  write_text(path("points.csv"), "id,x,y\na,0,0\nb,1,0\nc,0,2\n");
  std::string line;
  for (int i = 0; i < 6; ++i) {
    line += fmt::format("{} import knn points.csv --planar --k 1 --to all.h5:/W{} & ", program_, i);
  }
  ASSERT_EQ(shell(line + "wait").code, 0);
  const Result result(path("all.h5"));
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(result.has(fmt::format("/W{}", i))) << i;
  EXPECT_FALSE(std::filesystem::exists(path(".all.h5.lock")));
}

TEST_F(DataSafety, IdsInAnotherOrderAreRefusedAndReorderedByTheCommandInTheMessage) {
  expect_refused(job("kron(W, W)", "/flows"),
                 "'B' is number 2 in " + std::string("data.h5:/W_ids and number 1 in "), 2);
  const Outcome refused = run(1, job("kron(W, W)", "/flows"));
  const auto begin = refused.errors.find("kronwerk import reorder ");
  ASSERT_NE(begin, std::string::npos) << refused.errors;
  const auto end = refused.errors.find('\n', begin);
  const std::string arguments = refused.errors.substr(begin + 9, end - begin - 9);
  ASSERT_EQ(kronwerk(1, arguments).code, 0) << arguments;
  EXPECT_EQ(run(1, job("kron(W, W)", "/flows")).code, 0);
}

TEST_F(DataSafety, IdsAreComparedWhereverTwoOperandsMeet) {
  const std::string order = "meet in one mode, but their ids stand in different orders";
  for (const char* formula : {"kron(W + V, W)", "kron(W, W*V)", "kron(V' + W, W)",
                              "kron(I - 0.1*W*inv(I + V), W)", "kronsum(W, V)", "kron(V, W)"}) {
    expect_refused(job(formula, "/b"), order);
  }
  for (const char* input : {"/panel", "/rows", "/columns"}) {
    expect_refused(job("kron(W, W)", input), order);
  }
  expect_refused(job("kron(W, W)", "/mixed"), "do not have the same ids");
  for (const char* input : {"/b", "/counted", "/foreign"}) {
    EXPECT_EQ(run(1, job("kron(W, W)", input)).code, 0) << input;
    std::filesystem::remove_all(path("results"));
  }
  const std::string b = job("kron(W, W)", "/b");
  expect_refused(b + "gradient: {cotangent: {file: data.h5, dataset: /flows}, input: true}\n",
                 order);
  expect_refused(b + "tangent: {input: {file: data.h5, dataset: /flows}}\n", order);
  std::string diagonal = job("kron(W, diag(V))", "/b");
  diagonal.replace(diagonal.find("dataset: /V"), 11, "dataset: /v");
  expect_refused(diagonal, order);
  diagonal.replace(diagonal.find("kron(W, diag(V))"), 16, "kron(W, W) + diag(V)");
  diagonal.replace(diagonal.find("dataset: /v"), 11, "dataset: /rows");
  expect_refused(diagonal, order);
  expect_refused(R"yaml(task: apply
matrices:
  W: {file: data.h5, dataset: /W}
kernels:
  K: {formula: "exp(-d)", points: {file: data.h5, dataset: /x}}
operator: "kron(K, W)"
input: {file: data.h5, dataset: /b}
output: {file: results/out.h5}
)yaml",
                 order);
  expect_refused(R"yaml(task: reduce
formula: "exp(-sqdist(u, v)) * norm(w)"
points:
  u: {file: data.h5, dataset: /x, index: i}
  v: {file: data.h5, dataset: /x, index: j}
  w: {file: data.h5, dataset: /z, index: j}
over: j
reduction: sum
output: {file: results/out.h5}
)yaml",
                 order);
}

TEST_F(DataSafety, IdsOfGaussianModelsAreCompared) {
  const auto model = [](const std::string& observations, const std::string& more) {
    return fmt::format(R"yaml(task: logpdf
matrices:
  K: {{file: data.h5, dataset: /K}}
{}covariance: "kron(K, K)"
observations: {{file: data.h5, dataset: {}}}
output: {{file: results/out.h5, overwrite: true}}
)yaml",
                       more, observations);
  };
  const std::string order = "meet in one mode, but their ids stand in different orders";
  expect_refused(model("/flows", ""), order, 2);
  expect_refused(model("/b, mask: {file: data.h5, dataset: /rows}", ""), order);
  std::string regression = model("/b", "  v: {file: data.h5, dataset: /v}\n");
  expect_refused(regression + "mean: {columns: [\"kron(v, 1)\"]}\n", order);
  EXPECT_EQ(run(1, model("/b", "")).code, 0);
}

}  // namespace
}  // namespace kronwerk::end_to_end
