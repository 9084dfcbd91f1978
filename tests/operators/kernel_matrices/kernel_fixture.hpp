#pragma once

// What the tests of kernel operators and solvers share: clouds, their dense matrices by the oracle
// of kernel formulas, and vectors cut into the ranks' parts.
#include <gtest/gtest.h>
#include <mpi.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/formula/reference.hpp"
#include "kronwerk/operators/kernel_matrices/kernel_operator.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::operators {

/// A formula of x (with i) and y (with j) over given points.
class KernelCase {
 public:
  KernelCase(const communication::Communicator& comm, const std::string& formula,
             std::vector<double> x, std::vector<double> y, int dimension,
             std::map<std::string, double> parameters = {})
      : comm_(&comm), parameters_(std::move(parameters)) {
    kernels::Symbols symbols;
    symbols.variables["x"] = {dimension, kernels::axis_i};
    symbols.variables["y"] = {dimension, kernels::axis_j};
    for (const auto& [name, value] : parameters_) symbols.parameters.insert(name);
    formula_ =
        std::make_unique<kernels::Expression>(kernels::analyse(formula, symbols, "kernel case"));
    rows_ = side("x", x, dimension);
    columns_ = side("y", y, dimension);
  }
  /// The same points on both sides.
  KernelCase(const communication::Communicator& comm, const std::string& formula,
             const std::vector<double>& x, int dimension,
             std::map<std::string, double> parameters = {})
      : KernelCase(comm, formula, x, x, dimension, std::move(parameters)) {}

  DistributedKernel matrix() const {
    return {*formula_, constants(), kernels::distribute(*comm_, rows_),
            kernels::distribute(*comm_, columns_)};
  }
  std::shared_ptr<const KernelOperator> op(Index width = 1, double scale = 1,
                                           double shift = 0) const {
    return std::make_shared<KernelOperator>(*comm_, matrix(), width, scale, shift);
  }
  oracle::Matrix dense(double scale = 1, double shift = 0) const {
    const kernels::Constants numbers = constants();
    const kernels::ReferenceEvaluator evaluate(rows_, columns_, numbers);
    oracle::Matrix result(rows_.count, columns_.count);
    for (Index i = 0; i < result.rows; ++i) {
      for (Index j = 0; j < result.cols; ++j) {
        result(i, j) = scale * static_cast<double>(evaluate(*formula_->root(), i, j)[0]);
        if (i == j) result(i, j) += shift;
      }
    }
    return result;
  }
  kernels::Constants constants() const { return {parameters_, {}}; }
  const kernels::Expression& formula() const { return *formula_; }
  const kernels::Side& rows() const { return rows_; }
  const kernels::Side& columns() const { return columns_; }

 private:
  static kernels::Side side(const char* name, const std::vector<double>& points, int dimension) {
    kernels::Side result;
    result.count = std::ssize(points) / dimension;
    result.variables[name] = kernels::to_cloud(points, result.count, dimension);
    return result;
  }

  const communication::Communicator* comm_;
  std::map<std::string, double> parameters_;
  std::unique_ptr<kernels::Expression> formula_;
  kernels::Side rows_;
  kernels::Side columns_;
};

/// This rank's rows of (points x width).
inline std::vector<double> own_rows(const communication::Communicator& comm,
                                    const std::vector<double>& whole, Index width) {
  const distribution::BlockPartition part(std::ssize(whole) / width, comm.size());
  return {whole.begin() + part.begin(comm.rank()) * width,
          whole.begin() + part.end(comm.rank()) * width};
}

/// All rows on every rank. Collective.
inline std::vector<double> all_rows(const communication::Communicator& comm,
                                    const std::vector<double>& own, Index points, Index width) {
  const distribution::BlockPartition part(points, comm.size());
  std::vector<double> whole(static_cast<std::size_t>(points * width), 0.0);
  std::copy(own.begin(), own.end(), whole.begin() + part.begin(comm.rank()) * width);
  comm.sum(whole);
  return whole;
}

}  // namespace kronwerk::operators
