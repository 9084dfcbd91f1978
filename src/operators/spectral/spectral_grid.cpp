#include "operators/spectral/spectral_grid.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "operators/spectral/spectral_simd.hpp"

namespace kronwerk::operators::spectral {
namespace {

using Complex = std::complex<double>;
using List = std::vector<Complex>;

/// A group of consecutive modes.
struct Group {
  std::size_t first;
  std::size_t last;
};

bool same_lists(const SpectralTerm& a, const SpectralTerm& b, Group group) {
  return std::equal(a.eigenvalues.begin() + static_cast<std::ptrdiff_t>(group.first),
                    a.eigenvalues.begin() + static_cast<std::ptrdiff_t>(group.last),
                    b.eigenvalues.begin() + static_cast<std::ptrdiff_t>(group.first));
}

/// For every term the number of its lists in the group, equal ones the same.
std::vector<std::size_t> number_lists(const std::vector<SpectralTerm>& terms, Group group) {
  std::vector<std::size_t> firsts;
  std::vector<std::size_t> numbers;
  for (std::size_t t = 0; t < terms.size(); ++t) {
    std::size_t number = 0;
    while (number < firsts.size() && !same_lists(terms[firsts[number]], terms[t], group)) ++number;
    if (number == firsts.size()) firsts.push_back(t);
    numbers.push_back(number);
  }
  return numbers;
}

/// Terms with the same lists in one of the groups, which can be added up in the other.
struct Bundle {
  bool by_outer;  ///< the outer lists are the same
  std::vector<std::size_t> terms;
};

/// Few bundles that hold every term once: the largest possible one, and so on with the rest.
std::vector<Bundle> bundle_terms(const std::vector<SpectralTerm>& terms, Group outer, Group inner) {
  const std::vector<std::size_t> numbers[] = {number_lists(terms, inner),
                                              number_lists(terms, outer)};
  std::vector<bool> taken(terms.size(), false);
  std::vector<Bundle> result;
  const auto same = [&](bool by_outer, std::size_t number) {
    Bundle bundle{by_outer, {}};
    for (std::size_t t = 0; t < terms.size(); ++t) {
      if (!taken[t] && numbers[by_outer][t] == number) bundle.terms.push_back(t);
    }
    return bundle;
  };
  while (std::find(taken.begin(), taken.end(), false) != taken.end()) {
    Bundle best{true, {}};
    for (std::size_t number = 0; number < terms.size(); ++number) {
      for (const bool by_outer : {true, false}) {
        Bundle bundle = same(by_outer, number);
        if (bundle.terms.size() > best.terms.size()) best = std::move(bundle);
      }
    }
    for (const std::size_t t : best.terms) taken[t] = true;
    result.push_back(std::move(best));
  }
  return result;
}

void add_scaled(double scale, const List& part, List& sum) {
  sum.resize(part.size());
  for (std::size_t i = 0; i < part.size(); ++i) sum[i] += scale * part[i];
}

/// ⊗ of the term's lists in the group at the flat indices of `range`: mode by mode, only as far as
/// the range needs.
List products(const Values& values, const SpectralTerm& term, Group group, Range range) {
  if (group.first == group.last || range.size() <= 0) {
    return List(static_cast<std::size_t>(std::max<Index>(0, range.size())), Complex{1, 0});
  }
  const std::size_t mode = group.last - 1;
  const Index extent = values.extents[mode];
  const List& list = term.eigenvalues[mode];
  const Range rest{range.begin / extent, (range.end - 1) / extent + 1};
  const List before = products(values, term, {group.first, mode}, rest);
  List result(static_cast<std::size_t>(range.size()));
  Index row = 0;
  Index place = range.begin - rest.begin * extent;
  for (Complex& value : result) {
    const Complex left = before[static_cast<std::size_t>(row)];
    if (list.empty()) {
      value = left;
    } else {
      const Complex right = list[static_cast<std::size_t>(place)];
      value = {left.real() * right.real() - left.imag() * right.imag(),
               left.real() * right.imag() + left.imag() * right.real()};
    }
    if (++place == extent) {
      place = 0;
      ++row;
    }
  }
  return result;
}

std::size_t kept_size(Range range) {
  return static_cast<std::size_t>(std::max<Index>(0, range.size()));
}

/// Marks the indices in pairs of each of the group's modes and finds the runs without any.
void mark_pairs(Side& side, const Values& values, Group group) {
  const std::size_t size = kept_size(side.range);
  side.paired.assign(size, 0);
  side.second.assign(size, 0);
  Index stride = 1;
  for (std::size_t mode = group.last; mode-- > group.first;) {
    const Index extent = values.extents[mode];
    const Index in_pairs = 2 * values.pairs[mode];
    if (in_pairs > 0) {
      const auto bit = static_cast<std::uint16_t>(1U << side.pair_strides.size());
      side.pair_strides.push_back(stride);
      Index digit = side.range.begin / stride % extent;
      Index within = side.range.begin % stride;
      for (std::size_t i = 0; i < size; ++i) {
        if (digit < in_pairs) {
          side.paired[i] = static_cast<std::uint16_t>(side.paired[i] | bit);
          if (digit % 2 == 1) side.second[i] = static_cast<std::uint16_t>(side.second[i] | bit);
        }
        if (++within == stride) {
          within = 0;
          if (++digit == extent) digit = 0;
        }
      }
    }
    stride *= extent;
  }
  for (std::size_t i = 0; i < size; ++i) {
    if (side.paired[i] != 0) continue;
    const Index begin = side.range.begin + static_cast<Index>(i);
    while (i < size && side.paired[i] == 0) ++i;
    side.real_runs.push_back({begin, side.range.begin + static_cast<Index>(i)});
  }
}

Index extent_of(const Extents& extents, Group group) {
  return core::product(std::span(extents).subspan(group.first, group.last - group.first));
}

}  // namespace

bool Values::complex() const {
  return std::any_of(pairs.begin(), pairs.end(), [](Index count) { return count > 0; });
}

SpectralGrid::SpectralGrid(const Values& values, int outer_modes)
    : SpectralGrid(values, outer_modes,
                   {0, extent_of(values.extents, {0, static_cast<std::size_t>(outer_modes)})},
                   {0, extent_of(values.extents,
                                 {static_cast<std::size_t>(outer_modes), values.extents.size()})}) {
}

SpectralGrid::SpectralGrid(const Values& values, int outer_modes, Range outer, Range inner)
    : complex_(values.complex()) {
  const Group outer_group{0, static_cast<std::size_t>(outer_modes)};
  const Group inner_group{outer_group.last, values.extents.size()};
  outer_extent_ = extent_of(values.extents, outer_group);
  inner_extent_ = extent_of(values.extents, inner_group);
  outer_.range = outer;
  inner_.range = inner;

  std::vector<List> outer_lists, inner_lists;
  for (const Bundle& bundle : bundle_terms(values.terms, outer_group, inner_group)) {
    const SpectralTerm& common = values.terms[bundle.terms.front()];
    List& kept = (bundle.by_outer ? outer_lists : inner_lists).emplace_back();
    List& sum = (bundle.by_outer ? inner_lists : outer_lists).emplace_back();
    kept = products(values, common, bundle.by_outer ? outer_group : inner_group,
                    bundle.by_outer ? outer : inner);
    for (const std::size_t t : bundle.terms) {
      add_scaled(values.terms[t].coefficient,
                 products(values, values.terms[t], bundle.by_outer ? inner_group : outer_group,
                          bundle.by_outer ? inner : outer),
                 sum);
    }
  }
  add_outer(outer_lists);
  add_inner(inner_lists);
  for (const SpectralReciprocal& reciprocal : values.reciprocals) {
    coefficients_.push_back(reciprocal.coefficient);
    reciprocals_.emplace_back(Values{values.extents, values.pairs, reciprocal.terms}, outer_modes,
                              outer, inner);
  }
  if (!complex_) return;
  mark_pairs(outer_, values, outer_group);
  mark_pairs(inner_, values, inner_group);
}

void SpectralGrid::add_outer(const std::vector<List>& lists) {
  weight_count_ = lists.size() * (complex_ ? 2 : 1);
  const std::size_t rows = lists.empty() ? 0 : lists.front().size();
  weights_.resize(rows * weight_count_);
  for (std::size_t i = 0; i < rows; ++i) {
    double* weight = weights_.data() + i * weight_count_;
    for (const List& list : lists) {
      *weight++ = list[i].real();
      if (complex_) *weight++ = -list[i].imag();
    }
  }
}

void SpectralGrid::add_inner(const std::vector<List>& lists) {
  for (const List& list : lists) {
    auto& real = arrays_.emplace_back();
    for (const Complex& value : list) real.push_back(value.real());
    if (!complex_) continue;
    auto& imaginary = arrays_.emplace_back();
    for (const Complex& value : list) imaginary.push_back(value.imag());
  }
  for (const auto& array : arrays_) array_pointers_.push_back(array.data());
}

void SpectralGrid::real(Index row, Index column, Index count, double* out) const {
  const double* weights =
      weights_.data() + static_cast<std::size_t>(row - outer_.range.begin) * weight_count_;
  if (weight_count_ == 0) {
    std::fill_n(out, count, 0.0);
  } else {
    combine({weights, weight_count_}, array_pointers_.data(), column - inner_.range.begin, count,
            out);
  }
  for (std::size_t r = 0; r < reciprocals_.size(); ++r) {
    double values[run_length];
    reciprocals_[r].real(row, column, count, values);
    for (Index k = 0; k < count; ++k) out[k] += coefficients_[r] / values[k];
  }
}

void SpectralGrid::parts(Index row, Index column, Index count, double* re, double* im) const {
  real(row, column, count, re);
  const double* weights =
      weights_.data() + static_cast<std::size_t>(row - outer_.range.begin) * weight_count_;
  const Index first = column - inner_.range.begin;
  std::fill_n(im, count, 0.0);
  for (std::size_t r = 0; r < weight_count_; r += 2) {
    const double* c = array_pointers_[r] + first;
    const double* d = array_pointers_[r + 1] + first;
    for (Index k = 0; k < count; ++k) im[k] += weights[r] * d[k] - weights[r + 1] * c[k];
  }
}

std::complex<double> SpectralGrid::at(Index row, Index column) const {
  const double* weights =
      weights_.data() + static_cast<std::size_t>(row - outer_.range.begin) * weight_count_;
  const Index j = column - inner_.range.begin;
  double re = 0;
  for (std::size_t r = 0; r < weight_count_; ++r) re += weights[r] * array_pointers_[r][j];
  for (std::size_t r = 0; r < reciprocals_.size(); ++r) {
    re += coefficients_[r] / reciprocals_[r].at(row, column).real();
  }
  if (!complex_) return {re, 0};
  double im = 0;
  for (std::size_t r = 0; r < weight_count_; r += 2) {
    im += weights[r] * array_pointers_[r + 1][j] - weights[r + 1] * array_pointers_[r][j];
  }
  return {re, im};
}

int balanced_split(const Extents& extents, int least) {
  int best = least;
  double smallest = std::numeric_limits<double>::infinity();
  for (int split = least; split <= static_cast<int>(extents.size()); ++split) {
    double outer = 1;
    double inner = 1;
    for (std::size_t mode = 0; mode < extents.size(); ++mode) {
      (static_cast<int>(mode) < split ? outer : inner) *= static_cast<double>(extents[mode]);
    }
    if (outer + inner < smallest) {
      smallest = outer + inner;
      best = split;
    }
  }
  return best;
}

}  // namespace kronwerk::operators::spectral
