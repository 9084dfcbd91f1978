#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "kernels/formula/reference.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::kernels {

/// Points x (at i) and y (at j) of any dimension, scalars a (at i) and b (at j), a vector w and a
/// matrix M that vary with nothing, parameters p and q; all numbers between 0.2 and 0.9.
class FormulaFixture : public ::testing::Test {
 protected:
  void use_dimension(int dimension) {
    std::mt19937 generator(static_cast<unsigned>(dimension));
    std::uniform_real_distribution<double> uniform(0.2, 0.9);
    const auto values = [&](int count) {
      std::vector<double> made(static_cast<std::size_t>(count));
      for (double& value : made) value = uniform(generator);
      return made;
    };
    const auto cloud = [&](Index count, int size) {
      return Cloud{size, count, values(static_cast<int>(count) * size)};
    };
    dimension_ = dimension;
    rows_ = {3, 3, {{"x", cloud(3, dimension)}, {"a", cloud(3, 1)}}};
    columns_ = {2, 4, {{"y", cloud(4, dimension)}, {"b", cloud(4, 1)}}};
    constants_ = {{{"p", 0.7}, {"q", 1.3}},
                  {{"w", values(dimension)}, {"M", values(dimension * dimension)}}};
    symbols_ = {};
    symbols_.variables = {{"x", {dimension, axis_i}},  {"a", {1, axis_i}},
                          {"y", {dimension, axis_j}},  {"b", {1, axis_j}},
                          {"w", {dimension, no_axis}}, {"M", {dimension * dimension, no_axis}}};
    symbols_.parameters = {"p", "q"};
  }
  void name_points() {
    symbols_.first_point = "x";
    symbols_.second_point = "y";
  }

  Expression parse(const std::string& formula) const { return analyse(formula, symbols_, "t:1"); }

  std::string refusal(const std::string& formula) const {
    try {
      static_cast<void>(analyse(formula, symbols_, "job.yaml:5"));
    } catch (const core::ConfigurationError& error) {
      return error.what();
    }
    return "accepted";
  }
  void expect_refused(const std::string& formula, const std::string& what,
                      const std::string& carets) const {
    const std::string message = refusal(formula);
    EXPECT_EQ(message.rfind("job.yaml:5", 0), 0U) << message;
    EXPECT_NE(message.find(what), std::string::npos) << message;
    EXPECT_NE(message.find("\n    " + carets), std::string::npos) << message;
  }

  std::vector<long double> value(const Expression& formula, Index i, Index j) const {
    return ReferenceEvaluator(rows_, columns_, constants_)(*formula.root(), i, j);
  }

  /// The numbers of a name, at the pair (i, j): where to change it, component by component.
  double& component(const std::string& name, Index i, Index j, int c) {
    const auto parameter = constants_.parameters.find(name);
    if (parameter != constants_.parameters.end()) return parameter->second;
    const auto constant = constants_.variables.find(name);
    if (constant != constants_.variables.end()) {
      return constant->second[static_cast<std::size_t>(c)];
    }
    const bool row = rows_.variables.contains(name);
    Cloud& cloud = row ? rows_.variables.at(name) : columns_.variables.at(name);
    return cloud.values[static_cast<std::size_t>(c * cloud.count + (row ? i : j))];
  }

  /// Every derivative of cotangent · F at the pair (i, j) beside central differences, for a
  /// cotangent that is different in every component.
  void expect_derivatives(const std::string& formula, Index i, Index j, double tolerance) {
    const Expression parsed = parse(formula);
    std::vector<std::string> names;
    for (const std::string& name : parsed.parameters()) names.push_back(name);
    for (const auto& [name, symbol] : parsed.variables()) names.push_back(name);
    Cloud weights{parsed.dimension(), rows_.count, {}};
    for (Index k = 0; k < weights.count * weights.dimension; ++k) {
      weights.values.push_back(0.3 + 0.17 * static_cast<double>(k % 5));
    }
    rows_.variables["cotangent"] = weights;
    const auto gradients =
        vector_jacobian(parsed, make_variable("cotangent", {parsed.dimension(), axis_i}), names);
    for (const std::string& name : names) {
      const auto found = gradients.find(name);
      const bool parameter = symbols_.parameters.contains(name);
      const int count = parameter ? 1 : symbols_.variables.at(name).dimension;
      if (found != gradients.end()) {
        ASSERT_EQ(found->second.dimension(), count) << formula << " by " << name;
      }
      for (int c = 0; c < count; ++c) {
        const long double expected = difference(parsed, name, i, j, c);
        const long double actual =
            found == gradients.end() ? 0 : value(found->second, i, j)[static_cast<std::size_t>(c)];
        EXPECT_NEAR(static_cast<double>(actual), static_cast<double>(expected),
                    tolerance * std::max(1.0, std::abs(static_cast<double>(expected))))
            << formula << " by " << name << "[" << c
            << "]: " << (found == gradients.end() ? "none" : found->second.text());
      }
    }
  }

  long double difference(const Expression& formula, const std::string& name, Index i, Index j,
                         int c) {
    double& place = component(name, i, j, c);
    const double kept = place;
    const double above = kept + 1e-6;
    const double below = kept - 1e-6;
    place = above;
    const long double higher = weighted(formula, i, j);
    place = below;
    const long double lower = weighted(formula, i, j);
    place = kept;
    return (higher - lower) / (static_cast<long double>(above) - below);
  }

  long double weighted(const Expression& formula, Index i, Index j) const {
    const Cloud& weights = rows_.variables.at("cotangent");
    const std::vector<long double> values = value(formula, i, j);
    long double total = 0;
    for (std::size_t c = 0; c < values.size(); ++c) {
      total +=
          values[c] *
          weights.values[c * static_cast<std::size_t>(weights.count) + static_cast<std::size_t>(i)];
    }
    return total;
  }

  int dimension_ = 0;
  Side rows_;
  Side columns_;
  Constants constants_;
  Symbols symbols_;
};

}  // namespace kronwerk::kernels
