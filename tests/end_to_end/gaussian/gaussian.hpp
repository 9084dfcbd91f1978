#pragma once

// A small Gaussian model as a job and as dense matrices.

#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "end_to_end/program.hpp"
#include "models/covariance/dense_gaussian.hpp"

namespace kronwerk::end_to_end {

using Numbers = std::vector<double>;
using Values = std::map<std::string, double>;

inline const Numbers space{0, 0.7, 1.5, 2.9, 3.3};
inline const Numbers times{0, 1, 2.5};
inline const Numbers new_space{-0.4, 1.1, 1.5, 4};
inline constexpr std::int64_t cells = 15;

inline const Values truth{{"eta", 1.3}, {"ls_s", 0.9}, {"ls_t", 1.7}, {"sigma", 0.4}, {"mu", 0.5}};

inline oracle::Matrix kernel(const Numbers& a, const Numbers& b,
                             const std::function<double(double)>& of_distance) {
  oracle::Matrix result(std::ssize(a), std::ssize(b));
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < b.size(); ++j) {
      result(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j)) =
          of_distance(std::abs(a[i] - b[j]));
    }
  }
  return result;
}
inline oracle::Matrix rbf(const Numbers& a, const Numbers& b, double scale) {
  return kernel(a, b, [&](double d) { return std::exp(-d * d / (2 * scale * scale)); });
}
inline oracle::Matrix exponential(const Numbers& a, const Numbers& b, double scale) {
  return kernel(a, b, [&](double d) { return std::exp(-d / scale); });
}

/// η² (space of a and b) ⊗ time, the field without noise.
inline oracle::Matrix signal(const Values& p, const Numbers& a = space, const Numbers& b = space) {
  const auto product =
      oracle::kron(rbf(a, b, p.at("ls_s")), exponential(times, times, p.at("ls_t")));
  return oracle::add(p.at("eta") * p.at("eta"), product, 0, product);
}
inline oracle::Matrix covariance(const Values& p) {
  return oracle::add(1, signal(p), p.at("sigma") * p.at("sigma"), oracle::identity(cells));
}

inline oracle::Matrix submatrix(const oracle::Matrix& a, const std::vector<std::int64_t>& rows,
                                const std::vector<std::int64_t>& cols) {
  oracle::Matrix result(std::ssize(rows), std::ssize(cols));
  for (std::int64_t i = 0; i < result.rows; ++i) {
    for (std::int64_t j = 0; j < result.cols; ++j) {
      result(i, j) = a(rows[static_cast<std::size_t>(i)], cols[static_cast<std::size_t>(j)]);
    }
  }
  return result;
}
inline std::vector<std::int64_t> all_of(std::int64_t count) {
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < count; ++i) result.push_back(i);
  return result;
}
inline Numbers chosen(const Numbers& values, const std::vector<std::int64_t>& places) {
  Numbers result;
  for (const auto i : places) result.push_back(values[static_cast<std::size_t>(i)]);
  return result;
}
inline Numbers diagonal(const oracle::Matrix& a) {
  Numbers result;
  for (std::int64_t i = 0; i < a.rows; ++i) result.push_back(a(i, i));
  return result;
}
inline Numbers piece(const Numbers& values, std::int64_t index, std::int64_t size) {
  const auto begin = values.begin() + static_cast<std::ptrdiff_t>(index * size);
  return {begin, begin + static_cast<std::ptrdiff_t>(size)};
}
inline Numbers shifted(Numbers values, double by) {
  for (double& value : values) value += by;
  return values;
}

/// Central differences of f by each of these parameters.
inline Values differences(const std::function<double(const Values&)>& f, const Values& at,
                          const std::set<std::string>& names) {
  constexpr double step = 1e-5;
  Values result;
  for (const std::string& name : names) {
    Values above = at;
    Values below = at;
    above[name] += step;
    below[name] -= step;
    result[name] = (f(above) - f(below)) / (2 * step);
  }
  return result;
}

class GaussianTest : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    if (program_.empty()) return;
    y_ = oracle::random_vector(3 * cells, 5);
    put("/s", {5}, space);
    put("/t", {3}, times);
    put("/s_new", {4}, new_space);
    put("/y", {5, 3}, piece(y_, 0, cells));
    put("/y3", {3, 5, 3}, y_);
  }

  /// Adds a dataset to data.h5.
  void put(const std::string& name, const std::vector<core::Index>& shape,
           const Numbers& values) const {
    io::DataFile file(path("data.h5").string(), true);
    file.write_dense(name, shape, values);
    file.commit();
  }

  /// A job with the parameters and kernels of `truth`; `rest` has what the task needs beyond.
  static std::string job(const std::string& task, const std::string& rest) {
    std::string parameters;
    for (const auto& [name, value] : truth) {
      parameters += fmt::format("{}{}: {}", parameters.empty() ? "" : ", ", name, value);
    }
    return fmt::format(R"yaml(task: {}
parameters: {{{}}}
kernels:
  Ks: {{formula: "rbf(d, ls_s)", points: {{file: data.h5, dataset: /s}}}}
  Kt: {{formula: "exponential(d, ls_t)", points: {{file: data.h5, dataset: /t}}}}
covariance: "eta^2*kron(Ks, Kt) + sigma^2*I"
mean: mu
output: {{file: results/out.h5, overwrite: true}}
{})yaml",
                       task, parameters, rest);
  }
  static std::string observing(const std::string& task, const std::string& dataset,
                               const std::string& rest, const std::string& more = "") {
    return job(task, fmt::format("observations: {{file: data.h5, dataset: {}{}}}\n{}", dataset,
                                 more, rest));
  }
  /// With every occurrence of `what` replaced.
  static std::string replaced(std::string text, const std::string& what, const std::string& by) {
    std::size_t position = text.find(what);
    EXPECT_NE(position, std::string::npos) << what;
    for (; position != std::string::npos; position = text.find(what, position + by.size())) {
      text.replace(position, what.size(), by);
    }
    return text;
  }

  /// Runs the job, which must succeed.
  Result result_of(int np, const std::string& text) const {
    const Outcome outcome = run(np, text);
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    return Result(path("results/out.h5"));
  }

  static void expect_gradient(const Result& result, const Values& expected) {
    for (const auto& [name, value] : expected) {
      EXPECT_NEAR(result.value("/gradient/" + name), value, 1e-7 * (1 + std::abs(value))) << name;
    }
  }

  Numbers y_;  ///< three observations
};

}  // namespace kronwerk::end_to_end
