// See src/MATHEMATICS.md, "Gaussian models".
#include "models/ones/ones_traces.hpp"

#include <cblas.h>

#include <algorithm>

#include "kronwerk/distribution/partition.hpp"

namespace kronwerk::models {

using distribution::BlockPartition;

namespace {

// Fibres and columns that are multiplied together.
constexpr Index most_fibres = 512;
constexpr Index panel = 256;

double dot(Index count, const double* x, const double* y) {
  double sum = 0;
  for (Index i = 0; i < count; ++i) sum += x[i] * y[i];
  return sum;
}

}  // namespace

/// Fibres along a mode, a row each.
struct OnesTraces::Chunk {
  Index fibres = 0;
  std::vector<Index> place;         ///< of the first
  std::vector<double> reciprocals;  ///< 1/e
  /// Twice the product's value beside the mode times what the columns with ones in the mode take,
  /// divided by e; empty if there are none.
  std::vector<double> crossing;
  /// A pair of sets without ones in the mode, and the weight of every fibre.
  struct Pair {
    const OnesColumns::Set* left;
    const OnesColumns::Set* right;
    std::vector<double> weights;
  };
  std::vector<Pair> pairs;
};

OnesTraces::OnesTraces(const OnesUpdate& update, const communication::Communicator& comm)
    : comm_(comm), columns_(update.columns()), posterior_(update.posterior()) {}

void OnesTraces::find_diagonal() {
  const Extents& extents = columns_.extents();
  const std::size_t last = extents.size() - 1;
  const Index r = columns_.size();
  const std::vector<bool> all(extents.size(), true);
  const BlockPartition part(core::product(extents), comm_.size());
  const Index first = part.begin(comm_.rank()), count = part.count(comm_.rank());
  diagonal_.assign(static_cast<std::size_t>(count), 0.0);
  for (Index offset = 0; offset < count;) {
    const auto place = columns_.place_of(first + offset, all);
    const Index length = std::min(extents[last] - place[last], count - offset);
    const double* u = columns_.vector(last).data() + place[last];
    double* out = diagonal_.data() + offset;
    for (const auto& left : columns_.sets()) {
      for (const auto& right : columns_.sets()) {
        const double weight =
            columns_.weight(left, place, last) * columns_.weight(right, place, last);
        const Index row = columns_.column(left, place, last);
        const Index column = columns_.column(right, place, last);
        for (Index i = 0; i < length; ++i) {
          const Index at = place[last] + i;
          const double entry = posterior_[static_cast<std::size_t>(
              (row + left.strides[last] * at) * r + column + right.strides[last] * at)];
          out[i] += weight * entry * (left.ones[last] ? u[i] : 1) * (right.ones[last] ? u[i] : 1);
        }
      }
    }
    offset += length;
  }
  columns_.eigenvalues().for_runs(first, count, [&](const double* e, Index offset, Index some) {
    double* out = diagonal_.data() + offset;
    for (Index i = 0; i < some; ++i) out[i] /= e[i] * e[i];
  });
}

double OnesTraces::of(const GridTerm& product) {
  if (diagonal_.empty()) find_diagonal();
  const BlockPartition part(core::product(columns_.extents()), comm_.size());
  double sum = 0;
  GridValues(columns_.extents(), {product})
      .for_runs(part.begin(comm_.rank()), std::ssize(diagonal_),
                [&](const double* values, Index offset, Index count) {
                  sum += dot(count, values, diagonal_.data() + offset);
                });
  return sum;
}

/// out[i] = Σ over the sets with ones in the mode of their rows of Φ, on the columns of the fibre:
/// those of sets without ones there, and half of those of sets with.
void OnesTraces::fill_crossing(const Chunk& chunk, std::size_t mode, Index fibre,
                               std::span<const Index> place, double* out) const {
  const Index n = columns_.extents()[mode], r = columns_.size();
  double within = 0;
  std::fill_n(out, n, 0.0);
  for (const auto& inner : columns_.sets()) {
    if (!inner.ones[mode]) continue;
    const double* row = posterior_.data() + columns_.column(inner, place, mode) * r;
    for (const auto& outer : columns_.sets()) {
      const double weight =
          columns_.weight(inner, place, mode) * columns_.weight(outer, place, mode);
      const double* entries = row + columns_.column(outer, place, mode);
      if (outer.ones[mode]) {
        within += weight * *entries;
        continue;
      }
      const Index stride = outer.strides[mode];
      for (Index i = 0; i < n; ++i) out[i] += weight * entries[i * stride];
    }
  }
  const double* reciprocals = chunk.reciprocals.data() + fibre * n;
  const std::vector<double>& u = columns_.vector(mode);
  for (Index i = 0; i < n; ++i) {
    out[i] = 2 * reciprocals[i] * (out[i] + 0.5 * within * u[static_cast<std::size_t>(i)]);
  }
}

OnesTraces::Chunk OnesTraces::chunk(const GridTerm& product, std::size_t mode, Index begin,
                                    Index end) const {
  const Index n = columns_.extents()[mode];
  std::vector<bool> others(columns_.extents().size(), true);
  others[mode] = false;
  Chunk result{0, columns_.place_of(begin, others), {}, {}, {}};
  const auto& sets = columns_.sets();
  for (const auto& left : sets) {
    for (const auto& right : sets) {
      if (left.first > right.first || left.ones[mode] || right.ones[mode]) continue;
      result.pairs.push_back({&left, &right, {}});
    }
  }
  const bool crossing = std::ranges::any_of(sets, [&](const auto& set) { return set.ones[mode]; });
  const auto same = [&](std::span<const Index> place) {
    return std::ranges::all_of(sets, [&](const auto& set) {
      return set.ones[mode] ||
             columns_.column(set, place, mode) == columns_.column(set, result.place, mode);
    });
  };
  for (Index fibre = begin; fibre < std::min(end, begin + most_fibres); ++fibre) {
    const auto place = columns_.place_of(fibre, others);
    if (!same(place)) break;
    double value = product.coefficient;
    for (std::size_t other = 0; other < place.size(); ++other) {
      const auto& list = product.lists[other];
      if (other != mode && !list.empty()) value *= list[static_cast<std::size_t>(place[other])];
    }
    const auto size = static_cast<std::size_t>((result.fibres + 1) * n);
    result.reciprocals.resize(size);
    columns_.reciprocals(place, mode, result.reciprocals.data() + result.fibres * n);
    if (crossing) {
      result.crossing.resize(size);
      double* row = result.crossing.data() + result.fibres * n;
      fill_crossing(result, mode, result.fibres, place, row);
      for (Index i = 0; i < n; ++i) row[i] *= value;
    }
    for (auto& pair : result.pairs) {
      pair.weights.push_back((pair.left == pair.right ? 1 : 2) * value *
                             columns_.weight(*pair.left, place, mode) *
                             columns_.weight(*pair.right, place, mode));
    }
    ++result.fibres;
  }
  return result;
}

/// With ρ = 1/e along a fibre of the mode, B the full matrix, Φ on the fibre's columns and φ as
/// fill_crossing() makes it: Σ over the fibres of ρᵀ(B∘Φ)ρ and (u∘ρ)ᵀB φ, by panels of B's columns.
double OnesTraces::of(const GridTerm& product, std::size_t mode,
                      std::span<const double> full) const {
  const Extents& extents = columns_.extents();
  const Index n = extents[mode], r = columns_.size();
  const std::vector<double>& u = columns_.vector(mode);
  const BlockPartition part(core::product(extents) / n, comm_.size());
  const auto entry = [&](Index i, Index j) {
    return full[static_cast<std::size_t>(std::max(i, j) * n + std::min(i, j))];
  };
  double result = 0;
  std::vector<double> matrix(static_cast<std::size_t>(n * std::min(panel, n))), image, left;
  const auto multiply = [&](const Chunk& chunk, const double* rows, Index width) {
    image.resize(static_cast<std::size_t>(chunk.fibres * width));
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, core::narrow<int>(chunk.fibres),
                core::narrow<int>(width), core::narrow<int>(n), 1.0, rows, core::narrow<int>(n),
                matrix.data(), core::narrow<int>(width), 0.0, image.data(),
                core::narrow<int>(width));
  };
  for (Index begin = part.begin(comm_.rank()); begin < part.end(comm_.rank());) {
    const Chunk some = chunk(product, mode, begin, part.end(comm_.rank()));
    left = some.reciprocals;
    for (std::size_t i = 0; i < left.size(); ++i) left[i] *= u[i % static_cast<std::size_t>(n)];
    for (Index column = 0; column < n; column += panel) {
      const Index width = std::min(panel, n - column);
      for (const auto& pair : some.pairs) {
        const Index rows = columns_.column(*pair.left, some.place, mode);
        const Index columns = columns_.column(*pair.right, some.place, mode);
        const Index down = pair.left->strides[mode], along = pair.right->strides[mode];
        for (Index i = 0; i < n; ++i) {
          const double* entries = posterior_.data() + (rows + i * down) * r + columns;
          for (Index j = 0; j < width; ++j) {
            matrix[static_cast<std::size_t>(i * width + j)] =
                entry(i, column + j) * entries[(column + j) * along];
          }
        }
        multiply(some, some.reciprocals.data(), width);
        for (Index fibre = 0; fibre < some.fibres; ++fibre) {
          result += pair.weights[static_cast<std::size_t>(fibre)] *
                    dot(width, image.data() + fibre * width,
                        some.reciprocals.data() + fibre * n + column);
        }
      }
      if (some.crossing.empty()) continue;
      for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < width; ++j) {
          matrix[static_cast<std::size_t>(i * width + j)] = entry(i, column + j);
        }
      }
      multiply(some, left.data(), width);
      for (Index fibre = 0; fibre < some.fibres; ++fibre) {
        result +=
            dot(width, image.data() + fibre * width, some.crossing.data() + fibre * n + column);
      }
    }
    begin += some.fibres;
  }
  return result;
}

}  // namespace kronwerk::models
