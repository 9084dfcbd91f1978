#include "kronwerk/operators/krylov/stochastic.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "kronwerk/core/progress.hpp"
#include "operators/base/dense_operator.hpp"

namespace kronwerk::operators {
namespace {

using oracle::Matrix;

class StochasticTest : public testing::Test {
 protected:
  static constexpr std::int64_t size = 42;

  DenseOperator make(const Matrix& matrix) const {
    return {comm_, distribution::Layout({7, 6}, 1, comm_.size()), {matrix}};
  }

  static Matrix positive_definite(std::uint64_t seed) {
    const Matrix a = oracle::random_matrix(size, size, seed);
    return oracle::add(1.0 / size, oracle::multiply(a, oracle::transpose(a)), 0.3,
                       oracle::identity(size));
  }

  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
  /// Sweeps of thousands of steps are the same on every rank.
  communication::Communicator alone_ = communication::Communicator::duplicate(MPI_COMM_SELF);
};

TEST_F(StochasticTest, LogDeterminantIsWithinItsStandardError) {
  const Matrix a = positive_definite(1);
  const auto op = make(a);
  const auto found = stochastic_logdet(op, false, {40, 42, 5});
  EXPECT_GT(found.standard_error, 0);
  EXPECT_LT(found.standard_error, 3);
  EXPECT_NEAR(found.value, oracle::log_abs_det(a), 4 * found.standard_error);
}

TEST_F(StochasticTest, SaysHowManyProbesAreDone) {
  const auto op = make(positive_definite(1));
  std::vector<std::pair<core::Index, core::Index>> heard;
  core::set_progress_listener([&](std::string_view unit, core::Index done, core::Index total) {
    if (unit == "probe") heard.emplace_back(done, total);
  });
  stochastic_logdet(op, false, {3, 5, 5});
  core::set_progress_listener({});
  EXPECT_EQ(heard, (std::vector<std::pair<core::Index, core::Index>>{{1, 3}, {2, 3}, {3, 3}}));
}

TEST_F(StochasticTest, ADiagonalOperatorHasNoErrorAtAll) {
  // zᵀ log(D) z is tr log(D) for any signs z, so what is left is the quadrature's own error.
  Matrix a = oracle::identity(size);
  for (std::int64_t i = 0; i < size; ++i) a(i, i) = 0.5 + 0.1 * static_cast<double>(i % 11);
  const auto op = make(a);
  const auto found = stochastic_logdet(op, false, {3, 30, 2});
  EXPECT_NEAR(found.value, oracle::log_abs_det(a), found.quadrature_error + 1e-12);
  EXPECT_LE(found.quadrature_error, 1e-6);
  EXPECT_LE(found.standard_error, 1e-6);
  EXPECT_LE(op.applications(), 3 * 13);  // eleven eigenvalues: it stops by itself
  const auto squared = stochastic_logdet(op, true, {3, 30, 2});
  EXPECT_NEAR(squared.value, oracle::log_abs_det(a), squared.quadrature_error + 1e-12);
}

TEST_F(StochasticTest, HalfOfTheSquareServesAnyRegularOperator) {
  const Matrix a = oracle::random_regular(size, 3);  // neither symmetric nor definite
  const auto found = stochastic_logdet(make(a), true, {40, 42, 6});
  EXPECT_NEAR(found.value, oracle::log_abs_det(a), 4 * found.standard_error);
  EXPECT_LT(found.standard_error, 3);
}

TEST_F(StochasticTest, SeedsRepeatAndDiffer) {
  const Matrix a = positive_definite(4);
  const auto one = stochastic_logdet(make(a), false, {5, 30, 7});
  const auto same = stochastic_logdet(make(a), false, {5, 30, 7});
  const auto other = stochastic_logdet(make(a), false, {5, 30, 8});
  EXPECT_EQ(one.value, same.value);
  EXPECT_EQ(one.standard_error, same.standard_error);
  EXPECT_GT(std::abs(one.value - other.value), 1e-6);
}

TEST_F(StochasticTest, TheResultIsTheSameForEveryNumberOfRanks) {
  const Matrix a = positive_definite(9);
  const DenseOperator serial(alone_, distribution::Layout({7, 6}, 1, 1), {a});
  const auto expected = stochastic_logdet(serial, false, {6, 20, 10});
  const auto found = stochastic_logdet(make(a), false, {6, 20, 10});
  EXPECT_NEAR(found.value, expected.value, 1e-10 * std::abs(expected.value));
  EXPECT_NEAR(found.standard_error, expected.standard_error, 1e-8);
}

/// H D H with the reflection H = I - 2vvᵀ: known eigenvalues and singular values, in no basis that
/// probes of signs would see through. With `signs`, those of D alternate.
class ReflectedDiagonal final : public LinearOperator {
 public:
  ReflectedDiagonal(const communication::Communicator& comm, std::vector<double> values,
                    bool reflected, bool signs)
      : LinearOperator(comm, layout_of(comm, values), layout_of(comm, values)) {
    const auto begin = input_layout().home_begin(comm.rank());
    const auto size = static_cast<double>(values.size());
    for (distribution::Index i = 0; i < input_layout().home_size(comm.rank()); ++i) {
      const double sign = signs && (begin + i) % 3 == 0 ? -1 : 1;
      diagonal_.push_back(sign * values[static_cast<std::size_t>(begin + i)]);
      const double place = static_cast<double>(begin + i);
      direction_.push_back(reflected ? std::sqrt(2 / size) * std::sin(1 + 1.7 * place * place) : 0);
    }
    double square = 0;
    for (const double v : direction_) square += v * v;
    square = comm.sum(square);
    for (double& v : direction_) v /= square > 0 ? std::sqrt(square) : 1;
  }

 private:
  static distribution::Layout layout_of(const communication::Communicator& comm,
                                        const std::vector<double>& values) {
    return {{static_cast<distribution::Index>(values.size()), 1}, 1, comm.size()};
  }
  void reflect(std::vector<double>& x) const {
    double along = 0;
    for (std::size_t i = 0; i < x.size(); ++i) along += direction_[i] * x[i];
    along = comm().sum(along);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] -= 2 * along * direction_[i];
  }
  void do_apply(std::span<const double> x, std::span<double> y, bool /*transposed*/,
                bool accumulate) const override {
    std::vector<double> work(x.begin(), x.end());
    reflect(work);
    for (std::size_t i = 0; i < work.size(); ++i) work[i] *= diagonal_[i];
    reflect(work);
    for (std::size_t i = 0; i < work.size(); ++i) y[i] = work[i] + (accumulate ? y[i] : 0);
  }
  std::vector<double> diagonal_, direction_;
};

struct Spectrum {
  const char* name;
  std::function<double(double place, double condition)> value;  ///< place in [0, 1]
};

std::vector<Spectrum> spectra() {
  return {
      {"evenly spaced", [](double t, double c) { return 1 / c + t * (1 - 1 / c); }},
      {"evenly spaced logarithms", [](double t, double c) { return std::pow(c, -t); }},
      {"two clusters", [](double t, double c) { return t < 0.5 ? 1 + t : (1 + t) / c; }},
      {"a few small ones",
       [](double t, double c) { return t < 0.99 ? 1 + t : 100 * std::pow(t, 300) / c; }},
      {"a kernel matrix's", [](double t, double c) { return std::exp(-100 * t) + 1 / c; }},
      {"one far out", [](double t, double c) { return t == 0 ? c : 1 + t; }},
  };
}

constexpr std::int64_t many = 800;

std::vector<double> values_of(const Spectrum& spectrum, double condition) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < many; ++i) {
    values.push_back(
        spectrum.value(static_cast<double>(i) / static_cast<double>(many - 1), condition));
  }
  return values;
}

/// Of a diagonal operator every probe gives the same: what is left is the quadrature's error, which
/// is to be at most what is said, at every condition, whether it has settled or not.
TEST_F(StochasticTest, TheQuadratureErrorIsWithinItsBound) {
  int settled = 0, unsettled = 0;
  for (const Spectrum& spectrum : spectra()) {
    for (double condition = 1e2; condition < 2e12; condition *= 1e2) {
      const auto values = values_of(spectrum, condition);
      double exact = 0;
      for (const double value : values) exact += std::log(value);
      const ReflectedDiagonal op(alone_, values, false, false);
      StochasticSettings settings{1, 120, 3};
      settings.least_eigenvalue = 0.99 * *std::min_element(values.begin(), values.end());
      const auto known = stochastic_logdet(op, false, settings);
      SCOPED_TRACE(testing::Message() << spectrum.name << ", condition " << condition << ": "
                                      << known.value << " after " << known.steps << " steps");
      EXPECT_LE(std::abs(known.value - exact), known.quadrature_error + 1e-12 * std::abs(exact));
      (known.settled ? settled : unsettled) += 1;
      EXPECT_TRUE(known.settled || known.steps == 120);
      settings.least_eigenvalue = 0;
      const auto unknown = stochastic_logdet(op, false, settings);
      if (unknown.settled) {
        EXPECT_LE(std::abs(unknown.value - exact),
                  unknown.quadrature_error + 1e-12 * std::abs(exact));
      }
    }
  }
  EXPECT_GE(settled, 15);
  EXPECT_GE(unsettled, 5);
}

/// Golub-Kahan steps are as many as those of OpᵀOp, of the squared condition; but they lose nothing
/// to rounding.
TEST_F(StochasticTest, IndefiniteOperatorsHaveTheirErrorsToo) {
  int settled = 0;
  for (const Spectrum& spectrum : spectra()) {
    for (double condition = 1e2; condition < 2e12; condition *= 1e2) {
      const auto values = values_of(spectrum, condition);
      double exact = 0;
      for (const double value : values) exact += std::log(value);
      const auto found =
          stochastic_logdet(ReflectedDiagonal(alone_, values, false, true), true, {1, 150, 4});
      if (!found.settled) continue;
      ++settled;
      EXPECT_LE(std::abs(found.value - exact), found.quadrature_error + 1e-12 * std::abs(exact))
          << spectrum.name << ", condition " << condition << ", " << found.steps << " steps";
    }
  }
  EXPECT_GE(settled, 12);
}

TEST_F(StochasticTest, EstimatesAreWithinStandardErrorAndQuadratureError) {
  for (const Spectrum& spectrum : spectra()) {
    for (const double condition : {1e3, 1e7, 5e10}) {
      const auto values = values_of(spectrum, condition);
      double exact = 0;
      for (const double value : values) exact += std::log(value);
      const ReflectedDiagonal op(alone_, values, true, false);
      StochasticSettings settings{12, 150, 8};
      settings.least_eigenvalue = 0.99 * *std::min_element(values.begin(), values.end());
      const auto found = stochastic_logdet(op, false, settings);
      EXPECT_LE(std::abs(found.value - exact), 4 * found.standard_error + found.quadrature_error)
          << spectrum.name << ", condition " << condition;
      EXPECT_GT(found.standard_error, 0);
    }
  }
}

TEST_F(StochasticTest, StepsBeyondTheKeptDirectionsGoOnWithoutReorthogonalisation) {
  StochasticSettings settings{2, 800, 5};
  settings.directions = 10;
  for (const bool squared : {false, true}) {
    const double condition = squared ? 1e2 : 1e4;
    const auto of = values_of(spectra()[0], condition);
    double exact = 0;
    for (const double value : of) exact += std::log(value);
    const ReflectedDiagonal op(alone_, of, false, squared);
    const auto found = stochastic_logdet(op, squared, settings);
    EXPECT_TRUE(found.settled);
    EXPECT_GT(found.steps, 40);
    EXPECT_LE(std::abs(found.value - exact), found.quadrature_error) << squared;
  }
}

TEST_F(StochasticTest, AnIllConditionedOperatorIsNotSingular) {
  // Condition 1.5e8: that of OpᵀOp is beyond double precision.
  const std::vector<double> values{3.0, 1.0, -1e-3, 2e-8};
  double exact = 0;
  for (const double value : values) exact += std::log(std::abs(value));
  const ReflectedDiagonal op(comm_, values, true, false);
  const auto found = stochastic_logdet(op, true, {100, 100, 2});
  EXPECT_NEAR(found.value, exact, 4 * found.standard_error + found.quadrature_error);
  EXPECT_TRUE(found.settled);
  EXPECT_LT(found.quadrature_error, 1e-6);
}

TEST_F(StochasticTest, FewStepsApproximate) {
  const Matrix a = positive_definite(11);
  const auto full = stochastic_logdet(make(a), false, {4, 42, 12});
  const auto few = stochastic_logdet(make(a), false, {4, 8, 12});
  EXPECT_NEAR(few.value, full.value, 0.1);
  EXPECT_NE(few.value, full.value);
  EXPECT_TRUE(full.settled);
  EXPECT_FALSE(few.settled);
  EXPECT_EQ(few.steps, 8);
  EXPECT_LE(std::abs(few.value - full.value), few.quadrature_error + full.quadrature_error);
}

TEST_F(StochasticTest, IndefiniteAndSingularOperatorsAreRefused) {
  Matrix a = positive_definite(13);
  for (std::int64_t j = 0; j < size; ++j) a(5, j) = a(j, 5) = j == 5 ? -2.0 : 0.0;
  EXPECT_THROW(stochastic_logdet(make(a), false, {3, 42, 1}), core::DataError);
  const Matrix zero(size, size);
  EXPECT_THROW(stochastic_logdet(make(zero), false, {3, 42, 1}), core::DataError);
  EXPECT_THROW(stochastic_logdet(make(zero), true, {3, 42, 1}), core::DataError);
  a(5, 5) = std::nan("");
  EXPECT_THROW(stochastic_logdet(make(a), false, {3, 42, 1}), core::DataError);
  EXPECT_THROW(stochastic_logdet(make(a), false, {0, 42, 1}), core::ConfigurationError);
}

TEST_F(StochasticTest, TheTraceOfARatioIsWithinItsStandardError) {
  const Matrix a = oracle::random_regular(size, 14);
  const Matrix d = oracle::random_matrix(size, size, 15);
  const Matrix inverse = oracle::inverse(a);
  const Matrix ratio = oracle::multiply(inverse, d);
  double exact = 0;
  for (std::int64_t i = 0; i < size; ++i) exact += ratio(i, i);
  const StochasticSettings settings{200, 1, 16};
  const double norm = probe_norm(make(inverse), settings);
  const auto found = stochastic_trace(make(a), make(inverse), make(d), norm, settings);
  EXPECT_NEAR(found.value, exact, 4 * found.standard_error);
  EXPECT_LT(found.standard_error, 1);
  EXPECT_LT(found.bias_bound, 1e-10);
  const auto identity = stochastic_trace(make(a), make(inverse), make(a), norm, {3, 1, 16});
  EXPECT_NEAR(identity.value, size, 1e-10);  // tr I, without any spread
  EXPECT_LE(identity.standard_error, 1e-10);
}

/// Solves that are wrong alike with every probe have no spread to be seen by.
TEST_F(StochasticTest, TheBiasOfInexactSolvesIsWithinItsBound) {
  const Matrix a = oracle::random_regular(size, 18);
  const Matrix inverse = oracle::inverse(a);
  for (const double error : {1e-2, 1e-5}) {
    const Matrix wrong = oracle::add(1 + error, inverse, 0, inverse);
    const StochasticSettings settings{5, 1, 19};
    const double norm = probe_norm(make(wrong), settings);
    const auto found = stochastic_trace(make(a), make(wrong), make(a), norm, settings);
    const double bias = found.value - static_cast<double>(size);
    EXPECT_NEAR(bias, error * static_cast<double>(size), 1e-9);
    EXPECT_LE(found.standard_error, 1e-10);
    EXPECT_LE(std::abs(bias), found.bias_bound);
    EXPECT_GT(found.bias_bound, 0);
  }
}

/// Graded over many decades: without reorthogonalisation the smallest values would not be found.
TEST_F(StochasticTest, SmallOperatorsAreExhausted) {
  std::vector<double> values;
  double exact = 0;
  for (int i = 0; i < 70; ++i) {
    values.push_back(std::pow(10.0, -0.15 * i));
    exact += std::log(values.back());
  }
  for (const bool squared : {false, true}) {
    const ReflectedDiagonal op(alone_, values, false, squared);
    const auto found = stochastic_logdet(op, squared, {2, 1000, 6});
    EXPECT_TRUE(found.settled);
    EXPECT_LE(found.steps, 70);
    EXPECT_NEAR(found.value, exact, found.quadrature_error + 1e-6 * std::abs(exact)) << squared;
  }
}

}  // namespace
}  // namespace kronwerk::operators
