// The task `reduce`: every reduction of kernel formulas, against its definition.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "end_to_end/kernels/clouds.hpp"

namespace kronwerk::end_to_end {
namespace {

const std::vector<std::string> all_reductions{
    "sum",  "mean",       "norm",    "count",        "any",          "all",     "logsumexp",
    "min",  "max",        "argmin",  "argmax",       "kmin",         "argkmin", "min_argmin",
    "kmax", "max_argmax", "argkmax", "kmin_argkmin", "kmax_argkmax", "softmax"};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
bool is_list(const std::string& reduction) {
  return contains(reduction, "kmin") || contains(reduction, "kmax");
}
bool gives_values(const std::string& reduction) {
  return !reduction.starts_with("arg");
}
bool gives_indices(const std::string& reduction) {
  return contains(reduction, "arg");
}

/// The indices of the k least (greatest) values, the lowest index first among equals.
std::vector<std::size_t> order(const Values& f, bool ascending) {
  std::vector<std::size_t> indices(f.size());
  std::iota(indices.begin(), indices.end(), std::size_t{0});
  std::ranges::stable_sort(
      indices, [&](std::size_t a, std::size_t b) { return ascending ? f[a] < f[b] : f[a] > f[b]; });
  return indices;
}

/// The number that a reduction other than a list makes of the values f with the weights w.
double reduce_values(const std::string& reduction, const Values& f, const Values& w) {
  double sum = 0, squares = 0, nonzero = 0, exponentials = 0, weighted = 0;
  for (std::size_t j = 0; j < f.size(); ++j) {
    sum += f[j];
    squares += f[j] * f[j];
    nonzero += f[j] != 0 ? 1 : 0;
    exponentials += std::exp(f[j]);
    weighted += w[j] * std::exp(f[j]);
  }
  const auto size = static_cast<double>(f.size());
  if (reduction == "sum") return sum;
  if (reduction == "mean") return sum / size;
  if (reduction == "norm") return std::sqrt(squares);
  if (reduction == "count") return nonzero;
  if (reduction == "any") return nonzero > 0 ? 1 : 0;
  if (reduction == "all") return nonzero == size ? 1 : 0;
  if (reduction == "logsumexp") return std::log(weighted);
  if (reduction == "softmax") return weighted / exponentials;
  return std::numeric_limits<double>::quiet_NaN();
}

/// F(i, j) of a formula: one number for each component.
using Formula = std::function<Values(std::size_t i, std::size_t j)>;

class Reduce : public Clouds {
 protected:
  double square_distance(std::size_t i, std::size_t j) const {
    const double a = x_[2 * i] - y_[2 * j], b = x_[2 * i + 1] - y_[2 * j + 1];
    return a * a + b * b;
  }

  /// Compares the datasets of one reduction with what follows from the formula.
  void expect(const Result& result, const std::string& reduction, const Formula& formula,
              std::size_t dimension, bool over_j, bool weighted, double tolerance) const {
    SCOPED_TRACE(reduction);
    const std::size_t kept = over_j ? rows : columns;
    const std::size_t reduced = over_j ? columns : rows;
    const std::size_t length = is_list(reduction) ? k : 1;
    const bool selects =
        is_list(reduction) || contains(reduction, "min") || contains(reduction, "max");
    Values values(kept * length * dimension), indices(values.size());
    for (std::size_t p = 0; p < kept; ++p) {
      for (std::size_t c = 0; c < dimension; ++c) {
        Values f;
        for (std::size_t q = 0; q < reduced; ++q) {
          f.push_back((over_j ? formula(p, q) : formula(q, p)).at(c));
        }
        const auto sorted = order(f, contains(reduction, "min"));
        for (std::size_t q = 0; q < length; ++q) {
          const std::size_t place = (p * length + q) * dimension + c;
          if (selects && reduction != "softmax") {
            values[place] = f[sorted[q]];
            indices[place] = static_cast<double>(sorted[q]);
          } else {
            const Values& w = over_j ? w_ : v_;
            values[place] = reduce_values(reduction, f, weighted ? w : Values(reduced, 1.0));
          }
        }
      }
    }
    Shape shape{static_cast<std::int64_t>(kept)};
    if (is_list(reduction)) shape.push_back(static_cast<std::int64_t>(k));
    if (dimension > 1) shape.push_back(static_cast<std::int64_t>(dimension));
    const std::string path = "/result/" + reduction;
    EXPECT_EQ(result.shape(path), shape);
    if (gives_values(reduction)) {
      EXPECT_LT(oracle::relative_error(result.values(path), values), tolerance);
    }
    if (!gives_indices(reduction)) return;
    const std::string place = gives_values(reduction) ? path + "_index" : path;
    EXPECT_EQ(result.shape(place), shape);
    EXPECT_EQ(result.values(place), indices);
    EXPECT_TRUE(is_int64(place));
  }

  bool is_int64(const std::string& name) const {
    const hid_t file = H5Fopen(path("results/out.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t dataset = H5Dopen2(file, name.c_str(), H5P_DEFAULT);
    const hid_t type = H5Dget_type(dataset);
    const bool result = H5Tget_class(type) == H5T_INTEGER && H5Tget_size(type) == 8;
    H5Tclose(type);
    H5Dclose(dataset);
    H5Fclose(file);
    return result;
  }

  static std::string list_of(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return "[" + text + "]";
  }
};

// Zero for points that are far apart: `any`, `all`, `count` and ties have something to find.
const std::string bumps = "s*relu(1 - sqdist(x, y))";

TEST_F(Reduce, FindsEveryReductionInOnePassOverJAndOverI) {
  const Formula formula = [&](std::size_t i, std::size_t j) {
    return Values{1.3 * std::max(0.0, 1 - square_distance(i, j))};
  };
  for (const bool over_j : {true, false}) {
    for (const int np : {1, 2, 3, 4}) {
      SCOPED_TRACE(fmt::format("over {}, np = {}", over_j ? "j" : "i", np));
      const auto outcome = run(np, job(bumps,
                                       fmt::format("over: {}\nk: 3\nreduction: {}",
                                                   over_j ? "j" : "i", list_of(all_reductions)),
                                       over_j ? "w" : "v"));
      ASSERT_EQ(outcome.code, 0) << outcome.errors;
      const Result result(path("results/out.h5"));
      for (const std::string& reduction : all_reductions) {
        expect(result, reduction, formula, 1, over_j, true, 1e-13);
      }
    }
  }
}

TEST_F(Reduce, FindsThemInFloat32ToItsPrecision) {
  const Formula formula = [&](std::size_t i, std::size_t j) {
    return Values{1.3 * std::max(0.0, 1 - square_distance(i, j))};
  };
  const auto outcome = run(
      2, job(bumps, fmt::format("k: 3\nprecision: float32\nreduction: {}", list_of(all_reductions)),
             "w"));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("results/out.h5"));
  for (const std::string& reduction : all_reductions) {
    expect(result, reduction, formula, 1, true, true, 1e-5);
  }
  // It was not float64 all the same.
  const double exact = 1.3 * std::max(0.0, 1 - square_distance(1, 1));
  EXPECT_NE(exact, 0.0);
  Values f;
  for (std::size_t j = 0; j < columns; ++j) f.push_back(formula(1, j)[0]);
  EXPECT_NE(result.values("/result/sum")[1], reduce_values("sum", f, w_));
}

TEST_F(Reduce, OfVectorFormulasIsPerComponent) {
  const Formula formula = [&](std::size_t i, std::size_t j) {
    Values f;
    for (std::size_t c = 0; c < 2; ++c) {
      const double d = x_[2 * i + c] - y_[2 * j + c];
      f.push_back(std::max(0.0, 1 - d * d) + (c == 0 ? 0.5 : -0.25));
    }
    return f;
  };
  std::vector<std::string> reductions = all_reductions;
  std::erase(reductions, "softmax");
  for (const bool over_j : {true, false}) {
    const auto outcome = run(3, job("relu(1 - square(x - y)) + c",
                                    fmt::format("over: {}\nk: 3\nreduction: {}", over_j ? "j" : "i",
                                                list_of(reductions))));
    ASSERT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
    const Result result(path("results/out.h5"));
    for (const std::string& reduction : reductions) {
      expect(result, reduction, formula, 2, over_j, false, 1e-13);
    }
  }
}

// The result has one row, of the first rank only.
TEST_F(Reduce, OfAFormulaWithoutTheKeptIndexHasOneRow) {
  for (const int np : {1, 2, 4}) {
    const auto outcome =
        run(np, job("concat(square(v), 2* v)", "over: i\nreduction: [mean, argmin, max_argmax]"));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const Result result(path("results/out.h5"));
    double squares = 0, sum = 0;
    for (const double v : v_) {
      squares += v * v / rows;
      sum += 2 * v / rows;
    }
    EXPECT_EQ(result.shape("/result/mean"), (Shape{1, 2}));
    EXPECT_LT(oracle::relative_error(result.values("/result/mean"), Values{squares, sum}), 1e-14);
    const auto greatest = std::ranges::max_element(v_) - v_.begin();
    const auto least = std::ranges::min_element(v_) - v_.begin();
    EXPECT_EQ(result.values("/result/argmin"), Values(2, static_cast<double>(least)));
    EXPECT_EQ(result.values("/result/max_argmax_index"), Values(2, static_cast<double>(greatest)));
  }
}

TEST_F(Reduce, OverAnIndexThatTheFormulaDoesNotUseIsLegalAndSaid) {
  const auto outcome = run(2, job("sqnorm(x)", "over: j\nreduction: sum"));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.count("the formula does not vary with j, over which it is reduced"), 1)
      << outcome.output;
  Values expected;
  for (std::size_t i = 0; i < rows; ++i) {
    expected.push_back(x_[2 * i] * x_[2 * i] + x_[2 * i + 1] * x_[2 * i + 1]);
  }
  const auto found = Result(path("results/out.h5")).values("/result/sum");
  EXPECT_LT(oracle::relative_error(found, expected), 1e-14);
}

TEST_F(Reduce, WithoutDistantBlocksSaysWhatItLeftOut) {
  constexpr std::size_t points = 240;
  Values cloud = oracle::random_vector(points * 2, 5);
  for (std::size_t p = 0; p < points; p += 3) cloud[2 * p] += 40;  // another cluster, far away
  io::DataFile file(path("clusters.h5").string());
  file.write_dense("/x", std::vector<core::Index>{points, 2}, cloud);
  file.commit();
  Values sums(points), counts(points);
  for (std::size_t i = 0; i < points; ++i) {
    for (std::size_t j = 0; j < points; ++j) {
      const double a = cloud[2 * i] - cloud[2 * j], b = cloud[2 * i + 1] - cloud[2 * j + 1];
      sums[i] += std::exp(-(a * a + b * b) / 8);
      counts[i] += (i % 3 == 0) == (j % 3 == 0) ? 1 : 0;
    }
  }
  const std::string text = R"yaml(task: reduce
points:
  x: {file: clusters.h5, dataset: /x, index: i}
  y: {file: clusters.h5, dataset: /x, index: j}
formula: "exp(-sqdist(x, y)/8)"
output: {file: results/out.h5, overwrite: true}
)yaml";
  for (const int np : {1, 3}) {
    auto outcome =
        run(np, text + "reduction: [sum, count]\nblock_sparse: {points: [x, y], range: 20}");
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const Result by_range(path("results/out.h5"));
    // A block at the border of the clusters' cubes may have been kept.
    const double skipped = by_range.number("/report", "skipped_share");
    EXPECT_GT(skipped, 0.4);
    EXPECT_LE(skipped, 4.0 / 9 + 1e-12);
    EXPECT_EQ(by_range.number("/report", "range"), 20);
    const Values found = by_range.values("/result/count");
    for (std::size_t i = 0; i < points; ++i) EXPECT_GE(found[i], counts[i]);
    EXPECT_NEAR(std::accumulate(found.begin(), found.end(), 0.0), (1 - skipped) * points * points,
                1e-6);
    EXPECT_LT(oracle::relative_error(by_range.values("/result/sum"), sums), 1e-13);
  }
  const auto outcome =
      run(2, text + "reduction: sum\nblock_sparse: {points: [x, y], tolerance: 1e-3}");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_GT(result.number("/report", "skipped_share"), 0.4);
  EXPECT_NEAR(result.number("/report", "range"), std::sqrt(-8 * std::log(1e-3)), 1e-6);
  const double bound = result.number("/report", "error_bound_sum");
  EXPECT_LE(bound, 1e-3 * points);
  const auto found = result.values("/result/sum");
  for (std::size_t i = 0; i < points; ++i) EXPECT_LE(std::abs(found[i] - sums[i]), bound + 1e-12);
}

/// L = Σ_i g_i r_i with r the sum or logsumexp of exp(-|x - y|²/2s²) w.
class ReduceGradient : public Reduce {
 protected:
  double loss(const Values& x, const Values& y, const Values& w, double s, bool logarithm) const {
    double loss = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < columns; ++j) {
        const double a = x[2 * i] - y[2 * j], b = x[2 * i + 1] - y[2 * j + 1];
        const double f = std::exp(-(a * a + b * b) / (2 * s * s)) * w[j];
        sum += logarithm ? std::exp(f) : f;
      }
      loss += v_[i] * (logarithm ? std::log(sum) : sum);
    }
    return loss;
  }
};

TEST_F(ReduceGradient, ByParametersPointsAndVectorsIsThatOfDifferences) {
  for (const bool logarithm : {false, true}) {
    for (const int np : {1, 2, 4}) {
      SCOPED_TRACE(fmt::format("{}, np = {}", logarithm ? "logsumexp" : "sum", np));
      const auto outcome = run(
          np, job("exp(-sqdist(x, y)/(2*s*s)) * w",
                  fmt::format("reduction: {}\ngradient: {{cotangent: {{file: cloud.h5, dataset: "
                              "/v}}, parameters: [s], points: [x, y, w]}}",
                              logarithm ? "logsumexp" : "sum")));
      ASSERT_EQ(outcome.code, 0) << outcome.errors;
      const Result result(path("results/out.h5"));
      const auto near = [&](const std::string& name, const Values& expected) {
        EXPECT_LT(oracle::relative_error(result.values("/gradient/" + name), expected), 1e-8)
            << name;
      };
      near("s",
           differences({1.3}, [&](const Values& s) { return loss(x_, y_, w_, s[0], logarithm); }));
      near("x", differences(x_, [&](const Values& x) { return loss(x, y_, w_, 1.3, logarithm); }));
      near("y", differences(y_, [&](const Values& y) { return loss(x_, y, w_, 1.3, logarithm); }));
      near("w", differences(w_, [&](const Values& w) { return loss(x_, y_, w, 1.3, logarithm); }));
      EXPECT_EQ(result.shape("/gradient/x"), (Shape{rows, 2}));
      EXPECT_EQ(result.shape("/gradient/w"), (Shape{columns}));
    }
  }
}

TEST_F(Reduce, LeavesNaNOutOfSelectionsAndSaysSo) {
  const Outcome outcome = run(2, job("sqrt(1 - sqdist(x, y))", "reduction: [max, count, sum]"));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  double expected = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) expected += square_distance(i, j) > 1 ? 1 : 0;
  }
  ASSERT_GT(expected, 0);
  EXPECT_EQ(outcome.count("the formula is NaN for"), 1) << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_GE(result.number("/report", "nan_count"), expected);
  EXPECT_EQ(std::ranges::count_if(result.values("/result/max"), [](double v) { return v != v; }),
            0);
  EXPECT_NE(std::ranges::count_if(result.values("/result/sum"), [](double v) { return v != v; }),
            0);
}

}  // namespace
}  // namespace kronwerk::end_to_end
