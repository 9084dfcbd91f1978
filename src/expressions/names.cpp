// Declared in kronwerk/expressions/expression.hpp.
#include <algorithm>

#include "expressions/functions.hpp"
#include "kronwerk/expressions/expression.hpp"
#include "kronwerk/expressions/node.hpp"
#include "kronwerk/formulas/syntax.hpp"

namespace kronwerk::expressions {

const std::vector<std::string>& function_names() {
  static const std::vector<std::string> names = {"cols", "diag",    "exp",  "eye",  "inv", "kron",
                                                 "log",  "kronsum", "ones", "rows", "sqrt"};
  return names;
}

bool is_reserved_name(const std::string& name) {
  const auto& functions = function_names();
  return name == "I" || name == "input" || name == "result" ||
         std::find(functions.begin(), functions.end(), name) != functions.end();
}

UsedNames used_names(const std::string& formula, const std::string& where) {
  UsedNames used;
  for (const std::string& name : formulas::names(*formulas::parse({formula, where}))) {
    if (is_reserved_name(name)) continue;
    used.parameters.push_back(name);
    used.matrices.push_back(name);
  }
  return used;
}

namespace {

void collect(const Node& node, std::map<std::string, Extents>& grids,
             std::set<std::string>& factors) {
  if (node.kind == NodeKind::grid_diagonal) grids[node.name] = node.rows;
  if (node.kind == NodeKind::matrix || node.kind == NodeKind::diagonal) factors.insert(node.name);
  for (const NodePtr& argument : node.arguments) collect(*argument, grids, factors);
}

}  // namespace

std::map<std::string, Extents> grid_vectors(const Expression& expression) {
  std::map<std::string, Extents> grids;
  std::set<std::string> factors;
  collect(expression.root(), grids, factors);
  return grids;
}

std::set<std::string> factor_names(const Expression& expression) {
  std::map<std::string, Extents> grids;
  std::set<std::string> factors;
  collect(expression.root(), grids, factors);
  return factors;
}

}  // namespace kronwerk::expressions
