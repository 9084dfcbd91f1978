#include "kronwerk/operators/grids/grams.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "support/dense_oracle.hpp"

namespace kronwerk::operators {
namespace {

using Vectors = std::vector<std::vector<double>>;

/// By the definition.
oracle::Matrix mode_gram(const Extents& extents, std::size_t mode, Index samples,
                         const std::vector<double>& y) {
  Index right = 1;
  for (std::size_t k = mode + 1; k < extents.size(); ++k) right *= extents[k];
  const Index n = extents[mode];
  const Index points = core::product(extents);
  oracle::Matrix gram(n, n);
  for (Index p = 0; p < samples * points; ++p) {
    const Index i = p / right % n;
    for (Index j = 0; j < n; ++j) {
      gram(i, j) += y[static_cast<std::size_t>(p)] *
                    y[static_cast<std::size_t>(p + (j - i) * right)] /
                    static_cast<double>(samples * points / n);
    }
  }
  return gram;
}

class Grams : public testing::Test {
 protected:
  /// Samples in blocks of these sizes.
  Vectors grams(const Extents& extents, const std::vector<Index>& blocks,
                const std::vector<double>& y, std::optional<double>* norm = nullptr) {
    ModeGrams grams(comm_, workspace_, extents, norm != nullptr);
    Index first = 0;
    for (const Index samples : blocks) {
      const auto layout = grams.layout(samples);
      const auto begin =
          y.begin() + first * core::product(extents) + layout.home_begin(comm_.rank());
      const std::vector<double> own(begin, begin + layout.home_size(comm_.rank()));
      grams.add(samples, own);
      first += samples;
    }
    Vectors result = grams.finish();
    if (norm != nullptr) *norm = grams.operator_norm();
    return result;
  }

  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
  std::shared_ptr<communication::SharedBlocks> workspace_ =
      std::make_shared<communication::SharedBlocks>(comm_);
};

TEST_F(Grams, AreThoseOfTheDefinition) {
  struct Case {
    Extents extents;
    std::vector<Index> blocks;
  };
  for (const Case& item : std::vector<Case>{{{5, 7}, {1}},
                                            {{5, 7}, {4, 4, 1}},
                                            {{2, 3, 4}, {9}},
                                            {{7, 1, 11, 2}, {1, 2}},
                                            {{6}, {5}},
                                            {{1, 9}, {3}},
                                            {{40, 3, 33}, {2}},
                                            {{3, 300}, {3}},
                                            {{2, 5, 300}, {2, 1}}}) {
    SCOPED_TRACE(core::to_text(item.extents));
    Index samples = 0;
    for (const Index block : item.blocks) samples += block;
    const auto y = oracle::random_vector(samples * core::product(item.extents), 9);
    const auto found = grams(item.extents, item.blocks, y);
    for (std::size_t k = 0; k < item.extents.size(); ++k) {
      const auto expected = mode_gram(item.extents, k, samples, y);
      EXPECT_LT(oracle::relative_error(found[k], expected.values), 1e-13) << "mode " << k;
    }
  }
}

TEST_F(Grams, SamplesOverTheRanksNeedNoExchange) {
  const ModeGrams grams(comm_, workspace_, {4, 5, 6});
  EXPECT_EQ(grams.layout(100 * comm_.size()).leading_modes(), 1);
}

TEST_F(Grams, AreTheMeansOfTheGramOperator) {
  // The projection of the explicit operator is that of its mode-wise Gram matrices.
  const Extents extents{3, 2, 4};
  constexpr Index samples = 5;
  const auto y = oracle::random_vector(samples * 24, 31);
  oracle::Matrix gram(24, 24);
  for (Index s = 0; s < samples; ++s) {
    for (Index i = 0; i < 24; ++i) {
      for (Index j = 0; j < 24; ++j) {
        gram(i, j) += y[static_cast<std::size_t>(s * 24 + i)] *
                      y[static_cast<std::size_t>(s * 24 + j)] / samples;
      }
    }
  }
  for (const auto rule : {TraceRule::split, TraceRule::first, TraceRule::none}) {
    MatrixProjection projection(comm_, extents);
    if (comm_.is_root()) projection.add_rows(0, gram.values);
    const auto expected = projection.finish(rule);
    std::optional<double> norm;
    const auto matrices = grams(extents, {samples}, y, &norm);
    const auto found = project_gram(extents, matrices, rule, norm);
    EXPECT_NEAR(found.norm, expected.norm, 1e-13);
    EXPECT_NEAR(found.residual, expected.residual, 1e-13);
    EXPECT_NEAR(found.explained, expected.explained, 1e-13);
    for (std::size_t k = 0; k < extents.size(); ++k) {
      EXPECT_LT(oracle::relative_error(found.factors[k], expected.factors[k]), 1e-13);
    }
    EXPECT_NEAR(found.offset, expected.offset, 1e-15);
  }
}

TEST_F(Grams, RefuseBadInputOnEveryRank) {
  EXPECT_THROW(ModeGrams(comm_, workspace_, {}), core::ShapeError);
  EXPECT_THROW(ModeGrams(comm_, workspace_, {2, 0}), core::ShapeError);
  ModeGrams empty(comm_, workspace_, {2, 3});
  EXPECT_THROW(empty.finish(), core::DataError);
  std::vector<double> y(6, 1);
  y[4] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(grams({2, 3}, {1}, y), core::DataError);
  ModeGrams wrong(comm_, workspace_, {2, 3});
  EXPECT_THROW(wrong.add(1, std::vector<double>(7)), core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::operators
