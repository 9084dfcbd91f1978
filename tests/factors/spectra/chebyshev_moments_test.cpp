#include "kronwerk/factors/spectra/chebyshev_moments.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "factors/sparse/sparse_cases.hpp"
#include "kronwerk/core/progress.hpp"

namespace kronwerk::factors::test {
namespace {

double trace(const Matrix& a) {
  double sum = 0;
  for (Index i = 0; i < a.rows; ++i) sum += a(i, i);
  return sum;
}

/// tr T_k(X) by the recursion of the polynomials.
std::vector<double> dense_moments(const Matrix& x, std::size_t count) {
  Matrix before = oracle::identity(x.rows);
  Matrix now = x;
  std::vector<double> result{trace(before)};
  while (result.size() < count) {
    result.push_back(trace(now));
    Matrix next = oracle::add(2.0, oracle::multiply(x, now), -1.0, before);
    before = std::move(now);
    now = std::move(next);
  }
  return result;
}

void expect_moments(const Matrix& w, const FactorPtr& factor, double tolerance) {
  const auto comm = world();
  const ChebyshevMoments moments = chebyshev_moments(comm, {{factor}});
  const Matrix x = oracle::add(1.0 / moments.half_width, w, -moments.centre / moments.half_width,
                               oracle::identity(w.rows));
  const auto expected = dense_moments(x, 40);
  for (std::size_t k = 0; k < expected.size(); ++k) {
    const double scale = std::pow(moments.ellipse / 0.85, static_cast<double>(k));
    EXPECT_NEAR(moments.values[k], expected[k],
                tolerance * scale * (static_cast<double>(k) + 1) * static_cast<double>(w.rows))
        << k;
    EXPECT_LE(std::abs(moments.values[k] - expected[k]), moments.errors[k]) << k;
  }
}

TEST(ChebyshevMoments, AreTracesOfThePolynomials) {
  for (const Graph graph : {Graph::ring, Graph::line, Graph::islands, Graph::random_symmetric}) {
    SCOPED_TRACE(static_cast<int>(graph));
    const Matrix w = weights(graph, 61);
    expect_moments(w, sparse_factor("W", w), 1e-13);
  }
}

TEST(ChebyshevMoments, OfComplexSpectraTakeASmallerCircle) {
  for (const Graph graph : {Graph::directed, Graph::random_directed}) {
    SCOPED_TRACE(static_cast<int>(graph));
    const Matrix w = weights(graph, 37);
    const FactorPtr factor = sparse_factor("W", w);
    const auto comm = world();
    const ChebyshevMoments moments = chebyshev_moments(comm, {{factor}});
    EXPECT_GT(moments.ellipse, 1.05);
    EXPECT_LT(moments.radius, 0.81);
    EXPECT_LT(moments.checked, 1e-11);
    // The first of them: later ones are known to the power of the radius only.
    const Matrix x = oracle::add(1.0 / moments.half_width, w, -moments.centre / moments.half_width,
                                 oracle::identity(w.rows));
    const auto expected = dense_moments(x, 12);
    for (std::size_t k = 0; k < expected.size(); ++k) {
      EXPECT_LE(std::abs(moments.values[k] - expected[k]), moments.errors[k]) << k;
    }
  }
}

TEST(ChebyshevMoments, SayHowManyFactorisationsAreDone) {
  const auto comm = world();
  core::Index last = 0, all = 0;
  core::set_progress_listener([&](std::string_view unit, core::Index done, core::Index total) {
    EXPECT_EQ(unit, "factorisation");
    EXPECT_GT(done, last);
    last = done;
    all = total;
  });
  const auto moments = chebyshev_moments(comm, {{sparse_factor("W", weights(Graph::ring, 31))}});
  core::set_progress_listener({});
  EXPECT_EQ(all, moments.factorisations);
  EXPECT_GT(last, moments.factorisations - comm.size());
}

TEST(ChebyshevMoments, OfATransposeAndOfDiagonals) {
  const auto comm = world();
  const Matrix w = weights(Graph::line, 30);
  const FactorPtr factor = sparse_factor("W", w);
  const auto plain = chebyshev_moments(comm, {{factor}});
  const auto turned = chebyshev_moments(comm, {{factor, true}});
  EXPECT_EQ(plain.values, turned.values);
  const auto zero = chebyshev_moments(comm, {{sparse_factor("O", Matrix(5, 5))}});
  EXPECT_NEAR(zero.values[2], -5, 1e-13);
  EXPECT_NEAR(zero.values[3], 0, 1e-12);
  const auto one = chebyshev_moments(comm, {{make_identity(4)}});
  EXPECT_NEAR(one.values[1], 4 * (1 - one.centre) / one.half_width, 1e-12);
  EXPECT_THROW(chebyshev_moments(comm, {{make_identity(4)}, {factor}}), core::ShapeError);
}

TEST(ChebyshevMoments, AreEstimatedForSparseMatricesOnly) {
  const auto comm = world();
  const Matrix w = weights(Graph::line, 30);
  const auto estimate = estimate_chebyshev_moments(comm, {{sparse_factor("W", w)}});
  ASSERT_TRUE(estimate);
  EXPECT_GT(estimate->flops, 1000);
  EXPECT_EQ(estimate->factorisations, 100);
  const auto dense =
      make_dense("W", {w.rows, w.cols, communication::SharedArray<double>::from_private(w.values)});
  EXPECT_FALSE(estimate_chebyshev_moments(comm, {{dense}}));
}

}  // namespace
}  // namespace kronwerk::factors::test
