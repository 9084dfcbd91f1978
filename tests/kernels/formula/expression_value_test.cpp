// Every function of kernel formulas, against its definition.
#include <algorithm>
#include <functional>

#include "kernels/formula/formula_fixture.hpp"

namespace kronwerk::kernels {
namespace {

class ExpressionValues : public FormulaFixture {};

using Vector = std::vector<double>;

double total(const Vector& v) {
  double sum = 0;
  for (const double entry : v) sum += entry;
  return sum;
}

double squared_distance(const Vector& x, const Vector& y) {
  double sum = 0;
  for (std::size_t c = 0; c < x.size(); ++c) sum += (x[c] - y[c]) * (x[c] - y[c]);
  return sum;
}

struct Pair {
  Vector x, y, w, m;
  double a, b, p, q, i, j;
};

struct Case {
  std::string formula;
  std::function<Vector(const Pair&)> value;
};

Case of_x(const std::string& formula, double (*function)(double)) {
  return {formula, [=](const Pair& pair) {
            Vector result = pair.x;
            for (double& entry : result) entry = function(entry);
            return result;
          }};
}

Case of_x_and_y(const std::string& formula, std::function<double(double, double, const Pair&)> of) {
  return {formula, [=](const Pair& pair) {
            Vector result = pair.x;
            for (std::size_t c = 0; c < result.size(); ++c) {
              result[c] = of(pair.x[c], pair.y[c], pair);
            }
            return result;
          }};
}

std::vector<Case> elementwise_cases() {
  return {
      of_x("+x", [](double x) { return x; }),
      of_x("-x", [](double x) { return -x; }),
      of_x("exp(x)", [](double x) { return std::exp(x); }),
      of_x("log(x)", [](double x) { return std::log(x); }),
      of_x("sqrt(x)", [](double x) { return std::sqrt(x); }),
      of_x("rsqrt(x)", [](double x) { return 1 / std::sqrt(x); }),
      of_x("square(x)", [](double x) { return x * x; }),
      of_x("abs(x - 0.5)", [](double x) { return std::abs(x - 0.5); }),
      of_x("sign(x - 0.5)", [](double x) { return x > 0.5 ? 1.0 : -1.0; }),
      of_x("step(x - 0.5)", [](double x) { return x >= 0.5 ? 1.0 : 0.0; }),
      of_x("relu(x - 0.5)", [](double x) { return x > 0.5 ? x - 0.5 : 0.0; }),
      of_x("sin(x)", [](double x) { return std::sin(x); }),
      of_x("cos(x)", [](double x) { return std::cos(x); }),
      of_x("tan(x)", [](double x) { return std::tan(x); }),
      of_x("asin(x)", [](double x) { return std::asin(x); }),
      of_x("acos(x)", [](double x) { return std::acos(x); }),
      of_x("atan(x)", [](double x) { return std::atan(x); }),
      of_x("tanh(x)", [](double x) { return std::tanh(x); }),
      of_x("xlogx(x)", [](double x) { return x * std::log(x); }),
      of_x("sinc(x)", [](double x) { return std::sin(x) / x; }),
      of_x("round(10*x)", [](double x) { return std::nearbyint(10 * x); }),
      of_x("floor(10*x)", [](double x) { return std::floor(10 * x); }),
      of_x("x^2 + x^3 - x^-1 + x^0", [](double x) { return x * x + x * x * x - 1 / x + 1; }),
      of_x("x^0.5 + x^-0.5 + x^1.5 + x^2.5",
           [](double x) {
             return std::pow(x, 0.5) + std::pow(x, -0.5) + std::pow(x, 1.5) + std::pow(x, 2.5);
           }),
      of_x("2^x^2", [](double x) { return std::pow(2, x * x); }),
      of_x("-x^2", [](double x) { return -(x * x); }),
      of_x_and_y("x + y - p", [](double x, double y, const Pair& s) { return x + y - s.p; }),
      of_x_and_y("x*y*a*b*p*2",
                 [](double x, double y, const Pair& s) { return x * y * s.a * s.b * s.p * 2; }),
      of_x_and_y("a*x/(b*y*p)/4",
                 [](double x, double y, const Pair& s) { return s.a * x / (s.b * y * s.p) / 4; }),
      of_x_and_y("x/y/exp(y)/sqrt(x*y)*rsqrt(y)",
                 [](double x, double y, const Pair&) {
                   return x / y / std::exp(y) / std::sqrt(x * y) / std::sqrt(y);
                 }),
      of_x_and_y("p/(x*y)", [](double x, double y, const Pair& s) { return s.p / (x * y); }),
      of_x_and_y("x^y + q^x + y^p",
                 [](double x, double y, const Pair& s) {
                   return std::pow(x, y) + std::pow(s.q, x) + std::pow(y, s.p);
                 }),
      of_x_and_y("atan2(x, y)", [](double x, double y, const Pair&) { return std::atan2(x, y); }),
      of_x_and_y("mod(-3*x, y)", [](double x, double y,
                                    const Pair&) { return -3 * x - y * std::floor(-3 * x / y); }),
      of_x_and_y("min(x, y, p)",
                 [](double x, double y, const Pair& s) {
                   return std::min({x, y, s.p});
                 }),
      of_x_and_y("max(x, y)", [](double x, double y, const Pair&) { return std::max(x, y); }),
      of_x_and_y("clamp(x, 0.4, y)",
                 [](double x, double y, const Pair&) { return std::min(std::max(x, 0.4), y); }),
      of_x_and_y("(x < y) + 2*(x > y)",
                 [](double x, double y, const Pair&) { return x < y ? 1.0 : 2.0; }),
      of_x_and_y("(x <= y) + 2*(x >= y) + 4*(x == y) + 8*(x != y)",
                 [](double x, double y, const Pair&) { return x < y ? 9.0 : 10.0; }),
      of_x_and_y("where(x < y, x, b)",
                 [](double x, double y, const Pair& s) { return x < y ? x : s.b; }),
      of_x_and_y("x*y + x*p - x*y", [](double x, double, const Pair& s) { return x * s.p; }),
      of_x_and_y("exp(x*y)*(1 + y) - exp(x*y)*(y + x)",
                 [](double x, double y, const Pair&) { return std::exp(x * y) * (1 - x); }),
      of_x_and_y("exp(x)*exp(y)*exp(-x*y)*exp(p)",
                 [](double x, double y, const Pair& s) { return std::exp(x + y - x * y + s.p); }),
      of_x_and_y(
          "(2*x*y*p)^2*square(-x)",
          [](double x, double y, const Pair& s) { return std::pow(2 * x * y * s.p, 2) * x * x; }),
  };
}

std::vector<Case> vector_cases() {
  const auto scalar = [](const std::string& formula, std::function<double(const Pair&)> value) {
    return Case{formula, [=](const Pair& pair) { return Vector{value(pair)}; }};
  };
  const auto joined = [](Vector a, const Vector& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  return {
      scalar("i + 10*j", [](const Pair& s) { return s.i + 10 * s.j; }),
      scalar("(i == j) + 2*(i < j)",
             [](const Pair& s) { return s.i == s.j  ? 1.0
                                        : s.i < s.j ? 2.0
                                                    : 0.0; }),
      scalar("floor((i + 46)/49)", [](const Pair& s) { return std::floor((s.i + 46) / 49); }),
      scalar("sum(x)", [](const Pair& s) { return total(s.x); }),
      scalar("sum(x*p + 1)",
             [](const Pair& s) { return total(s.x) * s.p + static_cast<double>(s.x.size()); }),
      scalar("dot(x, y)",
             [](const Pair& s) {
               double sum = 0;
               for (std::size_t c = 0; c < s.x.size(); ++c) sum += s.x[c] * s.y[c];
               return sum;
             }),
      scalar("norm(x - y)", [](const Pair& s) { return std::sqrt(squared_distance(s.x, s.y)); }),
      scalar("sqnorm(a*x - a*y)",
             [](const Pair& s) { return s.a * s.a * squared_distance(s.x, s.y); }),
      scalar("sqdist(x, y)", [](const Pair& s) { return squared_distance(s.x, s.y); }),
      scalar("sqdist(x, y, q)", [](const Pair& s) { return s.q * squared_distance(s.x, s.y); }),
      scalar("sqdist(x, y, w)",
             [](const Pair& s) {
               double sum = 0;
               for (std::size_t c = 0; c < s.x.size(); ++c) {
                 sum += s.w[c] * (s.x[c] - s.y[c]) * (s.x[c] - s.y[c]);
               }
               return sum;
             }),
      scalar("sqdist(x, y, M)",
             [](const Pair& s) {
               double sum = 0;
               for (std::size_t r = 0; r < s.x.size(); ++r) {
                 for (std::size_t c = 0; c < s.x.size(); ++c) {
                   sum += s.m[r * s.x.size() + c] * (s.x[r] - s.y[r]) * (s.x[c] - s.y[c]);
                 }
               }
               return sum;
             }),
      scalar("elem(concat(x, y), 1)",
             [](const Pair& s) { return s.x.size() > 1 ? s.x[1] : s.y[0]; }),
      {"normalize(x)",
       [](const Pair& s) {
         Vector result = s.x;
         const double norm = std::sqrt(squared_distance(s.x, Vector(s.x.size(), 0)));
         for (double& entry : result) entry /= norm;
         return result;
       }},
      {"concat(x, a, y)", [=](const Pair& s) { return joined(joined(s.x, {s.a}), s.y); }},
      {"slice(concat(a, x, b, p), 1, "
       "1)",
       [](const Pair& s) { return Vector{s.x[0]}; }},
      {"matvec(M, x)",
       [](const Pair& s) {
         Vector result(s.x.size(), 0);
         for (std::size_t k = 0; k < s.m.size(); ++k) {
           result[k / s.x.size()] += s.m[k] * s.x[k % s.x.size()];
         }
         return result;
       }},
      {"vecmat(M, x)",
       [](const Pair& s) {
         Vector result(s.x.size(), 0);
         for (std::size_t k = 0; k < s.m.size(); ++k) {
           result[k % s.x.size()] += s.m[k] * s.x[k / s.x.size()];
         }
         return result;
       }},
      {"outer(x, y)",
       [](const Pair& s) {
         Vector result;
         for (const double left : s.x) {
           for (const double right : s.y) result.push_back(left * right);
         }
         return result;
       }},
  };
}

TEST_F(ExpressionValues, GivesTheValueOfItsDefinition) {
  for (const int dimension : {1, 3, 7}) {
    use_dimension(dimension);
    std::vector<Case> cases = elementwise_cases();
    for (Case& known : vector_cases()) cases.push_back(std::move(known));
    for (const Case& known : cases) {
      const Expression formula = parse(known.formula);
      for (const auto& [i, j] : {std::pair{0, 1}, {1, 3}, {2, 0}}) {
        Pair pair{{},
                  {},
                  constants_.variables.at("w"),
                  constants_.variables.at("M"),
                  component("a", i, j, 0),
                  component("b", i, j, 0),
                  0.7,
                  1.3,
                  static_cast<double>(3 + i),
                  static_cast<double>(2 + j)};
        for (int c = 0; c < dimension; ++c) {
          pair.x.push_back(component("x", i, j, c));
          pair.y.push_back(component("y", i, j, c));
        }
        const Vector expected = known.value(pair);
        const std::vector<long double> actual = value(formula, i, j);
        ASSERT_EQ(actual.size(), expected.size()) << known.formula << " = " << formula.text();
        for (std::size_t c = 0; c < expected.size(); ++c) {
          EXPECT_NEAR(static_cast<double>(actual[c]), expected[c],
                      1e-13 * std::max(1.0, std::abs(expected[c])))
              << known.formula << " = " << formula.text();
        }
      }
    }
  }
}

}  // namespace
}  // namespace kronwerk::kernels
