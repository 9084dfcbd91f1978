#pragma once

#include <map>
#include <string>
#include <vector>

namespace kronwerk::kernels {

/// Numbers for the names of a formula that vary with no index.
struct Constants {
  std::map<std::string, double> parameters;
  std::map<std::string, std::vector<double>> variables;
};

}  // namespace kronwerk::kernels
