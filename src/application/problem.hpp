#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/configuration/job.hpp"
#include "kronwerk/expressions/expression.hpp"
#include "kronwerk/expressions/lowering.hpp"
#include "kronwerk/expressions/structure.hpp"
#include "kronwerk/io/location.hpp"

namespace kronwerk::application {

/// A job whose formula has been understood against the metadata of its data; nothing is loaded yet.
struct Problem {
  configuration::Job job;
  std::map<std::string, io::DatasetInfo> data;  ///< by the matrices' names
  expressions::Symbols symbols;
  /// The data that are factors, of which every node has a copy; the others run over the whole grid.
  std::set<std::string> factor_names;
  expressions::SumOfProducts sum;
  /// ∂ operator / ∂ parameter, for every parameter of the gradient and tangent blocks.
  std::map<std::string, expressions::SumOfProducts> derivatives;

  /// The numbers of the parameters.
  const std::map<std::string, double>& parameters() const { return symbols.parameters; }
};

/// Reads the matrices' metadata, resolves the formula, and checks that every name is used and that
/// the task has a method for the operator. Collective.
/// @throws ConfigurationError, DataError, ShapeError on every rank
Problem analyse_problem(const communication::Communicator& comm, configuration::Job job);

/// Loads the matrices, each once per node. Collective.
std::map<std::string, factors::FactorPtr> load_matrices(const communication::Communicator& comm,
                                                        const Problem& problem);

/// @throws ConfigurationError unless the operator's eigenvalues follow from those of one matrix per
/// mode
void require_eigenvalues(const Problem& problem, const expressions::SpectralStructure& structure);

/// The location of a dataset of the configuration.
io::Location to_location(const configuration::DatasetReference& reference);

}  // namespace kronwerk::application
