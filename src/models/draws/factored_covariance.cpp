// Declared in kronwerk/models/draws/prediction.hpp.
#include "kronwerk/factors/dense/dense_values.hpp"
#include "kronwerk/models/draws/prediction.hpp"
#include "models/covariance/grid_values.hpp"

namespace kronwerk::models {

double FactoredCovariance::at(Index a, Index b) const {
  const std::size_t modes = terms.front().prior.size();
  Extents extents, data;
  for (std::size_t mode = 0; mode < modes; ++mode) {
    extents.push_back(terms.front().projected[mode]->rows());
    data.push_back(terms.front().projected[mode]->cols());
  }
  const auto index_of = [&](Index flat) {
    Extents index(modes);
    for (std::size_t mode = modes; mode-- > 0; flat /= extents[mode]) {
      index[mode] = flat % extents[mode];
    }
    return index;
  };
  const Extents i = index_of(a), j = index_of(b);
  double value = 0;
  const auto rows_of = [&](const Extents& index) {
    std::vector<GridTerm> rows;
    for (const Term& term : terms) {
      GridTerm& row = rows.emplace_back(GridTerm{term.scale, {}});
      for (std::size_t mode = 0; mode < modes; ++mode) {
        const auto values = factors::dense_values(*term.projected[mode]);
        const auto begin = values.begin() + index[mode] * data[mode];
        row.lists.emplace_back(begin, begin + data[mode]);
      }
    }
    return GridValues(data, std::move(rows));
  };
  for (const Term& term : terms) {
    double product = term.scale;
    for (std::size_t mode = 0; mode < modes; ++mode) {
      const auto values = factors::dense_values(*term.prior[mode]);
      product *= values[static_cast<std::size_t>(i[mode] * extents[mode] + j[mode])];
    }
    value += product;
  }
  std::vector<GridTerm> eigenvalues;
  for (const Spectrum& part : spectrum) eigenvalues.push_back({part.coefficient, part.eigenvalues});
  const GridValues e(data, std::move(eigenvalues)), left = rows_of(i), right = rows_of(j);
  double x[GridValues::run_length];
  double y[GridValues::run_length];
  e.for_runs(0, e.size(), [&](const double* run, Index offset, Index count) {
    left.evaluate(offset, count, x);
    right.evaluate(offset, count, y);
    for (Index k = 0; k < count; ++k) value -= x[k] * y[k] / run[k];
  });
  return value;
}

}  // namespace kronwerk::models
