// How far a job is, on terminals, in logs and as JSON.
#include "application/report/progress.hpp"

#include <yaml-cpp/yaml.h>

#include <sstream>

#include "application/command_line/terminal.hpp"
#include "application/job_test.hpp"

namespace kronwerk::application {
namespace {

TEST(WorkDone, SaysTheShareAndTheTimeLeft) {
  WorkDone work;
  EXPECT_EQ(work.text(5), "");
  work.set("iteration", 3, 0, 10);
  EXPECT_EQ(work.text(12), "iteration 3");
  work.set("batch", 0, 40, 100);
  EXPECT_EQ(work.text(101), "batch 0 of 40 (0 %)");
  work.set("batch", 10, 40, 120);  // 2 s each
  EXPECT_EQ(work.text(120), "batch 10 of 40 (25 %, 60 s left)");
  EXPECT_EQ(work.text(125), "batch 10 of 40 (25 %, 55 s left)");
  work.set("bytes", 1000000, 4000000, 200);
  work.set("bytes", 2000000, 4000000, 4000);
  EXPECT_EQ(work.text(4000), "2 MB of 4 MB (50 %, 2.1 h left)");
  work.set("bytes", 0, 4000000, 4001);  // of the next file
  EXPECT_EQ(work.text(4001), "0 bytes of 4 MB (0 %)");
}

class Printed : public JobTest {
 protected:
  Printed() {
    make_data([](io::DataFile& file) {
      file.write_dense("/A", Shape{2, 2}, Numbers{2, 1, 0, 3});
      file.write_dense("/x", Shape{2, 2}, Numbers{1, 2, 3, 4});
    });
  }
  ~Printed() override {
    set_output_style(OutputStyle::text);
    if (comm_.is_root()) set_log("");
  }
  std::string log() const {
    std::ifstream stream(path("job.log"));
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
  }
  void open_log() const {
    communication::on_root(comm_, [&] { set_log(path("job.log")); });
  }

  const std::string job_ =
      "task: solve\nparameters: {r: 1}\nmatrices: {A: {file: data.h5, dataset: /A}}\n"
      "operator: \"kron(A, r*A)\"\ninput: {file: data.h5, dataset: /x}\n";
};

TEST_F(Printed, IsAlsoAddedToALogQuietOrNot) {
  open_log();
  expect_done(job_);
  comm_.barrier();
  const std::string text = log();
  EXPECT_NE(text.find("solve on "), std::string::npos) << text;
  EXPECT_NE(text.find("\nresidual "), std::string::npos) << text;
}

TEST_F(Printed, IsAnObjectForEachLineWhereThatIsAskedFor) {
  set_output_style(OutputStyle::json);
  open_log();
  expect_done(job_);
  comm_.barrier();
  std::istringstream lines(log());
  bool stage = false, report = false, written = false;
  for (std::string line; std::getline(lines, line);) {
    const YAML::Node object = YAML::Load(line);  // JSON is YAML
    ASSERT_TRUE(object.IsMap()) << line;
    stage = stage || (object["stage"] && object["stage"].Scalar() == "solve" &&
                      object["seconds"].as<double>() >= 0);
    report = report || (object["report"] && object["report"]["converged"].as<int>() == 1 &&
                        object["report"]["method"] && object["report"]["seconds"]);
    written = written || (object["written"] && object["written"].Scalar().ends_with("out.h5"));
  }
  EXPECT_TRUE(stage && report && written) << log();
}

TEST_F(Printed, OfASweepHasItsPointsWithTheirResults) {
  open_log();
  expect_done(
      "task: logdet\nmatrices: {A: {file: data.h5, dataset: /A}}\n"
      "operator: \"kron(A, r*A)\"\nsweep: {r: [1, 2]}\n");
  comm_.barrier();
  EXPECT_NE(log().find("r = 2: "), std::string::npos) << log();
}

TEST_F(Printed, GoesIntoNoFileOfTheJob) {
  CommandLine line;
  if (comm_.is_root()) std::ofstream(path("job.yaml")) << job_ + "output: out.h5\n";
  comm_.barrier();
  line.file = path("job.yaml");
  line.log = path("data.h5");
  try {
    load_job(comm_, line);
    ADD_FAILURE() << "a log may be added to the data";
  } catch (const core::ConfigurationError& error) {
    EXPECT_NE(std::string(error.what()).find("lines added to it would destroy it"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace kronwerk::application
