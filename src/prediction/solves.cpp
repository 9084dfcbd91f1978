// See src/MATHEMATICS.md, "Predicted times".
#include "kronwerk/prediction/solves.hpp"

#include <algorithm>

namespace kronwerk::prediction {
namespace {

/// Bytes of a pass that reads one vector, and of y += x.
constexpr double read_one = 8;
constexpr double update_one = 24;

double block_values(const Pricing& pricing, const VectorWork& work) {
  return work.op.points() / pricing.ranks().count;
}

/// The blocks of input and result.
Stage allocate(const Pricing& pricing, double values) {
  const Cost again = pricing.touch_again(16 * values);
  return {"allocate", again, {}, pricing.touch(16 * values) + -1.0 * again};
}

Stage read_input(const Pricing& pricing, const VectorWork& work, double values) {
  const auto blocks = static_cast<double>(work.blocks);
  Cost cost = work.random ? pricing.random_numbers(values)
                          : pricing.read(8 * work.op.points()) + pricing.checks(values);
  return {"read", blocks * cost};
}

Stage check(const Pricing& pricing, const VectorWork& work, double values) {
  return {"check", static_cast<double>(work.blocks) * pricing.checks(values)};
}

/// ‖b‖, b − Op x and its norm.
Stage verify(const Pricing& pricing, const VectorWork& work, int leading_modes, double values) {
  Cost cost = price_sum(pricing, work.op, leading_modes, true).cost;
  cost += pricing.stream((2 * read_one + 2 * read_one) * values);
  cost += pricing.reductions(2);
  return {"verify", static_cast<double>(work.blocks) * cost};
}

Cost factorisations(const Pricing& pricing, const VectorWork& work) {
  Cost cost = pricing.sparse_factorisations(work.factor_entries);
  double longest = 0;
  for (const double n : work.dense_extents) {
    longest = std::max(longest, pricing.dgemm(n * n * n, n).arithmetic);
  }
  cost.fixed += longest;
  return cost;
}

/// The frame around the stages that compute.
std::vector<Stage> framed(const Pricing& pricing, const VectorWork& work, double values,
                          std::vector<Stage> before, std::vector<Stage> compute) {
  std::vector<Stage> stages = price_beginning(pricing, work.frame);
  stages.push_back(price_load(pricing, work.frame));
  std::ranges::move(before, std::back_inserter(stages));
  stages.push_back(allocate(pricing, values));
  stages.push_back(read_input(pricing, work, values));
  std::ranges::move(compute, std::back_inserter(stages));
  stages.push_back(check(pricing, work, values));
  stages.push_back(price_write(pricing, work.frame));
  return stages;
}

std::vector<Stage> price_direct(const Pricing& pricing, const VectorWork& work, Cost set_up,
                                const Application& solve) {
  const double values = block_values(pricing, work);
  const Cost first = pricing.touch_shared(solve.away_bytes);
  std::vector<Stage> compute{{"solve", static_cast<double>(work.blocks) * solve.cost, {}, first},
                             verify(pricing, work, solve.leading_modes, values)};
  return framed(pricing, work, values, {{"factorise", set_up}}, std::move(compute));
}

}  // namespace

std::vector<Stage> price_beginning(const Pricing& pricing, const Frame& frame) {
  const configuration::Machine& machine = pricing.machine();
  return {{"startup", {.fixed = machine.loading_seconds + machine.mpi_start_seconds}},
          {"analyse", pricing.inspect(frame.datasets)}};
}

Stage price_load(const Pricing& pricing, const Frame& frame) {
  const double speed = 1e9 * pricing.machine().file_read.one_rank;
  return {"load", Cost{.fixed = frame.matrix_bytes / speed} + pricing.inspect(frame.datasets) +
                      pricing.broadcast(frame.matrix_bytes)};
}

Stage price_write(const Pricing& pricing, const Frame& frame) {
  return {"write", pricing.write(frame.result_bytes)};
}

std::vector<Stage> price_apply(const Pricing& pricing, const VectorWork& work) {
  const double values = block_values(pricing, work);
  const Application apply = price_sum(pricing, work.op);
  const Cost first = pricing.touch_shared(apply.away_bytes);
  return framed(pricing, work, values, {{"build", factorisations(pricing, work)}},
                {{"apply", static_cast<double>(work.blocks) * apply.cost, {}, first}});
}

std::vector<Stage> price_product_solve(const Pricing& pricing, const VectorWork& work,
                                       const std::vector<PricedMode>& inverses) {
  return price_direct(pricing, work, factorisations(pricing, work),
                      price_product(pricing, inverses));
}

Application price_spectral_application(const Pricing& pricing, const SpectralWork& spectral) {
  // Trailing modes at home, all leading ones there and back away, trailing modes at home: so as if
  // every mode had both matrices.
  std::vector<PricedMode> modes = spectral.to_basis;
  for (PricedMode& mode : modes) {
    const std::vector<ModeAction> once = mode.actions;
    mode.actions.insert(mode.actions.end(), once.begin(), once.end());
  }
  Application there_and_back = price_product(pricing, modes);
  there_and_back.cost += pricing.stream(2 * read_one * there_and_back.values);
  return there_and_back;
}

std::vector<Stage> price_spectral_solve(const Pricing& pricing, const VectorWork& work,
                                        const SpectralWork& spectral) {
  return price_direct(pricing, work, pricing.eigenproblems(spectral.extents, true),
                      price_spectral_application(pricing, spectral));
}

std::vector<Stage> price_krylov_solve(const Pricing& pricing, const VectorWork& work,
                                      const IterationWork& iteration) {
  const double values = block_values(pricing, work);
  // The operator itself says how the vectors are split.
  const int split = price_sum(pricing, work.op).leading_modes;
  const Application op = price_sum(pricing, iteration.op, split);
  Cost each = op.cost + pricing.stream(iteration.streamed_bytes * values) +
              pricing.reductions(iteration.reductions);
  if (!iteration.preconditioner.terms.empty()) {
    each += price_sum(pricing, iteration.preconditioner, op.leading_modes).cost;
  }
  const auto blocks = static_cast<double>(work.blocks);
  // The start, the true residual of the end, and the way into and out of the inner product.
  Cost once = 2 * price_sum(pricing, work.op, op.leading_modes, true).cost +
              pricing.stream(6 * update_one * values) + pricing.reductions(4);
  const Cost first = pricing.touch_shared(op.away_bytes);
  const Cost again = pricing.touch_again(8 * iteration.vectors * values);
  const Cost fresh = pricing.touch(8 * iteration.vectors * values) + -1.0 * again;
  std::vector<Stage> compute{{"solve", blocks * once, blocks * each, first},
                             verify(pricing, work, op.leading_modes, values)};
  return framed(pricing, work, values,
                {{"factorise", factorisations(pricing, work) + again, {}, fresh}},
                std::move(compute));
}

}  // namespace kronwerk::prediction
