#include "expressions/function_of.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kronwerk/core/error.hpp"

namespace kronwerk::expressions {
namespace {

using Names = std::set<std::string>;

std::string text_of(const FactorLink& link, const Names& symmetric);

std::string text_of(const FactorLeaf& leaf, const Names& symmetric) {
  if (leaf.kind != FactorLeaf::Kind::sum) return leaf.text;
  std::string text = "(";
  for (const auto& [coefficient, term] : leaf.terms) {
    text += fmt::format("{:+.15g}*{}", coefficient, expressions::text_of(*term, symmetric));
  }
  return text + ")";
}

bool is_symmetric(const FactorLeaf& leaf, const Names& symmetric) {
  switch (leaf.kind) {
    case FactorLeaf::Kind::matrix:
      return symmetric.contains(leaf.text);
    case FactorLeaf::Kind::diagonal:
    case FactorLeaf::Kind::ones:
      return true;
    case FactorLeaf::Kind::sum:
      break;
  }
  return std::all_of(leaf.terms.begin(), leaf.terms.end(), [&](const auto& term) {
    return expressions::text_of(*term.second, symmetric) ==
           expressions::text_of(*transpose(term.second), symmetric);
  });
}

bool is_turned(const FactorLink& link, const Names& symmetric) {
  return link.transposed && !is_symmetric(*link.leaf, symmetric);
}

std::string text_of(const FactorLink& link, const Names& symmetric) {
  return text_of(*link.leaf, symmetric) + (is_turned(link, symmetric) ? "'" : "") +
         (link.inverse ? "^-1" : "");
}

/// The terms of a sum other than the identity, and how much of that there is.
struct Shifted {
  double shift = 0;
  std::vector<std::pair<double, FactorNodePtr>> terms;
};

Shifted shifted(const FactorLeaf& leaf) {
  Shifted result;
  for (const auto& term : leaf.terms) {
    if (term.second->is_identity()) {
      result.shift += term.first;
    } else {
      result.terms.push_back(term);
    }
  }
  return result;
}

}  // namespace

std::string text_of(const FactorNode& factor, const Names& symmetric) {
  if (factor.is_identity()) return "I";
  std::string text;
  for (const FactorLink& link : factor.links) {
    text += (text.empty() ? "" : "*") + text_of(link, symmetric);
  }
  return text;
}

bool FunctionOf::holds(const FactorNode& factor) const {
  return product(factor, std::nullopt).has_value();
}

std::complex<double> FunctionOf::at(const FactorNode& factor, std::complex<double> eigenvalue,
                                    double largest) const {
  const auto value = product(factor, Value{eigenvalue, largest});
  if (!value) {
    throw core::InternalError(
        fmt::format("'{}' is no function of '{}'", factor.text, generator_.text));
  }
  return value->number;
}

/// The links from `first` on are those of `start`.
bool FunctionOf::begins_with(const FactorNode& factor, std::size_t first,
                             const FactorNode& start) const {
  if (start.is_identity() || factor.links.size() - first < start.links.size()) return false;
  for (std::size_t i = 0; i < start.links.size(); ++i) {
    if (text_of(factor.links[first + i], symmetric_) != text_of(start.links[i], symmetric_)) {
      return false;
    }
  }
  return true;
}

std::optional<FunctionOf::Value> FunctionOf::product(const FactorNode& factor,
                                                     const Point& point) const {
  const Value generator = point.value_or(Value{1});
  // inv(A B) is inv(B) inv(A)
  const FactorNodePtr inverted = inverse(std::make_shared<const FactorNode>(generator_));
  Value result{1};
  for (std::size_t i = 0; i < factor.links.size();) {
    if (begins_with(factor, i, generator_)) {
      result = multiply(result, generator);
      i += generator_.links.size();
    } else if (begins_with(factor, i, *inverted)) {
      result = multiply(result, checked_inverse(generator, generator_.text, point));
      i += inverted->links.size();
    } else {
      const auto value = link(factor.links[i], point);
      if (!value) return std::nullopt;
      result = multiply(result, *value);
      ++i;
    }
  }
  return result;
}

std::optional<FunctionOf::Value> FunctionOf::link(const FactorLink& link,
                                                  const Point& point) const {
  if (link.leaf->kind != FactorLeaf::Kind::sum) return std::nullopt;
  auto value = sum(link, point);
  if (!value) value = shifted_multiple(link, point);
  if (value && link.inverse) return checked_inverse(*value, link.leaf->text, point);
  return value;
}

std::optional<FunctionOf::Value> FunctionOf::sum(const FactorLink& link, const Point& point) const {
  const bool turned = is_turned(link, symmetric_);
  Value result;
  for (const auto& [coefficient, term] : link.leaf->terms) {
    const auto value = product(turned ? *transpose(term) : *term, point);
    if (!value) return std::nullopt;
    result.number += coefficient * value->number;
    result.size += std::abs(coefficient) * std::max(value->size, std::abs(value->number));
  }
  return result;
}

/// s I + c T where the generator is g I + T: a sum whose terms are no functions of it one by one.
std::optional<FunctionOf::Value> FunctionOf::shifted_multiple(const FactorLink& link,
                                                              const Point& point) const {
  if (generator_.links.size() != 1) return std::nullopt;
  const FactorLink& own = generator_.links.front();
  if (own.inverse || own.leaf->kind != FactorLeaf::Kind::sum ||
      is_turned(own, symmetric_) != is_turned(link, symmetric_)) {
    return std::nullopt;
  }
  const Shifted mine = shifted(*own.leaf);
  const Shifted other = shifted(*link.leaf);
  if (mine.terms.size() != other.terms.size() || mine.terms.empty()) return std::nullopt;
  const double ratio = other.terms[0].first / mine.terms[0].first;
  constexpr double rounding = 16 * std::numeric_limits<double>::epsilon();
  for (std::size_t i = 0; i < mine.terms.size(); ++i) {
    const double expected = ratio * mine.terms[i].first;
    const bool same =
        std::abs(other.terms[i].first - expected) <= rounding * std::abs(expected) &&
        text_of(*mine.terms[i].second, symmetric_) == text_of(*other.terms[i].second, symmetric_);
    if (!same) return std::nullopt;
  }
  const Value generator = point.value_or(Value{1});
  return Value{other.shift + ratio * (generator.number - mine.shift),
               std::abs(other.shift) + std::abs(ratio) * (generator.size + std::abs(mine.shift))};
}

FunctionOf::Value FunctionOf::multiply(const Value& a, const Value& b) {
  return {a.number * b.number, a.size * std::abs(b.number) + std::abs(a.number) * b.size};
}

FunctionOf::Value FunctionOf::checked_inverse(const Value& value, const std::string& what,
                                              const Point& point) {
  if (!point) return {1};
  constexpr double rounding = 64 * std::numeric_limits<double>::epsilon();
  const double magnitude = std::abs(value.number);
  if (magnitude <= rounding * value.size) {
    throw core::SingularError(fmt::format(
        "'{}' is singular: one of its eigenvalues is zero, up to rounding, and it is inverted",
        what));
  }
  return {1.0 / value.number, value.size / magnitude / magnitude};
}

}  // namespace kronwerk::expressions
