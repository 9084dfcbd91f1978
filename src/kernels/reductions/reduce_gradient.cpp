// See src/MATHEMATICS.md, "Reductions".
#include "kronwerk/kernels/reductions/reduce_gradient.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace kronwerk::kernels {
namespace {

using communication::collectively;
using communication::Communicator;

// One more variable each of the kept axis. No formula can say these names.
const std::string cotangent_name = "result.cotangent";
const std::string value_name = "result.value";
const std::string scale_name = "result.scale";
const std::string index_name = "result.index";

/// Consecutive integers are exact in float32 up to here.
constexpr Index exact_in_float = Index{1} << 24;

Expression make_node(Operation operation, int dimension, std::vector<NodePtr> arguments) {
  Node node;
  node.operation = operation;
  node.dimension = dimension;
  for (const NodePtr& argument : arguments) node.axes |= argument->axes;
  node.arguments = std::move(arguments);
  return Expression(std::make_shared<const Node>(std::move(node)));
}

Expression column_index() {
  Node node;
  node.operation = Operation::column;
  node.axes = axis_j;
  return Expression(std::make_shared<const Node>(std::move(node)));
}

Expression dot(const Expression& a, const Expression& b) {
  if (a.dimension() == 1) return multiply(a, b);
  return make_node(Operation::dot, 1, {a.root(), b.root()});
}

/// A function of the pair and what L's derivative by it is: together, the chain rule.
struct Term {
  Expression function;
  Expression cotangent;
};

/// The gradient of a reduction over j, whose kept axis has some more variables.
struct Problem {
  ReductionSetup setup;
  DistributedSide rows;
  std::vector<Term> terms;
};

void add_variable(Problem& problem, const std::string& name, int dimension,
                  std::span<const double> values) {
  problem.rows.local.variables[name] = to_cloud(values, problem.rows.local.count, dimension);
}

Expression row_variable(const Problem& problem, const std::string& name) {
  return make_variable(name, {problem.rows.local.variables.at(name).dimension, axis_i});
}

/// Where nothing was summed the logarithm is -inf, and no pair has a share: exp(F - inf) = 0.
std::vector<double> as_exponent(std::vector<double> logarithms) {
  for (double& value : logarithms) {
    if (value == -std::numeric_limits<double>::infinity()) value = -value;
  }
  return logarithms;
}

/// The values of another reduction of the same formula.
ReductionResult reduce_again(const Communicator& comm, const Problem& problem,
                             const DistributedSide& columns, ReductionKind kind) {
  ReductionSetup setup = problem.setup;
  setup.requests = {{kind}};
  return reduce(comm, setup, problem.rows, columns).results.at(0);
}

void add_sum_terms(Problem& problem, ReductionKind kind, const ReductionResult& result,
                   std::vector<double> cotangent, Index columns) {
  for (std::size_t v = 0; v < cotangent.size(); ++v) {
    if (kind == ReductionKind::mean) cotangent[v] /= static_cast<double>(columns);
    if (kind != ReductionKind::norm) continue;
    cotangent[v] = result.values[v] == 0 ? 0.0 : cotangent[v] / result.values[v];
  }
  add_variable(problem, cotangent_name, result.dimension, cotangent);
  const Expression& formula = problem.setup.formula;
  const Expression given = row_variable(problem, cotangent_name);
  problem.terms.push_back(
      {formula, kind == ReductionKind::norm ? multiply(given, formula) : given});
}

void add_logsumexp_terms(Problem& problem, const ReductionResult& result,
                         std::span<const double> cotangent) {
  add_variable(problem, cotangent_name, result.dimension, cotangent);
  add_variable(problem, value_name, result.dimension, as_exponent(result.values));
  const Expression& formula = problem.setup.formula;
  const Expression share =
      multiply(row_variable(problem, cotangent_name),
               exponential(subtract(formula, row_variable(problem, value_name))));
  const auto& weight = problem.setup.requests[0].weight;
  problem.terms.push_back({formula, weight ? dot(*weight, share) : share});
  if (weight) problem.terms.push_back({*weight, share});
}

void add_softmax_terms(const Communicator& comm, Problem& problem, const DistributedSide& columns,
                       const ReductionResult& result, std::span<const double> cotangent) {
  const ReductionResult scale = reduce_again(comm, problem, columns, ReductionKind::logsumexp);
  // A mean over nothing is no number, and no pair has a share in it.
  std::vector<double> means = result.values;
  for (std::size_t v = 0; v < means.size(); ++v) {
    const double logarithm = scale.values[v / static_cast<std::size_t>(result.dimension)];
    if (logarithm == -std::numeric_limits<double>::infinity()) means[v] = 0;
  }
  add_variable(problem, cotangent_name, result.dimension, cotangent);
  add_variable(problem, value_name, result.dimension, means);
  add_variable(problem, scale_name, 1, as_exponent(scale.values));
  const Expression& formula = problem.setup.formula;
  const Expression& weight = *problem.setup.requests[0].weight;
  const Expression given = row_variable(problem, cotangent_name);
  const Expression share = exponential(subtract(formula, row_variable(problem, scale_name)));
  const Expression difference = subtract(weight, row_variable(problem, value_name));
  problem.terms.push_back({formula, multiply(share, dot(given, difference))});
  problem.terms.push_back({weight, multiply(share, given)});
}

void add_extremum_terms(const Communicator& comm, Problem& problem, const DistributedSide& columns,
                        ReductionKind kind, const ReductionResult& result,
                        std::span<const double> cotangent) {
  const bool smallest = kind == ReductionKind::min || kind == ReductionKind::min_argmin;
  const bool known = !result.indices.empty() || result.rows == 0;
  std::vector<std::int64_t> indices = result.indices;
  if (comm.any(!known)) {
    indices = reduce_again(comm, problem, columns,
                           smallest ? ReductionKind::argmin : ReductionKind::argmax)
                  .indices;
  }
  if (columns.partition.size() > exact_in_float) problem.setup.precision = Precision::float64;
  add_variable(problem, cotangent_name, result.dimension, cotangent);
  add_variable(problem, index_name, result.dimension,
               std::vector<double>(indices.begin(), indices.end()));
  const Expression chosen = equal(column_index(), row_variable(problem, index_name));
  problem.terms.push_back(
      {problem.setup.formula, multiply(chosen, row_variable(problem, cotangent_name))});
}

void add_terms(const Communicator& comm, Problem& problem, const DistributedSide& columns,
               const ReductionResult& result, std::span<const double> cotangent) {
  const ReductionKind kind = problem.setup.requests[0].kind;
  switch (kind) {
    case ReductionKind::logsumexp:
      return add_logsumexp_terms(problem, result, cotangent);
    case ReductionKind::softmax:
      return add_softmax_terms(comm, problem, columns, result, cotangent);
    case ReductionKind::min:
    case ReductionKind::max:
    case ReductionKind::min_argmin:
    case ReductionKind::max_argmax:
      return add_extremum_terms(comm, problem, columns, kind, result, cotangent);
    default:
      return add_sum_terms(problem, kind, result, {cotangent.begin(), cotangent.end()},
                           columns.partition.size());
  }
}

/// Derivatives by several names as the components of one vector, so that one reduction serves all.
struct Derivatives {
  std::vector<std::string> names;
  std::vector<NodePtr> parts;

  std::optional<Expression> joined() const {
    if (parts.empty()) return std::nullopt;
    if (parts.size() == 1) return Expression(parts[0]);
    int dimension = 0;
    for (const NodePtr& part : parts) dimension += part->dimension;
    return make_node(Operation::concat, dimension, parts);
  }
};

/// Σ over the reduced axis, for every point of the other one: the names' parts, one by one.
std::map<std::string, std::vector<double>> sum_derivatives(const Communicator& comm,
                                                           const Problem& problem,
                                                           const DistributedSide& columns,
                                                           const Derivatives& derivatives,
                                                           Axes over) {
  std::map<std::string, std::vector<double>> parts;
  const std::optional<Expression> joined = derivatives.joined();
  if (!joined) return parts;
  const ReductionSetup setup{
      *joined, {{ReductionKind::sum}}, over, problem.setup.constants, problem.setup.precision};
  const ReductionResult sums = reduce(comm, setup, problem.rows, columns).results.at(0);
  int offset = 0;
  for (std::size_t n = 0; n < derivatives.names.size(); ++n) {
    const int dimension = derivatives.parts[n]->dimension;
    std::vector<double>& part = parts[derivatives.names[n]];
    for (Index r = 0; r < sums.rows; ++r) {
      const double* first = sums.values.data() + r * sums.dimension + offset;
      part.insert(part.end(), first, first + dimension);
    }
    offset += dimension;
  }
  return parts;
}

/// Σ over all rows of all ranks.
std::vector<double> sum_rows(const Communicator& comm, std::span<const double> values,
                             int dimension) {
  std::vector<double> totals(static_cast<std::size_t>(dimension), 0.0);
  for (std::size_t v = 0; v < values.size(); ++v) totals[v % totals.size()] += values[v];
  comm.sum(std::span(totals));
  return totals;
}

/// Zeros of the right shapes, which says for every name what it is.
ReduceGradient zeros_for(const ReductionSetup& setup, const DistributedSide& rows,
                         const DistributedSide& columns, const std::vector<std::string>& names) {
  ReduceGradient gradient;
  for (const std::string& name : names) {
    const auto row = rows.local.variables.find(name);
    const auto column = columns.local.variables.find(name);
    const auto vector = setup.constants.variables.find(name);
    if (setup.constants.parameters.count(name) > 0) {
      gradient.parameters[name] = 0;
    } else if (vector != setup.constants.variables.end()) {
      gradient.constants[name].assign(vector->second.size(), 0.0);
    } else if (row != rows.local.variables.end()) {
      gradient.rows[name].assign(row->second.values.size(), 0.0);
    } else if (column != columns.local.variables.end()) {
      gradient.columns[name].assign(column->second.values.size(), 0.0);
    } else {
      throw core::ConfigurationError(
          fmt::format("there is no parameter or variable '{}' to differentiate by", name));
    }
  }
  return gradient;
}

void check_request(const ReductionSetup& setup, const ReductionResult& result,
                   std::span<const double> cotangent) {
  if (setup.requests.size() != 1) throw core::InternalError("the gradient is of one reduction");
  const ReductionKind kind = setup.requests[0].kind;
  if (!is_differentiable(kind)) {
    throw core::ConfigurationError(
        fmt::format("the reduction '{}' has no gradient; sum, mean, norm, logsumexp, softmax, min "
                    "and max have one",
                    to_text(kind)));
  }
  const auto expected = static_cast<std::size_t>(result.rows * result.dimension);
  if (cotangent.size() == expected && result.values.size() == expected) return;
  throw core::ShapeError(
      fmt::format("the cotangent of a reduction has {} values, its result has {} rows of {}",
                  cotangent.size(), result.rows, result.dimension));
}

ReduceGradient gradient_over_columns(const Communicator& comm, const ReductionSetup& setup,
                                     const DistributedSide& rows, const DistributedSide& columns,
                                     const ReductionResult& result,
                                     std::span<const double> cotangent,
                                     const std::vector<std::string>& names) {
  ReduceGradient gradient;
  collectively(comm, [&] {
    check_request(setup, result, cotangent);
    gradient = zeros_for(setup, rows, columns, names);
  });
  Problem problem{setup, rows, {}};
  add_terms(comm, problem, columns, result, cotangent);

  std::map<std::string, Expression> sums;
  for (const Term& term : problem.terms) {
    for (const auto& [name, part] : vector_jacobian(term.function, term.cotangent, names)) {
      const auto [place, is_new] = sums.try_emplace(name, part);
      if (!is_new) place->second = add(place->second, part);
    }
  }
  Derivatives by_row;
  Derivatives by_column;
  for (const auto& [name, derivative] : sums) {
    Derivatives& side = gradient.columns.count(name) > 0 ? by_column : by_row;
    side.names.push_back(name);
    side.parts.push_back(derivative.root());
  }
  for (auto& [name, values] : sum_derivatives(comm, problem, columns, by_row, axis_j)) {
    if (gradient.rows.count(name) > 0) {
      gradient.rows[name] = std::move(values);
    } else {
      const int dimension = sums.at(name).dimension();
      const std::vector<double> totals = sum_rows(comm, values, dimension);
      if (gradient.parameters.count(name) > 0) gradient.parameters[name] = totals[0];
      if (gradient.constants.count(name) > 0) gradient.constants[name] = totals;
    }
  }
  for (auto& [name, values] : sum_derivatives(comm, problem, columns, by_column, axis_i)) {
    gradient.columns[name] = std::move(values);
  }
  return gradient;
}

}  // namespace

bool is_differentiable(ReductionKind kind) {
  switch (kind) {
    case ReductionKind::sum:
    case ReductionKind::mean:
    case ReductionKind::norm:
    case ReductionKind::logsumexp:
    case ReductionKind::softmax:
    case ReductionKind::min:
    case ReductionKind::max:
    case ReductionKind::min_argmin:
    case ReductionKind::max_argmax:
      return true;
    default:
      return false;
  }
}

ReduceGradient reduce_gradient(const Communicator& comm, const ReductionSetup& setup,
                               const DistributedSide& rows, const DistributedSide& columns,
                               const ReductionResult& result, std::span<const double> cotangent,
                               const std::vector<std::string>& names) {
  if (setup.over == axis_j) {
    return gradient_over_columns(comm, setup, rows, columns, result, cotangent, names);
  }
  ReduceGradient turned =
      gradient_over_columns(comm, transposed(setup), columns, rows, result, cotangent, names);
  return {std::move(turned.parameters), std::move(turned.constants), std::move(turned.columns),
          std::move(turned.rows)};
}

}  // namespace kronwerk::kernels
