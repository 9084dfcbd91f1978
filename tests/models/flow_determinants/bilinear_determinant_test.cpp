#include "kronwerk/models/flow_determinants/bilinear_determinant.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "factors/sparse/sparse_cases.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::models {
namespace {

using core::Index;
using factors::test::Graph;
using factors::test::sparse_factor;
using factors::test::weights;
using oracle::Matrix;

const std::vector<TermPowers> all_terms{{0, 0}, {1, 0}, {0, 1}, {1, 1}};

/// Each of n points to its k nearest.
Matrix nearest_neighbours(Index n, int k) {
  const auto x = oracle::random_vector(2 * n, 5);
  Matrix w(n, n);
  for (Index i = 0; i < n; ++i) {
    std::vector<Index> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    const auto distance = [&](Index j) {
      return std::hypot(
          x[static_cast<std::size_t>(2 * i)] - x[static_cast<std::size_t>(2 * j)],
          x[static_cast<std::size_t>(2 * i + 1)] - x[static_cast<std::size_t>(2 * j + 1)]);
    };
    std::sort(order.begin(), order.end(),
              [&](Index a, Index b) { return distance(a) < distance(b); });
    for (int j = 1; j <= k; ++j) w(i, order[static_cast<std::size_t>(j)]) = 1.0 / k;
  }
  return w;
}

/// One way only, but for a link that nearly is none: eigenvalues close to 0, one eigenvector.
Matrix nearly_defective(Index n) {
  Matrix w(n, n);
  for (Index i = 0; i + 1 < n; ++i) w(i, i + 1) = 1;
  w(n - 1, 0) = 1e-9;
  return w;
}

Matrix without_neighbours(Index n) {
  Matrix w = weights(Graph::line, n);
  for (Index j = 0; j < n; ++j) w(2, j) = 0;
  return w;
}

class BilinearDeterminant : public testing::Test {
 protected:
  SpectralNodes eigenvalues(const Matrix& w) const {
    const factors::BasisRequest request{
        .matrix = {{sparse_factor("W", w)}}, .schur_allowed = true, .eigenvalues_only = true};
    const auto result = factors::find_bases(comm_, std::span(&request, 1));
    return nodes_of(result.bases.at(0)->eigenvalues, "W");
  }
  SpectralNodes moments(const Matrix& w) const {
    return nodes_of(factors::chebyshev_moments(comm_, {{sparse_factor("W", w)}}), "W");
  }

  static Matrix power(const Matrix& w, int k) { return k == 0 ? oracle::identity(w.rows) : w; }
  static Matrix filter(const Matrix& o, const Matrix& d, const std::vector<double>& c) {
    Matrix result(o.rows * d.rows, o.rows * d.rows);
    for (std::size_t t = 0; t < all_terms.size(); ++t) {
      result = oracle::add(1.0, result, c[t],
                           oracle::kron(power(o, all_terms[t][0]), power(d, all_terms[t][1])));
    }
    return result;
  }

  /// Value, gradient tr(A⁻¹ B_t) and Hessian −tr(A⁻¹ B_t A⁻¹ B_u) against the dense matrix.
  static void expect_agrees(const FilterDeterminant& determinant, const Matrix& o, const Matrix& d,
                            const std::vector<double>& c, double tolerance) {
    const Matrix a = filter(o, d, c);
    const Matrix inverse = oracle::inverse(a);
    std::vector<Matrix> parts;
    for (const auto& [k, l] : all_terms) {
      parts.push_back(oracle::multiply(inverse, oracle::kron(power(o, k), power(d, l))));
    }
    const DeterminantValue value = determinant.evaluate(c, true);
    const auto n = static_cast<double>(a.rows);
    const double expected = oracle::log_abs_det(a);
    EXPECT_NEAR(value.log_abs, expected, tolerance * n);
    EXPECT_LE(std::abs(value.log_abs - expected), value.error + 1e-13 * n);
    for (std::size_t t = 0; t < parts.size(); ++t) {
      double trace = 0;
      for (Index i = 0; i < a.rows; ++i) trace += parts[t](i, i);
      EXPECT_NEAR(value.gradient[t], trace, 1e3 * tolerance * n);
      for (std::size_t u = 0; u < parts.size(); ++u) {
        double second = 0;
        for (Index i = 0; i < a.rows; ++i) {
          for (Index j = 0; j < a.rows; ++j) second -= parts[t](i, j) * parts[u](j, i);
        }
        EXPECT_NEAR(value.hessian[4 * t + u], second, 1e5 * tolerance * n);
      }
    }
  }

  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
  std::vector<double> coefficients_{1, -0.3, -0.4, 0.15};
};

TEST_F(BilinearDeterminant, OfEigenvaluesIsThatOfTheDenseMatrix) {
  const std::vector<Matrix> matrices{weights(Graph::random_symmetric, 13),
                                     nearest_neighbours(11, 3), without_neighbours(9),
                                     weights(Graph::directed, 5), weights(Graph::ring, 1)};
  for (const Matrix& o : matrices) {
    for (const Matrix& d : matrices) {
      SCOPED_TRACE(std::to_string(o.rows) + " x " + std::to_string(d.rows));
      const auto determinant =
          make_bilinear_determinant(comm_, all_terms, {eigenvalues(o), eigenvalues(d)});
      expect_agrees(*determinant, o, d, coefficients_, 1e-13);
    }
  }
}

TEST_F(BilinearDeterminant, OfANearlyDefectiveMatrixIsStable) {
  const Matrix o = nearly_defective(8);
  const Matrix d = weights(Graph::line, 6);
  const auto determinant =
      make_bilinear_determinant(comm_, all_terms, {eigenvalues(o), eigenvalues(d)});
  expect_agrees(*determinant, o, d, coefficients_, 1e-13);
}

TEST_F(BilinearDeterminant, OfMomentsIsThatOfTheEigenvalues) {
  const std::vector<Matrix> matrices{weights(Graph::random_symmetric, 10), without_neighbours(7)};
  for (const Matrix& o : matrices) {
    for (const Matrix& d : matrices) {
      const auto determinant =
          make_bilinear_determinant(comm_, all_terms, {moments(o), moments(d)});
      expect_agrees(*determinant, o, d, coefficients_, 1e-13);
      const auto mixed = make_bilinear_determinant(comm_, all_terms, {eigenvalues(o), moments(d)});
      expect_agrees(*mixed, o, d, coefficients_, 1e-13);
    }
  }
}

TEST_F(BilinearDeterminant, OfMomentsOfAComplexSpectrumIsWithinItsBound) {
  const Matrix o = nearest_neighbours(60, 6);
  const Matrix d = nearest_neighbours(9, 4);
  const auto exact = make_bilinear_determinant(comm_, all_terms, {eigenvalues(o), eigenvalues(d)});
  for (const double rho : {0.1, 0.2, 0.3}) {
    const std::vector<double> c{1, -rho, -rho, rho * rho};
    const auto expected = exact->evaluate(c, false);
    for (const bool both : {false, true}) {
      const auto determinant = make_bilinear_determinant(
          comm_, all_terms, {moments(o), both ? moments(d) : eigenvalues(d)});
      const auto value = determinant->evaluate(c, false);
      EXPECT_LE(std::abs(value.log_abs - expected.log_abs), value.error) << rho << both;
      if (rho < 0.25 && !both) {
        EXPECT_LT(value.error, 1e-8);
      }
    }
  }
}

TEST_F(BilinearDeterminant, TakesTheEigenvaluesWhereMomentsAreNotEnough) {
  const Matrix w = weights(Graph::line, 9);
  int asked = 0;
  const auto determinant =
      make_bilinear_determinant(comm_, all_terms, {moments(w), moments(w)}, [&](int) {
        ++asked;
        return eigenvalues(w);
      });
  EXPECT_NE(determinant->description().find("96 Chebyshev moments of W (9)"), std::string::npos);
  determinant->evaluate(coefficients_, false);
  EXPECT_EQ(asked, 0);
  expect_agrees(*determinant, w, w, {1, -0.4995, -0.4995, 0}, 1e-11);
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(determinant->description(), "exact, from 9 eigenvalues of W");
}

TEST_F(BilinearDeterminant, RefusesSingularAndNegativeOnes) {
  const Matrix o = weights(Graph::ring, 5);
  const Matrix d = weights(Graph::ring, 8);
  const auto determinant =
      make_bilinear_determinant(comm_, all_terms, {eigenvalues(o), eigenvalues(d)});
  EXPECT_THROW(determinant->evaluate(std::vector<double>{0, 0, 0, 0}, false), core::SingularError);
  // One factor below zero: a = b = 1.
  EXPECT_THROW(determinant->evaluate(std::vector<double>{1, -0.6, -0.6, 0}, false),
               core::DataError);
  const auto approximate = make_bilinear_determinant(comm_, all_terms, {moments(o), moments(d)});
  EXPECT_THROW(approximate->evaluate(std::vector<double>{1, -0.6, -0.6, 0}, false),
               core::DataError);
}

TEST_F(BilinearDeterminant, AddsTermsOfTheSameMatricesUp) {
  const Matrix w = weights(Graph::line, 6);
  const std::vector<TermPowers> terms{{0, 0}, {1, 0}, {1, 0}};
  const auto twice = make_bilinear_determinant(comm_, terms, {eigenvalues(w), eigenvalues(w)});
  const auto once = make_bilinear_determinant(comm_, all_terms, {eigenvalues(w), eigenvalues(w)});
  const auto expected = once->evaluate(std::vector<double>{1, -0.5, 0, 0}, true);
  const auto value = twice->evaluate(std::vector<double>{1, -0.2, -0.3}, true);
  EXPECT_NEAR(value.log_abs, expected.log_abs, 1e-14);
  EXPECT_EQ(value.gradient.size(), 3U);
  EXPECT_NEAR(value.gradient[2], expected.gradient[1], 1e-12);
  EXPECT_NEAR(value.hessian[5], expected.hessian[5], 1e-12);
}

TEST_F(BilinearDeterminant, KeepsExponentsApart) {
  // Thousands of factors far from 1: their product overflows many times.
  std::vector<std::complex<double>> large(300, 1e90);
  large.resize(400, 1e-80);
  const auto nodes = nodes_of(large, "W");
  const auto determinant = make_bilinear_determinant(comm_, {{1, 1}}, {nodes, nodes});
  const auto value = determinant->evaluate(std::vector<double>{1}, false);
  const double expected = 2 * 400 * (300 * std::log(1e90) + 100 * std::log(1e-80));
  EXPECT_NEAR(value.log_abs / expected, 1, 1e-13);
}

TEST_F(BilinearDeterminant, IsTheSameWithAllVectorInstructions) {
  const Matrix o = nearest_neighbours(70, 4);
  const Matrix d = weights(Graph::line, 90);
  const auto nodes_o = eigenvalues(o);
  const auto nodes_d = eigenvalues(d);
  const auto first = make_bilinear_determinant(comm_, all_terms, {nodes_o, nodes_d})
                         ->evaluate(coefficients_, true);
  factors::test::with_each_target([&] {
    for (const bool swapped : {false, true}) {
      const auto determinant = make_bilinear_determinant(
          comm_, all_terms, {swapped ? nodes_d : nodes_o, swapped ? nodes_o : nodes_d});
      std::vector<double> c = coefficients_;
      if (swapped) std::swap(c[1], c[2]);
      const auto value = determinant->evaluate(c, true);
      EXPECT_NEAR(value.log_abs, first.log_abs, 1e-10);
      EXPECT_NEAR(value.gradient[3], first.gradient[3], 1e-9);
      EXPECT_NEAR(value.hessian[15], first.hessian[15], 1e-8);
    }
  });
}

}  // namespace
}  // namespace kronwerk::models
