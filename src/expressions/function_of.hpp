#pragma once

#include <complex>
#include <optional>
#include <set>
#include <string>

#include "kronwerk/expressions/factor_node.hpp"

namespace kronwerk::expressions {

/// Factors as functions of one matrix: sums, products and inverses of it, and transposes where it
/// is symmetric.
class FunctionOf {
 public:
  /// @param generator, symmetric  must outlive this
  FunctionOf(const FactorNode& generator, const std::set<std::string>& symmetric)
      : generator_(generator), symmetric_(symmetric) {}

  bool holds(const FactorNode& factor) const;
  /// The function's value at an eigenvalue of the generator.
  /// @param largest  magnitude of the generator's largest eigenvalue, by which rounding is measured
  /// @throws SingularError if an inverse meets zero up to rounding, InternalError unless
  /// holds(factor)
  std::complex<double> at(const FactorNode& factor, std::complex<double> eigenvalue,
                          double largest) const;

 private:
  /// A number whose rounding error is a modest multiple of ε size.
  struct Value {
    std::complex<double> number;
    double size = 0;
  };
  using Point = std::optional<Value>;  ///< the eigenvalue; nothing to ask for the structure only

  std::optional<Value> product(const FactorNode& factor, const Point& point) const;
  std::optional<Value> link(const FactorLink& link, const Point& point) const;
  std::optional<Value> sum(const FactorLink& link, const Point& point) const;
  std::optional<Value> shifted_multiple(const FactorLink& link, const Point& point) const;
  bool begins_with(const FactorNode& factor, std::size_t first, const FactorNode& start) const;
  static Value checked_inverse(const Value& value, const std::string& what, const Point& point);
  static Value multiply(const Value& a, const Value& b);

  const FactorNode& generator_;
  const std::set<std::string>& symmetric_;
};

/// The factor's text, with no transpose of what is symmetric: equal text, equal matrix.
std::string text_of(const FactorNode& factor, const std::set<std::string>& symmetric);

}  // namespace kronwerk::expressions
