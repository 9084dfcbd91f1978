#include "kronwerk/models/flow/effects.hpp"

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
      const Matrix inverse = oracle::inverse(dense(x[0], x[1], x[2]));
      return [this, inverse](std::span<const double> b, std::span<double> y, bool) {
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

  /// F_r by the N x N inverse and the whole change.
  void expect_effects(const FlowEffects& effects, const std::vector<AttributeUse>& uses,
                      const std::vector<Matrix>& matrices, const Numbers& x, const Numbers& delta) {
    const Matrix inverse = oracle::inverse(dense(x[0], x[1], x[2]));
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
          const double value = f[static_cast<std::size_t>(i * regions + j)];
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
  EffectsSolver solver(comm_, a, m, uses, dense_solves());
  const auto effects = solver.find(x, delta);
  EXPECT_EQ(solver.grid_solves(), 0);
  EXPECT_EQ(solvers_, 0);
  const Matrix identity = oracle::identity(regions);
  expect_effects(effects, uses, {identity, identity, m_}, x, delta);
}

TEST_F(FlowEffectsTest, OfDiagonalsAndOtherColumnsAreSolved) {
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  const Numbers ones(regions, 1.0);
  const std::vector<AttributeUse> uses{
      {AttributeUse::Place::origin, {{factors::make_identity(regions)}}, ones, 0},
      {AttributeUse::Place::diagonal, chain(m_), {}, 1},
      {AttributeUse::Place::origin, chain(m_), oracle::random_vector(regions, 4), 2}};
  const Numbers x{0.3, 0.25, 0.2}, delta{0.8, -0.6, 0.4};
  EffectsSolver solver(comm_, a, m, uses, dense_solves());
  const auto effects = solver.find(x, delta);
  EXPECT_EQ(solver.grid_solves(), regions);
  expect_effects(effects, uses, {oracle::identity(regions), m_, m_}, x, delta);
}

TEST_F(FlowEffectsTest, OfSeparableFiltersNeedNoSolveOverTheGrid) {
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  const std::vector<AttributeUse> uses{
      {AttributeUse::Place::origin, chain(m_), oracle::random_vector(regions, 4), 0},
      {AttributeUse::Place::destination, chain(m_), oracle::random_vector(regions, 5), 1}};
  const Numbers x{0.4, 0.3, -0.12}, delta{0.8, -0.6};
  EffectsSolver solver(comm_, a, m, uses, dense_solves());
  expect_effects(solver.find(x, delta), uses, {m_, m_}, x, delta);
  EXPECT_EQ(solver.grid_solves(), 0);
}

TEST_F(FlowEffectsTest, AreOfSquareGrids) {
  use(weights(5, 1), weights(7, 2));
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  const std::vector<AttributeUse> uses;
  EXPECT_THROW(EffectsSolver(comm_, a, m, uses, dense_solves()), core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::models
