// An output that is one of the job's inputs, under any name, is refused by every rank.
#include "application/restart/output_check.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "kronwerk/configuration/schema.hpp"
#include "kronwerk/core/error.hpp"
#include "support/shared_directory.hpp"

namespace kronwerk::application {
namespace {

namespace fs = std::filesystem;

class OutputCheck : public testing::Test {
 protected:
  OutputCheck() {
    for (const char* file : {"data.h5", "other.h5", "job.yaml"}) make(file);
  }
  void make(const std::string& name) const {
    if (comm_.is_root()) std::ofstream(directory_ + "/" + name) << name;
    comm_.barrier();
  }

  configuration::Job parse(const std::string& text) const {
    return configuration::parse_job(text, directory_ + "/job.yaml");
  }
  /// What check_output says; empty if it accepts.
  std::string message(const std::string& text) const {
    try {
      check_output(comm_, parse(text));
    } catch (const core::ConfigurationError& error) {
      return error.what();
    }
    return "";
  }
  static std::string solve(const std::string& output, const std::string& input = "data.h5") {
    return fmt::format(R"yaml(task: solve
matrices: {{W: {{file: other.h5, dataset: /W}}}}
operator: "kron(W, W)"
input: {{file: {}, dataset: /b}}
output: {{file: {}, overwrite: true}}
)yaml",
                       input, output);
  }
  void expect_refused(const std::string& text, const std::string& part) const {
    const std::string found = message(text);
    EXPECT_NE(found.find(part), std::string::npos) << "expected: " << part << "\nfound: " << found;
    EXPECT_NE(found.find("choose another name"), std::string::npos) << found;
  }

  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
  SharedDirectory temporary_{comm_};
  const std::string& directory_ = temporary_.name();
};

TEST_F(OutputCheck, SeesThroughNamesLinksAndFolders) {
  if (comm_.is_root()) {
    fs::create_directory(directory_ + "/real");
    fs::create_symlink("real", directory_ + "/folder");
    fs::create_symlink("data.h5", directory_ + "/link.h5");
    fs::create_symlink("link.h5", directory_ + "/chain.h5");
    fs::create_hard_link(directory_ + "/data.h5", directory_ + "/hard.h5");
    fs::rename(directory_ + "/other.h5", directory_ + "/real/other.h5");
    fs::create_symlink("real/other.h5", directory_ + "/other.h5");
  }
  comm_.barrier();
  for (const char* name : {"data.h5", "./data.h5", "real/../data.h5", "link.h5", "chain.h5",
                           "hard.h5", "folder/../data.h5"}) {
    expect_refused(solve(name), "of 'input'");
  }
  expect_refused(solve(directory_ + "/data.h5"), "of 'input'");
  expect_refused(solve("data.h5", "link.h5"), "of 'input'");
  expect_refused(solve("folder/other.h5"), "of 'matrices.W'");
  expect_refused(solve("job.yaml"), "this configuration");
  EXPECT_EQ(message(solve("result.h5")), "");
  EXPECT_EQ(message(solve("real/data.h5")), "");
  EXPECT_NE(message(solve("data.h5")).find("job.yaml:5:"), std::string::npos) << "no line";
}

TEST_F(OutputCheck, LooksAtWorkingFilesToo) {
  if (comm_.is_root()) fs::create_directory(directory_ + "/out.h5.state");
  comm_.barrier();
  make("out.h5.state/point-000001.h5");
  expect_refused(solve("out.h5", "out.h5.state/point-000001.h5"), "the state of the job");
}

/// A job for every key that names a file; {} is where the tested one goes.
const std::vector<std::pair<std::string, std::string>> jobs{
    {"matrices.*.file", R"yaml(task: logdet
matrices: {{W: {{file: {}, dataset: /W}}}}
operator: "kron(W, W)"
)yaml"},
    {"parameters.file", R"yaml(task: logdet
parameters: {{file: {}}}
matrices: {{W: {{file: other.h5, dataset: /W}}}}
operator: "kron(I - r*W, W)"
)yaml"},
    {"input.file", R"yaml(task: apply
matrices: {{W: {{file: other.h5, dataset: /W}}}}
operator: "kron(W, W)"
input: {{file: {}, dataset: /b}}
)yaml"},
    {"solver.initial_guess.file", R"yaml(task: solve
matrices: {{W: {{file: other.h5, dataset: /W}}}}
operator: "kron(W, W)"
input: {{file: other.h5, dataset: /b}}
solver: {{initial_guess: {{file: {}, dataset: /x}}}}
)yaml"},
    {"tangent.input.file", R"yaml(task: apply
matrices: {{W: {{file: other.h5, dataset: /W}}}}
operator: "kron(W, W)"
input: {{file: other.h5, dataset: /b}}
tangent: {{input: {{file: {}, dataset: /b}}}}
)yaml"},
    {"gradient.cotangent.file", R"yaml(task: apply
matrices: {{W: {{file: other.h5, dataset: /W}}}}
operator: "kron(W, W)"
input: {{file: other.h5, dataset: /b}}
gradient: {{cotangent: {{file: {}, dataset: /g}}, input: true}}
)yaml"},
    {"observations.file", R"yaml(task: logpdf
matrices: {{K: {{file: other.h5, dataset: /K}}}}
covariance: "kron(K, K)"
observations: {{file: {}, dataset: /y}}
)yaml"},
    {"observations.mask.file", R"yaml(task: logpdf
matrices: {{K: {{file: other.h5, dataset: /K}}}}
covariance: "kron(K, K)"
observations: {{file: other.h5, dataset: /y, mask: {{file: {}, dataset: /m}}}}
)yaml"},
    {"likelihood.exposure.file", R"yaml(task: logpdf
matrices: {{K: {{file: other.h5, dataset: /K}}}}
covariance: "kron(K, K)"
observations: {{file: other.h5, dataset: /y}}
likelihood: {{family: poisson, exposure: {{file: {}, dataset: /e}}}}
)yaml"},
    {"likelihood.trials.file", R"yaml(task: logpdf
matrices: {{K: {{file: other.h5, dataset: /K}}}}
covariance: "kron(K, K)"
observations: {{file: other.h5, dataset: /y}}
likelihood: {{family: binomial, trials: {{file: {}, dataset: /n}}}}
)yaml"},
    {"new_points.*.file", R"yaml(task: predict
kernels: {{K: {{formula: "exp(-d)", points: {{file: other.h5, dataset: /x}}}}}}
covariance: "kron(K, K)"
observations: {{file: other.h5, dataset: /y}}
new_points: {{K: {{file: {}, dataset: /z}}}}
)yaml"},
    {"new_points.*.columns.*.file", R"yaml(task: predict
matrices: {{X: {{file: other.h5, dataset: /X}}}}
kernels: {{K: {{formula: "exp(-d)", points: {{file: other.h5, dataset: /x}}}}}}
covariance: "kron(K, K)"
mean: {{columns: ["X"]}}
observations: {{file: other.h5, dataset: /y}}
new_points: {{K: {{file: other.h5, dataset: /z, columns: {{X: {{file: {}, dataset: /X}}}}}}}}
)yaml"},
    {"kernels.*.points.file", R"yaml(task: logdet
kernels: {{K: {{formula: "exp(-d)", points: {{file: {}, dataset: /x}}}}}}
operator: "kron(K, K)"
)yaml"},
    {"kernels.*.points.*.file", R"yaml(task: logdet
kernels:
  K:
    formula: "exp(-sqdist(u, v))"
    points:
      u: {{file: other.h5, dataset: /u, index: i}}
      v: {{file: {}, dataset: /v, index: j}}
operator: "kron(K, K)"
)yaml"},
    {"exposure.file", R"yaml(task: fit
family: poisson
filter: "kron(I, I) - r*kron(W, I)"
parameters: {{r: 0.1}}
matrices: {{W: {{file: other.h5, dataset: /W}}}}
observations: {{file: other.h5, dataset: /y}}
exposure: {{file: {}, dataset: /x}}
fit: {{parameters: {{r: {{}}}}}}
)yaml"},
    {"grams.file", R"yaml(task: graph
extents: [2, 2]
penalty: 0.1
grams: {{file: {}, dataset: /gram, samples: 5}}
)yaml"},
    {"weights.file", R"yaml(task: graph
extents: [2, 2]
penalty: 0.1
input: {{file: other.h5, dataset: /y}}
weights: {{file: {}, dataset: /weights}}
)yaml"},
    {"held_out.file", R"yaml(task: graph
extents: [2, 2]
penalty: 0.1
input: {{file: other.h5, dataset: /y}}
held_out: {{file: {}, dataset: /y}}
)yaml"},
    {"points.*.file", R"yaml(task: reduce
formula: "exp(-sqdist(u, v))"
points:
  u: {{file: other.h5, dataset: /u, index: i}}
  v: {{file: {}, dataset: /v, index: j}}
over: j
reduction: sum
)yaml"},
};

TEST_F(OutputCheck, KnowsEveryKeyThatNamesAFile) {
  std::set<std::string> known{"output.file"};
  for (const auto& [path, text] : jobs) {
    const std::string job =
        fmt::format(fmt::runtime(text), "data.h5") + "output: {file: ./data.h5, overwrite: true}\n";
    SCOPED_TRACE(job);
    expect_refused(job, "data.h5 of '");
    const auto files = parse(job).files;
    const auto found = std::find_if(files.begin(), files.end(), [&](const auto& use) {
      return use.file == directory_ + "/data.h5";
    });
    ASSERT_NE(found, files.end());
    EXPECT_EQ(configuration::find_entry(found->key + ".file")->path, path);
    known.insert(path);
  }
  for (const auto& entry : configuration::schema()) {
    const bool names_file =
        entry.path.ends_with("file") || entry.documentation.find("HDF5 file") != std::string::npos;
    EXPECT_TRUE(!names_file || known.contains(entry.path)) << entry.path << " has no job above";
  }
}

}  // namespace
}  // namespace kronwerk::application
