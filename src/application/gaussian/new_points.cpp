// The covariance of a Gaussian model between other points; declared in gaussian_model.hpp.
#include <fmt/format.h>

#include "application/gaussian/gaussian_model.hpp"
#include "application/inputs/kernel_matrices.hpp"
#include "kronwerk/expressions/factor_node.hpp"
#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::application {
namespace {

using core::ConfigurationError;
using expressions::FactorLeaf;
using expressions::FactorNode;

/// The kernels that a factor is made of beside ones, by their names for formulas; whether nothing
/// else is.
void collect_kernels(const FactorNode& factor,
                     const std::map<std::string, std::string>& kernel_of_identity,
                     std::set<std::string>& kernels, bool& only) {
  if (factor.is_ones()) return;
  if (factor.links.size() != 1 || factor.links[0].inverse) only = false;
  for (const auto& link : factor.links) {
    const auto found = kernel_of_identity.find(link.leaf->text);
    if (found != kernel_of_identity.end()) {
      kernels.insert(found->second);
    } else if (link.leaf->kind == FactorLeaf::Kind::sum) {
      for (const auto& [coefficient, term] : link.leaf->terms) {
        collect_kernels(*term, kernel_of_identity, kernels, only);
      }
    } else {
      only = false;
    }
  }
}

/// What new and old points of an identity have in common.
factors::Chain zero_chain(Index rows, Index cols) {
  communication::SharedSparse matrix;
  matrix.rows = rows;
  matrix.cols = cols;
  const std::vector<Index> offsets(static_cast<std::size_t>(rows) + 1, 0);
  matrix.row_offsets = communication::SharedArray<Index>::from_private(offsets);
  return {{factors::make_sparse("0", std::move(matrix))}};
}

}  // namespace

GaussianModel::NewPoints GaussianModel::inspect_new_points() {
  NewPoints points;
  points.extents = extents_;
  points.new_mode.resize(extents_.size(), false);
  std::vector<std::set<std::string>> kernels_of_mode(extents_.size());
  std::map<std::string, std::string> kernel_of_identity;
  Parameters parameters;
  for (const auto& [name, value] : job_->parameters) parameters[name] = value.value;
  for (const auto& [name, kernel] : kernels()) {
    kernel_of_identity[kernel.identity(parameters)] = name;
  }
  for (const auto& [name, reference] : job_->gaussian->new_points) {
    if (has_inverses_) {
      throw ConfigurationError(fmt::format(
          "{}: '{}' has new points, but the covariance has the inverse of a sum, which is known at "
          "the cells of the grid only; give the observations these cells, as missing ones",
          job_->where(reference.position), name));
    }
    std::map<std::string, configuration::PointsReference> request;
    request["x"] = {reference.points, configuration::PointIndex::i, reference.position};
    auto found = inspect_points(*comm_, *job_, request);
    const int dimension = kernels().at(name).variables.at("x").symbol.dimension;
    const int given = found.at("x").symbol.dimension;
    if (given != dimension) {
      throw core::ShapeError(
          fmt::format("{}: the new points of '{}' have {} dimensions; the observed points have {}",
                      job_->where(reference.position), name, given, dimension));
    }
    points.of_kernel[name] = found.at("x");
    points.of_kernel[name].degrees = kernels().at(name).variables.at("x").degrees;
  }
  const auto sum = formula_->parts(parameters, names_at(parameters)).signal;
  for (std::size_t k = 0; k < extents_.size(); ++k) {
    std::set<std::string>& names = kernels_of_mode[k];
    bool only = true;
    for (const auto& term : sum.terms) {
      // What is independent between points is so between new and old ones.
      if (term.factors[k]->is_identity()) continue;
      collect_kernels(*term.factors[k], kernel_of_identity, names, only);
    }
    const std::string* first = nullptr;
    for (const std::string& name : names) {
      if (points.of_kernel.contains(name) && first == nullptr) first = &name;
    }
    if (first == nullptr) continue;
    for (const std::string& name : names) {
      const auto found = points.of_kernel.find(name);
      if (found != points.of_kernel.end() &&
          found->second.count == points.of_kernel.at(*first).count) {
        continue;
      }
      throw ConfigurationError(fmt::format(
          "{}: '{}' has new points, and '{}', a kernel of the same mode, has {}; expected the same "
          "number for both",
          job_->where(job_->gaussian->new_points.at(*first).position), *first, name,
          found == points.of_kernel.end() ? "none" : "another number"));
    }
    if (!only) {
      throw ConfigurationError(fmt::format(
          "{}: mode {} has new points, and its factors are made of more than kernels; a term that "
          "is independent between points is written white() in the kernel's formula",
          job_->where(job_->gaussian->new_points.at(*first).position), k + 1));
    }
    points.extents[k] = points.of_kernel.at(*first).count;
    points.new_mode[k] = true;
  }
  read_regressors(kernels_of_mode, points);
  return points;
}

std::vector<GaussianModel::CrossFactors> GaussianModel::cross_factors(const Parameters& parameters,
                                                                      const NewPoints& points) {
  // Where the same formulas are looked up, but between other points.
  expressions::Lowering crossing(*comm_, {});
  expressions::Lowering among_new(*comm_, {});
  for (const auto& [name, variable] : points.of_kernel) {
    const KernelMatrix& kernel = kernels().at(name);
    const auto constants = read_constants(*comm_, kernel.variables, parameters);
    const kernels::Side& old_columns = matrices_.side(name, kernels::axis_j);
    // Numbered on from the observed points, so that none is the same point as one of them.
    kernels::Side rows = read_side(*comm_, {{"x", variable}}, kernels::axis_i, 0, variable.count);
    rows.first = kernel.cols;
    PointVariable column = variable;
    column.symbol.axes = kernels::axis_j;
    kernels::Side columns = read_side(*comm_, {{"y", column}}, kernels::axis_j, 0, variable.count);
    columns.first = kernel.cols;
    const std::string identity = kernel.identity(parameters);
    crossing.add(identity, evaluate_kernel(*comm_, identity, kernel.formula, constants, rows,
                                           old_columns, 0));
    among_new.add(identity, evaluate_kernel(*comm_, identity, kernel.formula, constants, rows,
                                            columns, kernel.jitter));
  }
  prepare(parameters, formula_->factor_names());
  const auto sum = formula_->parts(parameters, names_at(parameters)).signal;
  std::vector<CrossFactors> result;
  for (const auto& term : sum.terms) {
    CrossFactors factors;
    for (std::size_t k = 0; k < extents_.size(); ++k) {
      const FactorNode& node = *term.factors[k];
      std::set<std::string> names;
      bool only = true;
      std::map<std::string, std::string> changed;
      for (const auto& [name, variable] : points.of_kernel) {
        changed[kernels().at(name).identity(parameters)] = name;
      }
      collect_kernels(node, changed, names, only);
      if (points.new_mode[k] && node.is_identity()) {
        factors.new_by_old.push_back(zero_chain(points.extents[k], extents_[k]));
        factors.new_by_new.push_back({{factors::make_identity(points.extents[k])}});
      } else if (points.new_mode[k] && node.is_ones()) {
        factors.new_by_old.push_back({{factors::make_ones(points.extents[k], extents_[k])}});
        factors.new_by_new.push_back({{factors::make_ones(points.extents[k], points.extents[k])}});
      } else if (names.empty()) {
        factors.new_by_old.push_back(lowering_->lower(node));
        factors.new_by_new.push_back(factors.new_by_old.back());
      } else {
        // What a sum with the kernels calls ones of this mode's size.
        const std::string ones = expressions::ones_factor(extents_[k])->text;
        crossing.add(ones, factors::make_ones(points.extents[k], extents_[k]));
        among_new.add(ones, factors::make_ones(points.extents[k], points.extents[k]));
        factors.new_by_old.push_back(crossing.lower(node));
        factors.new_by_new.push_back(among_new.lower(node));
      }
    }
    result.push_back(std::move(factors));
  }
  return result;
}

}  // namespace kronwerk::application
