#include <functional>
#include <numbers>

#include "kernels/formula/formula_fixture.hpp"
#include "kronwerk/kernels/engine/program.hpp"

namespace kronwerk::kernels {
namespace {

constexpr double pi = std::numbers::pi;

class CovarianceFunction : public FormulaFixture {
 protected:
  /// d of the pair, computed here.
  double distance(Index i, Index j) {
    double total = 0;
    for (int c = 0; c < dimension_; ++c) {
      const double difference = component("x", i, j, c) - component("y", i, j, c);
      total += difference * difference;
    }
    return std::sqrt(total);
  }
  void make_equal(Index i, Index j) {
    for (int c = 0; c < dimension_; ++c) component("y", i, j, c) = component("x", i, j, c);
  }
};

struct Case {
  std::string formula;
  std::function<double(double)> value;
};

std::vector<Case> cases(double p, double q) {
  return {
      {"d", [](double d) { return d; }},
      {"rbf(d, p)", [=](double d) { return std::exp(-d * d / (2 * p * p)); }},
      {"exponential(d, p)", [=](double d) { return std::exp(-d / p); }},
      {"matern32(d, p)",
       [=](double d) {
         const double t = std::sqrt(3.0) * d / p;
         return (1 + t) * std::exp(-t);
       }},
      {"matern52(d, p)",
       [=](double d) {
         const double t = std::sqrt(5.0) * d / p;
         return (1 + t + t * t / 3) * std::exp(-t);
       }},
      {"rational_quadratic(d, p, q)",
       [=](double d) { return std::pow(1 + d * d / (2 * q * p * p), -q); }},
      {"periodic(d, p, q)",
       [=](double d) { return std::exp(-2 * std::pow(std::sin(pi * d / q) / p, 2)); }},
      {"cosine(d, q)", [=](double d) { return std::cos(2 * pi * d / q); }},
      {"p^2*matern32(d, q) + rbf(d, p)*cosine(d, q)",
       [=](double d) {
         const double t = std::sqrt(3.0) * d / q;
         return p * p * (1 + t) * std::exp(-t) +
                std::exp(-d * d / (2 * p * p)) * std::cos(2 * pi * d / q);
       }},
  };
}

TEST_F(CovarianceFunction, HasItsStandardForm) {
  for (const int dimension : {1, 2, 5}) {
    use_dimension(dimension);
    name_points();
    make_equal(2, 0);
    for (const Case& known : cases(0.7, 1.3)) {
      const Expression formula = parse(known.formula);
      for (const auto& [i, j] : {std::pair{0, 1}, {1, 3}, {2, 0}}) {
        EXPECT_NEAR(static_cast<double>(value(formula, i, j)[0]), known.value(distance(i, j)),
                    1e-14)
            << known.formula << " = " << formula.text();
      }
    }
  }
}

TEST_F(CovarianceFunction, OfThePointsThemselvesHasItsStandardForm) {
  use_dimension(3);
  name_points();
  double product = 0;
  for (int c = 0; c < 3; ++c) product += component("x", 1, 2, c) * component("y", 1, 2, c);
  const auto at = [&](const std::string& formula, Index i = 1, Index j = 2) {
    return static_cast<double>(value(parse(formula), i, j)[0]);
  };
  EXPECT_NEAR(at("linear()"), product, 1e-15);
  EXPECT_NEAR(at("linear(p^2)"), product + 0.49, 1e-15);
  EXPECT_NEAR(at("polynomial(3)"), std::pow(product, 3), 1e-14);
  EXPECT_NEAR(at("polynomial(2, q)"), std::pow(product + 1.3, 2), 1e-14);
  // The rows begin with 3 and the columns with 2.
  EXPECT_EQ(at("white()"), 1);
  EXPECT_EQ(at("q*white()"), 1.3);
  EXPECT_EQ(at("q*white()", 0, 1), 1.3);
  EXPECT_EQ(at("q*white()", 1, 1), 0);
}

TEST_F(CovarianceFunction, HasExactDerivatives) {
  for (const int dimension : {1, 2, 5}) {
    use_dimension(dimension);
    name_points();
    for (const Case& known : cases(0.7, 1.3)) expect_derivatives(known.formula, 1, 2, 1e-9);
    for (const std::string formula :
         {"linear(p)", "polynomial(3, p)*q", "p*white()", "matern52(d, p)*linear(q)"}) {
      expect_derivatives(formula, 1, 2, 1e-9);
      expect_derivatives(formula, 0, 1, 1e-9);
    }
  }
}

/// By parameters: by the points themselves there is none.
TEST_F(CovarianceFunction, HasExactDerivativesAtEqualPoints) {
  for (const int dimension : {1, 2}) {
    use_dimension(dimension);
    name_points();
    make_equal(1, 2);
    for (const Case& known : cases(0.7, 1.3)) {
      const Expression formula = parse(known.formula);
      rows_.variables["cotangent"] = Cloud{1, 3, {1, 1, 1}};
      for (const std::string& name : formula.parameters()) {
        const Expression gradient = differentiate(formula, name);
        EXPECT_NEAR(static_cast<double>(value(gradient, 1, 2)[0]),
                    static_cast<double>(difference(formula, name, 1, 2, 0)), 1e-9)
            << known.formula << " by " << name << ": " << gradient.text();
      }
      for (const auto& [name, gradient] : vector_jacobian(formula, make_number(1), {"x", "y"})) {
        for (const long double entry : value(gradient, 1, 2)) EXPECT_EQ(entry, 0) << known.formula;
      }
    }
  }
}

/// Differences of nearly equal terms would lose all digits here.
TEST_F(CovarianceFunction, HasExactDerivativesAtNearlyEqualPoints) {
  use_dimension(3);
  name_points();
  make_equal(1, 2);
  const double small = 0x1p-20;
  component("y", 1, 2, 0) = component("x", 1, 2, 0) - small;
  const auto slope = [&](const std::string& formula) {
    const auto found = vector_jacobian(parse(formula), make_number(1), {"x"});
    return static_cast<double>(value(found.at("x"), 1, 2)[0]) / small;
  };
  // F ≈ F(0) + s d², to O(d³): the derivative is 2 s (x - y).
  EXPECT_NEAR(slope("matern32(d, p)"), -3 / 0.49, 1e-4);
  EXPECT_NEAR(slope("matern52(d, p)"), -5.0 / 3 / 0.49, 1e-8);
  EXPECT_NEAR(slope("rational_quadratic(d, p, q)"), -1 / 0.49, 1e-8);
  // The 1 of matern32 is not added and taken away again: 3 d²/p³ exp(-√3 d/p) is what is left.
  const std::string by_scale = differentiate(parse("matern32(d, p)"), "p").text();
  EXPECT_EQ(by_scale.find(" + "), std::string::npos) << by_scale;
  EXPECT_EQ(by_scale.find(" - "), std::string::npos) << by_scale;
  const std::string written_out = differentiate(parse("(1 + d/p)*exp(-d/p)"), "p").text();
  EXPECT_EQ(written_out.find(" + "), std::string::npos) << written_out;
  EXPECT_EQ(written_out.find(" - "), std::string::npos) << written_out;
}

TEST_F(CovarianceFunction, TakesALengthScaleForEveryDimension) {
  use_dimension(2);
  name_points();
  const double u = component("x", 1, 2, 0) - component("y", 1, 2, 0);
  const double v = component("x", 1, 2, 1) - component("y", 1, 2, 1);
  const double scaled = std::hypot(u / 0.7, v / 1.3);
  for (const Case& known : cases(1, 2)) {
    if (known.formula.find("(d, p") == std::string::npos) continue;
    if (known.formula.find("periodic") != std::string::npos) continue;
    if (known.formula.find('+') != std::string::npos) continue;
    std::string formula = known.formula;
    formula.replace(formula.find("d, p"), 4, "d, concat(p, q)");
    const std::size_t alpha = formula.find(", q)", formula.find("concat") + 12);
    if (alpha != std::string::npos) formula.replace(alpha, 4, ", 2)");
    EXPECT_NEAR(static_cast<double>(value(parse(formula), 1, 2)[0]), known.value(scaled), 1e-14)
        << formula;
    expect_derivatives(formula, 1, 2, 1e-9);
  }
  make_equal(1, 2);
  for (const std::string formula :
       {"matern32(d, concat(p, q))", "exponential(d, concat(p, q))", "matern52(d, concat(p, q))"}) {
    for (const auto& [name, gradient] :
         vector_jacobian(parse(formula), make_number(1), {"p", "q", "x", "y"})) {
      for (const long double entry : value(gradient, 1, 2)) {
        EXPECT_EQ(entry, 0) << formula << " by " << name << ": " << gradient.text();
      }
    }
  }
}

TEST_F(CovarianceFunction, MeasuresGreatCirclesInKilometres) {
  use_dimension(2);
  name_points();
  symbols_.distance = Distance::great_circle;
  const auto place = [&](double first_longitude, double first_latitude, double second_longitude,
                         double second_latitude) {
    component("x", 1, 2, 0) = first_longitude;
    component("x", 1, 2, 1) = first_latitude;
    component("y", 1, 2, 0) = second_longitude;
    component("y", 1, 2, 1) = second_latitude;
  };
  const auto d = [&] { return static_cast<double>(value(parse("d"), 1, 2)[0]); };
  const double quarter = 6371.0088 * pi / 2;
  place(0, 0, 90, 0);
  EXPECT_NEAR(d(), quarter, 1e-9);
  place(0, 0, 180, 0);
  EXPECT_NEAR(d(), 2 * quarter, 1e-9);
  place(17, -90, -60, 90);
  EXPECT_NEAR(d(), 2 * quarter, 1e-9);
  place(179.5, 10, -179.5, 10);
  EXPECT_NEAR(d(), 6371.0088 * 2 * std::asin(std::cos(pi / 18) * std::sin(pi / 360)), 1e-9);
  place(-6.25, 53.43, -10.25, 51.93);
  expect_derivatives("d", 1, 2, 1e-6);
  symbols_.parameters.insert("scale");
  constants_.parameters["scale"] = 200;
  for (const std::string formula :
       {"matern52(d, scale)", "rbf(d, scale)", "exponential(d, scale)"}) {
    expect_derivatives(formula, 1, 2, 1e-9);
  }
  place(5, 50, 5, 50);
  EXPECT_EQ(d(), 0);
  for (const auto& [name, gradient] :
       vector_jacobian(parse("exponential(d, scale)"), make_number(1), {"x", "y", "scale"})) {
    for (const long double entry : value(gradient, 1, 2)) EXPECT_EQ(entry, 0) << name;
  }
}

TEST_F(CovarianceFunction, RefusesWhatHasNoMeaning) {
  use_dimension(3);
  expect_refused("rbf(d, p)", "norm(x - y)", "    ^");
  expect_refused("p + linear()", "two points", "    ^~~~~~~~");
  name_points();
  expect_refused("rbf(d, concat(p, q))", "dimension 3, and there are 2", "       ^~~~~~~~~~~~");
  expect_refused("rbf(2*d, concat(p, q, p))", "euclidean distance 'd' only", "         ^");
  expect_refused("periodic(d, concat(p, q, p), q)", "must be a scalar", "            ^");
  expect_refused("matern32(x, p)", "a vector of 3", "         ^");
  expect_refused("matern32(d)", "matern32(d, length_scale)", "^");
  expect_refused("matern23(d, p)", "did you mean 'matern32'?", "^~~~~~~~");
  expect_refused("polynomial(q)", "a whole number", "           ^");
  expect_refused("polynomial(0)", "from 1 to 64", "           ^");
  symbols_.second_point = "b";
  EXPECT_NE(refusal("d").find("'x' has 3 and 'b' has 1"), std::string::npos) << refusal("d");
  symbols_.second_point = "z";
  EXPECT_NE(refusal("d").find("must both be variables"), std::string::npos) << refusal("d");
  name_points();
  symbols_.distance = Distance::great_circle;
  EXPECT_NE(refusal("d").find("longitude and latitude"), std::string::npos) << refusal("d");
  use_dimension(2);
  name_points();
  symbols_.distance = Distance::great_circle;
  expect_refused("linear()", "multiplies coordinates", "^~~~~~~~");
}

/// F of one-dimensional points 0 (at i) and `far` (at j), computed as the program does it.
double computed(const Expression& formula, double far, Precision precision) {
  const Side rows{0, 1, {{"x", {1, 1, {0.0}}}}};
  const Side columns{0, 1, {{"y", {1, 1, {far}}}}};
  const Constants constants{{{"p", 0.7}, {"q", 1.3}}, {}};
  std::vector<double> values(1);
  evaluate(Program(formula, constants, precision), rows, columns, values, 1);
  return values[0];
}

/// Distances whose squares, or that themselves, are beyond every number.
const std::vector<double> far_away{1e5, 1e10, 1e20, 1e30, 1e38, 1e100, 1e155, 1e200, 1e308};

TEST_F(CovarianceFunction, ThatDecaysIs0AtEveryDistanceBeyond) {
  use_dimension(1);
  name_points();
  for (const std::string formula :
       {"rbf(d, p)", "exponential(d, p)", "matern32(d, p)", "matern52(d, p)", "matern52(d, 1e-200)",
        "matern32(d, 1e-200)", "rbf(d, 1e-150)",
        "rbf(d, p) + q^2*matern52(d, q)*exponential(d, p)"}) {
    for (const double far : far_away) {
      for (const Precision precision : {Precision::float64, Precision::float32}) {
        EXPECT_EQ(computed(parse(formula), far, precision), 0) << formula << " at " << far;
      }
    }
  }
  for (const double far : far_away) {
    const double expected = far > 1e150 ? 0 : std::pow(far / 0.7, -2.6) * std::pow(2.6, 1.3);
    EXPECT_NEAR(computed(parse("rational_quadratic(d, p, q)"), far, Precision::float64), expected,
                1e-12);
    EXPECT_TRUE(
        std::isfinite(computed(parse("rational_quadratic(d, p, q)"), far, Precision::float32)));
  }
}

TEST_F(CovarianceFunction, HasFiniteDerivativesAtEveryDistance) {
  use_dimension(1);
  name_points();
  std::vector<double> distances = far_away;
  distances.insert(distances.end(), {0.0, 1e-300, 1e-170, 1e-30});
  for (const std::string formula : {"rbf(d, p)", "exponential(d, p)", "matern32(d, p)",
                                    "matern52(d, p)", "rational_quadratic(d, p, q)", "exp(-d^2/p)",
                                    "exp(-norm(x - y)/q)", "p^2*matern32(d, q) + rbf(d, p)"}) {
    for (const auto& [name, derivative] :
         vector_jacobian(parse(formula), make_number(1), {"p", "q", "x", "y"})) {
      for (const double distance : distances) {
        for (const Precision precision : {Precision::float64, Precision::float32}) {
          const double value = computed(derivative, distance, precision);
          EXPECT_TRUE(std::isfinite(value))
              << "d(" << formula << ")/d" << name << " is " << value << " at " << distance;
          if (distance >= 1e5 && formula.find("rational") == std::string::npos &&
              formula.find("p^2") == std::string::npos) {
            EXPECT_EQ(value, 0) << formula << " by " << name << " at " << distance;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace kronwerk::kernels
