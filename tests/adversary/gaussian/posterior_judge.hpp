#pragma once

// The draws of a posterior: the density that each was given.

#include "adversary/gaussian/dense_model.hpp"
#include "adversary/jobs/checker.hpp"
#include "adversary/jobs/result.hpp"

namespace kronwerk::adversary {

class PosteriorJudge {
 public:
  PosteriorJudge(const ModelJob& job, const Result& result) : job_(job), result_(result) {}
  Judgement judge();

 private:
  void draw(std::size_t place);
  // log ∫ p(y | β) p(β) dβ, with a bound of its error.
  static std::pair<Real, Real> under_flat_prior(const DenseModel& model);
  static std::pair<Real, Real> under_normal_prior(const DenseModel& model);
  /// Priors, and the Jacobians of logarithms.
  Real log_prior(const Parameters& parameters) const;

  const ModelJob& job_;
  const Result& result_;
  Checker check_;
};

}  // namespace kronwerk::adversary
