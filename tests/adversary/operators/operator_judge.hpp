#pragma once

#include <optional>

#include "adversary/jobs/checker.hpp"
#include "adversary/jobs/result.hpp"
#include "adversary/operators/operator_job.hpp"

namespace kronwerk::adversary {

/// The operator at one point of a sweep, as the oracle sees it.
class DenseOperator {
 public:
  explicit DenseOperator(Value value) : value_(std::move(value)) {}

  const Matrix& matrix() const { return value_.value; }
  const Matrix& size() const { return value_.size; }
  Matrix derivative(const std::string& name) const { return entry(value_.derivatives, name); }
  Matrix derivative_size(const std::string& name) const {
    return entry(value_.derivative_sizes, name);
  }
  /// Made when first asked for.
  const Matrix& inverse() const;
  /// ‖size‖ ‖Op⁻¹‖: how much a relative error ε of the formula's terms grows; infinite if singular.
  Real condition() const;

 private:
  Matrix entry(const Derivatives& derivatives, const std::string& name) const {
    const auto found = derivatives.find(name);
    return found != derivatives.end() ? found->second
                                      : Matrix::Zero(matrix().rows(), matrix().cols()).eval();
  }
  Value value_;
  mutable std::optional<Matrix> inverse_;
};

/// Compares what an operator job wrote with the dense oracle.
class OperatorJudge {
 public:
  OperatorJudge(const OperatorJob& job, const Ending& ending, const std::string& result)
      : job_(job), ending_(ending), result_(result) {}

  Judgement judge();

 private:
  void point(std::size_t number, const Parameters& parameters);
  void apply(const DenseOperator& op);
  void solve(const DenseOperator& op);
  void solve_one(const DenseOperator& op, const std::string& what, const Matrix& matrix,
                 const Vector& right, const Vector& found);
  void solve_derivatives(const DenseOperator& op, const std::vector<double>& x);
  void solve_tangent(const DenseOperator& op, const std::vector<double>& x);
  void logdet(const DenseOperator& op);
  void trace(const DenseOperator& op);
  void diagonal(const DenseOperator& op);
  void exponential(const DenseOperator& op);
  void eigenvalues(const DenseOperator& op);
  void assemble(const DenseOperator& op);

  Judgement refused() const;
  Judgement unconverged();
  /// The largest condition over the sweep.
  Real condition() const;
  bool has_extreme_factor() const;
  /// Symmetric positive definite (or not symmetric, but with such a lower triangle), at all points.
  bool is_definite() const;
  /// Off the diagonal, at some point.
  bool has_negative_entry() const;
  /// exp(t Op) at some point.
  bool overflows() const;
  Vector cotangent(Index v, const Vector& result) const;
  /// The present point's part of a dataset.
  std::vector<double> part(const std::string& path) const;
  Vector part(const std::string& path, Index v, Index size) const;
  Real reported_error(const std::string& spread, const std::string& bias) const;

  const OperatorJob& job_;
  Ending ending_;
  Result result_;
  Checker check_;
  std::size_t point_ = 0;
  std::size_t points_ = 1;
};

}  // namespace kronwerk::adversary
