#pragma once

// Formulas as the generator builds them: printed as text for the program, evaluated as dense
// matrices for the oracle. Nothing of kronwerk's own expressions is used.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adversary/material/dense.hpp"

namespace kronwerk::adversary {

using Parameters = std::map<std::string, double>;
/// By the name of a parameter; names that are not there stand for 0.
using Derivatives = std::map<std::string, Matrix>;

/// A value to first order in the parameters, with the sizes that bound its rounding errors: however
/// a formula is regrouped, an entry is in error by a modest multiple of ε times its entry of
/// `size`, the formula evaluated with absolute values (and, for inverses, their conditions).
struct Value {
  Matrix value;
  Matrix size;
  Derivatives derivatives;
  Derivatives derivative_sizes;
};

/// What a name in a formula stands for: its matrix (or column vector) at given parameters.
class Leaf {
 public:
  virtual ~Leaf() = default;
  virtual Value evaluate(const Parameters& parameters) const = 0;
};
using Leaves = std::map<std::string, std::shared_ptr<const Leaf>>;

class Node;
using NodePtr = std::shared_ptr<const Node>;

enum class Kind {
  number,
  parameter,
  quotient,
  power,
  exponential,
  logarithm,
  square_root,
  matrix,
  identity,  ///< I
  eye,       ///< eye(n)
  diagonal,  ///< diag(v)
  transpose,
  inverse,
  kron,
  kronsum,
  sum,
  difference,
  product,
  scale,  ///< number * matrix
  negation,
};

/// A node of a formula. Numbers have grids of no mode.
class Node {
 public:
  Kind kind = Kind::number;
  double number = 0;
  std::string name;  ///< of a parameter, matrix or vector; of eye() what stands in it
  std::vector<NodePtr> arguments;
  Grid rows;
  Grid cols;
  bool swapped = false;  ///< a scale whose number stands behind

  bool scalar() const { return rows.empty(); }
  std::string text() const;
  Value evaluate(const Parameters& parameters, const Leaves& leaves) const;
};

NodePtr make(Kind kind, std::vector<NodePtr> arguments, Grid rows, Grid cols);
NodePtr number(double value);
NodePtr parameter(const std::string& name);
NodePtr matrix(const std::string& name, Index rows, Index cols);
NodePtr identity(const Grid& grid);
NodePtr eye(const std::string& size, Index extent);
/// diag(v) over one mode or over a whole grid.
NodePtr diagonal(const std::string& name, const Grid& grid);
NodePtr transpose(const NodePtr& a);
NodePtr inverse(const NodePtr& a);
NodePtr kron(std::vector<NodePtr> arguments);
NodePtr kronsum(std::vector<NodePtr> arguments);
NodePtr sum(const NodePtr& a, const NodePtr& b);
NodePtr difference(const NodePtr& a, const NodePtr& b);
/// Of two numbers, of two matrices, or a matrix scaled by a number.
NodePtr product(const NodePtr& a, const NodePtr& b);
NodePtr quotient(const NodePtr& a, const NodePtr& b);
NodePtr negation(const NodePtr& a);

/// A value without derivatives and with the size of its entries.
Value constant(Matrix value);

}  // namespace kronwerk::adversary
