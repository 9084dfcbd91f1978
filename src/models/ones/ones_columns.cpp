#include "models/ones/ones_columns.hpp"

#include "models/covariance/chains.hpp"
#include "models/covariance/spectral_values.hpp"

namespace kronwerk::models {

OnesColumns::OnesColumns(const operators::SpectralSum& spectrum,
                         const std::vector<std::vector<bool>>& sets)
    : extents_(spectrum.extents()),
      terms_(real_terms(spectrum.terms)),
      eigenvalues_(extents_, terms_) {
  for (std::size_t mode = 0; mode < extents_.size(); ++mode) {
    const std::vector<double> ones(static_cast<std::size_t>(extents_[mode]), 1.0);
    vectors_.push_back(image_of(spectrum.bases[mode]->to_basis, ones));
  }
  for (const auto& ones : sets) {
    sets_.push_back(set_of(ones));
    sets_.back().first = size_;
    size_ += sets_.back().size;
  }
}

OnesColumns::Set OnesColumns::set_of(const std::vector<bool>& ones) const {
  Set set{ones, std::vector<Index>(ones.size(), 0)};
  for (std::size_t mode = ones.size(); mode-- > 0;) {
    if (ones[mode]) continue;
    set.strides[mode] = set.size;
    set.size = core::multiply(set.size, extents_[mode]);
  }
  return set;
}

Index OnesColumns::column(const Set& set, std::span<const Index> place, std::size_t without) const {
  Index result = set.first;
  for (std::size_t mode = 0; mode < place.size(); ++mode) {
    if (mode != without) result += set.strides[mode] * place[mode];
  }
  return result;
}

double OnesColumns::weight(const Set& set, std::span<const Index> place,
                           std::size_t without) const {
  double result = 1;
  for (std::size_t mode = 0; mode < place.size(); ++mode) {
    if (mode == without || !set.ones[mode]) continue;
    result *= vectors_[mode][static_cast<std::size_t>(place[mode])];
  }
  return result;
}

void OnesColumns::reciprocals(std::span<const Index> place, std::size_t mode, double* out) const {
  const Index n = extents_[mode];
  std::fill_n(out, n, 0.0);
  for (const GridTerm& term : terms_) {
    double weight = term.coefficient;
    for (std::size_t other = 0; other < place.size(); ++other) {
      const auto& list = term.lists[other];
      if (other != mode && !list.empty()) weight *= list[static_cast<std::size_t>(place[other])];
    }
    const auto& list = term.lists[mode];
    if (list.empty()) {
      for (Index i = 0; i < n; ++i) out[i] += weight;
    } else {
      for (Index i = 0; i < n; ++i) out[i] += weight * list[static_cast<std::size_t>(i)];
    }
  }
  for (Index i = 0; i < n; ++i) out[i] = 1 / out[i];
}

std::vector<Index> OnesColumns::place_of(Index number, const std::vector<bool>& chosen) const {
  std::vector<Index> place(extents_.size(), 0);
  for (std::size_t mode = place.size(); mode-- > 0;) {
    if (!chosen[mode]) continue;
    place[mode] = number % extents_[mode];
    number /= extents_[mode];
  }
  return place;
}

template <typename Use>
void OnesColumns::for_segments(Index first, Index count, const Use& use) const {
  const Index grid = core::product(extents_), n = extents_.back();
  const std::vector<bool> all(extents_.size(), true);
  for (Index offset = 0; offset < count;) {
    const Index flat = first + offset;
    const auto place = place_of(flat % grid, all);
    const Index length = std::min(n - place.back(), count - offset);
    use(flat / grid, place, length, offset);
    offset += length;
  }
}

void OnesColumns::gather(Index first, std::span<const double> x, std::span<double> sums) const {
  const std::size_t last = extents_.size() - 1;
  for_segments(first, std::ssize(x), [&](Index vector, const auto& place, Index count, Index at) {
    const double* values = x.data() + at;
    const double* u = vectors_[last].data() + place[last];
    for (const Set& set : sets_) {
      const double weight = this->weight(set, place, last);
      double* out = sums.data() + vector * size_ + column(set, place, last);
      if (set.ones[last]) {
        double sum = 0;
        for (Index i = 0; i < count; ++i) sum += values[i] * u[i];
        *out += weight * sum;
      } else {
        out += place[last];
        for (Index i = 0; i < count; ++i) out[i] += weight * values[i];
      }
    }
  });
}

void OnesColumns::spread(Index first, std::span<const double> sums, std::span<double> x) const {
  const std::size_t last = extents_.size() - 1;
  for_segments(first, std::ssize(x), [&](Index vector, const auto& place, Index count, Index at) {
    double* values = x.data() + at;
    const double* u = vectors_[last].data() + place[last];
    for (const Set& set : sets_) {
      const double weight = this->weight(set, place, last);
      const double* in = sums.data() + vector * size_ + column(set, place, last);
      if (set.ones[last]) {
        for (Index i = 0; i < count; ++i) values[i] += weight * *in * u[i];
      } else {
        in += place[last];
        for (Index i = 0; i < count; ++i) values[i] += weight * in[i];
      }
    }
  });
}

void OnesColumns::add_row(const Set& set, Index row, std::span<const Set> others,
                          double* out) const {
  std::vector<bool> own = set.ones, free = set.ones;
  own.flip();
  const auto inner =
      static_cast<std::size_t>(std::ranges::find(free.rbegin(), free.rend(), true).base() -
                               free.begin()) -
      1;
  free[inner] = false;
  Index fibres = 1;
  for (std::size_t mode = 0; mode < free.size(); ++mode) fibres *= free[mode] ? extents_[mode] : 1;
  const Index n = extents_[inner];
  const std::vector<double>& u = vectors_[inner];
  const auto fixed = place_of(row, own);
  std::vector<double> values(static_cast<std::size_t>(n));
  for (Index fibre = 0; fibre < fibres; ++fibre) {
    auto place = place_of(fibre, free);
    for (std::size_t mode = 0; mode < place.size(); ++mode) place[mode] += fixed[mode];
    reciprocals(place, inner, values.data());
    const double outer = weight(set, place, inner);
    for (Index i = 0; i < n; ++i) values[i] *= outer * u[i];
    for (const Set& other : others) {
      const double factor = weight(other, place, inner);
      double* to = out + column(other, place, inner);
      if (other.ones[inner]) {
        double sum = 0;
        for (Index i = 0; i < n; ++i) sum += values[i] * u[i];
        *to += factor * sum;
      } else {
        const Index stride = other.strides[inner];
        for (Index i = 0; i < n; ++i) to[i * stride] += factor * values[i];
      }
    }
  }
}

}  // namespace kronwerk::models
