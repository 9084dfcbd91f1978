#pragma once

// Random operator formulas: trees of anything the language allows, and the structures for which the
// program has methods of its own.

#include <string>
#include <vector>

#include "adversary/material/material.hpp"

namespace kronwerk::adversary {

/// What a formula was made as; for messages, and for what may be refused.
enum class Structure {
  tree,
  product,
  kronecker_sum,
  shifted_product,
  polynomial,
  symmetric_pairs,
  sylvester,      ///< kron(A, D) + kron(C, B)
  general_sum,    ///< three terms and more
  grid_diagonal,  ///< with a diagonal over the whole grid
  kernel_system,  ///< c*K + alpha*I
};
const char* name_of(Structure structure);

struct Formula {
  NodePtr tree;
  Structure structure = Structure::tree;
};

class FormulaMaker {
 public:
  FormulaMaker(Random& random, Material& material) : random_(random), material_(material) {}

  /// Unequal, prime, 1; at most `most` points.
  Grid grid(Index most);
  /// An operator over these grids, any tree.
  Formula tree(const Grid& rows, const Grid& cols);
  /// A square operator that can be solved with more often than not.
  Formula structured(const Grid& grid);
  Formula structured(Structure structure, const Grid& grid);

  /// A number, of parameters more often than not.
  NodePtr scalar(int depth);
  /// A matrix of one mode.
  /// @param sized  its size must follow from itself
  NodePtr matrix(Index rows, Index cols, int depth, bool sized);
  /// A square matrix of one mode with this property, made of few leaves.
  NodePtr square(Index n, Wish wish);

 private:
  NodePtr parameter_node();
  NodePtr leaf(Index rows, Index cols, bool sized);
  NodePtr stored(Index n, Wish wish);
  NodePtr unit(Index n, bool sized);
  NodePtr operation(const Grid& rows, const Grid& cols, int depth, bool sized);
  NodePtr kronecker(const Grid& rows, const Grid& cols, int depth, bool sized);
  NodePtr regular_product(const Grid& grid);
  NodePtr units(const Grid& grid, bool sized);
  NodePtr factors_of(const std::vector<NodePtr>& factors);
  NodePtr polynomial(const Grid& grid);
  NodePtr symmetric_pairs(const Grid& grid);
  NodePtr with_grid_diagonal(const Grid& grid);
  NodePtr kernel_system(const Grid& grid);
  NodePtr sums(const Grid& grid, int terms, Wish wish);
  NodePtr wrapped(NodePtr tree, const Grid& grid);
  std::string grid_vector(const Grid& grid, bool regular);

  struct Stored {
    std::string name;
    Index rows;
    Index cols;
    Wish wish;
  };
  Random& random_;
  Material& material_;
  std::vector<Stored> pool_;
  std::vector<std::string> parameters_;
};

}  // namespace kronwerk::adversary
