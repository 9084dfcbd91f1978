#pragma once

#include <set>
#include <string>
#include <vector>

#include "application/inputs/id_check.hpp"
#include "application/inputs/problem_data.hpp"
#include "kronwerk/formulas/syntax.hpp"
#include "kronwerk/models/flow/columns.hpp"
#include "kronwerk/models/flow_effects/effects.hpp"

namespace kronwerk::application {

/// The columns of a flow model's mean as the configuration writes them:
///
///   column := kron(vector, vector) | diagonal(vector) | grid(name)
///   vector := 1 | name | matrix * vector
///   matrix := name | matrix' | matrix * matrix
class FlowColumnReader {
 public:
  /// @param comm, job  must outlive this
  /// @throws ConfigurationError, with a caret, for what is no column
  FlowColumnReader(const communication::Communicator& comm, const configuration::Job& job,
                   const std::vector<configuration::Placed<std::string>>& columns);

  /// The vectors and grids of all columns, with the matrices before them.
  std::vector<NameAlongModes> names_along_modes() const;

  /// The vectors and matrices that every node has a copy of, and the grids.
  const std::set<std::string>& factor_names() const noexcept { return factors_; }

  /// The numbers of every column. Collective.
  /// @param extents   n_o, n_d
  /// @throws ShapeError, DataError
  std::vector<models::FlowColumn> read(const Problem& problem, methods::OperatorData& data,
                                       const core::Extents& extents) const;

  /// How the columns depend on the vector `attribute`; not empty. Local.
  /// @throws ConfigurationError if none does, or one not linearly
  std::vector<models::AttributeUse> uses(const configuration::Placed<std::string>& attribute,
                                         const Problem& problem, const methods::OperatorData& data,
                                         const core::Extents& extents) const;

 private:
  struct Column {
    std::string text;
    formulas::Source source;
    formulas::SyntaxPtr syntax;
  };
  void collect_names(const Column& column);
  std::vector<double> read_grid(const Problem& problem, const Column& column,
                                const core::Extents& extents) const;

  const communication::Communicator* comm_;
  const configuration::Job* job_;
  std::vector<Column> columns_;
  std::set<std::string> factors_;
};

}  // namespace kronwerk::application
