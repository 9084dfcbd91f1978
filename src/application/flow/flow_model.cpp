#include "application/flow/flow_model.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "application/flow/fixed_effects.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

/// The parameters that a fit estimates; where all are given those of the formula, in the same
/// order.
std::vector<std::string> free_parameters(const Problem& problem) {
  const configuration::Job& job = problem.job;
  std::vector<std::string> names;
  if (job.estimates()) {
    for (const auto& [name, request] : job.varied()) names.push_back(name);
    return names;
  }
  const auto used =
      expressions::used_names(job.formula.value, job.where(job.formula.position)).parameters;
  for (const auto& [name, value] : problem.parameters()) {
    if (std::ranges::find(used, name) != used.end()) names.push_back(name);
  }
  return names;
}

/// Whether a coefficient bends along one parameter: tried at two points, as a second derivative may
/// vanish at one.
bool bends(const models::FlowFilter& filter, std::vector<double> parameters, std::size_t place) {
  constexpr double away = 0.37;
  const std::size_t count = parameters.size();
  for (int point = 0; point < 2; ++point) {
    const auto second = filter.coefficients(parameters).second;
    for (std::size_t t = 0; t < filter.terms().size(); ++t) {
      if (second[(t * count + place) * count + place] != 0) return true;
    }
    for (double& value : parameters) value += away;
  }
  return false;
}

/// The feasible region bounds parameters that stand linearly before matrices, alone or in products.
/// @throws ConfigurationError naming another one without bounds
void require_bounds(const configuration::Job& job, const models::FlowFilter& filter) {
  std::vector<double> initial;
  for (const std::string& name : filter.parameters()) {
    initial.push_back(job.parameters.at(name).value);
  }
  for (std::size_t p = 0; p < initial.size(); ++p) {
    const std::string& name = filter.parameters()[p];
    const auto& request = job.varied().at(name);
    if ((request.lower && request.upper) || !bends(filter, initial, p)) continue;
    throw core::ConfigurationError(fmt::format(
        "{}: the filter is not linear in '{}', so that its feasible region gives no bounds: give "
        "them, {}: {{lower: …, upper: …}}; between them every point is tested",
        job.where(request.position), name, name));
  }
}

/// @throws ConfigurationError unless the filter has two modes and depends on every parameter that
/// is to be estimated
models::FlowFilter make_filter(const Problem& problem) {
  const configuration::Job& job = problem.job;
  const std::string where = job.where(job.formula.position);
  const auto free = free_parameters(problem);
  const auto sum = expressions::expand(*problem.expression, {free.begin(), free.end()},
                                       problem.parameters(), problem.kernel_names());
  if (sum.row_extents.size() != 2) {
    throw core::ConfigurationError(fmt::format(
        "{}: the filter of a flow model has two modes, origins and destinations, such as kron(I, "
        "I) - rho*kron(W, I); this one has {}",
        where, sum.row_extents.size()));
  }
  models::FlowFilter filter(sum, free, problem.parameters());
  const auto used = expressions::used_names(job.formula.value, where).parameters;
  for (const std::string& name : free) {
    if (std::ranges::find(used, name) != used.end()) continue;
    throw core::ConfigurationError(
        fmt::format("{}: the filter does not depend on '{}', which is to be estimated{}",
                    job.where(job.varied().at(name).position), name, core::suggestion(name, used)));
  }
  if (job.estimates()) require_bounds(job, filter);
  return filter;
}

}  // namespace

FlowModel::FlowModel(const communication::Communicator& comm, const configuration::Job& job)
    : problem_(analyse_problem(comm, job)),
      workspace_(std::make_shared<operators::Workspace>(comm)) {
  filter_ = make_filter(problem_);
  const FlowColumnReader reader(comm, problem_.job, problem_.job.flow->columns);
  check_ids(comm, problem_, reader.names_along_modes());
  problem_.factor_names.insert(reader.factor_names().begin(), reader.factor_names().end());
  data_.emplace(comm, problem_);
  std::vector<factors::FactorPtr> inverted;
  for (const std::size_t mode : {0U, 1U}) {
    for (const auto& matrix : filter_->matrices(mode)) {
      matrices_[mode].push_back(data_->lowering().lower(*matrix));
      const auto more = factors::to_factorise(matrices_[mode].back());
      inverted.insert(inverted.end(), more.begin(), more.end());
    }
  }
  factors::factorise(comm, inverted);
  check_fixed_effects(problem_, *filter_, matrices_);
  columns_ = reader.read(problem_, *data_, extents());
  if (const auto& attribute = problem_.job.flow->attribute) {
    uses_ = reader.uses(*attribute, problem_, *data_, extents());
  }
  warn_of_diagonals();
}

std::vector<std::string> FlowModel::estimate_names() const {
  std::vector<std::string> names = filter_->parameters();
  for (std::string& text : column_texts()) names.push_back(std::move(text));
  return names;
}

std::vector<std::string> FlowModel::column_texts() const {
  std::vector<std::string> texts;
  for (const auto& column : columns_) texts.push_back(column.text);
  return texts;
}

models::FixedEffects FlowModel::fixed_effects() const {
  const auto& places = problem_.job.flow->fixed_effects;
  return {{places[0].has_value(), places[1].has_value()}};
}

std::string FlowModel::text() const {
  const std::string in = filter_->parameters().empty()
                             ? "with fixed parameters"
                             : "in " + core::join(filter_->parameters(), ", ");
  const Index effects = fixed_effects().count(extents());
  return fmt::format("{} {} {} on {} flows, {} {}{}", filter_->terms().size(),
                     filter_->terms().size() == 1 ? "term" : "terms", in, core::to_text(extents()),
                     columns_.size(), columns_.size() == 1 ? "column" : "columns",
                     effects == 0 ? "" : fmt::format(", {} fixed effects", effects));
}

/// The weights of a filter are those of other regions.
void FlowModel::forget() {
  data_->forget();
  data_->add_kernels(problem_);
}

void FlowModel::warn_of_diagonals() {
  for (const std::string& name : expressions::factor_names(*problem_.expression)) {
    const auto found = data_->matrices().find(name);
    if (found == data_->matrices().end()) continue;
    const factors::Factor& factor = *found->second;
    const bool weights =
        factor.kind() == factors::Kind::sparse || factor.kind() == factors::Kind::dense;
    if (!weights || factor.rows() != factor.cols()) continue;
    const std::vector<double> diagonal = factor.diagonal();
    for (std::size_t i = 0; i < diagonal.size(); ++i) {
      if (diagonal[i] == 0) continue;
      warnings_.push_back(fmt::format(
          "{}: the diagonal of '{}' is not zero (entry {} is {:.6g}): a region would be its own "
          "neighbour",
          problem_.job.where(problem_.job.matrices.at(name).position), name, i, diagonal[i]));
      break;
    }
  }
}

}  // namespace kronwerk::application
