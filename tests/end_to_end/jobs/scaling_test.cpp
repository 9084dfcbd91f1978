// A scaling study from its file to the table and the picture.
#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

class Scaling : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    const char* source = std::getenv("KRONWERK_SOURCE_DIR");
    ASSERT_NE(source, nullptr);
    source_ = source;
    if (shell("/usr/bin/python3 -c 'import h5py, matplotlib, yaml'").code != 0) {
      GTEST_SKIP() << "needs Python's h5py, matplotlib and yaml (jobs/setup.sh plots)";
    }
    io::DataFile data(path("data.h5").string());
    for (const int n : {12, 17}) {
      data.write_dense(fmt::format("/n{}", n), std::vector<core::Index>{n, n},
                       oracle::random_vector(std::int64_t{n} * n, 3));
    }
    data.commit();
    std::filesystem::create_directory(path("jobs"));
    write_text(path("jobs/job.yaml"), R"yaml(task: apply
matrices: {A: {file: ../data.h5, dataset: /n12}}
operator: "kron(A, A)"
input: {random: normal}
output: out.h5
)yaml");
  }

  /// On a machine of so many cores, whatever this one has.
  Outcome study(const std::string& text, int cores, const std::string& more = "") const {
    write_text(path("study.yaml"), "case: small\njob: jobs/job.yaml\n" + text);
    return shell(
        fmt::format("SLURM_CPUS_ON_NODE={} KRONWERK={} /usr/bin/python3 {}/jobs/scaling.py "
                    "study.yaml --to out {}",
                    cores, program_, source_, more));
  }

  std::vector<std::vector<std::string>> rows() const {
    std::vector<std::vector<std::string>> result;
    std::istringstream lines(read_text(path("out/small/small.csv")));
    for (std::string line; std::getline(lines, line);) {
      auto& row = result.emplace_back();
      std::istringstream fields(line);
      for (std::string field; std::getline(fields, field, ',');) row.push_back(field);
    }
    return result;
  }

  std::string source_;
};

TEST_F(Scaling, MeasuresStrongAndWeakAndMarksWhatSharesCores) {
  const Outcome outcome = study(
      "modes: 2\nset: {matrices.A.file: ../data.h5, matrices.A.dataset: \"/n{n}\"}\nranks: [1, 2, "
      "4]\n"
      "oversubscribed: true\n"
      "jobs: 2\nrepeat: 3\nstrong: [17]\nweak: 12\n",
      1, "--machine " + source_ + "/configs/scaling/machine.yaml");
  ASSERT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
  const auto table = rows();
  const std::vector<std::string> head{
      "case",      "mode",  "nodes",   "ranks",          "ranks_per_node", "threads",
      "n",         "N",     "job",     "stage",          "repeat",         "seconds",
      "waiting",   "bytes", "flops",   "oversubscribed", "load",           "commit",
      "processor", "mpi",   "binding", "predicted"};
  std::vector<std::string> found = table.at(0);
  if (!found.empty() && found.back().ends_with('\r')) found.back().pop_back();
  EXPECT_EQ(found, head);
  std::map<std::string, int> applications;
  for (std::size_t r = 1; r < table.size(); ++r) {
    const auto& row = table[r];
    if (row.at(9) == "apply" && !row.at(10).empty()) {
      ++applications[row[1] + " " + row[3] + " n" + row[6] + " over " + row.at(15)];
      // 2 n³ flops for each of the two modes.
      const double n = std::stod(row[6]);
      EXPECT_DOUBLE_EQ(std::stod(row.at(14)), 4 * n * n * n);
      // Ranks that share cores are not predicted.
      EXPECT_EQ(row.back().find_first_of("123456789") != std::string::npos, row.at(15) == "0");
    }
  }
  // 2 jobs of 3 repeats; 4 ranks are not run, since 2 are too many already.
  const std::map<std::string, int> expected{{"strong 1 n17 over 0", 6},
                                            {"strong 2 n17 over 1", 6},
                                            {"weak 1 n12 over 0", 6},
                                            {"weak 2 n17 over 1", 6}};
  EXPECT_EQ(applications, expected);
  const std::string summary = read_text(path("out/small/small.md"));
  EXPECT_NE(summary.find("| apply, warm | "), std::string::npos) << summary;
  EXPECT_NE(summary.find("(oversubscribed) |  |"), std::string::npos) << summary;
  EXPECT_NE(summary.find("(predicted "), std::string::npos) << summary;
  EXPECT_TRUE(std::filesystem::exists(path("out/small/small.png")));
  EXPECT_FALSE(std::filesystem::exists(path("out/small/strong-n17-ranks1-threads1.h5")));
}

TEST_F(Scaling, RunsWhatIsNotThereAndSumsUpWhatIs) {
  const std::string text = "set: {matrices.A.dataset: \"/n{n}\"}\nranks: [1]\nrepeat: 6\n";
  ASSERT_EQ(study(text + "strong: [12]\n", 2).code, 0);
  const Outcome more = study(text + "strong: [12, 17]\n", 2);
  ASSERT_EQ(more.code, 0) << more.errors;
  EXPECT_EQ(more.count("small: strong-n17-ranks1-threads1"), 1);
  EXPECT_EQ(more.count("small: strong-n12-ranks1-threads1"), 0);
  write_text(path("README.md"),
             "before\n<!-- small -->\nsuperseded\n<!-- end of small -->\nafter\n");
  const Outcome drawn = study(text + "strong: [12, 17]\n", 2, "--draw --publish");
  EXPECT_EQ(drawn.count("small: strong"), 0);
  const std::string readme = read_text(path("README.md"));
  EXPECT_TRUE(readme.starts_with("before\n") && readme.ends_with("after\n")) << readme;
  EXPECT_EQ(readme.find("superseded"), std::string::npos);
  EXPECT_NE(readme.find("| apply, warm |"), std::string::npos) << readme;
  EXPECT_TRUE(std::filesystem::exists(path("small.png")));
}

TEST_F(Scaling, RefusesStudiesThatCannotBe) {
  Outcome outcome = study("ranks: [1]\nstrong: [12]\nrepeats: 6\n", 2);
  EXPECT_NE(outcome.code, 0);
  EXPECT_EQ(outcome.count("unknown key 'repeats'"), 1) << outcome.errors;
  outcome = study("ranks: [1]\nstrong: [12]\nrepeat: 5\n", 2);
  EXPECT_EQ(outcome.count("five repeats are the least"), 1) << outcome.errors;
  outcome = study("ranks: [1]\n", 2);
  EXPECT_EQ(outcome.count("give 'strong'"), 1) << outcome.errors;
  outcome = study("ranks: [1]\nstrong: [13]\nset: {matrices.A.dataset: \"/n{n}\"}\n", 2);
  EXPECT_EQ(outcome.count("ended with 2"), 1) << outcome.errors;
  EXPECT_GE(outcome.count("/n13"), 1) << outcome.errors;
}

}  // namespace
}  // namespace kronwerk::end_to_end
