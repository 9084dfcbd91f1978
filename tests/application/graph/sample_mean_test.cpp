#include "application/graph/sample_mean.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "support/dense_oracle.hpp"

namespace kronwerk::application {
namespace {

using core::Index;

/// Samples in blocks that begin and end within samples, cut anywhere between the ranks.
TEST(SampleMean, IsTakenFromSamplesInBlocksWhereverTheyBegin) {
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  for (const Index points : {1, 7, 40}) {
    constexpr Index samples = 6;
    const auto values = oracle::random_vector(samples * points, 3);
    std::vector<double> mean(static_cast<std::size_t>(points));
    for (std::size_t i = 0; i < values.size(); ++i) {
      mean[i % mean.size()] += values[i] / static_cast<double>(samples);
    }
    SampleMean found(comm, points);
    const auto visit = [&](const auto& work) {
      for (const Index first : {0, 4}) {  // blocks of four and two samples
        const Index count = (first == 0 ? 4 : 2) * points;
        const Index begin = first * points + count * comm.rank() / comm.size();
        const Index end = first * points + count * (comm.rank() + 1) / comm.size();
        work(begin, std::vector<double>(values.begin() + begin, values.begin() + end));
      }
    };
    visit([&](Index begin, const std::vector<double>& block) { found.add(begin, block); });
    found.finish(samples);
    visit([&](Index begin, std::vector<double> block) {
      found.subtract(begin, block);
      for (std::size_t i = 0; i < block.size(); ++i) {
        const std::size_t at = static_cast<std::size_t>(begin) + i;
        EXPECT_NEAR(block[i], values[at] - mean[at % mean.size()], 1e-14);
      }
    });
  }
}

}  // namespace
}  // namespace kronwerk::application
