#include "kronwerk/operators/products/sum_diagonal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "kronwerk/operators/grids/kronecker_sum.hpp"
#include "operators/products/chain_diagonal.hpp"

namespace kronwerk::operators {
namespace {

/// Trailing modes are multiplied out until a run has this many values, unless it then has too many.
constexpr Index long_run = 2048;
constexpr Index longest_run = Index{1} << 21;

}  // namespace

SumDiagonal::SumDiagonal(const communication::Communicator& comm, Extents extents,
                         std::span<const ScaledProduct> terms)
    : extents_(std::move(extents)) {
  for (const ScaledProduct& term : terms) add_term(comm, term);
  find_kronecker_sum();
  if (!kronecker_sum_.empty()) return;
  for (Term& term : terms_) add_fast_modes(term);
}

void SumDiagonal::add_term(const communication::Communicator& comm, const ScaledProduct& product) {
  Term term;
  term.scale = product.scale;
  for (std::size_t k = 0; k < extents_.size(); ++k) {
    const factors::Chain& chain = product.chains.at(k);
    if (factors::rows(chain) != extents_[k] || factors::cols(chain) != extents_[k]) {
      throw core::ShapeError(
          fmt::format("'{}' is {} x {}; the diagonal over the grid {} takes {} x {} in mode {}",
                      chain.front().factor->name(), factors::rows(chain), factors::cols(chain),
                      core::to_text(extents_), extents_[k], extents_[k], k + 1));
    }
    if (factors::is_identity(chain)) {
      term.diagonals.emplace_back();
    } else {
      term.diagonals.push_back(chain_diagonal(comm, chain));
    }
  }
  terms_.push_back(std::move(term));
}

/// Terms with one factor other than the identity each are a Kronecker sum of diagonals, a multiple
/// of the identity being part of any mode.
void SumDiagonal::find_kronecker_sum() {
  const bool holds = std::all_of(terms_.begin(), terms_.end(), [](const Term& term) {
    return std::count_if(term.diagonals.begin(), term.diagonals.end(),
                         [](const auto& diagonal) { return !diagonal.empty(); }) <= 1;
  });
  if (!holds) return;
  for (const Index extent : extents_) {
    kronecker_sum_.emplace_back(static_cast<std::size_t>(extent), 0.0);
  }
  for (const Term& term : terms_) {
    const auto mode = std::find_if(term.diagonals.begin(), term.diagonals.end(),
                                   [](const auto& diagonal) { return !diagonal.empty(); });
    const auto k = mode == term.diagonals.end()
                       ? extents_.size() - 1
                       : static_cast<std::size_t>(mode - term.diagonals.begin());
    for (std::size_t i = 0; i < kronecker_sum_[k].size(); ++i) {
      kronecker_sum_[k][i] += term.scale * (mode == term.diagonals.end() ? 1 : (*mode)[i]);
    }
  }
}

void SumDiagonal::add_fast_modes(Term& term) const {
  term.split = extents_.size();
  term.fast = {1.0};
  while (term.split > 0) {
    const auto size = static_cast<Index>(term.fast.size());
    const Index extent = extents_[term.split - 1];
    const bool first = term.split == extents_.size();
    if (!first && (size >= long_run || size > longest_run / std::max<Index>(extent, 1))) break;
    --term.split;
    const std::vector<double>& diagonal = term.diagonals[term.split];
    std::vector<double> longer;
    longer.reserve(static_cast<std::size_t>(core::multiply(size, extent)));
    for (Index i = 0; i < extent; ++i) {
      const double weight = diagonal.empty() ? 1 : diagonal[static_cast<std::size_t>(i)];
      for (const double value : term.fast) longer.push_back(weight * value);
    }
    term.fast = std::move(longer);
  }
}

void SumDiagonal::evaluate(Index begin, std::span<double> values) const {
  const Index points = core::product(extents_);
  const auto count = static_cast<Index>(values.size());
  if (begin < 0 || count > points || begin > points - count) {
    throw core::ShapeError(fmt::format("points {} to {} of a grid {} of {} points", begin,
                                       begin + count - 1, core::to_text(extents_), points));
  }
  if (values.empty()) return;
  if (!kronecker_sum_.empty()) {
    return kronecker_sum_diagonal(kronecker_sum_, begin, values);
  }
  std::fill(values.begin(), values.end(), 0.0);
  for (const Term& term : terms_) add_to(term, begin, values);
}

void SumDiagonal::add_to(const Term& term, Index begin, std::span<double> values) const {
  const auto run = static_cast<Index>(term.fast.size());
  for (std::size_t done = 0; done < values.size();) {
    const Index position = begin + static_cast<Index>(done);
    Index rest = position / run;
    double weight = term.scale;
    for (std::size_t mode = term.split; mode-- > 0;) {
      const std::vector<double>& diagonal = term.diagonals[mode];
      if (!diagonal.empty()) weight *= diagonal[static_cast<std::size_t>(rest % extents_[mode])];
      rest /= extents_[mode];
    }
    const Index start = position % run;
    const auto count = std::min(values.size() - done, static_cast<std::size_t>(run - start));
    const double* fast = term.fast.data() + start;
    double* out = values.data() + done;
    for (std::size_t i = 0; i < count; ++i) out[i] += weight * fast[i];
    done += count;
  }
}

double SumDiagonal::sum() const {
  double result = 0;
  for (const Term& term : terms_) {
    double product = term.scale;
    for (std::size_t k = 0; k < extents_.size(); ++k) {
      const auto& diagonal = term.diagonals[k];
      product *= diagonal.empty() ? static_cast<double>(extents_[k])
                                  : std::accumulate(diagonal.begin(), diagonal.end(), 0.0);
    }
    result += product;
  }
  return result;
}

}  // namespace kronwerk::operators
