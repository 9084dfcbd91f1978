#pragma once

#include <string>
#include <vector>

#include "kernels/formula/builder.hpp"
#include "kronwerk/formulas/syntax.hpp"

namespace kronwerk::kernels {

/// One call of a function in a formula, its arguments already made into nodes.
struct Call {
  const formulas::Syntax& syntax;
  std::vector<NodePtr> arguments;
  const Symbols& symbols;
  const formulas::Source& source;
  Builder& builder;

  /// @throws ConfigurationError with a caret under the call, or under one argument
  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void fail_argument(std::size_t which, const std::string& what) const;
  /// The whole number that an argument has to be. @throws ConfigurationError
  int whole_number(std::size_t which, int least, int most, const char* what) const;
  void expect_scalar(std::size_t which) const;
  /// Equal dimensions, or one of them a scalar. @throws ConfigurationError naming both
  void expect_conforming(std::size_t first, std::size_t second) const;
  void expect_equal_dimensions(std::size_t first, std::size_t second) const;
};

struct Function {
  std::string name;
  std::size_t least = 1;  ///< number of arguments
  std::size_t most = 1;
  std::string usage;  ///< "clamp(x, low, high)"
  NodePtr (*build)(const Call& call) = nullptr;
  /// The value jumps, so that quotients in the arguments must not be rounded in another way.
  bool jumps = false;
};

/// Those of one value, of vectors, and of distances.
const std::vector<Function>& functions();
std::vector<Function> covariance_functions();
/// Nothing if there is none of that name.
const Function* find_function(const std::string& name);
std::vector<std::string> function_names();

/// What `d` stands for: the distance of the two points, and its square.
NodePtr distance(const Call& call);
NodePtr squared_distance(const Call& call);
/// "a scalar", "a vector of 3".
std::string describe_dimension(int dimension);

}  // namespace kronwerk::kernels
