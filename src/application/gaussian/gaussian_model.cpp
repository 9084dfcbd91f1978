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
using operators::ScaledProduct;

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

bool is_sparse(const expressions::FactorLeaf& leaf, const expressions::Symbols& symbols) {
  using Kind = expressions::FactorLeaf::Kind;
  if (leaf.kind == Kind::matrix) {
    const auto found = symbols.matrices.find(leaf.text);
    return found != symbols.matrices.end() && found->second.sparse;
  }
  if (leaf.kind == Kind::ones) return false;
  return leaf.kind == Kind::diagonal || std::ranges::all_of(leaf.terms, [&](const auto& term) {
           return std::ranges::all_of(term.second->links, [&](const auto& link) {
             return !link.inverse && is_sparse(*link.leaf, symbols);
           });
         });
}

/// What models::sparse_basis() takes, or an identity.
std::vector<bool> find_sparse_modes(const CovarianceFormula::Parts& parts,
                                    const expressions::Symbols& symbols) {
  std::vector<bool> result(parts.signal.row_extents.size(), false);
  if (parts.signal.terms.size() != 1 || !parts.noise.terms.empty() || !parts.inverses.empty()) {
    return result;
  }
  const auto& factors = parts.signal.terms.front().factors;
  for (std::size_t mode = 0; mode < result.size(); ++mode) {
    const auto& links = factors[mode]->links;
    result[mode] = links.size() < 3 && std::ranges::all_of(links, [&](const auto& link) {
                     return link.inverse && is_sparse(*link.leaf, symbols) &&
                            link.leaf->text == links.front().leaf->text;
                   });
  }
  return result;
}

models::OnesEstimate estimate_ones(const CovarianceFormula::Parts& parts) {
  if (parts.signal.terms.empty() || parts.noise.terms.empty() || !parts.inverses.empty()) return {};
  std::vector<std::vector<models::TermPart>> terms;
  for (const auto& term : parts.signal.terms) {
    auto& own = terms.emplace_back();
    for (const auto& factor : term.factors) {
      own.push_back(factor->is_ones()       ? models::TermPart::ones
                    : factor->is_identity() ? models::TermPart::identity
                                            : models::TermPart::matrix);
    }
  }
  return models::estimate_ones(parts.signal.row_extents, terms);
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
  const expressions::Symbols symbols = symbols_of(job, data_, kernels(), parameters);
  formula_.emplace(
      expressions::analyse(job.formula.value, symbols, job.where(job.formula.position)));
  const auto parts = formula_->parts(parameters, names_at(parameters));
  has_inverses_ = !parts.inverses.empty();
  sparse_modes_ = find_sparse_modes(parts, symbols);
  refuse_grid_diagonals(parts.signal, job);
  refuse_grid_diagonals(parts.noise, job);
  for (const auto& inverse : parts.inverses) refuse_grid_diagonals(inverse.sum, job);
  if (parts.empty()) {
    throw ConfigurationError(
        fmt::format("{}: the covariance is zero", job.where(job.formula.position)));
  }
  const auto& sum = parts.signal;
  if (sum.row_extents != sum.col_extents) {
    throw core::ShapeError(
        fmt::format("{}: a covariance is square; this one maps the grid {} to the grid {}",
                    job.where(job.formula.position), core::to_text(sum.col_extents),
                    core::to_text(sum.row_extents)));
  }
  extents_ = sum.row_extents;
  ones_ = estimate_ones(parts);
  text_ = parts.text();
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
  check_ids(comm, job, formula_->expression(), data_, kernels());
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

const expressions::MatrixNames& GaussianModel::names_at(const Parameters& parameters) {
  if (names_.empty() || parameters != names_for_) {
    names_ = kernel_names_at(kernels(), parameters);
    names_for_ = parameters;
  }
  return names_;
}

/// Makes the kernel matrices of these names; forgets those of other values of the parameters.
void GaussianModel::prepare(const Parameters& parameters, const std::set<std::string>& names) {
  // The derivatives of one point of the parameters are asked for one after the other.
  const expressions::MatrixNames& called = names_at(parameters);
  std::set<std::string> current;
  for (const auto& [name, identity] : called) current.insert(identity);
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
  for (const auto& [name, use] : find_kernel_uses(kernels(), names)) {
    const std::string& identity = called.at(name);
    if (kernel_factors_.contains(identity)) continue;
    kernel_factors_[identity] = matrices_.make(use.kernel, use.parameter, parameters);
    lowering_->add(identity, kernel_factors_.at(identity));
  }
}

void GaussianModel::forget() {
  kernel_factors_.clear();
  lowering_.reset();
  cache_ = {};
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
  prepare(parameters, formula_->factor_names());
  const auto parts = formula_->parts(parameters, names_at(parameters));
  models::CovarianceTerms terms;
  terms.signal = lower(parts.signal);
  auto noise = lower(parts.noise);
  if (noise.size() > 1) {
    throw ConfigurationError(
        fmt::format("{}: the noise has {} different terms; expected a multiple of I, or one "
                    "Kronecker product of "
                    "diagonals",
                    job_->where(job_->formula.position), noise.size()));
  }
  if (!noise.empty()) terms.noise = std::move(noise.front());
  for (const auto& inverse : parts.inverses) {
    terms.inverses.push_back({inverse.scale, lower(inverse.sum)});
  }
  return terms;
}

models::CovarianceDerivative GaussianModel::derivative(const Parameters& parameters,
                                                       const std::string& parameter) {
  prepare(parameters, formula_->names_of_derivative(parameter));
  const auto derivative = formula_->derivative(parameter, parameters, names_at(parameters));
  models::CovarianceDerivative result(lower(derivative.products));
  for (const auto& inverse : derivative.inverses) {
    result.inverses.push_back({inverse.scale, lower(inverse.sum)});
  }
  return result;
}

}  // namespace kronwerk::application
