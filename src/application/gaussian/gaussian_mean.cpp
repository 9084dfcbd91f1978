// The mean of a Gaussian model: a constant, a parameter, or a regression.
#include <fmt/format.h>

#include "application/gaussian/gaussian_model.hpp"
#include "application/inputs/problem.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/formulas/syntax.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {

std::vector<std::string> column_names(const std::string& text, const std::string& where) {
  const formulas::Source source{text, where};
  const auto refuse = [&](formulas::Span span) {
    formulas::fail_at(source, span,
                      "a column of the mean is kron(…) with a vector's name or 1 for each mode");
  };
  const auto name_of = [&](const formulas::Syntax& syntax) -> std::string {
    if (syntax.kind == formulas::SyntaxKind::name) return syntax.text;
    if (syntax.kind != formulas::SyntaxKind::number || syntax.value != 1) refuse(syntax.span);
    return "";
  };
  const auto syntax = formulas::parse(source);
  if (syntax->kind != formulas::SyntaxKind::call) return {name_of(*syntax)};
  if (syntax->text != "kron") refuse(syntax->span);
  std::vector<std::string> names;
  for (const auto& argument : syntax->arguments) names.push_back(name_of(*argument));
  return names;
}

void GaussianModel::check_columns() const {
  const auto& mean = job_->gaussian->mean;
  if (mean.parameter && !job_->parameters.contains(mean.parameter->value)) {
    std::vector<std::string> known;
    for (const auto& [name, value] : job_->parameters) known.push_back(name);
    throw core::ConfigurationError(
        fmt::format("{}: 'mean' names '{}', which is not among the parameters{}",
                    job_->where(mean.parameter->position), mean.parameter->value,
                    core::suggestion(mean.parameter->value, known)));
  }
  for (const auto& column : mean.columns) {
    const std::string where = job_->where(column.position);
    const auto names = column_names(column.value, where);
    if (names.size() != extents_.size()) {
      throw core::ConfigurationError(
          fmt::format("{}: the column {} has {} modes; the grid {} has {}", where, column.value,
                      names.size(), core::to_text(extents_), extents_.size()));
    }
    for (std::size_t k = 0; k < names.size(); ++k) {
      if (names[k].empty()) continue;
      const auto found = data_.find(names[k]);
      if (found == data_.end()) {
        throw core::ConfigurationError(
            fmt::format("{}: the column {} names '{}', which is not among the matrices", where,
                        column.value, names[k]));
      }
      if (job_->matrices.at(names[k]).value.given_as != configuration::GivenAs::matrix) {
        throw core::ConfigurationError(
            fmt::format("{}: the column {} names '{}', which is 'given_as' a factor of a "
                        "covariance; expected a "
                        "vector of regressors as it is",
                        where, column.value, names[k]));
      }
      if (found->second.shape == core::Extents{extents_[k]}) continue;
      throw core::ShapeError(fmt::format(
          "{}: '{}' in the column {} has the shape {}; mode {} needs a vector of {}", where,
          names[k], column.value, core::to_text(found->second.shape), k + 1, extents_[k]));
    }
  }
}

std::vector<models::MeanColumn> GaussianModel::mean(const Parameters& parameters) {
  const auto& mean = job_->gaussian->mean;
  std::vector<models::MeanColumn> columns;
  const std::vector<std::vector<double>> ones(extents_.size());
  if (mean.parameter) columns.push_back({ones, parameters.at(mean.parameter->value)});
  if (mean.constant != 0) columns.push_back({ones, mean.constant});
  for (std::size_t c = 0; c < mean.columns.size(); ++c) {
    const auto names = column_names(mean.columns[c].value, job_->where(mean.columns[c].position));
    models::MeanColumn column;
    for (const std::string& name : names) {
      column.vectors.push_back(name.empty() ? std::vector<double>()
                                            : files_.at(name).front().factor->diagonal());
    }
    if (c < mean.coefficients.size() && job_->task == configuration::Task::sample) {
      column.coefficient = mean.coefficients[c];
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

/// The vectors of the mean along modes with new points, as they are there.
void GaussianModel::read_regressors(const std::vector<std::set<std::string>>& kernels_of_mode,
                                    NewPoints& points) const {
  // Which vectors are wanted along which mode.
  std::vector<std::set<std::string>> wanted(extents_.size());
  for (const auto& column : job_->gaussian->mean.columns) {
    const auto names = column_names(column.value, job_->where(column.position));
    for (std::size_t k = 0; k < names.size(); ++k) {
      if (points.new_mode[k] && !names[k].empty()) wanted[k].insert(names[k]);
    }
  }
  points.regressors.resize(extents_.size());
  for (const auto& [kernel, request] : job_->gaussian->new_points) {
    for (const auto& [name, reference] : request.columns) {
      const std::string where = job_->where(reference.position);
      const io::Location location = to_location(reference.value);
      const auto info = io::inspect(*comm_, location);
      const Index count = points.of_kernel.at(kernel).count;
      if (info.sparse || info.shape != core::Extents{count}) {
        throw core::ShapeError(fmt::format(
            "{}: '{}' at the new points of '{}' is {}:{} of shape {}; expected a vector of {}",
            where, name, kernel, reference.value.file, reference.value.dataset,
            core::to_text(info.shape), count));
      }
      const std::vector<double> values = io::read_vector(*comm_, location);
      bool used = false;
      std::vector<std::string> known;
      for (std::size_t k = 0; k < extents_.size(); ++k) {
        if (!kernels_of_mode[k].contains(kernel)) continue;
        known.insert(known.end(), wanted[k].begin(), wanted[k].end());
        if (!wanted[k].contains(name)) continue;
        used = true;
        const auto [entry, fresh] = points.regressors[k].emplace(name, values);
        if (fresh || entry->second == values) continue;
        throw core::ConfigurationError(fmt::format(
            "{}: '{}' has other values here than at the new points of another kernel of mode {}",
            where, name, k + 1));
      }
      if (used) continue;
      throw core::ConfigurationError(fmt::format(
          "{}: 'new_points.{}.columns' names '{}', which is in no column of the mean along a mode "
          "of this kernel{}",
          where, kernel, name, core::suggestion(name, known)));
    }
  }
  for (std::size_t k = 0; k < extents_.size(); ++k) {
    for (const std::string& name : wanted[k]) {
      if (points.regressors[k].contains(name)) continue;
      std::string kernel;
      for (const std::string& each : kernels_of_mode[k]) {
        if (points.of_kernel.contains(each)) kernel = each;
      }
      throw core::ConfigurationError(
          fmt::format("{}: the mean has the regressor '{}' along mode {}, which has new points; "
                      "give its values "
                      "there as 'new_points.{}.columns.{}: {{file: …, dataset: …}}'",
                      job_->where(job_->gaussian->mean.position), name, k + 1, kernel, name));
    }
  }
}

std::vector<models::MeanColumn> GaussianModel::mean_at(const Parameters& parameters,
                                                       const NewPoints& points) {
  auto columns = mean(parameters);
  // Those of a regression are last.
  const auto& requests = job_->gaussian->mean.columns;
  const std::size_t before = columns.size() - requests.size();
  for (std::size_t c = 0; c < requests.size(); ++c) {
    const auto names = column_names(requests[c].value, job_->where(requests[c].position));
    for (std::size_t k = 0; k < names.size(); ++k) {
      if (names[k].empty() || !points.new_mode[k]) continue;
      columns[before + c].vectors[k] = points.regressors[k].at(names[k]);
    }
  }
  return columns;
}

}  // namespace kronwerk::application
