#pragma once

#include <memory>

#include "application/kernels/kernel_system.hpp"
#include "kronwerk/operators/kernel_matrices/kernel_operator.hpp"

namespace kronwerk::application {

/// This rank's points of a kernel system, the constants of its formula, and the operators that they
/// make.
class KernelPoints {
 public:
  /// Reads them, and warns of digits that single precision loses. Collective.
  /// @param problem, system  must outlive this, like what `context` refers to
  KernelPoints(const JobContext& context, const Problem& problem, const KernelSystem& system);

  const KernelMatrix& kernel() const noexcept { return *kernel_; }
  /// The points of the rows, `kernels::axis_i`, or of the columns.
  const kernels::DistributedSide& side(kernels::Axes axis) const noexcept {
    return axis == kernels::axis_i ? rows_ : columns_;
  }

  operators::DistributedKernel matrix(const kernels::Expression& formula) const;
  /// The system's. Collective.
  /// @param width  how many vectors it is applied to at once
  std::shared_ptr<const operators::KernelOperator> make_operator(Index width) const;

 private:
  const communication::Communicator* comm_;
  const KernelSystem* system_;
  const KernelMatrix* kernel_;
  kernels::Precision precision_;
  kernels::DistributedSide rows_;
  kernels::DistributedSide columns_;
  kernels::Constants constants_;
};

}  // namespace kronwerk::application
