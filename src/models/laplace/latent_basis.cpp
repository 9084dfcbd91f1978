// See src/MATHEMATICS.md, "Counts on grids".
#include "models/laplace/latent_basis.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/dense/dense_values.hpp"
#include "kronwerk/factors/dense/shared_dense.hpp"
#include "kronwerk/factors/spectra/bases.hpp"
#include "models/covariance/chains.hpp"
#include "models/covariance/positive_definite.hpp"

namespace kronwerk::models {

using communication::Communicator;
using factors::Chain;
using factors::FactorPtr;

namespace {

/// The matrix of one mode of one term.
struct Part {
  Chain chain;
  std::vector<double> diagonal{};  ///< of the matrix, if it has nothing else
  factors::BasisPtr basis{};       ///< else of w^½ K w^½
  std::vector<double> eigenvalues{};
  Index rank = 0;
};

/// w^½ K w^½, once per node.
FactorPtr weighted(const Communicator& comm, const Chain& chain, const std::vector<double>& w) {
  const std::string name = name_of(chain);
  const FactorPtr matrix = factors::materialise(comm, name, chain);
  const auto values = factors::dense_values(*matrix);
  const Index n = matrix->rows();
  communication::collectively(comm, [&] {
    if (comm.node().is_root()) require_symmetric(name, n, {values.begin(), values.end()});
  });
  const auto fill = [&](Index first, Index count, double* out) {
    for (Index i = first; i < first + count; ++i) {
      for (Index j = 0; j < n; ++j) {
        *out++ = values[static_cast<std::size_t>(i * n + j)] *
                 std::sqrt(w[static_cast<std::size_t>(i)] * w[static_cast<std::size_t>(j)]);
      }
    }
  };
  return factors::make_shared_dense_by_rows(comm, name, n, n, fill);
}

/// Diagonal parts at once, the others by their eigenvectors, all together.
void decompose(const Communicator& comm, std::vector<std::vector<Part>>& terms,
               const std::vector<std::vector<double>>& weights) {
  std::vector<factors::BasisRequest> requests;
  std::vector<Part*> asking;
  for (auto& parts : terms) {
    for (std::size_t mode = 0; mode < parts.size(); ++mode) {
      Part& part = parts[mode];
      const Index n = factors::rows(part.chain);
      if (is_diagonal(part.chain)) {
        part.diagonal = factors::is_identity(part.chain)
                            ? std::vector<double>(static_cast<std::size_t>(n), 1.0)
                            : diagonal_of(part.chain);
        part.rank = n;
        for (std::size_t i = 0; i < part.diagonal.size(); ++i) {
          part.eigenvalues.push_back(part.diagonal[i] * weights[mode][i]);
        }
        continue;
      }
      requests.push_back({{factors::Link{weighted(comm, part.chain, weights[mode])}}});
      asking.push_back(&part);
    }
  }
  const auto found = factors::find_bases(comm, requests);
  communication::collectively(comm, [&] {
    for (std::size_t i = 0; i < asking.size(); ++i) {
      Part& part = *asking[i];
      part.basis = found.bases[i];
      for (const auto& value : part.basis->eigenvalues) part.eigenvalues.push_back(value.real());
      const Index n = std::ssize(part.eigenvalues);
      const double largest = part.eigenvalues.back();
      require_semidefinite(name_of(part.chain), n, part.eigenvalues.front(), largest);
      const double rounding =
          static_cast<double>(n) * std::numeric_limits<double>::epsilon() * largest;
      part.rank =
          std::ranges::count_if(part.eigenvalues, [&](double value) { return value > rounding; });
      part.rank = std::max<Index>(part.rank, 1);
      part.eigenvalues.erase(part.eigenvalues.begin(), part.eigenvalues.end() - part.rank);
      for (double& value : part.eigenvalues) value = std::max(value, 0.0);
    }
  });
}

/// G_k with `columns` columns, the last ones zero. Collective.
FactorPtr root_of(const Communicator& comm, const Part& part, const std::vector<double>& w,
                  Index columns) {
  const std::string name = "root of " + name_of(part.chain);
  if (part.basis == nullptr) {
    std::vector<double> values;
    for (const double value : part.diagonal) values.push_back(std::sqrt(value));
    return factors::make_diagonal(name, values);
  }
  const FactorPtr vectors = factors::materialise(comm, name, part.basis->from_basis);
  const auto v = factors::dense_values(*vectors);
  const Index n = vectors->rows();
  const auto fill = [&](Index first, Index count, double* out) {
    for (Index i = first; i < first + count; ++i) {
      const double factor = 1 / std::sqrt(w[static_cast<std::size_t>(i)]);
      for (Index j = 0; j < columns; ++j) {
        *out++ = j < part.rank ? factor * v[static_cast<std::size_t>(i * n + n - part.rank + j)] *
                                     std::sqrt(part.eigenvalues[static_cast<std::size_t>(j)])
                               : 0.0;
      }
    }
  };
  return factors::make_shared_dense_by_rows(comm, name, n, columns, fill);
}

}  // namespace

LatentBasis::LatentBasis(const Communicator& comm, const std::shared_ptr<Workspace>& workspace,
                         const std::vector<ScaledProduct>& signal,
                         std::vector<std::vector<double>> weights, int leading_modes)
    : weights_(std::move(weights)) {
  std::vector<std::vector<Part>> terms;
  for (const ScaledProduct& product : signal) {
    if (product.scale == 0) continue;
    auto& parts = terms.emplace_back();
    products_.push_back(product);
    for (const Chain& chain : product.chains) parts.push_back({without_identities(chain)});
  }
  communication::collectively(comm, [&] {
    if (terms.empty()) throw core::DataError("the covariance is zero: its variances are");
  });
  decompose(comm, terms, weights_);
  const auto count = std::ssize(terms);
  for (std::size_t mode = 0; mode < weights_.size(); ++mode) {
    Index most = 0;
    for (const auto& parts : terms) most = std::max(most, parts[mode].rank);
    extents_.push_back(most);
  }
  std::vector<GridTerm> spectrum;
  std::vector<ScaledProduct> roots;
  for (std::size_t t = 0; t < terms.size(); ++t) {
    auto& parts = terms[t];
    auto& own = factors_.emplace_back();
    auto& eigenvalues = eigenvalues_.emplace_back();
    ScaledProduct root{std::sqrt(scale_of(t)), {}};
    if (count > 1) root.chains.push_back(selector(t));
    for (std::size_t mode = 0; mode < parts.size(); ++mode) {
      own.push_back(root_of(comm, parts[mode], weights_[mode], extents_[mode]));
      root.chains.push_back({factors::Link{own.back()}});
      eigenvalues.push_back(std::move(parts[mode].eigenvalues));
      eigenvalues.back().resize(static_cast<std::size_t>(extents_[mode]), 0.0);
    }
    roots.push_back(std::move(root));
    spectrum.push_back(on_term(t, {scale_of(t), eigenvalues}));
  }
  Extents grid = extents_;
  if (count > 1) grid.insert(grid.begin(), count);
  spectrum_ = std::make_unique<GridValues>(grid, std::move(spectrum));
  root_ = std::make_shared<operators::ProductSum>(comm, workspace, std::move(roots),
                                                  leading_modes + (count > 1 ? 1 : 0));
}

GridTerm LatentBasis::on_term(std::size_t term, GridTerm values) const {
  if (products_.size() > 1) {
    values.lists.emplace(values.lists.begin(), products_.size(), 0.0)->at(term) = 1;
  }
  return values;
}

factors::Chain LatentBasis::selector(std::size_t term) const {
  std::vector<double> row(products_.size(), 0.0);
  row[term] = 1;
  const Index terms = std::ssize(row);
  return {factors::Link{factors::make_dense(
      "term", {1, terms, communication::SharedArray<double>::from_private(std::move(row))})}};
}

std::vector<double> LatentBasis::only(Index term, int rank,
                                      std::span<const double> coordinates) const {
  std::vector<double> result(coordinates.begin(), coordinates.end());
  const Index first = root_->input_layout().home_begin(rank);
  const Index size = core::product(extents_);
  for (std::size_t i = 0; i < result.size(); ++i) {
    if ((first + static_cast<Index>(i)) / size != term) result[i] = 0;
  }
  return result;
}

std::vector<double> LatentBasis::reciprocals(int rank) const {
  const auto& layout = root_->input_layout();
  std::vector<double> result(static_cast<std::size_t>(layout.home_size(rank)));
  spectrum_->evaluate(layout.home_begin(rank), std::ssize(result), result.data());
  for (double& value : result) value = 1 / (1 + value);
  return result;
}

}  // namespace kronwerk::models
