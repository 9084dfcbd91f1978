// A few hundred random jobs against the dense oracle; `jobs/adversary.sh` runs thousands.
#include <gtest/gtest.h>

#include <filesystem>

#include "adversary/jobs/runner.hpp"

namespace kronwerk::adversary {
namespace {

/// Every number of ranks has jobs of its own.
std::uint64_t first_seed(const communication::Communicator& comm) {
  return 1'000'000 * static_cast<std::uint64_t>(comm.size());
}

/// Runs `count` jobs; those that are wrong stay where the message says. Collective.
void expect_right(Family family, int count) {
  Runner runner((std::filesystem::temp_directory_path() / "kronwerk-adversary").string());
  for (int k = 0; k < count; ++k) {
    runner.run(family, first_seed(runner.comm()) + static_cast<std::uint64_t>(k));
  }
  for (const Finding& finding : runner.findings()) ADD_FAILURE() << finding.text;
  if (!runner.comm().is_root()) return;
  // Most jobs have to say something, or the judge has gone to sleep.
  EXPECT_GT(runner.count(family, Verdict::right), count / 2) << runner.counts(family);
  EXPECT_LT(runner.count(family, Verdict::refused), count / 4) << runner.counts(family);
}

TEST(RandomJobs, OfOperatorsAgreeWithTheDenseOracle) {
  expect_right(Family::operators, 150);
}

TEST(RandomJobs, OfGaussianModelsAgreeWithTheDenseOracle) {
  expect_right(Family::models, 80);
}

TEST(RandomJobs, OfFlowModelsAgreeWithTheDenseOracle) {
  expect_right(Family::flows, 20);
}

}  // namespace
}  // namespace kronwerk::adversary
