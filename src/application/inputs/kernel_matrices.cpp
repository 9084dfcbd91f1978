#include "application/inputs/kernel_matrices.hpp"

#include <fmt/format.h>

#include <cmath>
#include <span>

#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/dense/shared_dense.hpp"

namespace kronwerk::application {

factors::FactorPtr evaluate_kernel(const communication::Communicator& comm, const std::string& name,
                                   const kernels::Expression& formula,
                                   const kernels::Constants& constants, const kernels::Side& rows,
                                   const kernels::Side& columns, double jitter) {
  const communication::Communicator& node = comm.node();
  const auto fill = [&](std::span<double> all) {
    const Index begin = rows.count * node.rank() / node.size();
    const Index end = rows.count * (node.rank() + 1) / node.size();
    kernels::Side part{rows.first + begin, end - begin, {}};
    for (const auto& [variable, cloud] : rows.variables) {
      kernels::Cloud& piece = part.variables[variable];
      piece = {cloud.dimension, end - begin, {}};
      for (int c = 0; c < cloud.dimension; ++c) {
        const auto first = cloud.values.begin() + c * cloud.count;
        piece.values.insert(piece.values.end(), first + begin, first + end);
      }
    }
    const auto values = all.subspan(static_cast<std::size_t>(begin * columns.count),
                                    static_cast<std::size_t>((end - begin) * columns.count));
    const kernels::Program program(formula, constants, kernels::Precision::float64);
    kernels::evaluate(program, part, columns, values, columns.count);
    for (Index i = 0; i < end - begin; ++i) {
      if (jitter != 0) values[static_cast<std::size_t>(i * columns.count + begin + i)] += jitter;
      for (Index j = 0; j < columns.count; ++j) {
        const double value = values[static_cast<std::size_t>(i * columns.count + j)];
        if (std::isfinite(value)) continue;
        throw core::DataError(
            fmt::format("the kernel {} is {} at row {} and column {}", name, value, begin + i, j));
      }
    }
  };
  return factors::make_shared_dense(comm, name, rows.count, columns.count, fill);
}

factors::FactorPtr KernelMatrices::make(const std::string& kernel, const std::string& parameter,
                                        const std::map<std::string, double>& parameters) {
  const KernelMatrix& matrix = kernels_.at(kernel);
  const auto constants = read_constants(*comm_, matrix.variables, parameters);
  const auto& rows = side(kernel, kernels::axis_i);
  const auto& columns = side(kernel, kernels::axis_j);
  if (matrix.lazy) return make_lazy(matrix, parameter, parameters, constants, rows, columns);
  if (parameter.empty()) {
    return evaluate_kernel(*comm_, matrix.identity(parameters), matrix.formula, constants, rows,
                           columns, matrix.jitter);
  }
  return evaluate_kernel(*comm_, matrix.derivative_identity(parameters, parameter),
                         kernels::differentiate(matrix.formula, parameter), constants, rows,
                         columns, 0);
}

factors::FactorPtr KernelMatrices::make_lazy(const KernelMatrix& matrix,
                                             const std::string& parameter,
                                             const std::map<std::string, double>& parameters,
                                             kernels::Constants constants,
                                             const kernels::Side& rows,
                                             const kernels::Side& columns) {
  const bool derivative = !parameter.empty();
  const auto formula =
      derivative ? kernels::differentiate(matrix.formula, parameter) : matrix.formula;
  const std::string name =
      derivative ? matrix.derivative_identity(parameters, parameter) : matrix.identity(parameters);
  kernels::Side own_rows = rows;
  kernels::Side own_columns = columns;
  if (matrix.precision == kernels::Precision::float32) {
    const auto translations = kernels::find_translations(std::span(&matrix.formula, 1));
    for (const auto& loss : kernels::centre(translations, own_rows, own_columns, constants)) {
      warnings_.push_back(loss_text(loss));
    }
  }
  auto factor = factors::make_kernel(name, kernels::Program(formula, constants, matrix.precision),
                                     std::move(own_rows), std::move(own_columns));
  if (derivative || matrix.jitter == 0) return factor;
  const std::vector<std::pair<double, factors::FactorPtr>> terms{
      {1.0, std::move(factor)}, {matrix.jitter, factors::make_identity(matrix.rows)}};
  return factors::linear_combination(*comm_, name, terms);
}

const kernels::Side& KernelMatrices::side(const std::string& kernel, kernels::Axes axis) {
  const auto key = std::pair(kernel, static_cast<unsigned>(axis));
  const auto found = sides_.find(key);
  if (found != sides_.end()) return found->second;
  const KernelMatrix& matrix = kernels_.at(kernel);
  const Index count = axis == kernels::axis_i ? matrix.rows : matrix.cols;
  return sides_[key] = read_side(*comm_, matrix.variables, axis, 0, count);
}

}  // namespace kronwerk::application
