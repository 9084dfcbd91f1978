#include "models/covariance/grid_values.hpp"

namespace kronwerk::models {

std::vector<double> products(const Extents& extents, const std::vector<std::vector<double>>& lists,
                             std::size_t first, std::size_t last, Index begin, Index end) {
  std::vector<double> result(static_cast<std::size_t>(std::max<Index>(0, end - begin)), 1.0);
  Index stride = 1;
  for (std::size_t mode = last; mode-- > first;) {
    const std::vector<double>& list = lists[mode];
    const Index extent = extents[mode];
    if (!list.empty() && !result.empty()) {
      Index digit = begin / stride % extent;
      Index within = begin % stride;
      for (double& value : result) {
        value *= list[static_cast<std::size_t>(digit)];
        if (++within == stride) {
          within = 0;
          if (++digit == extent) digit = 0;
        }
      }
    }
    stride *= extent;
  }
  return result;
}

GridValues::GridValues(Extents extents, std::vector<GridTerm> terms,
                       const std::vector<GridReciprocal>& reciprocals)
    : extents_(std::move(extents)), terms_(std::move(terms)), leading_(extents_.size()) {
  // Rows long enough that work per row does not count, short enough to stay in the cache.
  constexpr Index long_enough = 2048;
  constexpr Index too_long = 16384;
  constexpr Index tolerable = 256;
  while (leading_ > 0 && columns_ < long_enough) {
    const Index longer = core::multiply(columns_, extents_[leading_ - 1]);
    if (longer > too_long && columns_ >= tolerable) break;
    columns_ = longer;
    --leading_;
  }
  rows_ = core::product(std::span(extents_).first(leading_));
  for (const GridTerm& term : terms_) {
    tables_.push_back(products(extents_, term.lists, leading_, extents_.size(), 0, columns_));
  }
  for (const GridReciprocal& reciprocal : reciprocals) {
    coefficients_.push_back(reciprocal.coefficient);
    reciprocals_.emplace_back(extents_, reciprocal.terms);
  }
}

void GridValues::evaluate_row(Index row, Index column, Index count, double* out) const {
  std::fill_n(out, count, 0.0);
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    double weight = terms_[t].coefficient;
    Index rest = row;
    for (std::size_t mode = leading_; mode-- > 0;) {
      const std::vector<double>& list = terms_[t].lists[mode];
      if (!list.empty()) weight *= list[static_cast<std::size_t>(rest % extents_[mode])];
      rest /= extents_[mode];
    }
    const double* table = tables_[t].data() + column;
    for (Index j = 0; j < count; ++j) out[j] += weight * table[j];
  }
  for (std::size_t r = 0; r < reciprocals_.size(); ++r) {
    double values[run_length];
    reciprocals_[r].evaluate_row(row, column, count, values);
    for (Index j = 0; j < count; ++j) out[j] += coefficients_[r] / values[j];
  }
}

void GridValues::evaluate(Index first, Index count, double* out) const {
  for_runs(first, count, [&](const double* values, Index offset, Index length) {
    std::copy_n(values, length, out + offset);
  });
}

double GridValues::at(Index index) const {
  double value = 0;
  evaluate_row(index / columns_, index % columns_, 1, &value);
  return value;
}

}  // namespace kronwerk::models
