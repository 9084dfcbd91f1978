#include "models/ones/update_variance.hpp"

#include <cblas.h>

#include <algorithm>

#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/factors/dense/dense_values.hpp"
#include "kronwerk/factors/dense/shared_dense.hpp"
#include "models/ones/ones_product.hpp"
#include "models/ones/ones_update.hpp"

namespace kronwerk::models {

using distribution::BlockPartition;
using factors::FactorPtr;

namespace {

// Points and columns that are multiplied together.
constexpr Index panel = 256;

/// s ⊗G_k of one signal term, G_k = C_k V_k.
struct PointTerm {
  double scale = 1;
  std::vector<bool> ones;
  std::vector<std::span<const double>> values;  ///< (new points, n_k); empty where it has ones
};

/// The modes of a set, or the others.
std::vector<std::size_t> modes_of(const OnesColumns::Set& set, bool ones) {
  std::vector<std::size_t> result;
  for (std::size_t mode = 0; mode < set.ones.size(); ++mode) {
    if (set.ones[mode] == ones) result.push_back(mode);
  }
  return result;
}

/// s ⊗ of the rows of a point over some modes, the last one fastest.
std::vector<double> rows_of(const PointTerm& term, const Extents& extents,
                            const std::vector<std::size_t>& modes,
                            const std::vector<Index>& point) {
  std::vector<double> result{term.scale}, next;
  for (const std::size_t mode : modes) {
    const double* row = term.values[mode].data() + point[mode] * extents[mode];
    next.clear();
    for (const double left : result) {
      for (Index i = 0; i < extents[mode]; ++i) next.push_back(left * row[i]);
    }
    result.swap(next);
  }
  return result;
}

Index number_of(const std::vector<Index>& point, const Extents& points,
                const std::vector<std::size_t>& modes) {
  Index number = 0;
  for (const std::size_t mode : modes) number = number * points[mode] + point[mode];
  return number;
}

std::vector<Index> point_of(Index number, const Extents& points,
                            const std::vector<std::size_t>& modes) {
  std::vector<Index> point(points.size(), 0);
  for (std::size_t i = modes.size(); i-- > 0; number /= points[modes[i]]) {
    point[modes[i]] = number % points[modes[i]];
  }
  return point;
}

/// Σ over the modes of a set S of Π u_k G_k / e: a row for each new point of these modes, a column
/// for each of the set's. Once per node. Collective.
FactorPtr table_of(const communication::Communicator& comm, const OnesColumns& columns,
                   const OnesColumns::Set& set, const PointTerm& term, const Extents& points) {
  const auto modes = modes_of(set, true);
  const Extents& extents = columns.extents();
  Index rows = 1, inner = 1;
  for (const std::size_t mode : modes) {
    rows *= points[mode];
    inner *= extents[mode];
  }
  std::vector<bool> own = set.ones;
  own.flip();
  const std::size_t last = modes.back();
  std::vector<bool> outer = set.ones;
  outer[last] = false;
  PointTerm plain = term;
  plain.scale = 1;
  return factors::make_shared_dense(
      comm, "new points by the columns of ones", rows, set.size, [&](std::span<double> all) {
        const BlockPartition part(set.size, comm.node().size());
        const Index end = part.end(comm.node().rank()), n = extents[last];
        std::vector<double> reciprocals, weights;
        for (Index first = part.begin(comm.node().rank()); first < end; first += panel) {
          const Index count = std::min(panel, end - first);
          reciprocals.resize(static_cast<std::size_t>(count * inner));
          for (Index fibre = 0; fibre < count * (inner / n); ++fibre) {
            auto place = columns.place_of(first + fibre / (inner / n), own);
            const auto within = columns.place_of(fibre % (inner / n), outer);
            for (std::size_t k = 0; k < place.size(); ++k) place[k] += within[k];
            double* out = reciprocals.data() + fibre * n;
            columns.reciprocals(place, last, out);
            const double weight = columns.weight(set, place, last);
            for (Index i = 0; i < n; ++i) {
              out[i] *= weight * columns.vector(last)[static_cast<std::size_t>(i)];
            }
          }
          for (Index row = 0; row < rows; row += panel) {
            const Index some = std::min(panel, rows - row);
            weights.clear();
            for (Index i = row; i < row + some; ++i) {
              const auto values = rows_of(plain, extents, modes, point_of(i, points, modes));
              weights.insert(weights.end(), values.begin(), values.end());
            }
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, core::narrow<int>(some),
                        core::narrow<int>(count), core::narrow<int>(inner), 1.0, weights.data(),
                        core::narrow<int>(inner), reciprocals.data(), core::narrow<int>(inner), 0.0,
                        all.data() + row * set.size + first, core::narrow<int>(set.size));
          }
        }
      });
}

/// What the update takes for each of a set's columns at new points.
struct PointSet {
  const OnesColumns::Set* set;
  std::vector<std::size_t> with, without;  ///< modes
  std::vector<const PointTerm*> own;       ///< the terms with these ones
  std::vector<const PointTerm*> plain;     ///< those without any
  std::vector<FactorPtr> tables;           ///< of these

  void add(const Extents& extents, const Extents& points, const std::vector<Index>& point,
           double* covariance, double* taken) const {
    for (const PointTerm* term : own) {
      const auto values = rows_of(*term, extents, without, point);
      for (std::size_t i = 0; i < values.size(); ++i) covariance[i] += values[i];
    }
    const Index row = number_of(point, points, with);
    for (std::size_t t = 0; t < plain.size(); ++t) {
      const auto values = rows_of(*plain[t], extents, without, point);
      const double* table = factors::dense_values(*tables[t]).data() + row * set->size;
      for (std::size_t i = 0; i < values.size(); ++i) taken[i] += values[i] * table[i];
    }
  }
};

std::vector<PointTerm> point_terms(const Covariance& covariance,
                                   const std::vector<std::vector<FactorPtr>>& projected) {
  std::vector<PointTerm> result;
  for (std::size_t t = 0; t < projected.size(); ++t) {
    const ScaledProduct& product = covariance.terms().signal[t];
    PointTerm& term =
        result.emplace_back(PointTerm{product.scale, ones_of(covariance, product), {}});
    for (std::size_t mode = 0; mode < projected[t].size(); ++mode) {
      term.values.push_back(term.ones[mode] ? std::span<const double>()
                                            : factors::dense_values(*projected[t][mode]));
    }
  }
  return result;
}

}  // namespace

void add_left_by_ones(const Covariance& covariance,
                      const std::vector<std::vector<FactorPtr>>& projected, const Layout& points,
                      std::span<double> variance) {
  const OnesUpdate& update = *covariance.update();
  const OnesColumns& columns = update.columns();
  const Extents& extents = covariance.extents();
  const std::vector<PointTerm> terms = point_terms(covariance, projected);
  std::vector<PointSet> sets;
  for (const auto& set : columns.sets()) {
    PointSet& own =
        sets.emplace_back(PointSet{&set, modes_of(set, true), modes_of(set, false), {}, {}, {}});
    for (const PointTerm& term : terms) {
      if (term.ones == set.ones) own.own.push_back(&term);
      if (std::ranges::find(term.ones, true) != term.ones.end()) continue;
      own.plain.push_back(&term);
      own.tables.push_back(table_of(covariance.comm(), columns, set, term, points.extents()));
    }
  }
  const Index r = update.size();
  const int order = core::narrow<int>(r);
  const Index first = points.home_begin(covariance.comm().rank());
  std::vector<std::size_t> all(extents.size());
  for (std::size_t mode = 0; mode < all.size(); ++mode) all[mode] = mode;
  std::vector<double> own(static_cast<std::size_t>(panel * r)), taken(own.size()), root(own.size());
  for (Index begin = 0; begin < std::ssize(variance); begin += panel) {
    const Index count = std::min(panel, std::ssize(variance) - begin);
    std::ranges::fill(own, 0.0);
    std::ranges::fill(taken, 0.0);
    for (Index i = 0; i < count; ++i) {
      const auto point = point_of(first + begin + i, points.extents(), all);
      for (const PointSet& set : sets) {
        const Index place = i * r + set.set->first;
        set.add(extents, points.extents(), point, own.data() + place, taken.data() + place);
      }
    }
    update.divide_rows(count, own.data(), root.data());
    update.multiply_rows(count, taken.data(), false, own.data());
    for (Index i = 0; i < count; ++i) {
      double* value = variance.data() + begin + i;
      for (Index j = 0; j < r; ++j) {
        const double each = root[static_cast<std::size_t>(i * r + j)];
        *value -= each * each;
        own[static_cast<std::size_t>(i * r + j)] = each - own[static_cast<std::size_t>(i * r + j)];
      }
    }
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit,
                core::narrow<int>(count), order, 1.0, update.factor().data(), order, own.data(),
                order);
    for (Index i = 0; i < count; ++i) {
      const double* row = own.data() + i * r;
      variance[static_cast<std::size_t>(begin + i)] += cblas_ddot(order, row, 1, row, 1);
    }
  }
}

}  // namespace kronwerk::models
