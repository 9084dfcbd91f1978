// See src/MATHEMATICS.md, "Sums of products".
#include "operators/products/sum_neighbours.hpp"

#include <algorithm>
#include <map>

#include "kronwerk/factors/base/scratch.hpp"
#include "kronwerk/factors/sparse/sparse_entries.hpp"
#include "operators/base/local_vectors.hpp"

namespace kronwerk::operators {

using distribution::Layout;
using factors::ConstView;
using factors::Scratch;
using factors::StoredEntries;
using factors::View;

namespace {

using Row = std::map<Index, double>;

/// Row `row` of weight * (A_1 ⊗ … ⊗ A_q), added to `result`.
void add_kronecker_row(const std::vector<const StoredEntries*>& modes, const Extents& rows,
                       const Extents& cols, Index row, double weight, Row& result) {
  std::vector<std::pair<Index, double>> entries{{0, weight}};
  Index rest = core::product(rows);
  for (std::size_t k = 0; k < modes.size(); ++k) {
    rest /= rows[k];
    const auto i = static_cast<std::size_t>(row / rest % rows[k]);
    std::vector<std::pair<Index, double>> longer;
    for (const auto& [column, value] : entries) {
      for (Index e = modes[k]->offsets[i]; e < modes[k]->offsets[i + 1]; ++e) {
        const auto place = static_cast<std::size_t>(e);
        longer.emplace_back(column * cols[k] + modes[k]->columns[place],
                            value * modes[k]->values[place]);
      }
    }
    entries = std::move(longer);
  }
  for (const auto& [column, value] : entries) result[column] += value;
}

/// The entries of every matrix of the leading modes, if all have them.
std::optional<std::vector<std::vector<StoredEntries>>> leading_entries(const SumTerms& terms,
                                                                       std::size_t split) {
  std::vector<std::vector<StoredEntries>> result;
  for (std::size_t mode = 0; mode < split; ++mode) {
    auto& list = result.emplace_back();
    for (const auto& chain : terms.matrices[mode]) {
      auto entries = factors::stored_entries(chain);
      if (!entries) return std::nullopt;
      list.push_back(std::move(*entries));
    }
  }
  return result;
}

/// Entries of all leading parts together, as an upper bound.
double count_entries(const SumTerms& terms,
                     const std::vector<std::vector<StoredEntries>>& entries) {
  double sum = 0;
  for (const auto& term : terms.shape.terms) {
    double product = 1;
    for (std::size_t mode = 0; mode < entries.size(); ++mode) {
      const auto& matrix = entries[mode][static_cast<std::size_t>(term.matrices[mode])];
      product *= static_cast<double>(matrix.values.size());
    }
    sum += product;
  }
  return sum;
}

Layout layout_of(const SumTerms& terms, int leading_modes, int parts,
                 Index distribution::ModeCost::*side) {
  Extents extents;
  for (const auto& mode : terms.shape.modes) extents.push_back(mode.front().*side);
  return {std::move(extents), leading_modes, parts};
}

}  // namespace

std::optional<SumNeighbours> SumNeighbours::make(const communication::Communicator& comm,
                                                 std::shared_ptr<Workspace> workspace,
                                                 const SumTerms& terms, int leading_modes) {
  const auto split = static_cast<std::size_t>(leading_modes);
  SumNeighbours result;
  result.comm_ = &comm;
  result.workspace_ = std::move(workspace);
  result.input_ = layout_of(terms, leading_modes, comm.size(), &distribution::ModeCost::cols);
  result.output_ = layout_of(terms, leading_modes, comm.size(), &distribution::ModeCost::rows);
  const auto entries = leading_entries(terms, split);
  if (!entries) return std::nullopt;
  // An entry takes two words; they shall be few beside the vector.
  if (8 * count_entries(terms, *entries) > static_cast<double>(result.input_.size())) {
    return std::nullopt;
  }
  const auto& in = result.input_.extents();
  const auto& out = result.output_.extents();
  const Extents cols(in.begin(), in.begin() + leading_modes);
  const Extents rows(out.begin(), out.begin() + leading_modes);
  const auto& home = result.output_.home();

  std::map<std::vector<int>, std::vector<const distribution::SumShape::Term*>> by_trailing;
  for (const auto& term : terms.shape.terms) {
    if (term.coefficient == 0) continue;
    by_trailing[{term.matrices.begin() + leading_modes, term.matrices.end()}].push_back(&term);
  }
  for (const auto& [trailing, list] : by_trailing) {
    Part part{{0}, {}, {}, factors::LocalProduct(terms.chains(split, trailing))};
    for (Index row = home.begin(comm.rank()); row < home.end(comm.rank()); ++row) {
      Row sum;
      for (const auto* term : list) {
        std::vector<const StoredEntries*> modes;
        for (std::size_t mode = 0; mode < split; ++mode) {
          modes.push_back(&(*entries)[mode][static_cast<std::size_t>(term->matrices[mode])]);
        }
        add_kronecker_row(modes, rows, cols, row, term->coefficient, sum);
      }
      for (const auto& [column, value] : sum) {
        part.sources.push_back(column);
        part.weights.push_back(value);
      }
      part.offsets.push_back(static_cast<Index>(part.sources.size()));
    }
    result.parts_.push_back(std::move(part));
  }
  // The part without a trailing product, if there is one, is put straight into y.
  std::stable_partition(result.parts_.begin(), result.parts_.end(),
                        [](const Part& part) { return part.trailing.is_identity(); });
  result.exchange_foreign_rows();
  return result;
}

void SumNeighbours::exchange_foreign_rows() {
  const auto& owners = input_.home();
  const Index begin = owners.begin(comm_->rank());
  const Index end = owners.end(comm_->rank());
  const auto own = [&](Index column) { return column >= begin && column < end; };
  std::vector<Index> foreign;
  Index entries = 0;
  for (const Part& part : parts_) {
    std::copy_if(part.sources.begin(), part.sources.end(), std::back_inserter(foreign),
                 [&](Index column) { return !own(column); });
    entries += static_cast<Index>(part.sources.size());
  }
  std::sort(foreign.begin(), foreign.end());
  foreign.erase(std::unique(foreign.begin(), foreign.end()), foreign.end());
  needs_foreign_.assign(static_cast<std::size_t>(output_.home().count(comm_->rank())), false);
  for (Part& part : parts_) {
    for (std::size_t row = 0; row + 1 < part.offsets.size(); ++row) {
      for (Index e = part.offsets[row]; e < part.offsets[row + 1]; ++e) {
        Index& source = part.sources[static_cast<std::size_t>(e)];
        if (own(source)) {
          source -= begin;
          continue;
        }
        const auto place = std::lower_bound(foreign.begin(), foreign.end(), source);
        source = (end - begin) + (place - foreign.begin());
        needs_foreign_[row] = true;
      }
    }
  }
  exchange_ =
      std::make_shared<const communication::RowExchange>(*comm_, owners, std::move(foreign));
  needs_ = {comm_->max(exchange_->needed()), comm_->max(exchange_->given()), comm_->max(entries)};
}

Index SumNeighbours::chunk_rows() const {
  constexpr Index largest_buffers = Index{4} << 20;  // doubles
  Index preferred = 1;
  Index doubles = std::max<Index>(1, input_.trailing());
  for (const Part& part : parts_) {
    preferred = std::max(preferred, part.trailing.preferred_fibres());
    doubles += part.trailing.rows() + part.trailing.cols();
  }
  return std::max<Index>(1, std::min(preferred, largest_buffers / doubles));
}

void SumNeighbours::apply(std::span<const double> x, std::span<double> y, bool accumulate) const {
  if (needs_.rows_received == 0) {
    const Index rows = output_.home().count(comm_->rank());
    const Index chunk = chunk_rows();
    for (Index first = 0; first < rows; first += chunk) {
      apply_rows(x, {}, first, std::min(chunk, rows - first), y, accumulate);
    }
    return;
  }
  communication::RowExchange::Transfer transfer(*exchange_, *workspace_, x.data(),
                                                input_.trailing());
  // First the pieces of which no row needs another rank's.
  const Index rows = output_.home().count(comm_->rank());
  const Index chunk = chunk_rows();
  std::span<const double* const> foreign;
  for (const bool wanted : {false, true}) {
    if (wanted) foreign = transfer.wait();
    for (Index first = 0; first < rows; first += chunk) {
      const Index count = std::min(chunk, rows - first);
      const auto begin = needs_foreign_.begin() + first;
      const bool needed = std::find(begin, begin + count, true) != begin + count;
      if (needed == wanted) apply_rows(x, foreign, first, count, y, accumulate);
    }
  }
  transfer.finish();
}

void SumNeighbours::gather(std::span<const double> x, std::span<const double* const> foreign,
                           Index first, Index count, std::span<double* const> targets,
                           bool accumulate) const {
  // Rows near each other name the same rows of x: strip by strip these stay in cache.
  constexpr Index strip = 512;
  const Index length = input_.trailing();
  const Index own = input_.home().count(comm_->rank());
  thread_local std::vector<WeightedRow> rows;
  for (Index begin = 0; begin < length; begin += strip) {
    const Index width = std::min(strip, length - begin);
    for (Index row = first; row < first + count; ++row) {
      for (std::size_t p = 0; p < parts_.size(); ++p) {
        const Part& part = parts_[p];
        rows.clear();
        for (Index e = part.offsets[static_cast<std::size_t>(row)];
             e < part.offsets[static_cast<std::size_t>(row) + 1]; ++e) {
          const Index source = part.sources[static_cast<std::size_t>(e)];
          const double* values = source < own ? x.data() + source * length
                                              : foreign[static_cast<std::size_t>(source - own)];
          rows.push_back({part.weights[static_cast<std::size_t>(e)], values + begin});
        }
        combine_rows(rows, targets[p] + (row - first) * length + begin, width,
                     accumulate && part.trailing.is_identity());
      }
    }
  }
}

void SumNeighbours::apply_rows(std::span<const double> x, std::span<const double* const> foreign,
                               Index first, Index count, std::span<double> y,
                               bool accumulate) const {
  double* place = y.data() + first * output_.trailing();
  if (parts_.empty() && !accumulate) std::fill_n(place, count * output_.trailing(), 0.0);
  // What has a trailing product to come is kept aside, the rest belongs in y.
  const Index size = count * input_.trailing();
  double* buffers = factors::scratch(Scratch::chunk, static_cast<Index>(parts_.size()) * size);
  std::vector<double*> targets;
  for (const Part& part : parts_) {
    targets.push_back(part.trailing.is_identity() ? place : buffers);
    buffers += size;
  }
  gather(x, foreign, first, count, targets, accumulate);
  bool add = accumulate;
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    const factors::LocalProduct& trailing = parts_[p].trailing;
    if (!trailing.is_identity()) {
      double* result = add ? factors::scratch(Scratch::strip, count * trailing.rows()) : place;
      trailing.apply(ConstView::contiguous(targets[p], count, trailing.cols(), 1),
                     View::contiguous(result, count, trailing.rows(), 1));
      if (add) store_scaled(1.0, result, place, count * output_.trailing(), true);
    }
    add = true;
  }
}

}  // namespace kronwerk::operators
