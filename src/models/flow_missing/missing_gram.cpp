#include "models/flow_missing/missing_gram.hpp"

#include <algorithm>

namespace kronwerk::models {
namespace {

// Unit vectors that a matrix is applied to at once.
constexpr Index batch = 64;

/// (AᵀB) at the rows and columns `places`.
std::vector<double> table_of(const factors::Chain& a, const factors::Chain& b,
                             std::span<const Index> places) {
  const Index width = std::ssize(places);
  std::vector<double> table(static_cast<std::size_t>(width * width));
  for (Index first = 0; first < width; first += batch) {
    const Index count = std::min(batch, width - first);
    const auto images = gram_columns(
        a, b, places.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
    for (Index row = 0; row < width; ++row) {
      const double* image = images.data() + places[static_cast<std::size_t>(row)] * count;
      std::copy(image, image + count, table.begin() + row * width + first);
    }
  }
  return table;
}

}  // namespace

std::vector<double> gram_columns(const factors::Chain& a, const factors::Chain& b,
                                 std::span<const Index> places) {
  factors::Chain product = factors::transposed(a);
  product.insert(product.end(), b.begin(), b.end());
  const Index n = factors::cols(product);
  const Index width = std::ssize(places);
  std::vector<double> units(static_cast<std::size_t>(n * width), 0.0);
  std::vector<double> images(units.size());
  for (Index k = 0; k < width; ++k) {
    units[static_cast<std::size_t>(places[static_cast<std::size_t>(k)] * width + k)] = 1;
  }
  factors::LocalProduct({product}).apply(factors::ConstView::contiguous(units.data(), 1, n, width),
                                         factors::View::contiguous(images.data(), 1, n, width));
  return images;
}

MissingGram::MissingGram(const FlowFilter& filter, const FlowMatrices& matrices,
                         const std::vector<std::vector<Index>>& cells)
    : filter_(&filter) {
  const Index n_d = filter.extents()[1];
  std::array<std::vector<Index>, 2> used;
  for (const auto& year : cells) {
    for (const Index cell : year) {
      used[0].push_back(cell / n_d);
      used[1].push_back(cell % n_d);
    }
  }
  for (const std::size_t mode : {0U, 1U}) {
    auto& list = used[mode];
    std::ranges::sort(list);
    list.erase(std::unique(list.begin(), list.end()), list.end());
    width_[mode] = std::ssize(list);
    for (const auto& a : matrices[mode]) {
      for (const auto& b : matrices[mode]) tables_[mode].push_back(table_of(a, b, list));
    }
  }
  const auto place = [&](std::size_t mode, Index index) {
    return std::ranges::lower_bound(used[mode], index) - used[mode].begin();
  };
  for (const auto& year : cells) {
    const Index begin = std::ssize(cells_);
    for (const Index cell : year) {
      places_.push_back(
          {{place(0, cell / n_d), place(1, cell % n_d)}, begin, begin + std::ssize(year)});
      cells_.push_back(cell);
    }
  }
}

std::pair<Index, Index> MissingGram::year_of(Index m) const {
  const Place& place = places_[static_cast<std::size_t>(m)];
  return {place.begin, place.end};
}

double MissingGram::operator()(std::size_t t, std::size_t u, Index m, Index other) const {
  const FlowFilter::Term& a = filter_->terms()[t];
  const FlowFilter::Term& b = filter_->terms()[u];
  const Place& row = places_[static_cast<std::size_t>(m)];
  const Place& column = places_[static_cast<std::size_t>(other)];
  const std::vector<double>& o = tables_[0][a.origin * filter_->matrices(0).size() + b.origin];
  const std::vector<double>& d =
      tables_[1][a.destination * filter_->matrices(1).size() + b.destination];
  return o[static_cast<std::size_t>(row.row[0] * width_[0] + column.row[0])] *
         d[static_cast<std::size_t>(row.row[1] * width_[1] + column.row[1])];
}

}  // namespace kronwerk::models
