#pragma once

#include <memory>
#include <vector>

#include "application/flow/flow_columns.hpp"
#include "application/inputs/problem_data.hpp"
#include "application/report/stages.hpp"
#include "kronwerk/models/flow/filter.hpp"
#include "kronwerk/models/flow/moments.hpp"

namespace kronwerk::application {

/// The filter and the columns of a flow job, with the numbers of everything that they name.
class FlowModel {
 public:
  /// Resolves the filter, loads the matrices and reads the columns. Collective.
  /// @param comm, job  must outlive this
  /// @throws ConfigurationError, DataError, ShapeError on every rank
  FlowModel(const communication::Communicator& comm, const configuration::Job& job);

  const Problem& problem() const noexcept { return problem_; }
  /// Forgets what was made of the matrices; they stay. Collective.
  void forget();
  methods::OperatorData& data() noexcept { return *data_; }
  const models::FlowFilter& filter() const noexcept { return *filter_; }
  const models::FlowMatrices& matrices() const noexcept { return matrices_; }
  const std::vector<models::FlowColumn>& columns() const noexcept { return columns_; }
  std::vector<std::string> column_texts() const;
  /// Of the mean, beside the columns.
  models::FixedEffects fixed_effects() const;
  /// The filter's parameters, then the columns: what every fit estimates.
  std::vector<std::string> estimate_names() const;
  /// Of the task `effects`.
  const std::vector<models::AttributeUse>& attribute_uses() const noexcept { return uses_; }
  const core::Extents& extents() const noexcept { return filter_->extents(); }
  /// n_o n_d
  core::Index cells() const { return core::product(extents()); }
  const std::shared_ptr<operators::Workspace>& workspace() const noexcept { return workspace_; }
  /// "4 terms in rho_o, rho_d, rho_w on 305 x 305 flows, 6 columns", for the stage's line.
  std::string text() const;
  /// What there is to say of the matrices.
  const std::vector<std::string>& warnings() const noexcept { return warnings_; }

 private:
  void warn_of_diagonals();

  Problem problem_;
  std::optional<ProblemData> data_;
  std::optional<models::FlowFilter> filter_;
  models::FlowMatrices matrices_;
  std::vector<models::FlowColumn> columns_;
  std::vector<models::AttributeUse> uses_;
  std::shared_ptr<operators::Workspace> workspace_;
  std::vector<std::string> warnings_;
};

}  // namespace kronwerk::application
