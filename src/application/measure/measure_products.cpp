// Products along modes, through the operators that jobs use, on blocks larger than a core's cache.
#include <cmath>
#include <numeric>

#include "application/measure/measure.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"

namespace kronwerk::application {
namespace {

using communication::SharedArray;
using core::Index;
using factors::Chain;
using factors::FactorPtr;

constexpr Index block = Index{1} << 21;  ///< values of a vector: 16 MB

FactorPtr dense_factor(Index n) {
  std::vector<double> values(static_cast<std::size_t>(n * n));
  operators::fill_random(operators::RandomKind::uniform, 1, 0, values);
  return factors::make_dense("A", {n, n, SharedArray<double>::from_private(values)});
}

/// I − 0.4 W of a square of regions with weights 1 / (number of neighbours) for all within `reach`:
/// planar, as regions on a map are.
FactorPtr sparse_factor(Index side, Index reach) {
  std::vector<Index> offsets{0};
  std::vector<std::int32_t> columns;
  std::vector<double> values;
  for (Index i = 0; i < side * side; ++i) {
    const std::size_t first = columns.size();
    for (Index dy = -reach; dy <= reach; ++dy) {
      for (Index dx = -reach; dx <= reach; ++dx) {
        const Index y = i / side + dy;
        const Index x = i % side + dx;
        if (y < 0 || y >= side || x < 0 || x >= side) continue;
        if (reach == 1 && dx != 0 && dy == -dx) continue;  // six neighbours at most
        columns.push_back(static_cast<std::int32_t>(y * side + x));
      }
    }
    const auto neighbours = static_cast<double>(columns.size() - first - 1);
    for (std::size_t e = first; e < columns.size(); ++e) {
      values.push_back(columns[e] == i ? 1.0 : -0.4 / neighbours);
    }
    offsets.push_back(std::ssize(columns));
  }
  return factors::make_sparse("A",
                              {side * side, side * side, SharedArray<Index>::from_private(offsets),
                               SharedArray<std::int32_t>::from_private(columns),
                               SharedArray<double>::from_private(values)});
}

/// Products with one factor along the last mode, or along one before it.
class AlongMode {
 public:
  explicit AlongMode(const Bench& bench)
      : bench_(bench), workspace_(std::make_shared<operators::Workspace>(bench.self())) {}

  /// @param flops  per value
  void add(configuration::RateTable& table, double size, const Chain& chain, bool last) {
    const Index n = factors::rows(chain);
    const Index others = std::max<Index>(1, block / n);
    const Chain identity{{factors::make_identity(others)}};
    std::optional<operators::KroneckerProduct> product;
    std::vector<double> x, y;
    communication::collectively(bench_.comm(), [&] {
      product.emplace(
          bench_.self(), workspace_, 1.0,
          last ? std::vector<Chain>{identity, chain} : std::vector<Chain>{chain, identity}, 0);
      x.assign(static_cast<std::size_t>(n * others), 1.0);
      y.resize(x.size());
    });
    const double flops = factors::flops_per_fibre(chain) * static_cast<double>(others);
    bench_.add(table, size, 1e-9 * flops, [&] { product->apply(x, y); });
  }

 private:
  const Bench& bench_;
  std::shared_ptr<operators::Workspace> workspace_;
};

}  // namespace

void measure_products(const Bench& bench, configuration::Machine& machine) {
  AlongMode along(bench);
  for (const Index extent : {16, 64, 256, 1024}) {
    const Chain chain{{dense_factor(extent)}};
    along.add(machine.dense_last_mode, static_cast<double>(extent), chain, true);
    along.add(machine.dense_other_mode, static_cast<double>(extent), chain, false);
  }
  constexpr Index side = 55;  // about as many regions as the United States have counties
  for (const Index reach : {1, 2}) {
    const FactorPtr matrix = sparse_factor(side, reach);
    communication::collectively(bench.comm(),
                                [&] { factors::factorise(bench.self(), {{matrix}}); });
    const auto n = static_cast<double>(side * side);
    const double entries = matrix->flops_per_fibre() / 2 / n;
    along.add(machine.sparse_last_mode, entries, {{matrix}}, true);
    along.add(machine.sparse_other_mode, entries, {{matrix}}, false);
    const double filled = matrix->factorisation()->flops_per_fibre() / 2 / n;
    along.add(machine.substitution_last_mode, filled, {{matrix, false, true}}, true);
    along.add(machine.substitution_other_mode, filled, {{matrix, false, true}}, false);
    if (reach > 1) continue;
    machine.sparse_factorisation = bench.rate(1e-6 * entries * n, [&] {
      const FactorPtr fresh = sparse_factor(side, reach);
      factors::factorise(bench.self(), {{fresh}});
    });
  }
}

}  // namespace kronwerk::application
