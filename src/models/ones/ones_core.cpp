// Covariances with terms of ones, such as K_s ⊗ J + J ⊗ K_t + σ² I, by reflections that leave a
// small dense core (Householder 1958).
// See src/MATHEMATICS.md, "Gaussian models".
#include "models/ones/ones_core.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/dense/dense_values.hpp"
#include "kronwerk/factors/dense/shared_dense.hpp"
#include "models/covariance/basis_matrices.hpp"
#include "models/covariance/chains.hpp"
#include "models/ones/core_eigenvectors.hpp"

namespace kronwerk::models {

using factors::Chain;

namespace {

/// Whether the coordinates of the mode make the matrix n e_1e_1ᵀ. A derivative may have ones in a
/// mode where the covariance has none.
bool is_reflected(const Chain& chain, const factors::Basis& basis) {
  return is_ones(chain) && !factors::is_identity(basis.to_basis);
}

/// The flat indices of the coordinates on which a product acts, ascending; none if there are more
/// than `most`.
std::vector<Index> places_of(const ScaledProduct& product,
                             const std::vector<factors::BasisPtr>& bases, Index most) {
  std::vector<Index> places{0};
  for (std::size_t mode = 0; mode < bases.size(); ++mode) {
    const Index extent = bases[mode]->extent;
    const Index values = is_reflected(product.chains[mode], *bases[mode]) ? 1 : extent;
    if (values > most / std::ssize(places)) return {};
    std::vector<Index> next;
    for (const Index place : places) {
      for (Index i = 0; i < values; ++i) next.push_back(place * extent + i);
    }
    places = std::move(next);
  }
  return places;
}

std::string text_of(const ScaledProduct& product) {
  std::string text;
  for (const Chain& chain : product.chains) text += (text.empty() ? "" : ", ") + name_of(chain);
  return "kron(" + text + ")";
}

}  // namespace

void check_beside_ones(double smallest, double largest) {
  if (smallest > std::numeric_limits<double>::epsilon() * largest) return;
  throw core::DataError(fmt::format(
      "the covariance is singular to working precision: its smallest eigenvalue is {:.3g}, its "
      "largest {:.3g}; terms with ones need noise beside them, such as sigma^2*I, or more of it",
      smallest, largest));
}

OnesCore::OnesCore(const communication::Communicator& comm, const Extents& extents,
                   const std::vector<factors::BasisPtr>& bases,
                   const std::vector<ScaledProduct>& signal, double noise)
    : comm_(&comm), extents_(extents), bases_(bases) {
  communication::collectively(comm, [&] {
    for (const ScaledProduct& product : signal) {
      const auto places = places_of(product, bases_, most);
      if (places.empty() || std::ssize(places_) + std::ssize(places) > 2 * most) {
        throw core::ConfigurationError(fmt::format(
            "the covariance has terms with ones(n) beside terms with different matrices in a mode, "
            "which are exact by the few coordinates that they act on together, and its term '{}' "
            "acts on more than {}: take the same matrix in all terms without ones, or a smaller "
            "grid",
            text_of(product), most));
      }
      std::vector<Index> both;
      std::ranges::set_union(places_, places, std::back_inserter(both));
      places_ = std::move(both);
    }
    if (size() > most) {
      throw core::ConfigurationError(fmt::format(
          "the terms of the covariance with ones(n) act on {} coordinates together; up to {} are "
          "solved exactly: take a smaller grid, or fewer terms",
          size(), most));
    }
    coordinates_.resize(extents.size());
    for (const Index place : places_) {
      Index rest = place;
      for (std::size_t mode = extents.size(); mode-- > 0;) {
        coordinates_[mode].push_back(rest % extents[mode]);
        rest /= extents[mode];
      }
    }
  });
  std::vector<Term> terms;
  for (const ScaledProduct& product : signal) terms.push_back(term_of(product));
  const Index r = size();
  const factors::FactorPtr matrix = factors::make_shared_dense_by_rows(
      comm, "the covariance's core", r, r, [&](Index first, Index count, double* out) {
        std::fill_n(out, count * r, 0.0);
        for (const Term& term : terms) {
          for (const Index row : term.support) {
            if (row < first || row >= first + count) continue;
            for (const Index column : term.support) {
              out[(row - first) * r + column] += value(term, row, column);
            }
          }
        }
      });
  const CoreEigenvectors found = core_eigenvectors(comm, matrix);
  signal_eigenvalues_ = found.values;
  eigenvectors_ = found.vectors;
  communication::collectively(comm, [&] { set_noise(noise); });
}

void OnesCore::set_noise(double noise) {
  background_ = noise;
  eigenvalues_ = signal_eigenvalues_;
  for (double& each : eigenvalues_) each += noise;
  check_beside_ones(smallest(), largest());
}

std::shared_ptr<const OnesCore> OnesCore::with_noise(double noise) const {
  auto result = std::make_shared<OnesCore>(*this);
  result->set_noise(noise);
  return result;
}

std::span<const double> OnesCore::eigenvectors() const {
  return factors::dense_values(*eigenvectors_);
}

double OnesCore::log_determinant() const noexcept {
  const Index others = core::product(extents_) - size();
  double sum = others > 0 ? static_cast<double>(others) * std::log(background_) : 0;
  for (const double value : eigenvalues_) sum += std::log(value);
  return sum;
}

double OnesCore::smallest() const noexcept {
  const double least = *std::ranges::min_element(eigenvalues_);
  return core::product(extents_) > size() ? std::min(background_, least) : least;
}

double OnesCore::largest() const noexcept {
  return *std::ranges::max_element(eigenvalues_);
}

OnesCore::Term OnesCore::term_of(const ScaledProduct& product) const {
  Term term{product.scale, {}, {}};
  BasisMatrices matrices;
  for (std::size_t mode = 0; mode < extents_.size(); ++mode) {
    const Chain& chain = product.chains[mode];
    Term::Mode& part = term.modes.emplace_back();
    part.identity = factors::is_identity(chain);
    part.ones = is_reflected(chain, *bases_[mode]);
    if (!part.identity && !part.ones) {
      part.values = matrices.full(*comm_, bases_[mode], chain).full;
    }
  }
  for (const Index place : places_of(product, bases_, size())) {
    const auto found = std::ranges::lower_bound(places_, place);
    if (found == places_.end() || *found != place) break;
    term.support.push_back(found - places_.begin());
  }
  if (term.support.empty()) {
    throw core::InternalError("the derivative '" + text_of(product) +
                              "' of a covariance with ones acts beside its core");
  }
  return term;
}

double OnesCore::value(const Term& term, Index row, Index column) const {
  double result = term.scale;
  for (std::size_t mode = 0; mode < term.modes.size() && result != 0; ++mode) {
    const Term::Mode& part = term.modes[mode];
    const Index i = coordinates_[mode][static_cast<std::size_t>(row)];
    const Index j = coordinates_[mode][static_cast<std::size_t>(column)];
    if (part.values) {
      const auto place = static_cast<std::size_t>(std::max(i, j) * extents_[mode] + std::min(i, j));
      result *= factors::dense_values(*part.values)[place];
    } else if (part.ones) {
      result *= i == 0 && j == 0 ? static_cast<double>(extents_[mode]) : 0;
    } else {
      result *= i == j ? 1 : 0;
    }
  }
  return result;
}

std::vector<OnesCore::Piece> OnesCore::pieces(const Layout& layout, Index begin, Index end) const {
  const Index grid = core::product(extents_);
  const Index first = layout.home_begin(comm_->rank());
  const Index last = first + layout.home_size(comm_->rank());
  std::vector<Piece> result;
  for (Index observation = begin; observation < end; ++observation) {
    const auto from = std::ranges::lower_bound(places_, first - observation * grid);
    const auto to = std::ranges::lower_bound(places_, last - observation * grid);
    if (from >= to) continue;
    const Piece piece{observation, 1, from - places_.begin(), to - from};
    if (!result.empty() && result.back().first == piece.first &&
        result.back().count == piece.count) {
      ++result.back().observations;
    } else {
      result.push_back(piece);
    }
  }
  return result;
}

void OnesCore::apply(const Layout& layout, Index batch, Function function,
                     std::span<double> x) const {
  const Index r = size();
  const double* vectors = eigenvectors().data();
  const Index together = std::clamp(summed_together / r, Index{1}, batch);
  std::vector<double> sums, part;
  std::vector<std::pair<Piece, std::vector<double>>> done;
  for (Index begin = 0; begin < batch; begin += together) {
    const Index count = std::min(together, batch - begin);
    sums.assign(static_cast<std::size_t>(count * r), 0.0);
    const auto own = pieces(layout, begin, begin + count);
    for (const Piece& piece : own) {
      part.resize(static_cast<std::size_t>(piece.observations * piece.count));
      for_places(layout, piece, [&](std::size_t place, std::size_t i) { part[i] = x[place]; });
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, core::narrow<int>(piece.observations),
                  core::narrow<int>(r), core::narrow<int>(piece.count), 1.0, part.data(),
                  core::narrow<int>(piece.count), vectors + piece.first * r, core::narrow<int>(r),
                  1.0, sums.data() + (piece.observation - begin) * r, core::narrow<int>(r));
    }
    comm_->sum(sums);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      sums[i] *= function(eigenvalues_[i % static_cast<std::size_t>(r)]);
    }
    for (const Piece& piece : own) {
      std::vector<double> values(static_cast<std::size_t>(piece.observations * piece.count));
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, core::narrow<int>(piece.observations),
                  core::narrow<int>(piece.count), core::narrow<int>(r), 1.0,
                  sums.data() + (piece.observation - begin) * r, core::narrow<int>(r),
                  vectors + piece.first * r, core::narrow<int>(r), 0.0, values.data(),
                  core::narrow<int>(piece.count));
      done.emplace_back(piece, std::move(values));
    }
  }
  if (core::product(extents_) > r) {
    const double scale = function(background_);
    for (double& each : x) each *= scale;
  }
  for (const auto& [piece, values] : done) {
    for_places(layout, piece,
               [&, &found = values](std::size_t place, std::size_t i) { x[place] = found[i]; });
  }
}

}  // namespace kronwerk::models
