#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "kronwerk/expressions/lowering.hpp"
#include "kronwerk/expressions/node.hpp"

namespace kronwerk::application {

/// A covariance formula, resolved once, whose two parts and derivatives are wanted at many values
/// of the parameters. Local.
class CovarianceFormula {
 public:
  using Parameters = std::map<std::string, double>;

  explicit CovarianceFormula(expressions::Expression expression);

  const expressions::Expression& expression() const noexcept { return expression_; }
  /// The names of the matrices that are its factors.
  const std::set<std::string>& factor_names() const noexcept { return names_; }

  /// The whole at these values. @param names  of the matrices that depend on the parameters
  expressions::SumOfProducts simplified(const Parameters& parameters,
                                        const expressions::MatrixNames& names) const;
  /// Diagonals apart from the rest; of diagonals alone, the first is the signal.
  struct Parts {
    expressions::SumOfProducts signal;
    expressions::SumOfProducts noise;  ///< without terms if there is none
  };
  Parts parts(const Parameters& parameters, const expressions::MatrixNames& names) const;

  /// ∂/∂parameter, differentiated on the first call.
  struct Derivative {
    expressions::Expression expression;
    std::set<std::string> factor_names;
  };
  const Derivative& derivative(const std::string& parameter);

 private:
  expressions::Expression expression_;
  std::set<std::string> names_;
  std::vector<expressions::NodePtr> addends_;
  std::map<std::string, Derivative> derivatives_;
};

}  // namespace kronwerk::application
