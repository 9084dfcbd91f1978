#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "kronwerk/kernels/formula/node.hpp"

namespace kronwerk::kernels {

/// What a kernel formula may know of its names before anything is read.
struct VariableSymbol {
  int dimension = 1;
  Axes axes = no_axis;  ///< axis_i, axis_j, or no_axis: the same vector for all pairs
};

/// How `d`, the distance between two points, is measured.
enum class Distance { euclidean, great_circle };

struct Symbols {
  std::map<std::string, VariableSymbol> variables;
  std::set<std::string> parameters;
  /// If not empty: `d` stands for the distance of these two variables, and covariance functions
  /// (rbf, matern32, …) may be used. Great-circle distances are in kilometres on the sphere of
  /// radius 6371.0088 km, of points given as longitude and latitude in degrees.
  std::string first_point{};
  std::string second_point{};
  Distance distance = Distance::euclidean;
};

/// A kernel formula whose names and dimensions have been resolved: F(i, j), a vector of dimension()
/// values. Folded (exp·exp, sums of products to dot, numbers), common parts shared. Immutable.
class Expression {
 public:
  explicit Expression(NodePtr root) : root_(std::move(root)) {}
  const NodePtr& root() const noexcept { return root_; }
  int dimension() const noexcept { return root_->dimension; }
  bool varies(Axes axis) const noexcept { return (root_->axes & axis) != 0; }
  /// The formula, rewritten from the tree; equal text, equal function.
  std::string text() const;
  /// The names it uses.
  std::set<std::string> parameters() const;
  std::map<std::string, VariableSymbol> variables() const;
  /// F with i and j exchanged.
  Expression transposed() const;
  /// F(i, j) = F(j, i) for every pair, as far as the formula shows it, when `second` runs over the
  /// points of `first`, for each of the pairs of names.
  bool symmetric(const std::map<std::string, std::string>& second_of_first) const;

 private:
  NodePtr root_;
};

/// Parses and resolves `formula`. `where` ("configs/x.yaml:7") heads every message.
/// @throws ConfigurationError showing the formula with a caret (and the dimensions involved)
Expression analyse(const std::string& formula, const Symbols& symbols, const std::string& where);

/// True for the names of functions, `i`, `j` and `d`: no variable or parameter may have them.
bool is_reserved_name(const std::string& name);

/// Every name that the formula uses and that is not reserved. @throws ConfigurationError
std::vector<std::string> used_names(const std::string& formula, const std::string& where);

/// The vector-Jacobian products: for every name (of a parameter or variable) the expression
/// cotangentᵀ ∂F/∂name of that name's dimension, still to be summed over the index (or indices)
/// that the name does not vary with. A missing name: zero. Where F is not differentiable (ties of
/// min and max, abs at 0, the distance of equal points) the result is one of its one-sided
/// derivatives or 0, never NaN.
/// @param cotangent  of F's dimension; may vary with i and j
std::map<std::string, Expression> vector_jacobian(const Expression& formula,
                                                  const Expression& cotangent,
                                                  const std::vector<std::string>& names);

/// ∂F/∂parameter of a scalar F.
Expression differentiate(const Expression& formula, const std::string& parameter);

/// Expressions made from others without text.
Expression make_number(double value);
Expression make_variable(const std::string& name, VariableSymbol symbol);
Expression multiply(const Expression& a, const Expression& b);
Expression add(const Expression& a, const Expression& b);
Expression subtract(const Expression& a, const Expression& b);
Expression exponential(const Expression& a);
Expression equal(const Expression& a, const Expression& b);

}  // namespace kronwerk::kernels
