#pragma once

#include <string>
#include <vector>

#include "application/inputs/kernel_matrices.hpp"
#include "application/inputs/problem.hpp"
#include "kronwerk/methods/operator_data.hpp"

namespace kronwerk::application {

/// The matrices of a problem, of files and of kernels.
class ProblemData final : public methods::OperatorData {
 public:
  /// Loads those of files and makes those of kernels, each once per node. Collective.
  /// @param comm  must outlive this
  ProblemData(const communication::Communicator& comm, const Problem& problem);

  /// Makes the kernel matrices of this problem that are not there: those of the job at other values
  /// of the parameters. Collective.
  void add_kernels(const Problem& problem);

  /// What there is to say of kernel matrices made since the last call.
  std::vector<std::string> take_warnings() { return kernels_.take_warnings(); }

 private:
  KernelMatrices kernels_;
};

}  // namespace kronwerk::application
