#include "adversary/operators/operator_judge.hpp"

#include <algorithm>

namespace kronwerk::adversary {

const Matrix& DenseOperator::inverse() const {
  if (!inverse_) inverse_ = adversary::inverse(matrix());
  return *inverse_;
}

Real DenseOperator::condition() const {
  const Real result = size().norm() * inverse().norm();
  return std::isfinite(result) ? result : std::numeric_limits<Real>::infinity();
}

std::vector<double> OperatorJudge::part(const std::string& path) const {
  const std::vector<double> all = result_.values(path);
  const std::size_t size = all.size() / points_;
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(point_ * size);
  return {begin, begin + static_cast<std::ptrdiff_t>(size)};
}

Vector OperatorJudge::part(const std::string& path, Index v, Index size) const {
  const std::vector<double> values = part(path);
  if (std::ssize(values) < (v + 1) * size) return Vector(0);
  return to_vector(values, static_cast<std::size_t>(v * size), size);
}

Vector OperatorJudge::cotangent(Index v, const Vector& result) const {
  if (job_.cotangent_ == "result") return result;
  if (job_.cotangent_ == "dataset") return job_.cotangent_values_.at(v);
  return Vector::Ones(result.size());
}

void OperatorJudge::apply(const DenseOperator& op) {
  const Matrix& a = op.matrix();
  std::map<std::string, std::pair<Real, Real>> gradients;  // value and its bound
  for (Index v = 0; v < job_.input_.count; ++v) {
    const Vector x = job_.input_.at(v);
    const Vector y = part("/result", v, a.rows());
    check_.near(fmt::format("y of vector {}", v), y, a * x,
                slack * epsilon * (op.size() * x.cwiseAbs()).norm());
    if (job_.has_gradient_ && y.size() == a.rows()) {
      const Vector g = cotangent(v, y);
      if (job_.gradient_input_) {
        check_.near(fmt::format("gradient by input {}", v), part("/gradient/input", v, a.cols()),
                    a.transpose() * g,
                    slack * epsilon * (op.size().transpose() * g.cwiseAbs()).norm());
      }
      for (const std::string& name : job_.gradient_) {
        gradients[name].first += g.dot(op.derivative(name) * x);
        gradients[name].second += g.cwiseAbs().dot(op.derivative_size(name) * x.cwiseAbs());
      }
    }
    if (!job_.has_tangent_) continue;
    Vector expected = Vector::Zero(a.rows());
    Vector size = Vector::Zero(a.rows());
    if (job_.has_direction_) {
      expected += a * job_.direction_.at(v);
      size += op.size() * job_.direction_.at(v).cwiseAbs();
    }
    for (const auto& [name, direction] : job_.tangent_) {
      expected += direction * (op.derivative(name) * x);
      size += std::abs(direction) * (op.derivative_size(name) * x.cwiseAbs());
    }
    check_.near(fmt::format("tangent of vector {}", v), part("/tangent", v, a.rows()), expected,
                slack * epsilon * size.norm());
  }
  for (const auto& [name, value] : gradients) {
    check_.near("gradient by " + name, part("/gradient/" + name, 0, 1), value.first,
                slack * epsilon * value.second);
  }
}

/// The contract of the design's section 5: a residual within the tolerance, or at rounding level.
void OperatorJudge::solve_one(const DenseOperator& op, const std::string& what,
                              const Matrix& matrix, const Vector& right, const Vector& found) {
  if (found.size() != right.size()) {
    return check_.complain(
        fmt::format("{} has {} values; expected {}", what, found.size(), right.size()));
  }
  const Real rounding = 20 * epsilon * (op.size().norm() * found.norm() + right.norm());
  check_.near("residual of " + what, matrix * found, right,
              std::max(1.5L * job_.tolerance_ * right.norm(), rounding));
}

void OperatorJudge::solve(const DenseOperator& op) {
  const std::vector<double> x = part("/result");
  for (Index v = 0; v < job_.input_.count; ++v) {
    solve_one(op, fmt::format("x of vector {}", v), op.matrix(), job_.input_.at(v),
              part("/result", v, op.matrix().rows()));
  }
  if (!check_.clean()) return;
  if (job_.has_gradient_) solve_derivatives(op, x);
  if (job_.has_tangent_) solve_tangent(op, x);
}

/// With the solution as it was found, so that its error does not count twice.
void OperatorJudge::solve_derivatives(const DenseOperator& op,
                                      const std::vector<double>& solutions) {
  const Matrix transposed = op.matrix().transpose();
  const Index n = transposed.rows();
  std::map<std::string, std::pair<Real, Real>> gradients;
  for (Index v = 0; v < job_.input_.count; ++v) {
    const Vector x = to_vector(solutions, static_cast<std::size_t>(v * n), n);
    const Vector g = cotangent(v, x);
    Vector adjoint;
    Real adjoint_error = 0;
    if (job_.gradient_input_) {
      adjoint = part("/gradient/input", v, n);
      solve_one(op, fmt::format("gradient by input {}", v), transposed, g, adjoint);
    } else {
      adjoint = op.inverse().transpose() * g;
      adjoint_error = op.inverse().norm() *
                      std::max(1.5L * job_.tolerance_ * g.norm(),
                               20 * epsilon * (op.size().norm() * adjoint.norm() + g.norm()));
    }
    if (adjoint.size() != n) return;
    for (const std::string& name : job_.gradient_) {
      const Vector change = op.derivative(name) * x;
      gradients[name].first -= adjoint.dot(change);
      gradients[name].second +=
          slack * epsilon * adjoint.cwiseAbs().dot(op.derivative_size(name) * x.cwiseAbs()) +
          adjoint_error * change.norm();
    }
  }
  for (const auto& [name, value] : gradients) {
    check_.near("gradient by " + name, part("/gradient/" + name, 0, 1), value.first, value.second);
  }
}

void OperatorJudge::solve_tangent(const DenseOperator& op, const std::vector<double>& solutions) {
  const Index n = op.matrix().rows();
  for (Index v = 0; v < job_.input_.count; ++v) {
    const Vector x = to_vector(solutions, static_cast<std::size_t>(v * n), n);
    Vector right = Vector::Zero(n);
    Real size = 0;
    if (job_.has_direction_) right += job_.direction_.at(v);
    for (const auto& [name, direction] : job_.tangent_) {
      right -= direction * (op.derivative(name) * x);
      size += std::abs(direction) * (op.derivative_size(name) * x.cwiseAbs()).norm();
    }
    const Vector found = part("/tangent", v, n);
    if (found.size() != n) {
      check_.complain("/tangent has a wrong size");
      continue;
    }
    const Real rounding =
        20 * epsilon * (op.size().norm() * found.norm() + right.norm()) + slack * epsilon * size;
    check_.near(fmt::format("residual of tangent {}", v), op.matrix() * found, right,
                std::max(1.5L * job_.tolerance_ * right.norm(), rounding));
  }
}

/// What an estimate may be off by according to itself; 0 if it is exact.
Real OperatorJudge::reported_error(const std::string& spread, const std::string& bias) const {
  Real result = 0;
  for (const double error : part(spread)) result += 6 * static_cast<Real>(error);
  for (const double error : part(bias)) result += 2 * static_cast<Real>(error);
  return result;
}

void OperatorJudge::logdet(const DenseOperator& op) {
  const Real condition = op.condition();
  const Eigen::PartialPivLU<Matrix> lu(op.matrix());
  Real expected = 0;
  int sign = lu.permutationP().determinant() < 0 ? -1 : 1;
  for (Index i = 0; i < op.matrix().rows(); ++i) {
    const Real pivot = lu.matrixLU()(i, i);
    expected += std::log(std::abs(pivot));
    if (pivot < 0) sign = -sign;
  }
  const bool estimated = result_.has("/standard_error");
  const Real statistical = reported_error("/standard_error", "/quadrature_error");
  const auto n = static_cast<Real>(op.matrix().rows());
  const Real bound = slack * epsilon * (condition + std::abs(expected) + n);
  check_.near("log determinant", part("/result", 0, 1), Vector::Constant(1, expected),
              bound + statistical, 1 + std::abs(expected));
  const std::vector<double> found_sign = part("/sign");
  // In a sweep the sign of an estimate may be known at some points only: NaN at the others.
  const bool signed_value = !found_sign.empty() && !std::isnan(found_sign[0]);
  if (signed_value && bound < 0.1L && found_sign[0] != sign) {
    check_.complain(fmt::format("sign {}, expected {}", found_sign[0], sign));
  }
  if (!estimated && !signed_value) check_.complain("an exact log determinant without sign");
  const auto derivative = [&](const std::string& name) {
    return (op.inverse() * op.derivative(name)).trace();
  };
  const auto derivative_bound = [&](const std::string& name) {
    return slack * epsilon * op.inverse().norm() *
           (condition * op.derivative(name).norm() + op.derivative_size(name).norm());
  };
  for (const std::string& name : job_.gradient_) {
    check_.near("gradient by " + name, part("/gradient/" + name, 0, 1), derivative(name),
                derivative_bound(name) + reported_error("/gradient_standard_error/" + name,
                                                        "/gradient_bias_bound/" + name));
  }
  if (!job_.has_tangent_) return;
  Real tangent = 0;
  Real tangent_bound = reported_error("/tangent_standard_error", "/tangent_bias_bound");
  for (const auto& [name, direction] : job_.tangent_) {
    tangent += direction * derivative(name);
    tangent_bound += std::abs(direction) * derivative_bound(name);
  }
  check_.near("tangent", part("/tangent", 0, 1), tangent, tangent_bound);
}

void OperatorJudge::trace(const DenseOperator& op) {
  check_.near("trace", part("/result", 0, 1), op.matrix().trace(),
              slack * epsilon * op.size().trace());
  for (const std::string& name : job_.gradient_) {
    check_.near("gradient by " + name, part("/gradient/" + name, 0, 1), op.derivative(name).trace(),
                slack * epsilon * op.derivative_size(name).trace());
  }
  if (!job_.has_tangent_) return;
  Real tangent = 0, bound = 0;
  for (const auto& [name, direction] : job_.tangent_) {
    tangent += direction * op.derivative(name).trace();
    bound += std::abs(direction) * op.derivative_size(name).trace();
  }
  check_.near("tangent", part("/tangent", 0, 1), tangent, slack * epsilon * bound);
}

void OperatorJudge::diagonal(const DenseOperator& op) {
  const Index n = op.matrix().rows();
  const Vector expected = op.matrix().diagonal();
  const Vector found = part("/result", 0, n);
  check_.near("diagonal", found, expected, slack * epsilon * op.size().diagonal().norm());
  if (found.size() != n) return;
  for (const std::string& name : job_.gradient_) {
    const Vector g = cotangent(0, found);
    check_.near("gradient by " + name, part("/gradient/" + name, 0, 1),
                g.dot(op.derivative(name).diagonal()),
                slack * epsilon * g.cwiseAbs().dot(op.derivative_size(name).diagonal()));
  }
  if (!job_.has_tangent_) return;
  Vector tangent = Vector::Zero(n);
  Vector bound = Vector::Zero(n);
  for (const auto& [name, direction] : job_.tangent_) {
    tangent += direction * op.derivative(name).diagonal();
    bound += std::abs(direction) * op.derivative_size(name).diagonal();
  }
  check_.near("tangent", part("/tangent", 0, n), tangent, slack * epsilon * bound.norm());
}

/// exp(A + E) - exp(A) is to first order ∫ exp(sA) E exp((1-s)A) ds.
void OperatorJudge::exponential(const DenseOperator& op) {
  constexpr int steps = 8;
  const Matrix exponent = static_cast<Real>(job_.time_) * op.matrix();
  const Matrix step = adversary::exponential(exponent / steps);
  std::vector<Matrix> powers{Matrix::Identity(exponent.rows(), exponent.cols())};
  for (int k = 0; k < steps; ++k) powers.push_back(powers.back() * step);
  Real growth = 0;
  for (std::size_t k = 0; k <= steps; ++k) {
    growth = std::max(growth, powers[k].norm() * powers[steps - k].norm());
  }
  const Real size = 1 + std::abs(static_cast<Real>(job_.time_)) * op.size().norm();
  for (Index v = 0; v < job_.input_.count; ++v) {
    const Vector x = job_.input_.at(v);
    check_.near(fmt::format("exp(t Op) x of vector {}", v), part("/result", v, op.matrix().rows()),
                powers[steps] * x, slack * epsilon * size * growth * x.norm());
  }
}

/// Each is an eigenvalue of a matrix nearby, and together they have the traces of the powers.
void OperatorJudge::eigenvalues(const DenseOperator& op) {
  using Complex = std::complex<Real>;
  using ComplexMatrix = Eigen::Matrix<Complex, Eigen::Dynamic, Eigen::Dynamic>;
  const auto all = result_.complex_values("/result");
  const Index n = op.matrix().rows();
  if (std::ssize(all) != n * static_cast<Index>(points_)) {
    return check_.complain(fmt::format("/result has {} eigenvalues; expected {}", all.size(), n));
  }
  const Real error = slack * epsilon * op.size().norm();
  ComplexMatrix power = op.matrix().cast<Complex>();
  Real size = op.size().norm();
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(point_) * n;
  for (int k = 1; k <= 3; ++k) {
    Complex sum = 0;
    for (Index i = 0; i < n; ++i) sum += std::pow(Complex(begin[i]), k);
    const Real bound =
        static_cast<Real>(k) * slack * epsilon * size * std::sqrt(static_cast<Real>(n));
    check_.within(fmt::format("sum of the eigenvalues to the power {}", k), sum.real(),
                  power.trace().real(), bound);
    check_.within(fmt::format("imaginary sum to the power {}", k), sum.imag(), 0, bound);
    power = power * op.matrix().cast<Complex>();
    size *= op.size().norm();
  }
  if (n > 40) return;
  for (Index i = 0; i < n; ++i) {
    const ComplexMatrix shifted =
        op.matrix().cast<Complex>() - Complex(begin[i]) * ComplexMatrix::Identity(n, n);
    const Real distance = 1 / ComplexMatrix(shifted.partialPivLu().inverse()).norm();
    if (distance <= error || std::isnan(distance)) continue;
    check_.complain(
        fmt::format("{:.17g} + {:.17g}i is no eigenvalue: the nearest singular matrix is "
                    "{:.3e} away, allowed {:.3e}",
                    begin[i].real(), begin[i].imag(), distance, error));
  }
}

void OperatorJudge::assemble(const DenseOperator& op) {
  const Index count = op.matrix().size();
  check_.near("the matrix", part("/result", 0, count), op.matrix().reshaped<Eigen::RowMajor>(),
              slack * epsilon * op.size().norm());
}

void OperatorJudge::point(std::size_t number, const Parameters& parameters) {
  point_ = number;
  const std::vector<double> converged = result_.values("/converged");
  if (converged.size() == points_ && converged[number] == 0) return;
  const DenseOperator op(job_.formula_.tree->evaluate(parameters, job_.material_.leaves()));
  if (job_.task_ == "apply") return apply(op);
  if (job_.task_ == "solve") return solve(op);
  if (job_.task_ == "logdet") return logdet(op);
  if (job_.task_ == "trace") return trace(op);
  if (job_.task_ == "diagonal") return diagonal(op);
  if (job_.task_ == "expm") return exponential(op);
  if (job_.task_ == "eigenvalues") return eigenvalues(op);
  return assemble(op);
}

Judgement OperatorJudge::judge() {
  const std::vector<Parameters> sweep = job_.sweep_points();
  points_ = sweep.size();
  if (ending_.code == 2) return refused();
  if (ending_.code != 0 && ending_.code != 3) {
    return {Verdict::wrong, fmt::format("exit code {}: {}", ending_.code, ending_.message)};
  }
  if (!result_.is_open()) return {Verdict::wrong, "there is no result file"};
  if (ending_.code == 3 && points_ == 1) return unconverged();
  for (std::size_t p = 0; p < points_; ++p) point(p, sweep[p]);
  Judgement result = check_.judgement();
  if (ending_.code == 3 && result.verdict != Verdict::wrong) return unconverged();
  return result;
}

}  // namespace kronwerk::adversary
