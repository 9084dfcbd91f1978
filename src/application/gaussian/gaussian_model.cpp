#include "application/gaussian/gaussian_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "application/inputs/id_check.hpp"
#include "application/inputs/job_matrices.hpp"
#include "application/inputs/orientation.hpp"
#include "application/inputs/problem.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/expressions/factor_node.hpp"
#include "kronwerk/expressions/node.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/formulas/syntax.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {
namespace {

using core::ConfigurationError;
using expressions::FactorLeaf;
using expressions::FactorNode;
using expressions::NodeKind;
using expressions::NodePtr;
using operators::ScaledProduct;

/// The terms of a sum at the top of the formula, with what multiplies the whole sum.
void collect_addends(const NodePtr& node, const std::function<NodePtr(NodePtr)>& outside,
                     std::vector<NodePtr>& addends) {
  const expressions::NodeFactory make(*node);
  switch (node->kind) {
    case NodeKind::sum:
      collect_addends(node->arguments[0], outside, addends);
      return collect_addends(node->arguments[1], outside, addends);
    case NodeKind::difference:
      collect_addends(node->arguments[0], outside, addends);
      return collect_addends(
          node->arguments[1], [&](NodePtr inner) { return outside(make.negation(inner)); },
          addends);
    case NodeKind::scale:
      return collect_addends(
          node->arguments[1],
          [&](NodePtr inner) { return outside(make.product(node->arguments[0], inner)); }, addends);
    default:
      addends.push_back(outside(node));
  }
}

bool is_diagonal(const FactorNode& factor) {
  return std::ranges::all_of(factor.links, [](const expressions::FactorLink& link) {
    return link.leaf->kind == FactorLeaf::Kind::diagonal;
  });
}

bool is_noise(const expressions::SumOfProducts& sum) {
  return sum.terms.size() == 1 && std::ranges::all_of(sum.terms[0].factors, [](const auto& factor) {
           return is_diagonal(*factor);
         });
}

/// The covariance formula in its two parts.
struct Parts {
  NodePtr signal;
  NodePtr noise;  ///< null if there is none
};

Parts split(const expressions::Expression& expression, const Parameters& parameters) {
  std::vector<NodePtr> addends;
  collect_addends(
      expression.node(), [](NodePtr node) { return node; }, addends);
  Parts parts;
  std::vector<NodePtr> diagonal;
  const expressions::NodeFactory make(expression.root());
  const auto add = [&](NodePtr& whole, const NodePtr& part) {
    whole = whole ? make.sum(whole, part) : part;
  };
  for (const NodePtr& addend : addends) {
    const bool noise = is_noise(expressions::simplify(expressions::Expression(addend), parameters));
    if (noise) diagonal.push_back(addend);
    if (!noise) add(parts.signal, addend);
  }
  // A covariance of diagonals alone is a signal with noise only if it has several terms.
  if (!parts.signal) {
    parts.signal = diagonal.front();
    diagonal.erase(diagonal.begin());
  }
  for (const NodePtr& addend : diagonal) add(parts.noise, addend);
  return parts;
}

void refuse_grid_diagonals(const expressions::SumOfProducts& sum, const configuration::Job& job) {
  for (const auto& term : sum.terms) {
    if (term.steps.empty()) continue;
    throw ConfigurationError(
        fmt::format("{}: a covariance is a sum of Kronecker products; diag() of a vector over the "
                    "whole grid is "
                    "none: give the noise as a Kronecker product of diagonals, one for each mode",
                    job.where(job.formula.position)));
  }
}

/// The kernels that a factor is made of, by their names for formulas; whether nothing else is.
void collect_kernels(const FactorNode& factor,
                     const std::map<std::string, std::string>& kernel_of_identity,
                     std::set<std::string>& kernels, bool& only) {
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

}  // namespace

GaussianModel::GaussianModel(const communication::Communicator& comm, const configuration::Job& job)
    : comm_(&comm),
      job_(&job),
      matrices_(comm, understand_kernels(comm, job)),
      scales_(comm, job, matrices_.kernels()) {
  check_names(job);
  load_files();
  Parameters parameters;
  for (const auto& [name, value] : job.parameters) parameters[name] = value.value;
  const auto expression = analyse(parameters);
  const auto sum = expressions::simplify(expression, parameters);
  refuse_grid_diagonals(sum, job);
  if (sum.terms.empty()) {
    throw ConfigurationError(
        fmt::format("{}: the covariance is zero", job.where(job.formula.position)));
  }
  if (sum.row_extents != sum.col_extents) {
    throw core::ShapeError(
        fmt::format("{}: a covariance is square; this one maps the grid {} to the grid {}",
                    job.where(job.formula.position), core::to_text(sum.col_extents),
                    core::to_text(sum.row_extents)));
  }
  extents_ = sum.row_extents;
  text_ = sum.text();
  const auto names =
      expressions::used_names(job.formula.value, job.where(job.formula.position)).parameters;
  for (const auto& parameter : parameters) {
    const std::string& name = parameter.first;
    const bool in_kernel = std::ranges::any_of(kernels(), [&](const auto& kernel) {
      return kernel.second.formula.parameters().contains(name);
    });
    if (in_kernel || std::ranges::find(names, name) != names.end()) used_.insert(name);
  }
  check_columns();
  check_ids(comm, job, expression, data_, kernels());
}

void GaussianModel::load_files() {
  data_ = inspect_matrices(*comm_, *job_);
  for (const auto& [name, info] : data_) files_[name] = load_matrix(*comm_, *job_, name, info);
}

std::vector<std::string> GaussianModel::warnings() const {
  std::map<std::string, factors::FactorPtr> matrices;
  for (const auto& [name, chain] : files_) {
    if (chain.size() == 1) matrices[name] = chain.front().factor;
  }
  return doubtful_orientations(*comm_, data_, matrices);
}

expressions::Expression GaussianModel::analyse(const Parameters& parameters) const {
  const auto symbols = symbols_of(*job_, data_, kernels(), parameters);
  return expressions::analyse(job_->formula.value, symbols, job_->where(job_->formula.position));
}

/// Makes the kernel matrices of these names; forgets those of other values of the parameters.
void GaussianModel::prepare(const Parameters& parameters, const std::set<std::string>& names) {
  // The derivatives of one point of the parameters are asked for one after the other.
  std::set<std::string> current;
  for (const auto& [name, kernel] : kernels()) {
    const auto symbol = kernel.symbol(parameters);
    current.insert(symbol.identity);
    for (const auto& [parameter, derivative] : symbol.derivatives) current.insert(derivative);
  }
  const std::size_t before = kernel_factors_.size();
  std::erase_if(kernel_factors_, [&](const auto& entry) { return !current.contains(entry.first); });
  if (kernel_factors_.size() < before || !lowering_) {
    auto known = kernel_factors_;
    for (const auto& [name, chain] : files_) {
      if (chain.size() == 1) known[name] = chain.front().factor;
    }
    lowering_ = std::make_unique<expressions::Lowering>(*comm_, std::move(known));
    for (const auto& [name, chain] : files_) {
      if (chain.size() > 1) lowering_->add(name, chain);
    }
  }
  lowering_->forget_unused();
  for (const auto& [name, use] : find_kernel_factors(kernels(), names, parameters)) {
    if (kernel_factors_.contains(name)) continue;
    kernel_factors_[name] = matrices_.make(use.first, use.second, parameters);
    lowering_->add(name, kernel_factors_.at(name));
  }
}

std::vector<ScaledProduct> GaussianModel::lower(const expressions::SumOfProducts& sum) {
  std::vector<ScaledProduct> products;
  for (auto& term : lowering_->lower(sum)) {
    products.push_back({term.scale, std::move(term.chains)});
  }
  return products;
}

models::CovarianceTerms GaussianModel::terms(const Parameters& parameters) {
  scales_.check(parameters);
  const auto expression = analyse(parameters);
  prepare(parameters, expressions::factor_names(expression));
  const Parts parts = split(expression, parameters);
  models::CovarianceTerms terms;
  terms.signal = lower(expressions::simplify(expressions::Expression(parts.signal), parameters));
  if (!parts.noise) return terms;
  auto noise = lower(expressions::simplify(expressions::Expression(parts.noise), parameters));
  if (noise.size() > 1) {
    throw ConfigurationError(
        fmt::format("{}: the noise has {} different terms; expected a multiple of I, or one "
                    "Kronecker product of "
                    "diagonals",
                    job_->where(job_->formula.position), noise.size()));
  }
  if (!noise.empty()) terms.noise = std::move(noise.front());
  return terms;
}

std::vector<ScaledProduct> GaussianModel::derivative(const Parameters& parameters,
                                                     const std::string& parameter) {
  const auto expression = analyse(parameters);
  const auto derivative = expressions::differentiate(expression, parameter);
  prepare(parameters, expressions::factor_names(derivative));
  return lower(expressions::simplify(derivative, parameters));
}

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
  const auto parts = split(analyse(parameters), parameters);
  const auto sum = expressions::simplify(expressions::Expression(parts.signal), parameters);
  for (std::size_t k = 0; k < extents_.size(); ++k) {
    std::set<std::string>& names = kernels_of_mode[k];
    bool only = true;
    for (const auto& term : sum.terms) {
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
  const auto expression = analyse(parameters);
  prepare(parameters, expressions::factor_names(expression));
  const auto parts = split(expression, parameters);
  const auto sum = expressions::simplify(expressions::Expression(parts.signal), parameters);
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
      if (names.empty()) {
        factors.new_by_old.push_back(lowering_->lower(node));
        factors.new_by_new.push_back(factors.new_by_old.back());
      } else {
        factors.new_by_old.push_back(crossing.lower(node));
        factors.new_by_new.push_back(among_new.lower(node));
      }
    }
    result.push_back(std::move(factors));
  }
  return result;
}

}  // namespace kronwerk::application
