#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "application/flow/flow_model.hpp"
#include "kronwerk/methods/method.hpp"
#include "kronwerk/models/flow_counts/count_flow.hpp"
#include "kronwerk/operators/base/judge.hpp"

namespace kronwerk::application {

/// Solves A x = b or Aᵀ x = b with the filter at given parameters. Vectors are blocks of rows of
/// origins, as everywhere in flow models.
class FlowSolver {
 public:
  /// Chooses the method and prepares it. Collective.
  /// @param model  must outlive this
  FlowSolver(const communication::Communicator& comm, FlowModel& model,
             const std::map<std::string, double>& parameters);
  FlowSolver(const FlowSolver&) = delete;
  FlowSolver& operator=(const FlowSolver&) = delete;

  /// Judged by the true residual. Collective.
  /// @param b  this rank's rows; lost
  /// @param again  writes b anew
  operators::Verdict solve(std::span<double> b, std::span<double> x, bool transposed,
                           const operators::SolveJudge::RightSides& again);
  /// y = A x or Aᵀ x. Collective.
  void apply(std::span<const double> x, std::span<double> y, bool transposed) const;
  /// Why the last solve's iteration stopped without convergence; may be empty.
  const std::string& stopped() const noexcept { return record_.reason; }
  /// The method and why it was chosen.
  std::string description() const;

 private:
  Problem problem_;
  methods::Method method_;
  methods::OperatorBuilder builder_;
  std::vector<expressions::LoweredProduct> products_;
  methods::SolveRecord record_;
  std::unique_ptr<methods::Solver> solver_;
  operators::OperatorPtr op_;
  std::optional<operators::SolveJudge> judge_;
};

/// Solves with the filter at given parameters that are accepted or throw ConvergenceError.
/// Collective. @param model  must outlive the result
/// @param parameters  of the filter, in its order
/// @param solver      set to what solves, if not null
models::FlowSolve make_flow_solve(const communication::Communicator& comm, FlowModel& model,
                                  std::span<const double> parameters,
                                  std::shared_ptr<FlowSolver>* solver = nullptr);

}  // namespace kronwerk::application
