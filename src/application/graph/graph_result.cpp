#include "application/graph/graph_result.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace kronwerk::application {
namespace {

constexpr std::size_t fixed_numbers = 14;

std::string factor_path(const std::string& parent, std::size_t mode) {
  return fmt::format("{}/factor/{}", parent, mode + 1);
}

Index nonzeros(const std::vector<double>& values) {
  return std::ssize(values) - std::ranges::count(values, 0.0);
}

io::SparseMatrix sparse(const std::vector<double>& values, Index n) {
  io::SparseMatrix matrix;
  matrix.rows = matrix.cols = n;
  matrix.row_offsets.push_back(0);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      const double value = values[static_cast<std::size_t>(i * n + j)];
      if (value == 0) continue;
      matrix.column_indices.push_back(static_cast<std::int32_t>(j));
      matrix.values.push_back(value);
    }
    matrix.row_offsets.push_back(std::ssize(matrix.values));
  }
  return matrix;
}

void write_ids(const JobContext& context, const GraphInput& input, const std::string& parent) {
  for (std::size_t k = 0; k < input.extents.size(); ++k) {
    if (input.ids[k].empty()) continue;
    context.file.write_strings(factor_path(parent, k) + "_ids", input.ids[k]);
  }
}

}  // namespace

std::vector<double> GraphSummary::to_numbers() const {
  std::vector<double> numbers{exists ? 1.0 : 0.0,
                              converged ? 1.0 : 0.0,
                              kkt,
                              objective,
                              log_determinant,
                              offset,
                              held_out,
                              criteria.log_likelihood,
                              criteria.degrees_of_freedom,
                              criteria.bic,
                              criteria.extended_bic,
                              static_cast<double>(iterations),
                              static_cast<double>(proximal_steps),
                              static_cast<double>(newton_steps)};
  for (const Index each : edges) numbers.push_back(static_cast<double>(each));
  for (const Index each : stored) numbers.push_back(static_cast<double>(each));
  return numbers;
}

GraphSummary GraphSummary::from_numbers(const std::vector<double>& numbers) {
  GraphSummary summary;
  summary.exists = numbers[0] != 0;
  summary.converged = numbers[1] != 0;
  summary.kkt = numbers[2];
  summary.objective = numbers[3];
  summary.log_determinant = numbers[4];
  summary.offset = numbers[5];
  summary.held_out = numbers[6];
  summary.criteria = {numbers[7], numbers[8], numbers[9], numbers[10]};
  summary.iterations = static_cast<Index>(numbers[11]);
  summary.proximal_steps = static_cast<Index>(numbers[12]);
  summary.newton_steps = static_cast<Index>(numbers[13]);
  const std::size_t modes = (numbers.size() - fixed_numbers) / 2;
  for (std::size_t k = 0; k < modes; ++k) {
    summary.edges.push_back(static_cast<Index>(numbers[fixed_numbers + k]));
    summary.stored.push_back(static_cast<Index>(numbers[fixed_numbers + modes + k]));
  }
  return summary;
}

GraphSummary summarise(const GraphInput& input, const GraphData& data,
                       const models::GraphEstimate& estimate, double gamma) {
  GraphSummary summary;
  summary.converged = estimate.converged;
  summary.reason = estimate.reason;
  summary.kkt = estimate.kkt;
  summary.objective = estimate.objective;
  summary.log_determinant = estimate.log_determinant;
  summary.offset = estimate.offset;
  summary.iterations = estimate.iterations;
  summary.proximal_steps = estimate.proximal_steps;
  summary.newton_steps = estimate.newton_steps;
  summary.edges = estimate.edges;
  for (const auto& factor : estimate.factors) summary.stored.push_back(nonzeros(factor));
  summary.criteria =
      graph_criteria(input.extents, data.degrees, estimate.edges,
                     models::graph_log_density(input.extents, estimate, data.grams), gamma);
  if (input.held_out > 0) {
    summary.held_out = static_cast<double>(input.held_out) *
                       models::graph_log_density(input.extents, estimate, data.held_out);
  }
  return summary;
}

GraphSummary no_result(std::size_t modes, const std::string& reason) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  GraphSummary summary;
  summary.exists = false;
  summary.reason = reason;
  summary.kkt = summary.objective = summary.log_determinant = summary.held_out = none;
  summary.criteria = {none, none, none, none};
  summary.edges.assign(modes, 0);
  summary.stored.assign(modes, 0);
  return summary;
}

void write_factors(const JobContext& context, const GraphInput& input, const std::string& parent,
                   const models::GraphEstimate& estimate) {
  for (std::size_t k = 0; k < input.extents.size(); ++k) {
    io::SparseMatrix matrix;
    if (context.comm.is_root()) matrix = sparse(estimate.factors[k], input.extents[k]);
    context.file.write_sparse(factor_path(parent, k), matrix);
  }
  write_ids(context, input, parent);
}

void take_over_factors(const JobContext& context, const GraphInput& input,
                       const std::string& parent, const GraphSummary& summary) {
  const io::HeldResult& held = *context.checkpoint.result();
  for (std::size_t k = 0; k < input.extents.size(); ++k) {
    const Index n = input.extents[k];
    const std::string path = factor_path(parent, k);
    context.file.create_sparse(path, n, n, summary.stored[k]);
    context.file.take_over(held, path + "/data", 0, summary.stored[k]);
    context.file.take_over(held, path + "/indices", 0, summary.stored[k]);
    context.file.take_over(held, path + "/indptr", 0, n + 1);
  }
  write_ids(context, input, parent);
}

}  // namespace kronwerk::application
