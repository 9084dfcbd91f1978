#include <limits>
#include <map>
#include <utility>

#include "factors/dense/dense_case.hpp"
#include "kernels/formula/reference.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::factors {
namespace {

using communication::Communicator;

// Not symmetric, and telling i from j.
constexpr const char* asymmetric = "exp(-sqdist(x, y)) * (2 + sum(x)) + 0.5*(i == j) + 0.01*j";
constexpr const char* gaussian = "exp(-0.5*sqdist(x, y)) + 0.1*(i == j)";

/// A kernel factor and its matrix by the oracle.
struct KernelCase {
  FactorPtr factor;
  oracle::Matrix dense;
};

KernelCase kernel_case(const std::string& formula, Index m, Index n, bool same_points = false,
                       int dimension = 3) {
  kernels::Symbols symbols;
  symbols.variables["x"] = {dimension, kernels::axis_i};
  symbols.variables["y"] = {dimension, kernels::axis_j};
  const kernels::Expression expression = kernels::analyse(formula, symbols, "kernel case");
  kernels::Side rows;
  rows.count = m;
  rows.variables["x"] = kernels::to_cloud(oracle::random_vector(m * dimension, 1), m, dimension);
  kernels::Side columns;
  columns.count = n;
  columns.variables["y"] =
      kernels::to_cloud(oracle::random_vector(n * dimension, same_points ? 1 : 2), n, dimension);
  const kernels::Constants none;
  KernelCase result{
      make_kernel("K", {expression, none, kernels::Precision::float64}, rows, columns),
      oracle::Matrix(m, n)};
  const kernels::ReferenceEvaluator evaluate(rows, columns, none);
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < n; ++j) {
      result.dense(i, j) = static_cast<double>(evaluate(*expression.root(), i, j)[0]);
    }
  }
  return result;
}

oracle::Matrix to_matrix(const Factor& factor) {
  oracle::Matrix result(factor.rows(), factor.cols());
  factor.add_to_dense(1, result.values);
  return result;
}

void expect_apply(const Factor& factor, const oracle::Matrix& dense, Index left, Index right,
                  Index gap) {
  for (const bool transposed : {false, true}) {
    const oracle::Matrix op = transposed ? oracle::transpose(dense) : dense;
    StridedBlock x(left, op.cols, right, right == 1 ? 0 : gap, gap);
    StridedBlock y(left, op.rows, right, right == 1 ? 0 : gap, gap + 3);
    x.fill(11);
    factor.apply(x.const_view(), y.view(), transposed);
    EXPECT_LT(oracle::relative_error(y.fibres(), oracle::multiply(op, x.fibres())), 1e-13)
        << op.rows << " x " << op.cols << ", left " << left << ", right " << right;
    EXPECT_TRUE(y.gaps_untouched());
  }
}

TEST(KernelFactor, AppliesLikeTheDenseMatrix) {
  for (const auto& [m, n] :
       {std::pair<Index, Index>{1, 1}, {37, 61}, {61, 37}, {1, 53}, {301, 3}}) {
    const KernelCase kernel = kernel_case(asymmetric, m, n);
    EXPECT_EQ(kernel.factor->kind(), Kind::kernel);
    EXPECT_EQ(kernel.factor->rows(), m);
    EXPECT_EQ(kernel.factor->cols(), n);
    expect_apply(*kernel.factor, kernel.dense, 1, 1, 0);
    expect_apply(*kernel.factor, kernel.dense, 5, 1, 2);
    expect_apply(*kernel.factor, kernel.dense, 3, 7, 4);
    expect_apply(*kernel.factor, kernel.dense, 1, 200, 0);
  }
}

TEST(KernelFactor, PanelsMeetWithoutGapsOrOverlaps) {
  // Two panels of columns and two of rows.
  const Index n = 6000;
  const KernelCase kernel = kernel_case("exp(-sqdist(x, y)) + 0.25*(i == j)", 101, n, false, 1);
  expect_apply(*kernel.factor, kernel.dense, 1, 2, 0);
  EXPECT_LT(oracle::relative_error(to_matrix(*kernel.factor), kernel.dense), 1e-14);
}

TEST(KernelFactor, KnowsItsEntries) {
  const KernelCase kernel = kernel_case(asymmetric, 37, 21);
  EXPECT_LT(oracle::relative_error(to_matrix(*kernel.factor), kernel.dense), 1e-14);
  const std::vector<double> diagonal = kernel.factor->diagonal();
  ASSERT_EQ(diagonal.size(), 21U);
  for (Index i = 0; i < 21; ++i) {
    EXPECT_NEAR(diagonal[static_cast<std::size_t>(i)], kernel.dense(i, i), 1e-14);
  }
  EXPECT_EQ(kernel.factor->bytes(), (37 + 21) * 3 * 8);
  EXPECT_GE(kernel.factor->flops_per_fibre(), 2.0 * 37 * 21);
}

TEST(KernelFactor, ActsInAKroneckerProduct) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase first = kernel_case(asymmetric, 5, 7);
  const KernelCase last = kernel_case(gaussian, 13, 13, true);
  const oracle::Matrix middle = oracle::random_matrix(3, 2, 4);
  factorise(comm, std::vector{last.factor});
  for (const bool inverse : {false, true}) {
    const LocalProduct product({{Link{first.factor, true}},
                                {Link{dense_factor(middle)}},
                                {Link{last.factor, false, inverse}}});
    const oracle::Matrix expected =
        oracle::kron({oracle::transpose(first.dense), middle,
                      inverse ? oracle::inverse(last.dense) : last.dense});
    for (const auto& [left, right] : {std::pair<Index, Index>{1, 1}, {2, 3}, {1, 40}}) {
      StridedBlock x(left, expected.cols, right, 0, 0);
      StridedBlock y(left, expected.rows, right, 0, 0);
      x.fill(3);
      product.apply(x.const_view(), y.view());
      EXPECT_LT(oracle::relative_error(y.fibres(), oracle::multiply(expected, x.fibres())), 1e-11);
    }
  }
}

TEST(KernelFactor, IsFactorisedByItsEntries) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase kernel = kernel_case(gaussian, 90, 90, true);
  factorise(comm, std::vector{kernel.factor});
  const Factorisation& factorisation = *kernel.factor->factorisation();
  EXPECT_NE(factorisation.description().find("Cholesky"), std::string::npos);
  EXPECT_NEAR(factorisation.determinant().log_abs, oracle::log_abs_det(kernel.dense), 1e-10);
  StridedBlock b(1, 90, 4, 0, 0);
  b.fill(5);
  StridedBlock x(1, 90, 4, 0, 0);
  factorisation.solve(b.const_view(), x.view(), false);
  EXPECT_LT(oracle::relative_error(x.fibres(), oracle::solve(kernel.dense, b.fibres())), 1e-10);
}

TEST(KernelFactor, MaterialisesAloneAndInChains) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase kernel = kernel_case(asymmetric, 70, 67);
  const FactorPtr dense = materialise(comm, "K", {Link{kernel.factor, true}});
  EXPECT_EQ(dense->kind(), Kind::dense);
  EXPECT_LT(oracle::relative_error(to_matrix(*dense), oracle::transpose(kernel.dense)), 1e-14);
  const oracle::Matrix other = oracle::random_matrix(67, 6, 8);
  const FactorPtr product =
      materialise(comm, "KA", {Link{kernel.factor}, Link{dense_factor(other)}});
  EXPECT_LT(oracle::relative_error(to_matrix(*product), oracle::multiply(kernel.dense, other)),
            1e-13);
  const FactorPtr multiplied =
      multiply(comm, "KA", std::vector{kernel.factor, dense_factor(other)});
  EXPECT_LT(oracle::relative_error(to_matrix(*multiplied), oracle::multiply(kernel.dense, other)),
            1e-13);
}

TEST(KernelFactor, CombinationsWithIdentitiesStoreNothing) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase kernel = kernel_case(asymmetric, 33, 33);
  using Terms = std::vector<std::pair<double, FactorPtr>>;
  const FactorPtr identity = make_identity(33);
  const FactorPtr sum =
      linear_combination(comm, "S", Terms{{-2.0, kernel.factor}, {0.5, identity}, {1.0, identity}});
  EXPECT_EQ(sum->kind(), Kind::kernel);
  const oracle::Matrix expected = oracle::add(-2, kernel.dense, 1.5, oracle::identity(33));
  EXPECT_LT(oracle::relative_error(to_matrix(*sum), expected), 1e-14);
  expect_apply(*sum, expected, 2, 3, 0);
  const FactorPtr flipped = transpose(comm, "S'", sum);
  EXPECT_EQ(flipped->kind(), Kind::kernel);
  EXPECT_LT(oracle::relative_error(to_matrix(*flipped), oracle::transpose(expected)), 1e-14);
  expect_apply(*flipped, oracle::transpose(expected), 2, 3, 0);
  const FactorPtr again = linear_combination(comm, "T", Terms{{2.0, flipped}, {1.0, identity}});
  EXPECT_LT(oracle::relative_error(to_matrix(*again), oracle::add(2, oracle::transpose(expected), 1,
                                                                  oracle::identity(33))),
            1e-14);

  const oracle::Matrix other = oracle::random_matrix(33, 33, 8);
  const FactorPtr mixed =
      linear_combination(comm, "M", Terms{{2.0, kernel.factor}, {3.0, dense_factor(other)}});
  EXPECT_EQ(mixed->kind(), Kind::dense);
  EXPECT_LT(oracle::relative_error(to_matrix(*mixed), oracle::add(2, kernel.dense, 3, other)),
            1e-14);
}

TEST(KernelFactor, HasASpectrumAndInnerProducts) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase kernel = kernel_case(gaussian, 40, 40, true);
  const FactorPtr dense = dense_factor(kernel.dense);
  const Symmetry symmetry = find_symmetry(comm, kernel.factor);
  EXPECT_TRUE(symmetry.symmetric);
  EXPECT_FALSE(find_symmetry(comm, kernel_case(asymmetric, 40, 40).factor).symmetric);
  const std::vector<BasisRequest> requests{{{Link{kernel.factor}}}, {{Link{dense}}}};
  const BasisResult result = find_bases(comm, requests);
  ASSERT_TRUE(result.bases[0] && result.bases[1]);
  for (std::size_t i = 0; i < 40; ++i) {
    EXPECT_NEAR(result.bases[0]->eigenvalues[i].real(), result.bases[1]->eigenvalues[i].real(),
                1e-11);
  }
  const FactorPtr other = dense_factor(oracle::random_matrix(40, 40, 3));
  EXPECT_NEAR(inner_product(comm, *kernel.factor, *other), inner_product(comm, *dense, *other),
              1e-11);
  EXPECT_NEAR(inner_product(comm, *kernel.factor, *kernel.factor),
              inner_product(comm, *dense, *dense), 1e-10);
  EXPECT_NEAR(trace(comm, *kernel.factor), trace(comm, *dense), 1e-12);
}

TEST(KernelFactor, RefusesWhatIsNoMatrix) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  EXPECT_THROW(kernel_case("x - y", 3, 3), core::ShapeError);
  const KernelCase wide = kernel_case(asymmetric, 4, 5);
  EXPECT_THROW(factorise(comm, std::vector{wide.factor}), core::ShapeError);
  const KernelCase singular = kernel_case("1 + 0*sum(x)*sum(y)", 6, 6, true);
  EXPECT_THROW(factorise(comm, std::vector{singular.factor}), core::DataError);
}

}  // namespace
}  // namespace kronwerk::factors
