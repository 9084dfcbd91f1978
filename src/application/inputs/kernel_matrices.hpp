#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "application/inputs/kernel_matrix.hpp"
#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/factors/base/factor.hpp"

namespace kronwerk::application {

/// The whole matrix of a scalar formula as a dense factor, once per node, each rank of a node
/// evaluating a part of the rows. Collective. @throws DataError if an entry is NaN or infinite
factors::FactorPtr evaluate_kernel(const communication::Communicator& comm, const std::string& name,
                                   const kernels::Expression& formula,
                                   const kernels::Constants& constants, const kernels::Side& rows,
                                   const kernels::Side& columns, double jitter);

/// The points of the kernels, read once, and the matrices made of them.
class KernelMatrices {
 public:
  /// @param comm  must outlive this
  KernelMatrices(const communication::Communicator& comm,
                 std::map<std::string, KernelMatrix> kernels)
      : comm_(&comm), kernels_(std::move(kernels)) {}

  const std::map<std::string, KernelMatrix>& kernels() const noexcept { return kernels_; }
  /// The kernel's matrix, or its derivative by `parameter`, stored or lazy. Collective.
  factors::FactorPtr make(const std::string& kernel, const std::string& parameter,
                          const std::map<std::string, double>& parameters);
  /// What there is to say of matrices made since the last call.
  std::vector<std::string> take_warnings() { return std::exchange(warnings_, {}); }
  /// All points of one side. Collective on the first call.
  const kernels::Side& side(const std::string& kernel, kernels::Axes axis);

 private:
  factors::FactorPtr make_lazy(const KernelMatrix& matrix, const std::string& parameter,
                               const std::map<std::string, double>& parameters,
                               kernels::Constants constants, const kernels::Side& rows,
                               const kernels::Side& columns);

  const communication::Communicator* comm_;
  std::map<std::string, KernelMatrix> kernels_;
  std::map<std::pair<std::string, unsigned>, kernels::Side> sides_;
  std::vector<std::string> warnings_;
};

}  // namespace kronwerk::application
