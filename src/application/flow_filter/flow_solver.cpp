#include "application/flow_filter/flow_solver.hpp"

#include <algorithm>

#include "application/session/signals.hpp"

namespace kronwerk::application {
namespace {

// Origins are distributed, destinations are local.
constexpr int leading_modes = 1;

Problem problem_at(const FlowModel& model, const std::map<std::string, double>& parameters) {
  Problem problem = model.problem();
  for (const auto& [name, value] : parameters) {
    problem.symbols.parameters[name] = value;
    problem.job.parameters[name].value = value;
  }
  problem.sum =
      expressions::simplify(*problem.expression, problem.parameters(), problem.kernel_names());
  return problem;
}

}  // namespace

FlowSolver::FlowSolver(const communication::Communicator& comm, FlowModel& model,
                       const std::map<std::string, double>& parameters)
    : problem_(problem_at(model, parameters)),
      method_(choose_method(model.data(), problem_, problem_.job.solver.method, 1)),
      builder_(comm, model.workspace(), model.data()),
      products_(model.data().lowering().lower(problem_.sum)) {
  const configuration::SolverSettings& settings = problem_.job.solver;
  record_.on_iteration = [&comm](Index) { check_termination(comm); };
  solver_ = make_solver(builder_, method_, products_, 1, settings, record_, leading_modes);
  op_ = builder_.build(products_, 1, leading_modes);
  const operators::OperatorPtr inverse = solver_->inverse();
  const auto& layout = op_->input_layout();
  judge_.emplace(operators::SolveJudge::System{
      operators::map_of(op_), inverse ? operators::map_of(inverse) : operators::VectorMap{},
      operators::ColumnNorms::one_after_another(comm, layout, 1), layout.home_begin(comm.rank()),
      solver_->tolerance(settings.tolerance)});
}

operators::Verdict FlowSolver::solve(std::span<double> b, std::span<double> x, bool transposed,
                                     const operators::SolveJudge::RightSides& again) {
  record_.reason.clear();
  solver_->solve(b, x, transposed);
  return judge_->judge(b, x, transposed, again);
}

void FlowSolver::apply(std::span<const double> x, std::span<double> y, bool transposed) const {
  transposed ? op_->apply_transposed(x, y) : op_->apply(x, y);
}

std::string FlowSolver::description() const {
  const std::string iterates = solver_->description();
  return iterates.empty() ? method_.why : method_.why + "; " + iterates;
}

models::FlowSolve make_flow_solve(const communication::Communicator& comm, FlowModel& model,
                                  std::span<const double> parameters,
                                  std::shared_ptr<FlowSolver>* solver) {
  std::map<std::string, double> values;
  const auto& names = model.filter().parameters();
  for (std::size_t i = 0; i < names.size(); ++i) values[names[i]] = parameters[i];
  const auto made = std::make_shared<FlowSolver>(comm, model, values);
  if (solver != nullptr) *solver = made;
  return [made, right_side = std::vector<double>()](std::span<const double> b, std::span<double> x,
                                                    bool transposed) mutable {
    right_side.assign(b.begin(), b.end());
    std::ranges::fill(x, 0.0);
    const auto verdict = made->solve(right_side, x, transposed, [&](std::span<double> again) {
      std::ranges::copy(b, again.begin());
    });
    if (verdict.accepted) return;
    throw core::ConvergenceError("a solve with the filter was not accepted: " + verdict.reason() +
                                 (made->stopped().empty() ? "" : "; " + made->stopped()));
  };
}

}  // namespace kronwerk::application
