#include <algorithm>

#include "kernels/formula/formula_fixture.hpp"

namespace kronwerk::kernels {
namespace {

using Values = std::vector<long double>;

/// A formula and its value, computed as it is written, operation by operation.
struct Written {
  std::string text;
  Values value;
};

class RandomFormula : public FormulaFixture {
 protected:
  Written leaf(bool vector) {
    static const std::vector<std::string> vectors{"x", "y", "w"};
    static const std::vector<std::string> scalars{"a", "b", "p", "q"};
    const std::string name = vector ? vectors[choose(3)] : scalars[choose(4)];
    if (!vector && choose(4) == 0) {
      static const std::vector<std::pair<std::string, long double>> numbers{
          {"0", 0}, {"1", 1}, {"2", 2}, {"0.5", 0.5L}};
      const auto& [text, value] = numbers[choose(4)];
      return {text, {value}};
    }
    Written made{name, {}};
    for (int c = 0; c < (vector ? dimension_ : 1); ++c) {
      made.value.push_back(component(name, 1, 2, c));
    }
    return made;
  }

  Written make(int depth, bool vector) {
    if (depth == 0 || choose(8) == 0) return leaf(vector);
    if (!vector && choose(3) == 0) return of_vectors(depth);
    if (choose(3) == 0) return of_one(depth, vector);
    // A scalar against a vector now and then.
    const bool mixed = vector && choose(3) == 0;
    const bool first = mixed && choose(2) == 0;
    return of_two(make(depth - 1, vector && !first), make(depth - 1, vector && (!mixed || first)));
  }

  Written of_one(int depth, bool vector) {
    const Written u = make(depth - 1, vector);
    struct Choice {
      const char* before;
      const char* after;
      long double (*value)(long double);
    };
    static const std::vector<Choice> choices{
        {"-(", ")", [](long double v) { return -v; }},
        {"sin(", ")", [](long double v) { return std::sin(v); }},
        {"cos(", ")", [](long double v) { return std::cos(v); }},
        {"tanh(", ")", [](long double v) { return std::tanh(v); }},
        {"abs(", ")", [](long double v) { return std::abs(v); }},
        {"square(", ")", [](long double v) { return v * v; }},
        {"(", ")^3", [](long double v) { return v * v * v; }},
        {"exp(-square(", "))", [](long double v) { return std::exp(-v * v); }},
        {"exp(sin(", "))", [](long double v) { return std::exp(std::sin(v)); }},
        {"sqrt(square(", "))", [](long double v) { return std::abs(v); }},
        {"sqrt(1 + (", ")^2)", [](long double v) { return std::sqrt(1 + v * v); }},
        {"1/(1 + square(", "))", [](long double v) { return 1 / (1 + v * v); }},
        {"log(2 + cos(", "))", [](long double v) { return std::log(2 + std::cos(v)); }},
        {"relu(", ")", [](long double v) { return v > 0 ? v : 0; }},
    };
    const Choice& choice = choices[choose(choices.size())];
    Written made{choice.before + u.text + choice.after, u.value};
    for (long double& entry : made.value) entry = choice.value(entry);
    return made;
  }

  Written of_two(const Written& u, const Written& v) {
    struct Choice {
      const char* before;
      const char* between;
      const char* after;
      long double (*value)(long double, long double);
    };
    static const std::vector<Choice> choices{
        {"(", " + ", ")", [](long double s, long double t) { return s + t; }},
        {"(", " - (", "))", [](long double s, long double t) { return s - t; }},
        {"(", ")*(", ")", [](long double s, long double t) { return s * t; }},
        {"(", ")/(2 + sin(", "))",
         [](long double s, long double t) { return s / (2 + std::sin(t)); }},
        {"(", ")*exp(-abs(", "))",
         [](long double s, long double t) { return s * std::exp(-std::abs(t)); }},
        {"(", ")/exp(cos(", "))",
         [](long double s, long double t) { return s / std::exp(std::cos(t)); }},
        {"(", ")/sqrt(1 + abs(", "))",
         [](long double s, long double t) { return s / std::sqrt(1 + std::abs(t)); }},
        {"min(", ", ", ")", [](long double s, long double t) { return std::min(s, t); }},
        {"max(", ", ", ")", [](long double s, long double t) { return std::max(s, t); }},
        {"where(", " < 0.3, 2, ", ")",
         [](long double s, long double t) { return s < 0.3L ? 2 : t; }},
    };
    const Choice& choice = choices[choose(choices.size())];
    Written made{choice.before + u.text + choice.between + v.text + choice.after, {}};
    const std::size_t size = std::max(u.value.size(), v.value.size());
    for (std::size_t c = 0; c < size; ++c) {
      made.value.push_back(
          choice.value(u.value[u.value.size() == 1 ? 0 : c], v.value[v.value.size() == 1 ? 0 : c]));
    }
    return made;
  }

  Written of_vectors(int depth) {
    const Written u = make(depth - 1, true);
    const std::size_t size = static_cast<std::size_t>(dimension_);
    long double total = 0;
    switch (choose(4)) {
      case 0:
        for (std::size_t c = 0; c < u.value.size(); ++c) total += u.value[c];
        return {"sum(" + u.text + ")", {total}};
      case 1:
        return {"elem(concat(" + u.text + ", p), 0)", {u.value[0]}};
      default:
        break;
    }
    const Written v = make(depth - 1, true);
    if (u.value.size() != size || v.value.size() != size) return u.value.size() == 1 ? u : v;
    const bool distance = choose(2) == 0;
    for (std::size_t c = 0; c < size; ++c) {
      const long double difference = u.value[c] - v.value[c];
      total += distance ? difference * difference : u.value[c] * v.value[c];
    }
    return {(distance ? "sqdist(" : "dot(") + u.text + ", " + v.text + ")", {total}};
  }

  std::size_t choose(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(generator_);
  }

  std::mt19937 generator_{7};
};

TEST_F(RandomFormula, KeepsItsValueAndItsDerivativesWhenFolded) {
  int compared = 0;
  for (const int dimension : {1, 3}) {
    use_dimension(dimension);
    for (int k = 0; k < 800; ++k) {
      const Written written = make(2 + k % 4, k % 2 == 0);
      if (written.text.size() > 2000) continue;
      const bool moderate = std::all_of(written.value.begin(), written.value.end(),
                                        [](long double entry) { return std::abs(entry) < 1e4L; });
      if (!moderate) continue;
      const Expression formula = parse(written.text);
      const Values actual = value(formula, 1, 2);
      ASSERT_EQ(actual.size(), written.value.size()) << written.text;
      for (std::size_t c = 0; c < actual.size(); ++c) {
        ASSERT_NEAR(static_cast<double>(actual[c]), static_cast<double>(written.value[c]), 1e-9)
            << written.text << "\n = " << formula.text();
      }
      expect_derivatives(written.text, 1, 2, 1e-5);
      if (HasFailure()) return;
      ++compared;
    }
  }
  EXPECT_GT(compared, 1000);
}

}  // namespace
}  // namespace kronwerk::kernels
