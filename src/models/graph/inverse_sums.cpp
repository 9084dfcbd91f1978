#include "models/graph/inverse_sums.hpp"

#include <algorithm>

#include "kronwerk/distribution/partition.hpp"
#include "operators/grids/grid_sums.hpp"

namespace kronwerk::models {
namespace {

/// Calls work(row, column, count, offset) for the pieces of rows of `length` that a range covers.
template <typename Work>
void for_rows(Index length, Index begin, Index count, Work&& work) {
  for (Index offset = 0; offset < count;) {
    const Index column = (begin + offset) % length;
    const Index some = std::min(length - column, count - offset);
    work((begin + offset) / length, column, some, offset);
    offset += some;
  }
}

double sum_and_add(const double* from, Index count, double* to) {
  double parts[4] = {};
  Index i = 0;
  for (; i + 4 <= count; i += 4) {
    for (int p = 0; p < 4; ++p) {
      parts[p] += from[i + p];
      to[i + p] += from[i + p];
    }
  }
  for (; i < count; ++i) {
    parts[0] += from[i];
    to[i] += from[i];
  }
  return (parts[0] + parts[1]) + (parts[2] + parts[3]);
}

/// to += factor * from; returns ⟨from, with⟩.
double add_and_multiply(const double* from, Index count, double factor, double* to,
                        const double* with) {
  double parts[4] = {};
  Index i = 0;
  for (; i + 4 <= count; i += 4) {
    for (int p = 0; p < 4; ++p) {
      parts[p] += from[i + p] * with[i + p];
      to[i + p] += factor * from[i + p];
    }
  }
  for (; i < count; ++i) {
    parts[0] += from[i] * with[i];
    to[i] += factor * from[i];
  }
  return (parts[0] + parts[1]) + (parts[2] + parts[3]);
}

ModeVectors zeros(const Extents& extents) {
  ModeVectors result;
  for (const Index extent : extents) result.emplace_back(static_cast<std::size_t>(extent), 0.0);
  return result;
}

/// One Allreduce for all modes, then the means over the other modes.
void reduce_to_means(const communication::Communicator& comm, const Extents& extents,
                     ModeVectors& sums) {
  std::vector<double> all;
  for (const auto& mode : sums) all.insert(all.end(), mode.begin(), mode.end());
  comm.sum(std::span(all));
  const auto points = static_cast<double>(core::product(extents));
  std::size_t next = 0;
  for (std::size_t k = 0; k < sums.size(); ++k) {
    const double others = points / static_cast<double>(extents[k]);
    for (double& value : sums[k]) value = all[next++] / others;
  }
}

}  // namespace

ModeVectors reciprocal_means(const communication::Communicator& comm,
                             operators::Diagonals spectra) {
  const operators::SumRows rows(spectra);
  const Index points = core::product(rows.extents());
  const distribution::BlockPartition part(points, comm.size());
  operators::GridSums sums(rows.extents());
  communication::collectively(
      comm, [&] { sums.add_reciprocals(rows, part.begin(comm.rank()), part.count(comm.rank())); });
  sums.reduce(comm);
  ModeVectors result;
  for (std::size_t k = 0; k < spectra.size(); ++k) {
    const auto others = static_cast<double>(points / rows.extents()[k]);
    auto& means = result.emplace_back();
    for (const operators::DoubleDouble& sum : sums.mode(k)) means.push_back(sum.value() / others);
  }
  return result;
}

PairSums::PairSums(const communication::Communicator& comm, operators::Diagonals spectra)
    : comm_(&comm), extents_(operators::extents_of(spectra)), squares_(zeros(extents_)) {
  const std::size_t modes = extents_.size();
  const distribution::BlockPartition part(core::product(extents_), comm.size());
  begin_ = part.begin(comm.rank());
  const Index count = part.count(comm.rank());
  communication::collectively(comm, [&] {
    if (modes == 2) values_.reserve(static_cast<std::size_t>(count));
    for (std::size_t k = 0; modes > 2 && k + 1 < modes; ++k) {
      for (std::size_t l = k + 1; l < modes; ++l) {
        const auto entries = static_cast<std::size_t>(core::multiply(extents_[k], extents_[l]));
        pairs_.push_back({k, l, std::vector<double>(entries, 0.0)});
      }
    }
    operators::visit_kronecker_sum(spectra, begin_, count,
                                   [&](Index first, std::span<double> piece) {
                                     for (double& s : piece) s = 1 / (s * s);
                                     add_rows(piece, first);
                                   });
  });
  for (Pair& pair : pairs_) comm.sum(std::span(pair.sums));
  reduce_to_means(comm, extents_, squares_);
}

PairSums::Pair& PairSums::pair(std::size_t first, std::size_t second) {
  // (0, 1), (0, 2), …, (1, 2), …
  const std::size_t modes = extents_.size();
  return pairs_[first * modes - first * (first + 1) / 2 + second - first - 1];
}

void PairSums::add_rows(std::span<const double> values, Index first) {
  const std::size_t modes = extents_.size();
  const std::size_t last = modes - 1;
  if (modes == 2) values_.insert(values_.end(), values.begin(), values.end());
  for_rows(extents_[last], first, std::ssize(values),
           [&](Index row, Index column, Index count, Index offset) {
             const double* from = values.data() + offset;
             const double total = sum_and_add(from, count, squares_[last].data() + column);
             for (std::size_t k = last; k-- > 0; row /= extents_[k]) {
               const auto i = static_cast<std::size_t>(row % extents_[k]);
               squares_[k][i] += total;
               if (modes == 2) continue;
               double* to = pair(k, last).sums.data() + i * extents_[last] + column;
               for (Index c = 0; c < count; ++c) to[c] += from[c];
               Index rest = row / extents_[k];
               for (std::size_t l = k; l-- > 0; rest /= extents_[l]) {
                 pair(l, k).sums[static_cast<std::size_t>(rest % extents_[l] * extents_[k]) + i] +=
                     total;
               }
             }
           });
}

ModeVectors PairSums::apply(const ModeVectors& d) const {
  ModeVectors result = zeros(extents_);
  if (extents_.size() == 2) {
    for_rows(extents_[1], begin_, std::ssize(values_),
             [&](Index row, Index column, Index count, Index offset) {
               const auto i = static_cast<std::size_t>(row);
               result[0][i] += add_and_multiply(values_.data() + offset, count, d[0][i],
                                                result[1].data() + column, d[1].data() + column);
             });
    reduce_to_means(*comm_, extents_, result);
  }
  const auto points = static_cast<double>(core::product(extents_));
  for (const Pair& pair : pairs_) {
    const Index columns = extents_[pair.second];
    std::vector<double> down(static_cast<std::size_t>(columns), 0.0);
    for (Index row = 0; row < extents_[pair.first]; ++row) {
      const auto i = static_cast<std::size_t>(row);
      const double across = add_and_multiply(pair.sums.data() + row * columns, columns,
                                             d[pair.first][i], down.data(), d[pair.second].data());
      result[pair.first][i] += across * static_cast<double>(extents_[pair.first]) / points;
    }
    for (std::size_t j = 0; j < down.size(); ++j) {
      result[pair.second][j] += down[j] * static_cast<double>(columns) / points;
    }
  }
  for (std::size_t k = 0; k < result.size(); ++k) {
    for (std::size_t i = 0; i < result[k].size(); ++i) result[k][i] += squares_[k][i] * d[k][i];
  }
  return result;
}

}  // namespace kronwerk::models
