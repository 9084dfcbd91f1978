#pragma once

#include <string>
#include <vector>

namespace kronwerk::expressions {

/// The functions of operator formulas.
const std::vector<std::string>& function_names();

}  // namespace kronwerk::expressions
