#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kronwerk/distribution/layout.hpp"
#include "kronwerk/factors/base/chain.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/operators/base/random.hpp"

/// What several benchmark programs compute with.
namespace kronwerk::benchmarks {

using core::Index;

/// Normal entries of the given standard deviation, once per node. Collective.
inline factors::FactorPtr random_dense(const communication::Communicator& comm, Index rows,
                                       Index cols, std::uint64_t seed, double deviation = 1) {
  communication::SharedDense matrix{rows, cols,
                                    communication::SharedArray<double>(comm, rows * cols)};
  if (comm.node().is_root()) {
    const auto values = matrix.values.mutable_span();
    operators::fill_random(operators::RandomKind::normal, seed, 0, values);
    for (double& value : values) value *= deviation;
  }
  matrix.values.publish();
  return factors::make_dense("A", std::move(matrix));
}

inline factors::Chain chain_of(const factors::FactorPtr& factor) {
  return {{factor, false, false}};
}

/// I - rho W.
inline factors::FactorPtr filter(const communication::Communicator& comm,
                                 const factors::FactorPtr& weights, double rho) {
  const std::vector<std::pair<double, factors::FactorPtr>> terms = {
      {1.0, factors::make_identity(weights->rows())}, {-rho, weights}};
  return factors::linear_combination(comm, "I - rho*W", terms);
}

/// Normal numbers, from place `first` of their sequence on.
inline std::vector<double> random_numbers(std::uint64_t seed, Index first, std::size_t count) {
  std::vector<double> values(count);
  operators::fill_random(operators::RandomKind::normal, seed, first, values);
  return values;
}

/// This rank's home block of a vector of them.
inline std::vector<double> random_block(const communication::Communicator& comm,
                                        const distribution::Layout& layout) {
  return random_numbers(1, layout.home_begin(comm.rank()),
                        static_cast<std::size_t>(layout.home_size(comm.rank())));
}

/// Of the side x side regions of a grid, row-normalised: left, right, up, down and two diagonals.
inline factors::FactorPtr neighbour_weights(Index side) {
  std::vector<Index> offsets{0};
  std::vector<std::int32_t> columns;
  std::vector<double> values;
  for (Index row = 0; row < side * side; ++row) {
    const Index y = row / side;
    const Index x = row % side;
    const auto first = columns.size();
    for (Index dy = -1; dy <= 1; ++dy) {
      for (Index dx = -1; dx <= 1; ++dx) {
        const bool neighbour = (dx != 0 || dy != 0) && dx != -dy;
        const bool inside = y + dy >= 0 && y + dy < side && x + dx >= 0 && x + dx < side;
        if (neighbour && inside) {
          columns.push_back(static_cast<std::int32_t>((y + dy) * side + x + dx));
        }
      }
    }
    values.resize(columns.size(), 1.0 / static_cast<double>(columns.size() - first));
    offsets.push_back(static_cast<Index>(columns.size()));
  }
  return factors::make_sparse(
      "W", {side * side, side * side, communication::SharedArray<Index>::from_private(offsets),
            communication::SharedArray<std::int32_t>::from_private(columns),
            communication::SharedArray<double>::from_private(values)});
}

}  // namespace kronwerk::benchmarks
