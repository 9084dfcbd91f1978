#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kronwerk/expressions/factor_node.hpp"
#include "kronwerk/expressions/lowering.hpp"
#include "kronwerk/expressions/node.hpp"

namespace kronwerk::application {

/// A covariance formula, resolved once, whose parts and derivatives are wanted at many values of
/// the parameters. Local.
class CovarianceFormula {
 public:
  using Parameters = std::map<std::string, double>;

  explicit CovarianceFormula(expressions::Expression expression);

  const expressions::Expression& expression() const noexcept { return expression_; }
  /// The names of the matrices that are its factors.
  const std::set<std::string>& factor_names() const noexcept { return names_; }

  /// scale * inv(sum), a sum of several products.
  struct Inverse {
    double scale = 1;
    expressions::SumOfProducts sum;
  };
  /// Diagonals apart from the rest, and inverses of sums; of diagonals alone, the first is the
  /// signal. Terms with ones stay apart as they are written. Polynomials in a matrix are written in
  /// its powers where a mode has several.
  struct Parts {
    expressions::SumOfProducts signal;
    expressions::SumOfProducts noise;  ///< without terms if there is none
    std::vector<Inverse> inverses;

    bool empty() const { return signal.terms.empty() && noise.terms.empty() && inverses.empty(); }
    std::string text() const;
  };
  /// @throws ConfigurationError, with a caret, for what is no such covariance
  Parts parts(const Parameters& parameters, const expressions::MatrixNames& names) const;

  /// The names of the matrices in ∂/∂parameter, differentiated on the first call.
  const std::set<std::string>& names_of_derivative(const std::string& parameter);
  /// ∂/∂parameter: of signal and noise, and of the inverses of parts() at the same values.
  struct Derivative {
    expressions::SumOfProducts products;
    std::vector<Inverse> inverses;  ///< ∂scale and ∂sum
  };
  Derivative derivative(const std::string& parameter, const Parameters& parameters,
                        const expressions::MatrixNames& names);

 private:
  /// One term of the sum at the top: scale * inv(inverted) where that is not null.
  struct Addend {
    expressions::NodePtr whole;
    expressions::NodePtr scale;
    expressions::NodePtr inverted;
  };
  struct DerivativeOfAddend {
    expressions::Expression whole;
    expressions::NodePtr scale;
    std::optional<expressions::Expression> inverted;
  };
  struct KnownDerivative {
    std::vector<DerivativeOfAddend> addends;
    std::set<std::string> names;
  };

  static Addend addend_of(const expressions::NodePtr& node);
  const KnownDerivative& known_derivative(const std::string& parameter);
  /// The sum that an addend inverts at these values, if it is one of several products.
  std::optional<expressions::SumOfProducts> inverted_sum(
      const Addend& addend, const Parameters& parameters,
      const expressions::MatrixNames& names) const;
  Parts separate(const Parameters& parameters, const expressions::MatrixNames& names) const;
  static std::vector<expressions::FactorNodePtr> bases_of(const Parts& parts);

  expressions::Expression expression_;
  std::set<std::string> names_;
  bool has_ones_ = false;
  std::vector<Addend> addends_;
  std::map<std::string, KnownDerivative> derivatives_;
};

}  // namespace kronwerk::application
