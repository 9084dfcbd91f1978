#include "kronwerk/models/covariance/ones_estimate.hpp"

#include "models/ones/ones_core.hpp"
#include "models/ones/ones_fixture.hpp"
#include "models/ones/ones_update.hpp"

namespace kronwerk::models {
namespace {

class OnesEstimateTest : public OnesFixture {
 protected:
  static OnesEstimate estimate_of(const Model& model) {
    std::vector<std::vector<TermPart>> terms;
    for (const Term& term : model.terms) {
      auto& parts = terms.emplace_back();
      for (const char letter : term.letters) {
        parts.push_back(letter == 'j'   ? TermPart::ones
                        : letter == 'i' ? TermPart::identity
                                        : TermPart::matrix);
      }
    }
    return estimate_ones(model.extents, terms);
  }
};

TEST_F(OnesEstimateTest, CountsWhatIsThenDecomposed) {
  const std::vector<Model> models{{{5, 4}, {{1, "cj"}, {1, "jc"}}, 1},
                                  {{5, 4}, {{1, "cc"}, {1, "cj"}, {1, "jc"}, {1, "ij"}}, 1},
                                  {{3, 4, 2}, {{1, "cjj"}, {1, "jcj"}, {1, "jjc"}, {1, "ccj"}}, 1},
                                  {{3, 4, 2}, {{1, "cjj"}, {1, "jcj"}, {1, "ccj"}}, 1},
                                  {{3, 1, 2}, {{1, "ccc"}, {1, "jcj"}, {1, "ccj"}, {1, "jjj"}}, 1}};
  for_models(models, [&](const Model& model) {
    const auto covariance = make(terms_of(model));
    const OnesEstimate estimate = estimate_of(model);
    ASSERT_TRUE(estimate.needed);
    EXPECT_EQ(estimate.update, covariance.update() != nullptr);
    const auto order = static_cast<double>(
        covariance.core() != nullptr ? covariance.core()->size() : covariance.update()->size());
    EXPECT_EQ(order, estimate.update ? estimate.columns : estimate.core);
    EXPECT_GE(estimate.bytes_per_node(), 3 * 8 * order * order);
  });
}

TEST_F(OnesEstimateTest, TakesAnUpdateWhereACoreIsTooLarge) {
  EXPECT_FALSE(estimate_of({{5000, 5000}, {{1, "cj"}, {1, "jc"}}, 1}).update);
  EXPECT_TRUE(estimate_of({{5000, 5002}, {{1, "cj"}, {1, "jc"}}, 1}).update);
  const OnesEstimate large = estimate_of({{1500, 1000}, {{1, "cc"}, {1, "cj"}, {1, "jc"}}, 1});
  EXPECT_TRUE(large.update);
  EXPECT_EQ(large.columns, 2500);
  EXPECT_EQ(large.core, 1.5e6);
}

TEST_F(OnesEstimateTest, CountsNothingWhereOnesStandAlone) {
  const OnesEstimate estimate = estimate_of({{5, 4}, {{1, "cj"}, {2, "ij"}}, 1});
  EXPECT_FALSE(estimate.needed);
  EXPECT_EQ(estimate.bytes_per_node(), 0);
}

}  // namespace
}  // namespace kronwerk::models
