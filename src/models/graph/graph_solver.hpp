#pragma once

#include "models/graph/graph_objective.hpp"

namespace kronwerk::models {

/// The way to the optimum: some proximal gradient steps in the metric of the sum (Greenewald, Zhou
/// and Hero 2019) with lengths of Barzilai and Borwein (1988), then Newton's method on GraphModel,
/// and proximal steps again where it stalls.
class GraphSolver {
 public:
  /// Everything is collective on the objective's communicator; the objective must outlive this.
  GraphSolver(const GraphObjective& objective, const GraphSettings& settings);

  /// From these factors, whose sum is positive definite.
  /// @throws DataError where the objective has no minimum
  void run(BlockMatrices start);

  // What run() is made of.
  void begin(BlockMatrices start);
  /// False where no step makes the objective smaller.
  bool proximal_step();
  /// False where none makes the objective smaller.
  bool newton_step();

  const GraphPoint& current() const { return current_; }
  /// The point of the least KKT residual.
  const GraphPoint& best() const { return best_; }
  bool converged() const;
  const std::string& reason() const { return reason_; }
  Index proximal_steps() const { return proximal_steps_; }
  Index newton_steps() const { return newton_steps_; }
  Index inner_iterations() const { return inner_iterations_; }

 private:
  void accept();
  bool keep_best();
  void iterate();
  void check_bounded(double limit) const;

  const GraphObjective* objective_;
  const GraphSettings* settings_;
  GraphPoint current_;
  GraphPoint trial_;
  GraphPoint best_;
  std::vector<double> recent_;  ///< objectives of the last steps
  double length_ = 1;           ///< of the next proximal step
  bool unpenalised_ = false;    ///< some entry beside the diagonal
  std::string reason_;
  Index proximal_steps_ = 0;
  Index newton_steps_ = 0;
  Index inner_iterations_ = 0;
};

}  // namespace kronwerk::models
