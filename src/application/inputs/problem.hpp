#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "application/inputs/job_matrices.hpp"
#include "application/inputs/kernel_matrix.hpp"
#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/configuration/job.hpp"
#include "kronwerk/expressions/expression.hpp"
#include "kronwerk/expressions/lowering.hpp"
#include "kronwerk/expressions/structure.hpp"
#include "kronwerk/io/files/location.hpp"
#include "kronwerk/methods/operator_formula.hpp"

namespace kronwerk::application {

/// A job whose formula has been understood against the metadata of its data; nothing is loaded yet.
struct Problem : methods::OperatorFormula {
  configuration::Job job;
  MatrixData data;
  std::map<std::string, KernelMatrix> kernels;
  /// The kernel matrices that the operator or its derivatives use, by what they are called at the
  /// parameters' values.
  std::map<std::string, KernelUse> kernel_factors;
  std::optional<expressions::Expression> expression;  ///< the formula, resolved
  /// The matrices that are factors, of which every node has a copy; the others run over the whole
  /// grid. Kernel matrices by what they are called at the parameters' values.
  std::set<std::string> factor_names;
  /// ∂ operator / ∂ parameter, for every parameter of the gradient and tangent blocks.
  std::map<std::string, expressions::SumOfProducts> derivatives;

  /// The numbers of the parameters.
  const std::map<std::string, double>& parameters() const { return symbols.parameters; }
  /// What the kernel matrices are called at these.
  expressions::MatrixNames kernel_names() const { return kernel_names_at(kernels, parameters()); }
};

/// Reads the matrices' metadata, resolves the formula, and checks that every name is used and that
/// the task has a method for the operator. Collective.
/// @throws ConfigurationError, DataError, ShapeError on every rank
Problem analyse_problem(const communication::Communicator& comm, configuration::Job job);

/// Adds the parameters of the result that `parameters.file` names, those that the formulas use and
/// the configuration does not give. Collective.
void read_parameter_file(const communication::Communicator& comm, configuration::Job& job);

/// @throws ConfigurationError unless a name is free for the user to choose, and used by a formula
void check_names(const configuration::Job& job);

/// @throws ConfigurationError unless the operator's eigenvalues follow from those of one matrix per
/// mode
void require_eigenvalues(const Problem& problem, const expressions::SpectralStructure& structure);

/// The location of a dataset of the configuration.
io::Location to_location(const configuration::DatasetReference& reference);

}  // namespace kronwerk::application
