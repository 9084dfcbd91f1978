#include <algorithm>

#include "application/forecast/pair_costs.hpp"
#include "application/inputs/vector_reader.hpp"
#include "application/measure/measure.hpp"
#include "application/report/report.hpp"
#include "kronwerk/communication/redistribution.hpp"
#include "kronwerk/kernels/reductions/reduce.hpp"
#include "kronwerk/operators/base/random.hpp"

namespace kronwerk::application {
namespace {

using core::Index;

constexpr Index values = Index{1} << 22;  ///< 32 MB
constexpr double bytes = 8.0 * static_cast<double>(values);

void measure_copies(const Bench& bench, configuration::Machine& machine) {
  std::vector<double> x(values, 1.0);
  std::vector<double> y(values, 2.0);
  machine.memory_copy = bench.rate(3e-9 * bytes, [&] {
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += 0.5 * x[i];
  });
  constexpr std::size_t cached = 1 << 13;  // 64 kB each
  machine.cache_copy = bench.rate(24e-9 * cached, [&] {
    for (std::size_t i = 0; i < cached; ++i) y[i] += 0.5 * x[i];
  });
  machine.random_numbers = bench.rate(
      1e-6 * values, [&] { operators::fill_random(operators::RandomKind::normal, 1, 0, x); });
  machine.checked_values = bench.rate(1e-6 * values, [&] {
    check_finite(bench.self(), x, "x");
    Statistics statistics;
    statistics.add(x);
  });
}

void measure_touches(const Bench& bench, configuration::Machine& machine) {
  machine.touch_again = bench.rate(1e-9 * bytes, [] {
    const std::vector<double> again(values);
    static_cast<void>(again);
  });
  const auto touch = [](const communication::Communicator& comm) {
    communication::SharedBlocks blocks(comm);
    blocks.reserve(values);
    std::fill_n(blocks.local(), values, 1.0);
  };
  const auto& node = bench.comm().node();
  const double alone = Bench::time_together(bench.self(), [&] { touch(bench.self()); });
  const double all = Bench::time_together(node, [&] { touch(node); });
  machine.shared_first_touch = {1e-9 * bytes / bench.comm().max(alone),
                                1e-9 * bytes / bench.comm().max(all)};
}

double seconds_of_exchange(const communication::Communicator& comm) {
  constexpr Index columns = 2048;
  const distribution::Layout layout({columns * comm.size(), columns}, 1, comm.size());
  communication::SharedBlocks blocks(comm);
  communication::Redistribution redistribution(blocks, layout);
  std::vector<double> x;
  communication::collectively(
      comm, [&] { x.assign(static_cast<std::size_t>(layout.home_size(comm.rank())), 1.0); });
  const auto away = [&] {
    redistribution.to_away(16, [&](Index first, Index) { return x.data() + first * columns; });
  };
  const auto home = [&] {
    redistribution.to_home(
        16, [&](Index first, Index) { return x.data() + first * columns; }, [](Index, Index) {});
  };
  return Bench::time_together(comm, [&] {
    away();
    home();
  });
}

void measure_exchange(const Bench& bench, configuration::Machine& machine) {
  constexpr double both_ways = 2e-9 * 8 * 2048 * 2048;
  const double alone = seconds_of_exchange(bench.self());
  const double all = seconds_of_exchange(bench.comm().node());
  machine.exchange = {both_ways / bench.comm().max(alone), both_ways / bench.comm().max(all)};
}

void measure_pairs(const Bench& bench, configuration::Machine& machine) {
  constexpr Index points = 4000;
  kernels::DistributedSide rows{distribution::BlockPartition(points, 1), {}};
  rows.local.count = points;
  kernels::Cloud cloud{2, points, std::vector<double>(2 * points)};
  operators::fill_random(operators::RandomKind::uniform, 1, 0, cloud.values);
  kernels::DistributedSide columns = rows;
  rows.local.variables["x"] = cloud;
  columns.local.variables["y"] = cloud;
  const kernels::ReductionSetup setup{reference_formula(), {{kernels::ReductionKind::sum}}};
  machine.kernel_pairs = bench.rate(1e-6 * points * points, [&] {
    static_cast<void>(kernels::reduce(bench.self(), setup, rows, columns));
  });
}

/// Median seconds of a piece of memory that this rank touches for the first time, after which it
/// keeps it. Local.
double seconds_of_touch(std::vector<std::vector<double>>& kept) {
  constexpr int pieces = 5;
  std::vector<double> seconds;
  for (int piece = 0; piece < pieces; ++piece) {
    const double begin = MPI_Wtime();
    kept.emplace_back(values);
    seconds.push_back(MPI_Wtime() - begin);
  }
  std::ranges::sort(seconds);
  return seconds[pieces / 2];
}

}  // namespace

void measure_first_touch(const Bench& bench, configuration::Machine& machine) {
  const communication::Communicator& comm = bench.comm();
  std::vector<std::vector<double>> kept;
  double alone = 0;
  double all = 0;
  communication::on_root(comm, [&] { alone = seconds_of_touch(kept); });
  comm.barrier();
  communication::collectively(comm, [&] { all = seconds_of_touch(kept); });
  machine.first_touch = {1e-9 * bytes / comm.max(alone), 1e-9 * bytes / comm.max(all)};
}

void measure_memory(const Bench& bench, configuration::Machine& machine) {
  measure_copies(bench, machine);
  measure_touches(bench, machine);
  measure_exchange(bench, machine);
  measure_pairs(bench, machine);
}

}  // namespace kronwerk::application
