#pragma once

// Flow models by their definitions, with dense N x N matrices and N x p designs.

#include <map>
#include <vector>

#include "adversary/flows/flow_job.hpp"

namespace kronwerk::adversary {

/// A function of the variables of a model, and its derivatives by differences of fourth order.
using Function = std::function<Real(const Vector&)>;
/// Steps that suit `function` at x: a thousandth of the distance over which it falls by one half.
Vector difference_steps(const Function& function, const Vector& x);
Vector gradient_of(const Function& function, const Vector& x, const Vector& steps);
Matrix hessian_of(const Function& function, const Vector& x, const Vector& steps);

/// The likelihood over the variables (θ, δ, fixed effects, and σ² or log θ of negative binomial
/// flows). Fixed effects of destinations beside those of origins sum to 0; the last is left out.
class DenseFlow {
 public:
  explicit DenseFlow(const FlowJob& job);

  Index parameters() const { return std::ssize(job_.free_); }
  Index columns() const { return std::ssize(job_.columns_); }
  Index effects() const { return design_.cols() - columns(); }
  Index variables() const {
    return parameters() + design_.cols() + (job_.family_ == "poisson" ? 0 : 1);
  }
  Index observed() const { return observed_; }

  /// A of N rows.
  Matrix filter(const Vector& theta) const;
  /// At the values that the job begins with or has.
  Vector initial() const;
  /// The least real part of A's eigenvalues.
  Real margin(const Vector& theta) const;
  /// ‖A‖ ‖A⁻¹‖.
  Real condition(const Vector& theta) const;
  /// (N, columns + effects)
  const Matrix& design() const { return design_; }
  /// Of the scaled design that the observed flows tell apart.
  Real collinearity(const Vector& theta) const;
  Real log_determinant(const Vector& theta) const;

  /// The value of a year's cell after the transform.
  Real y(Index year, Index cell) const;
  Real exposure(Index year, Index cell) const;

  /// What the density of Gaussian flows is made of at one θ, with σ² = 1: squares and products of
  /// whitened observations and columns.
  struct Products {
    Real log_determinant = 0;  ///< of the covariances of the observed flows
    Real yy = 0;
    Vector zy;
    Matrix zz;
  };
  const Products& products(const Vector& theta) const;
  /// η's derivatives by the coefficients, A⁻¹ Z.
  const Matrix& basis(const Vector& theta) const;

  Real log_likelihood(const Vector& x) const;
  /// Its parts by observed cell, of counts.
  Vector cell_terms(const Vector& x) const;
  /// Σ log |derivative of the transform|.
  Real log_jacobian() const;

 private:
  using Key = std::vector<Real>;
  static Key key(const Vector& theta) { return {theta.begin(), theta.end()}; }
  void make_design();

  const FlowJob& job_;
  Matrix design_;
  Index observed_ = 0;
  mutable std::map<Key, Products> products_;
  mutable std::map<Key, Matrix> bases_;
};

}  // namespace kronwerk::adversary
