#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::expressions {

using core::Extents;
using core::Index;

/// What a formula may know of a matrix before anything is computed.
struct MatrixSymbol {
  Index rows = 0;
  Index cols = 0;       ///< 1 for a vector
  bool vector = false;  ///< legal inside diag() only
  bool sparse = false;
  Index stored = 0;  ///< stored entries if sparse
  /// Shape of a dense dataset of at least two dimensions: inside diag() it is a vector over a grid
  /// of these extents. With two dimensions it may be a matrix as well, hence `vector` false.
  Extents grid{};
  /// Of a matrix that depends on parameters: the name of ∂(this)/∂(parameter), of the same shape,
  /// for each of them.
  std::map<std::string, std::string> derivatives{};
};

struct Symbols {
  std::map<std::string, double> parameters;
  std::map<std::string, MatrixSymbol> matrices;
};

struct Node;

/// An operator formula whose names, types and sizes have been resolved: a linear map from the grid
/// col_extents() to the grid row_extents(). Immutable.
class Expression {
 public:
  explicit Expression(std::shared_ptr<const Node> root, bool derivative = false)
      : root_(std::move(root)), derivative_(derivative) {}
  const Node& root() const noexcept { return *root_; }
  const std::shared_ptr<const Node>& node() const noexcept { return root_; }
  Extents row_extents() const;
  Extents col_extents() const;
  /// True for what differentiate() returned. Derivatives are applied and never solved with, so that
  /// simplify() may make more terms of them rather than form a factor.
  bool is_derivative() const noexcept { return derivative_; }
  /// The formula, rewritten from the tree.
  std::string text() const;

 private:
  std::shared_ptr<const Node> root_;
  bool derivative_ = false;
};

/// Grids of more modes are refused: HDF5 has no datasets of more dimensions.
inline constexpr int most_modes = 32;

/// Parses and resolves `formula`. `where` ("configs/x.yaml:7") heads every message.
/// @throws ConfigurationError showing the formula with a caret (and the shapes involved)
Expression analyse(const std::string& formula, const Symbols& symbols, const std::string& where);

/// The number that a formula of parameters alone stands for. `where` heads every message.
/// @throws ConfigurationError, with a caret, for anything else; DataError likewise as
/// evaluate()
double evaluate_scalar(const std::string& formula, const std::map<std::string, double>& parameters,
                       const std::string& where);

/// True for the names of functions, `I`, `input` and `result`: no matrix or parameter may have
/// them.
bool is_reserved_name(const std::string& name);

/// The names that the formula uses (for 'unused' errors). A formula alone does not tell parameters
/// from matrices: both lists hold every name that is neither called nor reserved.
/// @throws ConfigurationError for a formula that cannot be parsed
struct UsedNames {
  std::vector<std::string> parameters;
  std::vector<std::string> matrices;
};
UsedNames used_names(const std::string& formula, const std::string& where);

/// The names inside diag() that run over a whole grid, with its extents: to be read by rank in home
/// blocks, unlike the factors, of which every node has a copy. A name may be in both lists.
std::map<std::string, Extents> grid_vectors(const Expression& expression);
/// The names of the matrices and vectors that are factors.
std::set<std::string> factor_names(const Expression& expression);

/// ∂ expression / ∂ parameter, as written, before any simplification. Zero is represented by an
/// expression whose simplify() has no terms.
Expression differentiate(const Expression& expression, const std::string& parameter);

}  // namespace kronwerk::expressions
