// From requests to bases: which decomposition a mode's matrices take, each different one once.
// See src/MATHEMATICS.md, "Fast diagonalisation".
#include "kronwerk/factors/spectra/bases.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "factors/dense/dense_factor.hpp"
#include "factors/sparse/sparse_factor.hpp"
#include "factors/spectra/basis_plan.hpp"
#include "factors/spectra/symmetry.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/base/distributed_libraries.hpp"
#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::factors {

using communication::Communicator;
using communication::SharedArray;

namespace {

std::atomic<Index> count_of_decompositions{0};

void check_square(const BasisRequest& request) {
  const Index n = rows(request.matrix);
  if (cols(request.matrix) != n) {
    throw core::ShapeError(fmt::format("'{}' is {} x {}; only square matrices have eigenvalues",
                                       product_name(request.matrix), n, cols(request.matrix)));
  }
  if (request.partner && (rows(*request.partner) != n || cols(*request.partner) != n)) {
    throw core::ShapeError(fmt::format(
        "'{}' ({} x {}) and '{}' ({} x {}) differ in shape; the matrices of a pair are square and "
        "of equal size",
        product_name(request.matrix), n, n, product_name(*request.partner), rows(*request.partner),
        cols(*request.partner)));
  }
}

// Inverses must have been factorised.
std::vector<double> diagonal_of(const Chain& chain) {
  std::vector<double> result(static_cast<std::size_t>(rows(chain)), 1.0);
  for (const Link& link : chain) {
    const std::vector<double> values = link.factor->diagonal();
    for (std::size_t i = 0; i < result.size(); ++i) {
      result[i] = link.inverse ? result[i] / values[i] : result[i] * values[i];
    }
  }
  return result;
}

std::string size_text(Index n) {
  return fmt::format("{} x {}", n, n);
}

[[noreturn]] void throw_not_finite(const std::string& name, Index n) {
  throw core::DataError(fmt::format(
      "the factor '{}' ({}) holds a value that is not a number or infinite, so it has no "
      "eigenvalues; check its data and the parameters in it",
      name, size_text(n)));
}

void check_finite(const std::string& name, Index n, std::span<const double> values) {
  if (!std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); })) {
    throw_not_finite(name, n);
  }
}

// Collective.
void check_finite(const Communicator& comm, const Factor& factor) {
  communication::on_root(comm, [&] {
    std::span<const double> values;
    if (factor.kind() == Kind::dense) {
      const DenseView view = static_cast<const DenseFactor&>(factor).view();
      values = {view.data, static_cast<std::size_t>(view.rows * view.cols)};
    } else {
      values = static_cast<const SparseFactor&>(factor).view().values;
    }
    check_finite(factor.name(), factor.rows(), values);
  });
}

struct Explicit {
  FactorPtr factor;
  bool transposed = false;
};

// The chain as one explicit factor. Collective.
Explicit explicit_factor(const Communicator& comm, const Chain& chain) {
  const Chain links = without_identities(chain);
  Explicit result{links[0].factor, links[0].transposed};
  const Kind kind = links[0].factor->kind();
  if (links.size() > 1 || links[0].inverse || kind == Kind::kernel || kind == Kind::rank_one) {
    result = {materialise(comm, product_name(links), links), false};
  }
  if (!is_diagonal(Chain{Link{result.factor}})) {
    check_finite(comm, *result.factor);
  } else if (result.factor->kind() == Kind::diagonal) {
    check_finite(result.factor->name(), result.factor->rows(), result.factor->diagonal());
  }
  return result;
}

// Two diagonal matrices: with S = B^½, A = S (A/B) S and B = S S.
void diagonal_basis(const BasisRequest& request, Basis& basis, std::string& why_not) {
  std::vector<double> values = diagonal_of(request.matrix);
  check_finite(product_name(request.matrix), basis.extent, values);
  basis.kind = BasisKind::identity;
  basis.description = fmt::format("diagonal ({})", size_text(basis.extent));
  Chain chain{Link{make_identity(basis.extent)}};
  if (request.partner && !is_identity(*request.partner)) {
    std::vector<double> scale = diagonal_of(*request.partner);
    check_finite(product_name(*request.partner), basis.extent, scale);
    for (std::size_t i = 0; i < scale.size(); ++i) {
      if (!(scale[i] > 0)) {
        why_not = fmt::format("'{}' ({}) is not positive definite: entry {} of its diagonal is {}",
                              product_name(*request.partner), size_text(basis.extent), i, scale[i]);
        return;
      }
      values[i] /= scale[i];
      basis.log_abs_det += std::log(scale[i]);
    }
    const auto [least, greatest] = std::minmax_element(scale.begin(), scale.end());
    if (!scale.empty()) basis.condition = std::sqrt(*greatest / *least);
    basis.kind = BasisKind::pair;
    for (double& value : scale) value = 1 / std::sqrt(value);
    chain = {Link{make_diagonal(product_name(*request.partner) + "^-1/2", scale)}};
  }
  if (!request.eigenvalues_only) basis.to_basis = basis.from_basis = chain;
  basis.eigenvalues.assign(values.begin(), values.end());
}

// J = H diag(n, 0, …) H with the reflection H, the eigenvalues not in ascending order.
BasisPtr basis_of_ones(const BasisRequest& request) {
  auto basis = std::make_shared<Basis>();
  basis->kind = BasisKind::symmetric;
  basis->extent = rows(request.matrix);
  basis->description = fmt::format("reflection of ones ({})", size_text(basis->extent));
  basis->eigenvalues.assign(static_cast<std::size_t>(basis->extent), 0.0);
  if (basis->extent > 0) basis->eigenvalues.front() = static_cast<double>(basis->extent);
  if (request.eigenvalues_only) return basis;
  basis->to_basis = basis->from_basis = {Link{make_reflection_of_ones(basis->extent)}};
  return basis;
}

// The matrices of a request that is not diagonal. Collective.
EigenProblem make_problem(const Communicator& comm, const BasisRequest& request) {
  EigenProblem problem;
  problem.extent = rows(request.matrix);
  problem.name = product_name(without_identities(request.matrix));
  problem.schur_allowed = request.schur_allowed;
  problem.vectors = !request.eigenvalues_only;
  const Explicit matrix = explicit_factor(comm, request.matrix);
  problem.matrix = matrix.factor;
  problem.transposed = matrix.transposed;
  if (request.partner && (request.generalised_schur || !is_identity(*request.partner))) {
    const Explicit partner = explicit_factor(comm, *request.partner);
    problem.kind = request.generalised_schur ? BasisKind::generalised_schur : BasisKind::pair;
    problem.partner = partner.factor;
    problem.partner_transposed = partner.transposed;
    problem.partner_name = product_name(without_identities(*request.partner));
  }
  return problem;
}

// Decides what kind of basis it gets, once its matrices are analysed. Sets why_not where there is
// none. Local.
void choose_kind(EigenProblem& problem, std::string& why_not) {
  if (problem.kind == BasisKind::generalised_schur) return;
  const Symmetry& symmetry = *problem.matrix->symmetry();
  const auto not_symmetric = [&](const std::string& name) {
    why_not =
        fmt::format("'{}' ({}) is not symmetric; a pair that is diagonalised together is symmetric",
                    name, size_text(problem.extent));
  };
  if (problem.kind == BasisKind::pair) {
    if (!symmetry.symmetric) {
      not_symmetric(problem.name);
    } else if (!problem.partner->symmetry()->symmetric) {
      not_symmetric(problem.partner_name);
    }
  } else if (symmetry.symmetric) {
    problem.kind = BasisKind::symmetric;
  } else if (!symmetry.scale.empty()) {
    problem.kind = BasisKind::scaled;
    problem.root.resize(symmetry.scale.size());
    for (std::size_t i = 0; i < problem.root.size(); ++i) {
      // D of Aᵀ is the reciprocal of that of A.
      const double d = problem.transposed ? 1 / symmetry.scale[i] : symmetry.scale[i];
      problem.root[i] = std::sqrt(d);
    }
  } else {
    problem.kind = BasisKind::eigenvectors;
  }
}

// Those whose symmetry decides.
std::vector<FactorPtr> matrices_of(const std::vector<EigenProblem>& problems) {
  std::vector<FactorPtr> result;
  for (const EigenProblem& problem : problems) {
    if (problem.kind == BasisKind::generalised_schur) continue;
    result.push_back(problem.matrix);
    if (problem.partner) result.push_back(problem.partner);
  }
  return result;
}

FactorPtr to_factor(const std::string& name, Index n, SharedArray<double> values) {
  communication::SharedDense dense;
  dense.rows = dense.cols = n;
  dense.values = std::move(values);
  return make_dense(name, std::move(dense));
}

const char* title(BasisKind kind) {
  switch (kind) {
    case BasisKind::symmetric:
      return "symmetric eigendecomposition";
    case BasisKind::scaled:
      return "eigendecomposition of the symmetrised matrix";
    case BasisKind::pair:
      return "generalised symmetric eigendecomposition";
    case BasisKind::eigenvectors:
      return "eigendecomposition";
    case BasisKind::generalised_schur:
      return "generalised Schur (QZ) decomposition";
    default:
      return "real Schur decomposition";
  }
}

// Takes the problem's arrays over.
BasisPtr to_basis(EigenProblem& problem) {
  auto basis = std::make_shared<Basis>();
  basis->kind = problem.spectrum.kind;
  basis->extent = problem.extent;
  basis->eigenvalues = std::move(problem.spectrum.eigenvalues);
  basis->pairs = problem.spectrum.pairs;
  basis->condition = problem.spectrum.condition;
  basis->log_abs_det = problem.spectrum.log_abs_det;
  basis->determinant_sign = problem.spectrum.determinant_sign;
  basis->partner_eigenvalues = std::move(problem.spectrum.partner_eigenvalues);
  const char* library = !problem.distributed ? "LAPACK" : has_elpa() ? "ELPA" : "ScaLAPACK";
  basis->description =
      fmt::format("{} ({}, {})", title(basis->kind), library, size_text(problem.extent));
  if (!problem.vectors) return basis;
  const std::string name = "basis of " + problem.name;
  const FactorPtr first = to_factor(name, problem.extent, std::move(problem.first));
  const FactorPtr second = problem.arrays() > 1 && problem.kind != BasisKind::pair
                               ? to_factor(name, problem.extent, std::move(problem.second))
                               : first;
  switch (basis->kind) {
    case BasisKind::schur:
      basis->triangular = first;
      basis->to_basis = {Link{second}};
      basis->from_basis = {Link{second, true}};
      break;
    case BasisKind::generalised_schur:
      basis->triangular = first;
      basis->partner_triangular = second;
      basis->to_basis = {Link{to_factor(name, problem.extent, std::move(problem.third))}};
      basis->from_basis = {Link{to_factor(name, problem.extent, std::move(problem.fourth)), true}};
      break;
    case BasisKind::eigenvectors:
      basis->to_basis = {Link{first}};
      basis->from_basis = {Link{second}};
      break;
    default:  // `first` alone, or the two scalings of the same vectors
      basis->to_basis = {Link{first}};
      basis->from_basis = {Link{second, true}};
  }
  return basis;
}

}  // namespace

BasisResult find_bases(const Communicator& comm, std::span<const BasisRequest> requests,
                       const SpectrumLimits& limits) {
  std::vector<std::size_t> first_like(requests.size());
  std::vector<FactorPtr> inverses;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    check_square(requests[i]);
    first_like[i] = static_cast<std::size_t>(
        std::find_if(requests.begin(), requests.begin() + static_cast<std::ptrdiff_t>(i),
                     [&](const BasisRequest& other) { return other == requests[i]; }) -
        requests.begin());
    for (const FactorPtr& factor : to_factorise(requests[i].matrix)) inverses.push_back(factor);
    if (!requests[i].partner) continue;
    for (const FactorPtr& factor : to_factorise(*requests[i].partner)) inverses.push_back(factor);
  }
  factorise(comm, inverses);

  BasisResult result;
  result.bases.resize(requests.size());
  result.why_not.resize(requests.size());
  std::vector<EigenProblem> problems;
  std::vector<std::size_t> request_of;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (first_like[i] != i) continue;
    const BasisRequest& request = requests[i];
    if (!request.generalised_schur && is_diagonal(request.matrix) &&
        (!request.partner || is_diagonal(*request.partner))) {
      auto basis = std::make_shared<Basis>();
      basis->extent = rows(request.matrix);
      diagonal_basis(request, *basis, result.why_not[i]);
      if (result.why_not[i].empty()) result.bases[i] = std::move(basis);
      continue;
    }
    if (!request.generalised_schur && !request.partner && is_ones(request.matrix)) {
      result.bases[i] = basis_of_ones(request);
      continue;
    }
    problems.push_back(make_problem(comm, request));
    request_of.push_back(i);
  }
  analyse_symmetry(comm, matrices_of(problems), SymmetryDetail::scale);
  for (std::size_t t = problems.size(); t-- > 0;) {
    choose_kind(problems[t], result.why_not[request_of[t]]);
    if (result.why_not[request_of[t]].empty()) continue;
    problems.erase(problems.begin() + static_cast<std::ptrdiff_t>(t));
    request_of.erase(request_of.begin() + static_cast<std::ptrdiff_t>(t));
  }
  plan_problems(problems, comm.size(), limits);
  solve_problems(comm, problems, limits);
  count_of_decompositions += std::ssize(problems);
  for (std::size_t t = 0; t < problems.size(); ++t) {
    const std::size_t i = request_of[t];
    result.why_not[i] = problems[t].spectrum.why_not;
    if (result.why_not[i].empty()) result.bases[i] = to_basis(problems[t]);
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    result.bases[i] = result.bases[first_like[i]];
    result.why_not[i] = result.why_not[first_like[i]];
  }
  return result;
}

BasisResult find_bases(const Communicator& comm, std::span<const BasisRequest> requests) {
  return find_bases(comm, requests, SpectrumLimits{});
}

Index decomposition_count() noexcept {
  return count_of_decompositions.load();
}

}  // namespace kronwerk::factors
