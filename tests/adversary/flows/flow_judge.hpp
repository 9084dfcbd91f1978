#pragma once

#include "adversary/flows/dense_flow.hpp"
#include "adversary/jobs/checker.hpp"
#include "adversary/jobs/result.hpp"

namespace kronwerk::adversary {

/// What a task on a flow model wrote, against dense matrices.
class FlowJudge {
 public:
  FlowJudge(const FlowJob& job, const Ending& ending, const std::string& result);

  Judgement judge();

 private:
  // fit_judge.cpp
  void fit();
  Vector estimates();
  void check_parameters(const Vector& theta);
  void check_gaussian(const Vector& theta);
  void check_counts(const Vector& x);
  void check_criteria(Real log_likelihood, Real error);
  void check_fitted(const Vector& x);

  // maximum_judge.cpp
  void check_maximum(const Vector& x);
  void check_covariance(const Vector& x, const Matrix& hessian, const Vector& steps);
  void check_block(const std::string& path, const Matrix& covariance, const Vector& at, Real error);
  /// The likelihood with the priors.
  Real posterior(const Vector& x) const;
  bool fixed(Index parameter, Real value) const;
  bool poissonian(const Vector& x) const;

  // task_judge.cpp
  void effects();
  void prediction();
  void sample();
  Vector field() const;
  void predict_gaussian(const Matrix& inverse, const Vector& expectation);
  void predict_counts(const Vector& means);

  // flow_refusals.cpp
  Judgement refused();
  bool says(const char* part) const { return ending_.message.find(part) != std::string::npos; }
  bool unequal_rows() const;
  bool may_diverge() const;
  bool untold() const;

  /// Relative error of a solve with the filter: rounding, and the tolerance of iterations.
  Real solve_error(const Vector& theta) const;
  Vector values(const std::string& path) const;
  Real number(const std::string& path) const;

  const FlowJob& job_;
  Ending ending_;
  Result result_;
  DenseFlow model_;
  Checker check_;
};

}  // namespace kronwerk::adversary
