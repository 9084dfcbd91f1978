#include "models/flow/lagged_rows.hpp"

#include <algorithm>

#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::models {
namespace {

// Rows of other ranks are brought here up to this many times as many as this rank has: more cost
// more than applying the matrix to the whole vector.
constexpr Index most_foreign = 2;
// Numbers of a row that are worked on at once, so that sums stay in the cache.
constexpr Index tile = 1024;

/// The rows [begin, begin + count) of a matrix.
factors::StoredEntries part_of(const factors::StoredEntries& all, Index begin, Index count) {
  factors::StoredEntries part;
  for (Index row = begin; row < begin + count; ++row) {
    const auto first = all.offsets[static_cast<std::size_t>(row)];
    const auto last = all.offsets[static_cast<std::size_t>(row) + 1];
    part.columns.insert(part.columns.end(), all.columns.begin() + first,
                        all.columns.begin() + last);
    part.values.insert(part.values.end(), all.values.begin() + first, all.values.begin() + last);
    part.offsets.push_back(std::ssize(part.columns));
  }
  return part;
}

/// out = Σ_e weights[e] rows[e]
void combine(std::span<const double* const> rows, std::span<const double> weights, Index width,
             double* out) {
  for (Index first = 0; first < width; first += tile) {
    const Index size = std::min(tile, width - first);
    double* sum = out + first;
    std::fill(sum, sum + size, 0.0);
    for (std::size_t e = 0; e < rows.size(); ++e) {
      const double weight = weights[e];
      const double* row = rows[e] + first;
      for (Index j = 0; j < size; ++j) sum[j] += weight * row[j];
    }
  }
}

}  // namespace

LaggedRows::LaggedRows(const communication::Communicator& comm,
                       const std::shared_ptr<Workspace>& workspace, const FlowFilter& filter,
                       const FlowMatrices& matrices, std::span<const double> block, bool lagged)
    : filter_(&filter), block_(block), lagged_(lagged), width_(filter.extents()[1]) {
  if (!lagged) return;
  const distribution::BlockPartition owned(filter.extents()[0], comm.size());
  const Index begin = owned.begin(comm.rank());
  const Index mine = owned.count(comm.rank());
  origins_.resize(matrices[0].size());
  for (std::size_t m = 0; m < matrices[0].size(); ++m) {
    Origin& origin = origins_[m];
    origin.identity = factors::is_identity(matrices[0][m]);
    if (origin.identity) continue;
    if (const auto entries = factors::stored_entries(matrices[0][m])) {
      origin.entries = part_of(*entries, begin, mine);
    }
  }
  exchange(comm);
  const factors::Chain identity{{factors::make_identity(width_), false, false}};
  for (std::size_t m = 0; m < matrices[0].size(); ++m) {
    Origin& origin = origins_[m];
    if (origin.identity || origin.entries) continue;
    const operators::KroneckerProduct product(comm, workspace, 1, {matrices[0][m], identity}, 1);
    communication::collectively(comm, [&] { origin.applied.resize(block.size()); });
    product.apply(block, origin.applied);
  }
  for (const factors::Chain& chain : matrices[1]) {
    destinations_.emplace_back(std::vector<factors::Chain>{chain});
  }
  panels_.resize(filter.terms().size());
}

/// Brings the rows of other ranks that sparse matrices need, unless these are too many: then no
/// matrix is taken as sparse.
void LaggedRows::exchange(const communication::Communicator& comm) {
  const distribution::BlockPartition owned(filter_->extents()[0], comm.size());
  const Index begin = owned.begin(comm.rank());
  const Index mine = owned.count(comm.rank());
  std::vector<Index> foreign;
  bool sparse = false;
  for (const Origin& origin : origins_) {
    if (!origin.entries) continue;
    sparse = true;
    for (const Index row : origin.entries->columns) {
      if (row < begin || row >= begin + mine) foreign.push_back(row);
    }
  }
  if (!sparse) return;
  std::ranges::sort(foreign);
  foreign.erase(std::unique(foreign.begin(), foreign.end()), foreign.end());
  if (comm.any(std::ssize(foreign) > most_foreign * std::max<Index>(mine, 1))) {
    for (Origin& origin : origins_) origin.entries.reset();
    return;
  }
  blocks_ = std::make_unique<Workspace>(comm);
  exchange_ = std::make_unique<communication::RowExchange>(comm, owned, foreign);
  transfer_ = std::make_unique<communication::RowExchange::Transfer>(*exchange_, *blocks_,
                                                                     block_.data(), width_);
  const auto places = transfer_->wait();
  for (Origin& origin : origins_) {
    if (!origin.entries) continue;
    for (const Index row : origin.entries->columns) {
      const bool here = row >= begin && row < begin + mine;
      origin.sources.push_back(
          here ? block_.data() + (row - begin) * width_
               : places[static_cast<std::size_t>(std::ranges::lower_bound(foreign, row) -
                                                 foreign.begin())]);
    }
  }
}

void LaggedRows::finish() {
  if (transfer_) transfer_->finish();
  transfer_.reset();
}

const double* LaggedRows::origin_rows(std::size_t matrix, Index first, Index rows) {
  Origin& origin = origins_[matrix];
  if (origin.identity) return block_.data() + first * width_;
  if (!origin.entries) return origin.applied.data() + first * width_;
  origin.applied.resize(static_cast<std::size_t>(rows * width_));
  for (Index i = 0; i < rows; ++i) {
    const auto from =
        static_cast<std::size_t>(origin.entries->offsets[static_cast<std::size_t>(first + i)]);
    const auto count =
        static_cast<std::size_t>(origin.entries->offsets[static_cast<std::size_t>(first + i) + 1]) -
        from;
    combine(std::span(origin.sources).subspan(from, count),
            std::span(origin.entries->values).subspan(from, count), width_,
            origin.applied.data() + i * width_);
  }
  return origin.applied.data();
}

std::vector<const double*> LaggedRows::rows(Index first, Index rows) {
  if (!lagged_) return {block_.data() + first * width_};
  std::vector<const double*> sources;
  for (std::size_t m = 0; m < origins_.size(); ++m) sources.push_back(origin_rows(m, first, rows));
  std::vector<const double*> places;
  for (std::size_t t = 0; t < filter_->terms().size(); ++t) {
    const FlowFilter::Term& term = filter_->terms()[t];
    const double* source = sources[term.origin];
    const factors::LocalProduct& product = destinations_[term.destination];
    if (!product.is_identity()) {
      panels_[t].resize(static_cast<std::size_t>(rows * width_));
      product.apply(factors::ConstView::contiguous(source, rows, width_, 1),
                    factors::View::contiguous(panels_[t].data(), rows, width_, 1));
      source = panels_[t].data();
    }
    places.push_back(source);
  }
  return places;
}

}  // namespace kronwerk::models
