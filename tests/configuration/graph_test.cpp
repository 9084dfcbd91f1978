#include <gtest/gtest.h>

#include <string>

#include "configuration/job_text.hpp"
#include "kronwerk/configuration/job.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::configuration {
namespace {

const std::string graph_text = R"yaml(task: graph
parameters: {lambda: 0.1}
extents: [365, 12]
input: {file: wind.h5, dataset: /years, transform: sqrt}
centre: samples
penalty: [lambda, "lambda/2"]
weights: {file: wind.h5, dataset: /weights}
held_out: {file: other.h5, dataset: /years, transform: log}
sweep: {lambda: [0.3, 0.1, 0.03]}
trace: first
ebic_gamma: 1
output: out.h5
)yaml";

std::string with(const std::string& from, const std::string& to) {
  return replaced(graph_text, from, to);
}

TEST(GraphJob, IsReadWithAllItsKeys) {
  const Job job = parse_job(graph_text, "configs/x.yaml");
  ASSERT_TRUE(job.graph.has_value());
  const GraphRequest& graph = *job.graph;
  EXPECT_EQ(graph.extents.value, (core::Extents{365, 12}));
  EXPECT_EQ(graph.centre, Centre::samples);
  ASSERT_EQ(graph.penalty.size(), 2U);
  EXPECT_EQ(graph.penalty[1].value, "lambda/2");
  EXPECT_EQ(graph.weights->value.dataset, "/weights");
  EXPECT_EQ(graph.held_out->transform, Transform::log);
  EXPECT_EQ(graph.trace, TraceChoice::first);
  EXPECT_EQ(graph.gamma, 1);
  EXPECT_FALSE(graph.grams.has_value());
  ASSERT_EQ(job.sweep.size(), 1U);
  EXPECT_EQ(job.sweep[0].values, (std::vector<double>{0.3, 0.1, 0.03}));
  EXPECT_EQ(job.input->transform, Transform::sqrt);
  EXPECT_EQ(job.solver.tolerance, 1e-8);
  EXPECT_EQ(job.solver.max_iterations, 3000);
  EXPECT_TRUE(job.warnings.empty());
  EXPECT_EQ(job.files.size(), 3U);
}

TEST(GraphJob, TakesGramsInstead) {
  const Job job = parse_job(
      "task: graph\nextents: [3, 4]\npenalty: 0.1\n"
      "grams: {file: g.h5, dataset: /gram, samples: 7}\noutput: out.h5\n",
      "configs/x.yaml");
  EXPECT_EQ(job.graph->grams->samples, 7);
  EXPECT_EQ(job.graph->grams->group.file, "configs/g.h5");
  EXPECT_EQ(job.graph->penalty.size(), 1U);
}

TEST(GraphJob, RefusesWhatMakesNoSense) {
  EXPECT_NE(message(with("[lambda, \"lambda/2\"]", "-0.1")).find("at least 0, found -0.1"),
            std::string::npos);
  EXPECT_NE(message(with("[lambda, \"lambda/2\"]", "[0.1, -1]")).find("found -1"),
            std::string::npos);
  EXPECT_NE(message(with("[lambda, \"lambda/2\"]", "[0.1, 0.2, 0.3]")).find("3 values for the 2"),
            std::string::npos);
  EXPECT_NE(message(with("penalty: [lambda, \"lambda/2\"]\n", "")).find("missing key 'penalty'"),
            std::string::npos);
  EXPECT_NE(message(with("extents: [365, 12]\n", "")).find("missing key 'extents'"),
            std::string::npos);
  EXPECT_NE(message(with("extents: [365, 12]", "extents: []")).find("'extents' is empty"),
            std::string::npos);
  EXPECT_NE(message(with("input: {file: wind.h5, dataset: /years, transform: sqrt}\n", ""))
                .find("'input'"),
            std::string::npos);
  EXPECT_NE(message(graph_text + "grams: {file: g.h5, dataset: /g}\n").find("exclude each other"),
            std::string::npos);
  EXPECT_NE(message(with("input: {file: wind.h5, dataset: /years, transform: sqrt}",
                         "grams: {file: g.h5, dataset: /g}"))
                .find("'centre' needs the samples"),
            std::string::npos);
  EXPECT_NE(message(with("samples\n", "day\n")).find("must be one of none, mean, samples"),
            std::string::npos);
  EXPECT_NE(message(with("ebic_gamma: 1", "ebic_gamma: 2")).find("ebic_gamma"), std::string::npos);
  EXPECT_NE(message(with("sweep: {lambda: [0.3, 0.1, 0.03]}", "sweep: {solver: {seed: [1, 2]}}"))
                .find("parameters of the penalty"),
            std::string::npos);
  EXPECT_NE(message(graph_text + "repeat: 3\n").find("'repeat' is for one computation"),
            std::string::npos);
}

TEST(GraphJob, SaysWhichKeysItDoesNotUse) {
  const Job job = parse_job(graph_text + "operator: \"kron(A, B)\"\nsolver: {method: krylov}\n",
                            "configs/x.yaml");
  ASSERT_EQ(job.warnings.size(), 2U);
  EXPECT_NE(job.warnings[0].find("'operator' is not used by the task 'graph'"), std::string::npos);
}

}  // namespace
}  // namespace kronwerk::configuration
