// Which coordinates make a covariance diagonal, mode by mode.
#include "models/covariance/covariance_bases.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "factors/base/lapack.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "models/covariance/chains.hpp"
#include "models/covariance/positive_definite.hpp"
#include "models/covariance/sparse_basis.hpp"

namespace kronwerk::models {

using factors::Basis;
using factors::BasisKind;
using factors::BasisPtr;
using factors::Chain;
using factors::Link;
using Entry = BasisCache::Entry;

namespace {

bool same_request(const Entry& a, const Entry& b) {
  return a.cholesky == b.cholesky && a.matrix == b.matrix && a.partner == b.partner;
}

/// Of {Q, diag(λ), Qᵀ}.
BasisPtr given_basis(const Chain& chain) {
  auto basis = std::make_shared<Basis>();
  basis->kind = BasisKind::symmetric;
  basis->extent = factors::rows(chain);
  basis->to_basis = {chain[2]};
  basis->from_basis = {chain[0]};
  const std::vector<double> values = chain[1].factor->diagonal();
  basis->eigenvalues.assign(values.begin(), values.end());
  basis->description = fmt::format("given eigenvectors ({} x {})", basis->extent, basis->extent);
  return basis;
}

bool is_lower_triangular(Index n, const std::vector<double>& matrix) {
  for (Index i = 0; i < n; ++i) {
    for (Index j = i + 1; j < n; ++j) {
      if (matrix[static_cast<std::size_t>(i * n + j)] != 0) return false;
    }
  }
  return true;
}

/// L⁻¹, row-major, of a matrix or of the L that is given; log|det| follows from its diagonal.
std::vector<double> inverse_cholesky(const Chain& chain) {
  const Index n = factors::rows(chain);
  const std::string name = name_of(chain);
  std::vector<double> matrix;
  bool known = false;
  // A formula may have B B' with any B.
  if (is_cholesky(chain) && factors::cols({chain[0]}) == n) {
    matrix = dense_matrix({chain[0]});
    known = is_lower_triangular(n, matrix);
  }
  if (!known) {
    matrix = dense_matrix(chain);
    require_symmetric(name, n, matrix);
    std::vector<double> original = matrix;
    if (!cholesky_in_place(n, matrix)) throw_not_definite(name, n, std::move(original));
  }
  const int extent = core::narrow<int>(n);
  int info = 0;
  dtrtri_("U", "N", &extent, matrix.data(), &extent, &info, 1, 1);
  if (info == 0) return matrix;
  throw core::DataError(
      fmt::format("the covariance is singular: entry {} of the diagonal of the Cholesky factor "
                  "'{}' ({} x {}) is zero, and there is no noise",
                  info - 1, chain[0].factor->name(), n, n));
}

BasisPtr cholesky_basis(const Chain& chain, const factors::FactorPtr& inverse) {
  auto basis = std::make_shared<Basis>();
  basis->kind = BasisKind::pair;
  basis->extent = factors::rows(chain);
  basis->to_basis = {Link{inverse}};
  basis->from_basis = {Link{inverse, true}};
  basis->eigenvalues.assign(static_cast<std::size_t>(basis->extent), 1.0);
  for (const double value : inverse->diagonal()) {
    basis->log_abs_det -= 2 * std::log(std::abs(value));
  }
  basis->description =
      fmt::format("Cholesky factorisation ({} x {})", basis->extent, basis->extent);
  return basis;
}

BasisPtr diagonal_pair(const communication::Communicator& comm, const Chain& chain) {
  const std::vector<factors::BasisRequest> requests{{chain, chain}};
  const auto found = factors::find_bases(comm, requests);
  if (found.bases[0]) return found.bases[0];
  throw core::DataError("the covariance is singular without noise: " + found.why_not[0]);
}

/// U⁻ᵀ = B U of a pair's U.
BasisPtr dual_of(const Entry& entry) {
  const Basis& basis = *entry.basis;
  const Chain& partner = *entry.partner;
  auto dual = std::make_shared<Basis>(basis);
  dual->from_basis = partner;
  dual->from_basis.insert(dual->from_basis.end(), basis.from_basis.begin(), basis.from_basis.end());
  dual->to_basis.insert(dual->to_basis.end(), partner.begin(), partner.end());
  dual->log_abs_det = -basis.log_abs_det;
  return dual;
}

void check_eigenvalues(const Entry& entry) {
  const Basis& basis = *entry.basis;
  const std::string name = name_of(entry.matrix);
  const bool symmetric = basis.kind == BasisKind::identity || basis.kind == BasisKind::symmetric ||
                         basis.kind == BasisKind::pair;
  if (!symmetric) {
    require_symmetric(name, basis.extent, dense_matrix(entry.matrix));
    throw core::DataError(
        fmt::format("the factor '{}' ({} x {}) is no covariance matrix: it is not symmetric", name,
                    basis.extent, basis.extent));
  }
  if (!entry.semidefinite) return;
  double smallest = 0, largest = 0;
  for (const auto& value : basis.eigenvalues) {
    smallest = std::min(smallest, value.real());
    largest = std::max(largest, value.real());
  }
  require_semidefinite(name, basis.extent, smallest, largest * basis.condition);
}

std::string names(const std::vector<Chain>& chains) {
  std::vector<std::string> result;
  for (const Chain& chain : chains) result.push_back("'" + name_of(chain) + "'");
  return core::join(result, ", ");
}

void add_matrix(const Chain& chain, bool of_covariance, ModeContent& content) {
  content.extent = factors::rows(chain);
  if (factors::is_identity(chain)) {
    content.has_identity = true;
    return;
  }
  content.semidefinite = content.semidefinite || of_covariance;
  Chain matrix = without_identities(chain);
  auto& known = content.matrices;
  if (std::ranges::none_of(known, [&](const Chain& c) { return c == matrix; })) {
    known.push_back(std::move(matrix));
  }
}

/// Where all are powers of one of them, or of one factor, that one is left.
void keep_base(std::vector<Chain>& matrices) {
  std::vector<Chain> candidates = matrices;
  for (const Chain& matrix : matrices) {
    Link link = matrix.front();
    link.inverse = false;
    candidates.push_back({link});
  }
  for (const Chain& base : candidates) {
    if (std::ranges::all_of(matrices,
                            [&](const Chain& c) { return power_of(c, base).has_value(); })) {
      matrices = {base};
      return;
    }
  }
}

bool all_diagonal(const ModeContent& content) {
  return std::ranges::all_of(content.matrices, [](const Chain& c) { return is_diagonal(c); });
}

bool is_pair(const ModeContent& content) {
  return content.matrices.size() == 2 && !content.has_identity && !content.orthogonal;
}

/// What has to be decomposed for a mode; the basis is there already where nothing has.
Entry question(const ModeContent& content, std::size_t mode, const Chain* noise) {
  const auto& matrices = content.matrices;
  if (all_diagonal(content)) {
    return {identity_chain(content.extent), std::nullopt, false, diagonal_basis(content.extent)};
  }
  if (matrices.size() == 1) {
    Entry entry{matrices[0], std::nullopt, false, nullptr};
    entry.semidefinite = content.semidefinite;
    if (is_eigendecomposition(matrices[0])) entry.basis = given_basis(matrices[0]);
    return entry;
  }
  if (is_pair(content)) {
    const bool first_is_noise = noise != nullptr && matrices[0] == without_identities(*noise);
    Entry entry{matrices[first_is_noise ? 1 : 0], matrices[first_is_noise ? 0 : 1], false, nullptr};
    entry.semidefinite = content.semidefinite;
    return entry;
  }
  throw core::ConfigurationError(fmt::format(
      "no coordinates make this covariance diagonal: mode {} has the matrices {}{}; one matrix "
      "{}beside identities{} can be taken together; matrices of ones, which can stand beside "
      "others "
      "with noise sigma^2*I, are written ones(n)",
      mode + 1, names(matrices), content.has_identity ? " and an identity" : "",
      content.orthogonal ? "and its powers " : "",
      content.orthogonal ? ", where inverses of sums stand beside products,"
                         : ", or two without an identity,"));
}

}  // namespace

BasisPtr diagonal_basis(Index extent) {
  auto basis = std::make_shared<Basis>();
  basis->extent = extent;
  basis->to_basis = basis->from_basis = identity_chain(extent);
  basis->eigenvalues.assign(static_cast<std::size_t>(extent), 1.0);
  basis->description = fmt::format("diagonal ({} x {})", extent, extent);
  return basis;
}

const Entry* BasisCache::find(const Entry& wanted) const {
  const auto found = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return same_request(entry, wanted); });
  return found == entries_.end() ? nullptr : &*found;
}

BasisPtr BasisCache::find_reflection(const Chain& matrix) const {
  const auto found = std::ranges::find_if(entries_, [&](const Entry& entry) {
    return factors::rows(entry.matrix) == factors::rows(matrix) &&
           is_ones(entry.matrix) == is_ones(matrix) &&
           factors::is_identity(entry.matrix) == factors::is_identity(matrix) && entry.basis &&
           !entry.partner && !entry.cholesky;
  });
  return found == entries_.end() ? nullptr : found->basis;
}

std::shared_ptr<const OnesCore> BasisCache::find_core(
    const std::vector<ScaledProduct>& signal) const {
  const auto same_chain = [](const Chain& a, const Chain& b) {
    return a == b ||
           (factors::rows(a) == factors::rows(b) &&
            ((is_ones(a) && is_ones(b)) || (factors::is_identity(a) && factors::is_identity(b))));
  };
  const bool all =
      core_ && std::ranges::equal(signal, core_terms_, [&](const auto& a, const auto& b) {
        return a.scale == b.scale && std::ranges::equal(a.chains, b.chains, same_chain);
      });
  return all ? core_ : nullptr;
}

std::vector<ModeContent> contents(const std::vector<ScaledProduct>& terms,
                                  const std::vector<InverseOfSum>& inverses) {
  std::vector<const ScaledProduct*> products;
  for (const ScaledProduct& term : terms) products.push_back(&term);
  for (const InverseOfSum& inverse : inverses) {
    for (const ScaledProduct& term : inverse.sum) products.push_back(&term);
  }
  std::vector<ModeContent> result(products.front()->chains.size());
  for (std::size_t p = 0; p < products.size(); ++p) {
    for (std::size_t mode = 0; mode < result.size(); ++mode) {
      add_matrix(products[p]->chains[mode], p < terms.size(), result[mode]);
    }
  }
  for (ModeContent& content : result) {
    content.inverted = terms.empty();
    content.orthogonal = !inverses.empty() && !terms.empty();
    if (content.matrices.size() > 1) keep_base(content.matrices);
  }
  return result;
}

std::vector<ModeContent> contents_beside_ones(const std::vector<ScaledProduct>& plain,
                                              const std::vector<ScaledProduct>& with_ones,
                                              const std::vector<bool>& mixed) {
  std::vector<ModeContent> result = contents(plain, {});
  for (std::size_t mode = 0; mode < result.size(); ++mode) {
    for (const ScaledProduct& term : with_ones) {
      const Chain& chain = term.chains[mode];
      if (result[mode].matrices.empty() && !(mixed[mode] && is_ones(chain))) {
        add_matrix(chain, true, result[mode]);
      }
    }
  }
  return result;
}

bool has_basis(const ModeContent& content) {
  return all_diagonal(content) || content.matrices.size() == 1 || is_pair(content);
}

std::vector<Entry> cholesky_bases(const communication::Communicator& comm,
                                  const std::vector<Chain>& chains, const BasisCache& cache) {
  std::vector<Entry> entries;
  std::vector<DenseTask> tasks;
  std::vector<std::size_t> task_of;
  for (const Chain& chain : chains) {
    Entry entry{without_identities(chain), std::nullopt, true, nullptr};
    const Chain& matrix = entry.matrix;
    if (const Entry* known = cache.find(entry)) {
      entry.basis = known->basis;
    } else if (factors::is_identity(matrix)) {
      entry.basis = diagonal_basis(factors::rows(matrix));
    } else if (is_diagonal(matrix)) {
      entry.basis = diagonal_pair(comm, matrix);
    } else if (is_eigendecomposition(matrix)) {
      entry.basis = given_basis(matrix);
      check_eigenvalues(entry);
    } else if (BasisPtr basis = sparse_basis(comm, matrix)) {
      entry.basis = std::move(basis);
    } else {
      factors::factorise(comm, factors::to_factorise(matrix));
      task_of.push_back(entries.size());
      tasks.push_back(
          {"inverse Cholesky factor of " + name_of(matrix), factors::rows(matrix),
           [matrix] { return std::pair(factors::rows(matrix), inverse_cholesky(matrix)); }});
    }
    entries.push_back(std::move(entry));
  }
  const auto inverses = compute_once_per_node(comm, tasks);
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    Entry& entry = entries[task_of[t]];
    entry.basis = cholesky_basis(entry.matrix, inverses[t]);
  }
  return entries;
}

std::vector<Entry> eigenvector_bases(const communication::Communicator& comm,
                                     const std::vector<ModeContent>& modes,
                                     const ScaledProduct* noise, const BasisCache& cache) {
  std::vector<Entry> entries;
  std::vector<factors::BasisRequest> requests;
  std::vector<std::size_t> request_of;
  for (std::size_t mode = 0; mode < modes.size(); ++mode) {
    const Chain* noise_chain = noise == nullptr ? nullptr : &noise->chains[mode];
    Entry entry = question(modes[mode], mode, noise_chain);
    if (!entry.basis) {
      if (const Entry* known = cache.find(entry)) {
        entry.basis = known->basis;
        entry.dual = known->dual;
      } else {
        request_of.push_back(mode);
        requests.push_back({entry.matrix, entry.partner});
      }
    }
    entries.push_back(std::move(entry));
  }
  const auto found = factors::find_bases(comm, requests);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    Entry& entry = entries[request_of[i]];
    entry.basis = found.bases[i];
    if (!entry.basis && !noise && entry.partner) {
      // The other matrix of the pair may be the definite one.
      std::swap(entry.matrix, *entry.partner);
      const std::vector<factors::BasisRequest> swapped{{entry.matrix, entry.partner}};
      entry.basis = factors::find_bases(comm, swapped).bases[0];
    }
    if (!entry.basis) {
      // More often than not because the matrix is no covariance.
      communication::collectively(comm, [&] {
        require_symmetric(name_of(entry.matrix), factors::rows(entry.matrix),
                          dense_matrix(entry.matrix));
      });
      throw core::DataError(
          fmt::format("mode {} of the covariance: {}", request_of[i] + 1, found.why_not[i]));
    }
  }
  communication::collectively(comm, [&] {
    for (const Entry& entry : entries) check_eigenvalues(entry);
  });
  for (std::size_t mode = 0; mode < modes.size(); ++mode) {
    Entry& entry = entries[mode];
    if (modes[mode].inverted && entry.partner && !entry.dual) entry.dual = dual_of(entry);
  }
  return entries;
}

void require_covariances(const communication::Communicator& comm,
                         const std::vector<Chain>& matrices) {
  std::vector<factors::BasisRequest> requests;
  for (const Chain& chain : matrices) {
    const Chain matrix = without_identities(chain);
    const bool known = std::ranges::any_of(
        requests, [&](const factors::BasisRequest& other) { return other.matrix == matrix; });
    if (known || factors::is_identity(matrix) || is_ones(matrix)) continue;
    requests.push_back({.matrix = matrix, .eigenvalues_only = true});
  }
  const auto found = factors::find_bases(comm, requests);
  communication::collectively(comm, [&] {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (!found.bases[i]) throw core::DataError(found.why_not[i]);
      check_eigenvalues({requests[i].matrix, std::nullopt, false, found.bases[i]});
    }
  });
}

std::vector<Entry> reflection_bases(const communication::Communicator& comm,
                                    const std::vector<ScaledProduct>& signal,
                                    const BasisCache& cache, bool checked) {
  const std::vector<ModeContent> modes = contents(signal, {});
  std::vector<Entry> entries;
  std::vector<Chain> matrices;
  for (std::size_t mode = 0; mode < modes.size(); ++mode) {
    bool has_ones = false;
    for (const ScaledProduct& term : signal) {
      has_ones = has_ones || is_ones(term.chains[mode]);
      matrices.push_back(term.chains[mode]);
    }
    const Index extent = modes[mode].extent;
    Entry entry{identity_chain(extent), std::nullopt, false, nullptr};
    if (has_ones) entry.matrix = {Link{factors::make_ones(extent, extent)}};
    entry.basis = cache.find_reflection(entry.matrix);
    if (!entry.basis) {
      const std::vector<factors::BasisRequest> reflection{{entry.matrix}};
      entry.basis = factors::find_bases(comm, reflection).bases[0];
    }
    entries.push_back(std::move(entry));
  }
  if (!checked) require_covariances(comm, matrices);
  return entries;
}

}  // namespace kronwerk::models
