#include <gtest/gtest.h>

#include "kronwerk/configuration/job.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::configuration {
namespace {

Job parse(const std::string& sweep, const std::vector<std::string>& overrides = {}) {
  const std::string text = R"yaml(task: solve
parameters: {rho_o: 0.35}
matrices: {W: {file: flights.h5, dataset: /W}}
operator: "kron(I - rho_o*W, I - rho_d*W)"
input: {file: flights.h5, dataset: /y}
output: out.h5
)yaml";
  return parse_job(text + "sweep: " + sweep + "\n", "x.yaml", overrides);
}

std::string refusal(const std::string& sweep) {
  try {
    parse(sweep);
  } catch (const core::ConfigurationError& error) {
    return error.what();
  }
  return "accepted";
}

void expect_refusal(const std::string& sweep, const std::string& part) {
  const std::string message = refusal(sweep);
  EXPECT_NE(message.find(part), std::string::npos) << message;
  EXPECT_TRUE(message.starts_with("x.yaml:7:")) << message;
}

TEST(Sweep, ReadsListsAndRangesInTheOrderWritten) {
  const Job job = parse("{rho_o: [0.2, 0.1], rho_d: {from: 0, to: 0.9, count: 10}}");
  ASSERT_EQ(job.sweep.size(), 2U);
  EXPECT_EQ(job.sweep[0].name, "rho_o");
  EXPECT_EQ(job.sweep[0].values, (std::vector<double>{0.2, 0.1}));
  EXPECT_EQ(job.sweep[1].name, "rho_d");
  ASSERT_EQ(job.sweep[1].values.size(), 10U);
  EXPECT_EQ(job.sweep[1].values.front(), 0);
  EXPECT_DOUBLE_EQ(job.sweep[1].values[3], 0.3);
  EXPECT_EQ(job.sweep[1].values.back(), 0.9);
}

TEST(Sweep, SetsTheParametersOfTheFirstPoint) {
  const Job job = parse("{rho_o: [0.2, 0.1], rho_d: {from: 0.5, to: -1, count: 1}}");
  EXPECT_EQ(job.parameters.at("rho_o").value, 0.2);
  EXPECT_EQ(job.parameters.at("rho_d").value, 0.5);
  EXPECT_EQ(job.sweep[1].values, std::vector<double>{0.5});
}

TEST(Sweep, TakesKeysOfTheSolver) {
  const Job job = parse("{rho_o: [0.2], rho_d: [0.1], solver: {tolerance: [1e-4, 1e-8]}}");
  ASSERT_EQ(job.sweep.size(), 3U);
  EXPECT_EQ(job.sweep[2].name, "solver.tolerance");
  EXPECT_EQ(job.sweep[2].values, (std::vector<double>{1e-4, 1e-8}));
  EXPECT_FALSE(job.parameters.contains("solver.tolerance"));
  expect_refusal("{rho_d: [0.1], solver: {tolerance: [-1]}}", "'sweep.solver.tolerance' holds -1");
  expect_refusal("{rho_d: [0.1], solver: {toleranse: [1]}}", "did you mean 'tolerance'?");
}

TEST(Sweep, TakesOverrides) {
  const Job job = parse("{rho_o: [0.2], rho_d: {from: 0, to: 1, count: 3}}",
                        {"sweep.rho_o=[1, 2, 3]", "sweep.rho_d.count=2"});
  EXPECT_EQ(job.sweep[0].values, (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(job.sweep[1].values, (std::vector<double>{0, 1}));
}

TEST(Sweep, RefusesWhatIsNoListOfNumbers) {
  expect_refusal("{}", "'sweep' is empty");
  expect_refusal("{rho_o: []}", "'sweep.rho_o' is empty");
  expect_refusal("{rho_o: [0.1, .nan]}", "'sweep.rho_o[]' must be a number");
  expect_refusal("{rho_o: [0.1, [0.2]]}", "'sweep.rho_o[]' must be a number, found a list");
  expect_refusal("{rho_o: 0.1}", "'sweep.rho_o' must be a list or a map");
  expect_refusal("[0.1]", "'sweep' must be a map");
}

TEST(Sweep, RefusesRangesThatAreNotComplete) {
  expect_refusal("{rho_o: {from: 0, count: 3}}", "missing key 'to' in 'sweep.rho_o'");
  expect_refusal("{rho_o: {to: 0, count: 3}}", "missing key 'from' in 'sweep.rho_o'");
  expect_refusal("{rho_o: {from: 0, to: 1}}", "missing key 'count' in 'sweep.rho_o'");
  expect_refusal("{rho_o: {from: 0, to: 1, count: 0}}", "'sweep.rho_o.count' must be at least 1");
  expect_refusal("{rho_o: {from: 0, to: .nan, count: 2}}", "'sweep.rho_o.to' must be a number");
  expect_refusal("{rho_o: {from: 0, to: 1, cuont: 2}}", "did you mean 'count'?");
}

TEST(Sweep, RefusesMatricesAndTooManyPoints) {
  expect_refusal("{W: [1, 2]}", "'sweep' names 'W', which is a matrix");
  expect_refusal("{a: {from: 0, to: 1, count: 1000}, b: {from: 0, to: 1, count: 101}}",
                 "the sweep has more than 100000 points");
}

TEST(Sweep, IsNotRepeated) {
  EXPECT_EQ(parse("{rho_o: [0.2], rho_d: [0.1]}", {"repeat=1"}).repeat, 1);
  try {
    parse("{rho_o: [0.2], rho_d: [0.1]}", {"repeat=5"});
    FAIL() << "accepted";
  } catch (const core::ConfigurationError& error) {
    EXPECT_NE(std::string(error.what()).find("'repeat' is for one computation"), std::string::npos)
        << error.what();
    EXPECT_NE(std::string(error.what()).find("repeat=5"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace kronwerk::configuration
