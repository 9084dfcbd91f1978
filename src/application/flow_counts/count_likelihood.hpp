#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "application/flow/flow_job.hpp"
#include "application/flow_counts/count_observations.hpp"
#include "application/flow_filter/flow_solver.hpp"
#include "kronwerk/models/flow_determinants/filter_constraints.hpp"

namespace kronwerk::application {

/// The likelihood of a job's counts and the region that its parameters vary in.
class CountLikelihood {
 public:
  /// Looks at the shapes. Collective. @param context  must outlive this
  explicit CountLikelihood(FlowContext& context);

  /// In the stages "read" and "region". Collective.
  /// @param look  sees the counts before the model has them
  void read(const std::function<void(const models::FlowCounts&)>& look = {});

  bool binomial() const noexcept { return binomial_; }
  /// The shape of a dataset like that of the counts.
  core::Extents shape() const { return observations_.shape(); }
  models::CountFlow& flow() { return *flow_; }
  const models::CountFlow& flow() const { return *flow_; }
  const models::FilterConstraints& constraints() const { return *constraints_; }
  /// How systems with the filter are solved, as far as it is known; "" before the first one.
  std::string solved_by() const;

 private:
  FlowContext& context_;
  CountObservations observations_;
  bool binomial_;
  std::shared_ptr<FlowSolver> solver_;
  std::optional<models::CountFlow> flow_;
  std::optional<models::FilterConstraints> constraints_;
};

}  // namespace kronwerk::application
