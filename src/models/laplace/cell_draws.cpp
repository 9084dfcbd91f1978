#include "kronwerk/models/laplace/cell_draws.hpp"

#include <cmath>
#include <vector>

#include "kronwerk/models/flow_counts/count_draws.hpp"
#include "kronwerk/operators/base/random.hpp"

namespace kronwerk::models {
namespace {

// The seed of the field is used by its own draws.
constexpr std::uint64_t cell_seed = 0x63656c6c73;
constexpr std::size_t uniforms_at_once = 64;

/// Successes of `size` trials: their uniform numbers one by one.
double draw_binomial(std::uint64_t seed, Index cell, double size, double probability) {
  std::vector<double> uniforms(uniforms_at_once);
  double successes = 0;
  for (double done = 0; done < size; done += static_cast<double>(uniforms_at_once)) {
    operators::fill_random(operators::RandomKind::uniform, seed,
                           static_cast<std::uint64_t>(cell) + 1, static_cast<Index>(done),
                           uniforms);
    for (std::size_t i = 0; i < uniforms.size() && done + static_cast<double>(i) < size; ++i) {
      if (uniforms[i] < probability) ++successes;
    }
  }
  return successes;
}

}  // namespace

void draw_cells(const communication::Communicator& comm, const CellLikelihood& likelihood,
                std::uint64_t seed, Index first, std::span<const double> sizes,
                std::span<const double> field, std::span<double> counts) {
  const std::uint64_t own = seed ^ cell_seed;
  communication::collectively(comm, [&] {
    if (has_log_link(likelihood.family)) {
      std::vector<double> eta(field.begin(), field.end());
      for (std::size_t i = 0; i < eta.size(); ++i) eta[i] += std::log(sizes[i]);
      const bool poisson = likelihood.family == CellFamily::poisson;
      draw_counts(own, first, eta, poisson ? 0 : likelihood.theta, counts);
      return;
    }
    for (std::size_t i = 0; i < counts.size(); ++i) {
      counts[i] =
          draw_binomial(own, first + static_cast<Index>(i), sizes[i], likelihood.mean(1, field[i]));
    }
  });
}

}  // namespace kronwerk::models
