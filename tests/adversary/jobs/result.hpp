#pragma once

// A result file, read with HDF5 alone.

#include <complex>
#include <optional>
#include <string>
#include <vector>

#include "adversary/material/dense.hpp"

namespace kronwerk::adversary {

class Result {
 public:
  explicit Result(const std::string& file);
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;
  ~Result();

  bool is_open() const { return file_ >= 0; }
  bool has(const std::string& path) const;
  Grid shape(const std::string& path) const;
  /// Empty if there is no such dataset.
  std::vector<double> values(const std::string& path) const;
  std::vector<std::complex<double>> complex_values(const std::string& path) const;
  std::optional<double> report(const std::string& attribute) const;
  std::string report_text(const std::string& attribute) const;

 private:
  std::int64_t file_;
};

}  // namespace kronwerk::adversary
