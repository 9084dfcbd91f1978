#pragma once

#include <map>
#include <string>

#include "application/inputs/point_variables.hpp"
#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/configuration/job.hpp"
#include "kronwerk/expressions/expression.hpp"
#include "kronwerk/kernels/formula/expression.hpp"

namespace kronwerk::application {

/// A kernel of the job, understood against the metadata of its points; nothing is loaded.
struct KernelMatrix {
  std::string name;
  kernels::Expression formula;
  PointVariables variables;
  bool one_cloud = false;  ///< rows and columns are the same points, `x` and `y`
  double jitter = 0;
  configuration::KernelStorage storage = configuration::KernelStorage::automatic;
  Index rows = 0;
  Index cols = 0;
  /// As a factor, its entries are evaluated for every product and not stored.
  bool lazy = false;
  /// Lazy, and too large to be estimated as if it were stored.
  bool never_stored = false;
  kernels::Precision precision = kernels::Precision::float64;  ///< of lazy entries

  /// "Ktime(ls_t=2)": what the matrix is called for these values of the parameters it uses.
  std::string identity(const std::map<std::string, double>& parameters) const;
  /// "dKtime/dls_t(ls_t=2)"
  std::string derivative_identity(const std::map<std::string, double>& parameters,
                                  const std::string& parameter) const;
  /// "dKtime/dls_t": what formulas call the derivative, whatever the values.
  std::string derivative_name(const std::string& parameter) const;
  /// What operator formulas may know of it.
  expressions::MatrixSymbol symbol() const;
};

/// Reads metadata and resolves the kernels' formulas. Collective.
std::map<std::string, KernelMatrix> understand_kernels(const communication::Communicator& comm,
                                                       const configuration::Job& job);

}  // namespace kronwerk::application
