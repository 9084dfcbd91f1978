#include "kronwerk/models/covariance/square_root.hpp"

#include <cmath>
#include <optional>

#include "kronwerk/factors/base/make.hpp"
#include "models/covariance/chains.hpp"
#include "models/covariance/positive_definite.hpp"
#include "models/covariance/sparse_basis.hpp"

namespace kronwerk::models {

using factors::Chain;
using factors::Link;

namespace {

factors::FactorPtr root_of_diagonal(const communication::Communicator& comm,
                                    const std::string& name, std::vector<double> values) {
  communication::collectively(comm, [&] {
    double smallest = 0, largest = 0;
    for (const double value : values) {
      smallest = std::min(smallest, value);
      largest = std::max(largest, value);
    }
    require_semidefinite(name, std::ssize(values), smallest, largest);
  });
  for (double& value : values) value = std::sqrt(std::max(0.0, value));
  return factors::make_diagonal("root of " + name, values);
}

std::pair<Index, std::vector<double>> root_of_matrix(const Chain& chain) {
  const Index n = factors::rows(chain);
  const std::string name = name_of(chain);
  std::vector<double> matrix = dense_matrix(chain);
  require_symmetric(name, n, matrix);
  std::vector<double> lower = matrix;
  if (cholesky_in_place(n, lower)) return {n, std::move(lower)};
  PivotedCholesky pivoted = pivoted_cholesky(name, n, matrix);
  // A matrix of zeros still needs one column, of zeros.
  if (pivoted.rank == 0) return {1, std::vector<double>(static_cast<std::size_t>(n), 0.0)};
  return {pivoted.rank, std::move(pivoted.factor)};
}

/// Of K = A⁻¹ with a sparse A = C Cᵀ: C⁻ᵀ; of A⁻¹A⁻ᵀ: A⁻¹. Collective.
std::optional<Link> sparse_root(const communication::Communicator& comm, const Chain& chain) {
  const auto basis = sparse_basis(comm, chain);
  if (!basis) return std::nullopt;
  // V⁻ᵀ, V being sparse.
  Link root = basis->from_basis.front();
  root.transposed = !root.transposed;
  root.inverse = true;
  return root;
}

}  // namespace

std::vector<Chain> square_roots(const communication::Communicator& comm,
                                const std::vector<Chain>& matrices) {
  std::vector<Chain> result;
  std::vector<DenseTask> tasks;
  std::vector<std::size_t> task_of;
  for (const Chain& given : matrices) {
    const Chain chain = without_identities(given);
    if (is_cholesky(chain)) {
      result.push_back({chain[0]});
    } else if (is_eigendecomposition(chain)) {
      const auto root = root_of_diagonal(comm, name_of(chain), chain[1].factor->diagonal());
      result.push_back({chain[0], Link{root}});
    } else if (factors::is_identity(chain)) {
      result.push_back(chain);
    } else if (is_ones(chain)) {
      result.push_back({Link{factors::make_ones(factors::rows(chain), 1)}});
    } else if (is_diagonal(chain)) {
      result.push_back({Link{root_of_diagonal(comm, name_of(chain), diagonal_of(chain))}});
    } else if (const auto root = sparse_root(comm, chain)) {
      result.push_back({*root});
    } else {
      factors::factorise(comm, factors::to_factorise(chain));
      task_of.push_back(result.size());
      result.emplace_back();
      tasks.push_back({"root of " + name_of(chain), factors::rows(chain),
                       [chain] { return root_of_matrix(chain); }});
    }
  }
  const auto roots = compute_once_per_node(comm, tasks);
  for (std::size_t t = 0; t < roots.size(); ++t) result[task_of[t]] = {Link{roots[t]}};
  return result;
}

}  // namespace kronwerk::models
