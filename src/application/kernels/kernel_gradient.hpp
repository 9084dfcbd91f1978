#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "application/inputs/vector_reader.hpp"
#include "application/kernels/kernel_points.hpp"
#include "application/kernels/side_by_side.hpp"
#include "kronwerk/operators/kernel_matrices/kernel_solver.hpp"

namespace kronwerk::application {

/// The derivatives of a kernel system's result by its parameters, points and input, below
/// /gradient.
class KernelGradient {
 public:
  /// All must outlive this.
  KernelGradient(const JobContext& context, const Problem& problem, const KernelSystem& system,
                 const KernelPoints& points)
      : context_(context),
        problem_(problem),
        system_(system),
        kernel_(points.kernel()),
        points_(points) {}

  /// By the input, for `apply` Opᵀ g, and by the parameters. Collective.
  /// @param g  the cotangent of the result, side by side like it
  void write_of_apply(const VectorReader& reader, const operators::KernelOperator& op,
                      std::span<const double> input, std::span<const double> g,
                      const SideBySide& block);
  /// The same of a solve, and by the points. Collective.
  /// @return of the adjoint solve
  operators::KrylovOutcome write_of_solve(const VectorReader& reader,
                                          operators::KernelSolver& solver,
                                          std::span<const double> input,
                                          std::span<const double> result, std::span<const double> g,
                                          const SideBySide& block);
  /// By the parameters. Collective.
  void write_of_logdet(operators::KernelSolver& solver, double result,
                       const operators::StochasticSettings& settings);

 private:
  const configuration::Job& job() const { return problem_.job; }
  double error_of(const std::string& parameter,
                  const operators::KernelLogDeterminantGradient& found) const;
  void write_parameter(const std::string& name, double value, double error = 0);
  void write_input_gradient(const VectorReader& reader, const SideBySide& block,
                            std::vector<double>& values);
  std::map<std::string, double> derivative_terms(const std::string& parameter) const;
  double chain_rule(const std::string& parameter, const kernels::ReduceGradient& by_formula,
                    double by_shift, double by_scale) const;
  double product_gradient(const std::string& parameter, std::span<const double> g,
                          std::span<const double> x, Index width) const;
  std::vector<std::string> point_names() const;
  void write_point_gradient(const kernels::ReduceGradient& gradient);

  const JobContext& context_;
  const Problem& problem_;
  const KernelSystem& system_;
  const KernelMatrix& kernel_;
  const KernelPoints& points_;
};

}  // namespace kronwerk::application
