#pragma once

#include <map>
#include <string>
#include <vector>

#include "application/inputs/kernel_matrix.hpp"

namespace kronwerk::application {

/// The length scales, periods and shapes in the kernels of a job, which are positive: several
/// covariance functions have only their squares, so that a negative one would go unnoticed.
class KernelScales {
 public:
  /// @param comm, job, kernels  must outlive this
  KernelScales(const communication::Communicator& comm, const configuration::Job& job,
               const std::map<std::string, KernelMatrix>& kernels);

  /// Collective. @throws DataError naming the kernel and the argument, on every rank
  void check(const std::map<std::string, double>& parameters) const;

 private:
  struct Scale {
    std::string name;  ///< "length scale 'ls_t'"
    kernels::Expression value;
  };

  const communication::Communicator* comm_;
  const configuration::Job* job_;
  const std::map<std::string, KernelMatrix>* kernels_;
  std::map<std::string, std::vector<Scale>> scales_;  ///< of each kernel
};

}  // namespace kronwerk::application
