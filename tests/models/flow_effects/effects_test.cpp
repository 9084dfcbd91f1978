#include "kronwerk/models/flow_effects/effects.hpp"

#include <gtest/gtest.h>

#include "models/flow/flow_fixture.hpp"

namespace kronwerk::models {
namespace {

constexpr Index regions = 6;

class FlowEffectsTest : public FlowFixture {
 protected:
  FlowEffectsTest() {
    use(isolated(regions, 1), isolated(regions, 2));
    m_ = weights(regions, 9);
  }

  factors::Chain chain(const Matrix& m) const {
    return {{factors::make_dense(
        "M", {m.rows, m.cols, communication::SharedArray<double>::from_private(m.values)})}};
  }

  FlowSolveMaker dense_solves() {
    return [this](std::span<const double> x) -> FlowSolve {
      ++solvers_;
      const Matrix forward = oracle::inverse(dense(x[0], x[1], x[2]));
      return [this, forward](std::span<const double> b, std::span<double> y, bool transposed) {
        const Matrix inverse = transposed ? oracle::transpose(forward) : forward;
        const Index size = regions * regions;
        Numbers whole(static_cast<std::size_t>(size), 0.0);
        const distribution::BlockPartition rows(regions, comm_.size());
        const auto first = rows.begin(comm_.rank()) * regions;
        std::copy(b.begin(), b.end(), whole.begin() + first);
        comm_.sum(std::span<double>(whole));
        const Numbers solution = oracle::multiply(inverse, whole);
        std::copy_n(solution.begin() + first, y.size(), y.begin());
      };
    };
  }

  /// Eigenvectors of V and W, in which a filter of them is diagonal.
  FilterBasesMaker eigenvectors(const FlowFilter& filter, bool expected = true) {
    return [this, &filter, expected]() -> std::optional<FilterBases> {
      FilterBases result;
      for (const std::size_t mode : {0U, 1U}) {
        factors::BasisRequest request{chain(w_.at(mode == 0 ? "V" : "W"))};
        result.bases[mode] = factors::find_bases(comm_, std::span(&request, 1)).bases[0];
        EXPECT_EQ(result.bases[mode] != nullptr, expected);
        if (!result.bases[mode]) return std::nullopt;
        for (const auto& matrix : filter.matrices(mode)) {
          auto& values = result.spectra[mode].values.emplace_back(result.bases[mode]->eigenvalues);
          if (matrix->is_identity()) std::ranges::fill(values, 1.0);
        }
        pairs_ += result.bases[mode]->pairs;
      }
      return result;
    };
  }
  EffectsSolver::Model model(const FlowFilter& a, const FlowMatrices& m,
                             const std::vector<AttributeUse>& uses) const {
    return {&comm_, &a, &m, &uses, acts_on_};
  }
  /// A mean for every cell.
  static Numbers means() {
    Numbers values = oracle::random_vector(regions * regions, 77);
    for (double& value : values) value = std::exp(value);
    return values;
  }
  CellWeights weighted() {
    const Numbers all = means();
    const distribution::BlockPartition rows(regions, comm_.size());
    const auto begin = all.begin() + rows.begin(comm_.rank()) * regions;
    return {comm_,
            *workspace_,
            {regions, regions},
            Numbers(begin, begin + rows.count(comm_.rank()) * regions)};
  }

  /// F_r by the N x N inverse and the whole change.
  void expect_effects(const FlowEffects& effects, const std::vector<AttributeUse>& uses,
                      const std::vector<Matrix>& matrices, const Numbers& x, const Numbers& delta,
                      const Numbers& lambda = Numbers(regions * regions, 1.0)) {
    const Matrix inverse = acts_on_ == FilterActsOn::errors
                               ? oracle::identity(regions * regions)
                               : oracle::inverse(dense(x[0], x[1], x[2]));
    for (Index r = 0; r < regions; ++r) {
      Numbers change(regions * regions, 0.0);
      for (std::size_t u = 0; u < uses.size(); ++u) {
        for (Index i = 0; i < regions; ++i) {
          for (Index j = 0; j < regions; ++j) {
            double value = 0;
            if (uses[u].place == AttributeUse::Place::origin) {
              value = matrices[u](i, r) * uses[u].other[static_cast<std::size_t>(j)];
            } else if (uses[u].place == AttributeUse::Place::destination) {
              value = uses[u].other[static_cast<std::size_t>(i)] * matrices[u](j, r);
            } else if (i == j) {
              value = matrices[u](i, r);
            }
            change[static_cast<std::size_t>(i * regions + j)] += delta[uses[u].column] * value;
          }
        }
      }
      const Numbers f = oracle::multiply(inverse, change);
      double origin = 0, destination = 0, intra = 0, network = 0;
      for (Index i = 0; i < regions; ++i) {
        for (Index j = 0; j < regions; ++j) {
          const auto cell = static_cast<std::size_t>(i * regions + j);
          const double value = lambda[cell] * f[cell];
          (i == r ? (j == r ? intra : origin) : (j == r ? destination : network)) += value;
        }
      }
      const auto at = static_cast<std::size_t>(r);
      EXPECT_NEAR(effects.origin[at], origin, 1e-11);
      EXPECT_NEAR(effects.destination[at], destination, 1e-11);
      EXPECT_NEAR(effects.intra[at], intra, 1e-11);
      EXPECT_NEAR(effects.network[at], network, 1e-11);
      EXPECT_NEAR(effects.total[at], origin + destination + intra + network, 1e-11);
    }
  }

  Matrix m_;
  int solvers_ = 0;
  Index pairs_ = 0;
  FilterActsOn acts_on_ = FilterActsOn::response;
  const std::string m9_ = "kron(I, I) - o*kron(V, I) - d*kron(I, W) - w*kron(V, W)";
};

TEST_F(FlowEffectsTest, OfSimpleColumnsNeedNoSolveOverTheGrid) {
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  const Numbers ones(regions, 1.0);
  const std::vector<AttributeUse> uses{
      {AttributeUse::Place::origin, {{factors::make_identity(regions)}}, ones, 1},
      {AttributeUse::Place::destination, {{factors::make_identity(regions)}}, ones, 2},
      {AttributeUse::Place::destination, chain(m_), ones, 3}};
  const Numbers x{0.3, 0.25, -0.1}, delta{5, 0.8, -0.6, 0.4};
  EffectsSolver solver(model(a, m, uses), dense_solves(), eigenvectors(a));
  const Matrix identity = oracle::identity(regions);
  expect_effects(solver.find(x, delta), uses, {identity, identity, m_}, x, delta);
  expect_effects(solver.find(x, delta, weighted()), uses, {identity, identity, m_}, x, delta,
                 means());
  EXPECT_EQ(solver.grid_solves(), 0);
  EXPECT_EQ(solvers_, 0);
  EXPECT_EQ(solver.method(), "by solves with single modes");
}

/// Three kinds of columns that are not simple.
class GeneralEffects : public FlowEffectsTest {
 protected:
  std::vector<AttributeUse> uses() const {
    return {{AttributeUse::Place::origin, {{factors::make_identity(regions)}}, ones_, 0},
            {AttributeUse::Place::diagonal, chain(m_), {}, 1},
            {AttributeUse::Place::origin, chain(m_), oracle::random_vector(regions, 4), 2},
            {AttributeUse::Place::destination,
             {{factors::make_identity(regions)}},
             oracle::random_vector(regions, 5),
             3},
            {AttributeUse::Place::diagonal, {{factors::make_identity(regions)}}, {}, 4}};
  }
  std::vector<Matrix> changes() const {
    const Matrix identity = oracle::identity(regions);
    return {identity, m_, m_, identity, identity};
  }

  const Numbers ones_ = Numbers(regions, 1.0);
  const Numbers x_{0.3, 0.25, 0.2};
  const Numbers delta_{0.8, -0.6, 0.4, 1.1, -0.3};
};

TEST_F(GeneralEffects, AreFoundByPowersWithoutEigenvectors) {
  use(nearly_defective(regions), nearly_defective(regions));
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  const auto uses = this->uses();
  EffectsSolver solver(model(a, m, uses), dense_solves(), eigenvectors(a, false));
  expect_effects(solver.find(x_, delta_), uses, changes(), x_, delta_);
  EXPECT_EQ(solver.grid_solves(), 0);
  EXPECT_EQ(solvers_, 0);
  EXPECT_NE(solver.method().find("by the powers of both modes' matrices"), std::string::npos);
  expect_effects(solver.find(x_, delta_, weighted()), uses, changes(), x_, delta_, means());
  // Weights whose rows sum to one, next to the border; and with a negative ρ_w.
  use(isolated(regions, 1), isolated(regions, 2));
  const FlowMatrices others = matrices(a);
  EffectsSolver second(model(a, others, uses), dense_solves(), {});
  for (const Numbers& x : {Numbers{0.45, 0.4, 0.05}, Numbers{0.52, 0.52, -0.4}}) {
    expect_effects(second.find(x, delta_), uses, changes(), x, delta_);
    EXPECT_EQ(second.grid_solves(), 0);
  }
}

TEST_F(GeneralEffects, AreSolvedWhereTheSeriesConvergesSlowly) {
  use(nearly_defective(regions), nearly_defective(regions));
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  const auto uses = this->uses();
  const Numbers x{0.5, 0.4, 0.099};
  EffectsSolver solver(model(a, m, uses), dense_solves(), eigenvectors(a, false));
  expect_effects(solver.find(x, delta_), uses, changes(), x, delta_);
  EXPECT_EQ(solver.grid_solves(), regions);
  EXPECT_EQ(solver.method(), "6 solves over the grid");
  expect_effects(solver.find(x, delta_, weighted()), uses, changes(), x, delta_, means());
}

TEST_F(GeneralEffects, AreFoundInComplexEigenvectors) {
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  const auto uses = this->uses();
  EffectsSolver solver(model(a, m, uses), dense_solves(), eigenvectors(a));
  expect_effects(solver.find(x_, delta_), uses, changes(), x_, delta_);
  EXPECT_EQ(solver.grid_solves(), 0);
  EXPECT_EQ(solvers_, 0);
  EXPECT_GT(pairs_, 0);
  EXPECT_NE(solver.method().find("in eigenvectors of both modes"), std::string::npos);
  expect_effects(solver.find(x_, delta_, weighted()), uses, changes(), x_, delta_, means());
  EXPECT_EQ(solvers_, 1);  // the adjoint of the means
}

TEST_F(GeneralEffects, AreFoundInRealEigenvectors) {
  // Similar to a symmetric matrix, as contiguity with rows that sum to one is.
  Matrix w(regions, regions);
  for (Index i = 0; i + 1 < regions; ++i) {
    for (const Index j : {(i + 1) % (regions - 1), (i + regions - 2) % (regions - 1)}) {
      w(i, j) = i == 0 || j == 0 ? 0.4 : 0.5;
    }
  }
  use(w, w);
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  const auto uses = this->uses();
  EffectsSolver solver(model(a, m, uses), dense_solves(), eigenvectors(a));
  expect_effects(solver.find(x_, delta_), uses, changes(), x_, delta_);
  expect_effects(solver.find(x_, delta_, weighted()), uses, changes(), x_, delta_, means());
  EXPECT_EQ(pairs_, 0);
  EXPECT_EQ(solver.grid_solves(), 0);
}

TEST_F(GeneralEffects, OfASingularFilterAreNone) {
  Matrix w(regions, regions);
  for (Index i = 0; i < regions; ++i) {
    for (const Index j : {i + 1, i + regions - 1}) w(i, j % regions) = 0.5;
  }
  use(w, w);
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  const std::vector<AttributeUse> uses{this->uses()[1]};
  EffectsSolver solver(model(a, m, uses), dense_solves(), eigenvectors(a));
  EXPECT_THROW(solver.find(Numbers{0.5, 0.5, 0}, delta_), core::SingularError);
}

TEST_F(GeneralEffects, OnErrorsAreTheChangesOfTheColumns) {
  acts_on_ = FilterActsOn::errors;
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  const auto uses = this->uses();
  EffectsSolver solver(model(a, m, uses), dense_solves(), eigenvectors(a));
  expect_effects(solver.find(x_, delta_), uses, changes(), x_, delta_);
  EXPECT_EQ(solvers_, 0);
}

TEST_F(FlowEffectsTest, OfSeparableFiltersNeedNoSolveOverTheGrid) {
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  const std::vector<AttributeUse> uses{
      {AttributeUse::Place::origin, chain(m_), oracle::random_vector(regions, 4), 0},
      {AttributeUse::Place::destination, chain(m_), oracle::random_vector(regions, 5), 1}};
  const Numbers x{0.4, 0.3, -0.12}, delta{0.8, -0.6};
  EffectsSolver solver(model(a, m, uses), dense_solves(), {});
  expect_effects(solver.find(x, delta), uses, {m_, m_}, x, delta);
  EXPECT_EQ(solver.grid_solves(), 0);
}

TEST_F(FlowEffectsTest, AreOfSquareGrids) {
  use(weights(5, 1), weights(7, 2));
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  const std::vector<AttributeUse> uses;
  EXPECT_THROW(EffectsSolver(model(a, m, uses), dense_solves(), {}), core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::models
