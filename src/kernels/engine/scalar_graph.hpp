#pragma once

#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "kronwerk/kernels/engine/program.hpp"

namespace kronwerk::kernels {

/// A number for every pair, row or column: one component of a node of the formula, with the
/// constants put in.
struct ScalarNode {
  enum class Part { whole, high, low };  ///< high and low: of a double, as a sum of two floats

  Operation operation = Operation::number;
  unsigned axes = no_axis;
  /// Of a number; the factor c of exp, which stands for exp(c u).
  double number = 0;
  /// Of sqdist and dot: the components that do not vary with j, then those that do not vary with i.
  std::vector<int> arguments;
  std::string name;   ///< of a variable
  int component = 0;  ///< of a variable
  Part part = Part::whole;
  bool of_index = false;  ///< made of i or j
};

/// The formula as a graph of numbers, each of them once; what does not vary is a number already.
/// Distances and dot products of what varies with i only and what varies with j only stay whole.
class ScalarGraph {
 public:
  /// @param constants  must outlive the graph's use of lower()
  ScalarGraph(const Constants& constants, Precision precision)
      : constants_(&constants), precision_(precision) {}

  /// The components of a formula.
  std::vector<int> lower(const NodePtr& root);

  const ScalarNode& operator[](int id) const { return nodes_[static_cast<std::size_t>(id)]; }
  int size() const { return static_cast<int>(nodes_.size()); }
  int number(double value);

 private:
  using Ids = std::vector<int>;
  using Key = std::tuple<int, double, std::vector<int>, std::string, int, int>;
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };
  struct KeyEqual {
    bool operator()(const Key& a, const Key& b) const;
  };

  int insert(ScalarNode node);
  int leaf(const Node& node, int component);
  Ids lower_new(const Node& node);
  Ids compound(const Node& node, const std::vector<Ids>& arguments);
  int make(Operation operation, Ids arguments, double number = 0);
  int simplified(Operation operation, const Ids& arguments, double number);
  int exact_difference(int a, int b);
  int of_difference(Operation operation, int a, int b);
  int power(int base, double exponent);
  int pairwise(Operation operation, const Ids& a, const Ids& b);
  int total(const Ids& terms);
  bool is_number(int id) const { return (*this)[id].operation == Operation::number; }
  bool is_scaled(int id) const;

  const Constants* constants_;
  Precision precision_;
  std::vector<ScalarNode> nodes_;
  std::unordered_map<Key, int, KeyHash, KeyEqual> known_;
  std::unordered_map<const Node*, Ids> lowered_;
  std::vector<NodePtr> kept_;  // so that no address is used twice
};

}  // namespace kronwerk::kernels
