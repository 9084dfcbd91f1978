// See src/MATHEMATICS.md, "Counts on grids".
#include "models/laplace/nearest_weights.hpp"

#include <algorithm>
#include <cmath>

namespace kronwerk::models {

using core::Extents;
using core::Index;

namespace {

constexpr double least_ratio = 1e-12;
constexpr int most_sweeps = 20;
// Of the logarithms: a preconditioner needs no more.
constexpr double settled = 1e-3;

}  // namespace

std::vector<std::vector<double>> nearest_weights(const communication::Communicator& comm,
                                                 const distribution::Layout& layout,
                                                 std::span<const double> values) {
  const Extents& extents = layout.extents();
  const std::size_t modes = extents.size();
  double largest = 0;
  for (const double value : values) largest = std::max(largest, value);
  largest = comm.max(largest);
  std::vector<std::vector<double>> logs, counts;
  for (const Index extent : extents) {
    logs.emplace_back(static_cast<std::size_t>(extent), 0.0);
    counts.emplace_back(static_cast<std::size_t>(extent), 0.0);
  }
  const auto finish = [&] {
    for (auto& list : logs) {
      for (double& value : list) value = std::exp(value);
    }
    return logs;
  };
  if (!(largest > 0)) return finish();
  // What is left of log W, and where it is.
  std::vector<double> rest;
  std::vector<std::vector<Index>> places(modes);
  Extents cell(modes);
  Index flat = layout.home_begin(comm.rank());
  for (const double value : values) {
    Index place = flat++;
    if (!(value > 0)) continue;
    rest.push_back(std::log(std::max(value, least_ratio * largest)));
    for (std::size_t k = modes; k-- > 0; place /= extents[k]) {
      places[k].push_back(place % extents[k]);
      ++counts[k][static_cast<std::size_t>(place % extents[k])];
    }
  }
  for (auto& list : counts) comm.sum(list);
  for (int sweep = 0; sweep < most_sweeps; ++sweep) {
    double change = 0;
    for (std::size_t k = 0; k < modes; ++k) {
      std::vector<double> means(logs[k].size(), 0.0);
      for (std::size_t i = 0; i < rest.size(); ++i) {
        means[static_cast<std::size_t>(places[k][i])] += rest[i];
      }
      comm.sum(means);
      for (std::size_t i = 0; i < means.size(); ++i) {
        means[i] = counts[k][i] > 0 ? means[i] / counts[k][i] : 0;
        logs[k][i] += means[i];
        if (sweep > 0) change = std::max(change, std::abs(means[i]));
      }
      for (std::size_t i = 0; i < rest.size(); ++i) {
        rest[i] -= means[static_cast<std::size_t>(places[k][i])];
      }
    }
    if (sweep > 0 && change < settled) break;
  }
  return finish();
}

double distance(const std::vector<std::vector<double>>& w,
                const std::vector<std::vector<double>>& v) {
  double above = 0, below = 0;
  for (std::size_t k = 0; k < w.size(); ++k) {
    double most = 0, least = 0;
    for (std::size_t i = 0; i < w[k].size(); ++i) {
      const double difference = std::log(w[k][i] / v[k][i]);
      most = i == 0 ? difference : std::max(most, difference);
      least = i == 0 ? difference : std::min(least, difference);
    }
    above += most;
    below += least;
  }
  return std::max(std::abs(above), std::abs(below));
}

}  // namespace kronwerk::models
