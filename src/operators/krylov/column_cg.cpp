// See src/MATHEMATICS.md, "Krylov methods and the nearest product".
#include "operators/krylov/column_cg.hpp"

namespace kronwerk::operators {
namespace {

using End = KrylovRun::End;

class Recurrence {
 public:
  Recurrence(KrylovRun& run, const CgRules& rules, CgListener* listener)
      : run_(&run), rules_(&rules), listener_(listener), curvature_(run.active.size(), 0.0) {}

  void start(PerColumn rho) {
    rho_ = std::move(rho);
    for (std::size_t column = 0; column < rho_.size(); ++column) {
      if (active(column)) end_if(column, rules_->refuse_start(rho_[column]));
    }
  }

  PerColumn alpha(const PerColumn& curvature) {
    PerColumn result(rho_.size(), 0.0);
    for (std::size_t column = 0; column < result.size(); ++column) {
      if (!active(column)) continue;
      end_if(column, rules_->refuse_curvature(curvature[column], curvature_[column], rho_[column]));
      curvature_[column] = curvature[column];
      if (!active(column)) continue;
      result[column] = rho_[column] / curvature[column];
      if (listener_ != nullptr) listener_->stepped(column, result[column]);
    }
    return result;
  }

  PerColumn beta(const PerColumn& squares, const PerColumn& rho) {
    const std::vector<char> worked_on = run_->active;
    run_->record(squares);
    PerColumn result(rho_.size(), 0.0);
    for (std::size_t column = 0; column < result.size(); ++column) {
      if (worked_on[column] == 0) continue;
      if (active(column)) {
        result[column] = rho[column] / rho_[column];
        end_if(column, rules_->refuse_turn(rho[column], result[column]));
        rho_[column] = rho[column];
      }
      const bool converged = run_->end[column] == End::converged;
      if (listener_ != nullptr && (active(column) || converged)) {
        listener_->turned(column, result[column]);
      }
    }
    if (listener_ != nullptr) listener_->end_iteration(*run_);
    return result;
  }

 private:
  bool active(std::size_t column) const { return run_->active[column] != 0; }
  void end_if(std::size_t column, const char* why) {
    if (why != nullptr) run_->finish(column, End::failed, why);
  }

  KrylovRun* run_;
  const CgRules* rules_;
  CgListener* listener_;
  PerColumn rho_;        ///< <r, z>
  PerColumn curvature_;  ///< <p, A p> of the last step; 0 before the first
};

}  // namespace

void conjugate_gradients(KrylovRun& run, CgVectors& vectors, const CgRules& rules,
                         CgListener* listener) {
  Recurrence recurrence(run, rules, listener);
  recurrence.start(vectors.start(run));
  while (run.any_active() && run.iterations < run.max_iterations) {
    const PerColumn alpha = recurrence.alpha(vectors.multiply(run));
    vectors.advance(run, alpha);
    if (!run.any_active()) return;
    const auto [squares, rho] = vectors.products(run);
    vectors.turn(run, recurrence.beta(squares, rho));
  }
}

}  // namespace kronwerk::operators
