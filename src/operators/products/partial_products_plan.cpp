#include "operators/products/partial_products_plan.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>

#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::operators {
namespace {

using core::Index;
using factors::Chain;
using factors::Link;
using factors::LocalProduct;

bool same(const Link& a, const Link& b) {
  return a.factor == b.factor && a.transposed == b.transposed && a.inverse == b.inverse;
}

std::size_t common(const std::vector<Link>& a, const std::vector<Link>& b) {
  const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end(), same);
  return static_cast<std::size_t>(end.first - a.begin());
}

Steps common(const Steps& a, const Steps& b) {
  Steps result;
  for (std::size_t mode = 0; mode < a.size(); ++mode) {
    const auto end = a[mode].begin() + static_cast<std::ptrdiff_t>(common(a[mode], b[mode]));
    result.emplace_back(a[mode].begin(), end);
  }
  return result;
}

std::size_t count(const Steps& steps) {
  return std::accumulate(steps.begin(), steps.end(), std::size_t{0},
                         [](std::size_t sum, const auto& mode) { return sum + mode.size(); });
}

bool begins_with(const Steps& whole, const Steps& beginning) {
  for (std::size_t mode = 0; mode < whole.size(); ++mode) {
    if (common(whole[mode], beginning[mode]) < beginning[mode].size()) return false;
  }
  return true;
}

bool equal(const Steps& a, const Steps& b) {
  return count(a) == count(b) && begins_with(a, b);
}

/// The product that leads from `done` to `wanted`.
LocalProduct rest(const Steps& wanted, const Steps& done, const std::vector<Index>& extents) {
  std::vector<Chain> chains;
  for (std::size_t mode = 0; mode < wanted.size(); ++mode) {
    const auto first = wanted[mode].begin() + static_cast<std::ptrdiff_t>(done[mode].size());
    Chain chain(std::make_reverse_iterator(wanted[mode].end()), std::make_reverse_iterator(first));
    if (chain.empty()) {
      const Index extent = done[mode].empty() ? extents[mode] : done[mode].back().rows();
      chain.push_back({factors::make_identity(extent), false, false});
    }
    chains.push_back(std::move(chain));
  }
  return LocalProduct(std::move(chains));
}

/// Nodes for all of `list`, each from the source that leaves the least to do.
class Planner {
 public:
  Planner(std::vector<Steps> list, const std::vector<Index>& extents) {
    std::stable_sort(list.begin(), list.end(),
                     [](const Steps& a, const Steps& b) { return count(a) < count(b); });
    const Steps nothing(extents.size());
    for (Steps& steps : list) {
      int source = -1;
      LocalProduct product = rest(steps, nothing, extents);
      for (std::size_t n = 0; n < nodes.size(); ++n) {
        if (!begins_with(steps, nodes[n].steps)) continue;
        LocalProduct shorter = rest(steps, nodes[n].steps, extents);
        if (shorter.flops_per_fibre() >= product.flops_per_fibre()) continue;
        source = static_cast<int>(n);
        product = std::move(shorter);
      }
      flops += product.flops_per_fibre();
      nodes.push_back({std::move(steps), source, std::move(product)});
    }
  }
  std::vector<SharedSteps::Node> nodes;
  double flops = 0;
};

bool contains(const std::vector<Steps>& list, const Steps& steps) {
  return std::any_of(list.begin(), list.end(),
                     [&](const Steps& other) { return equal(other, steps); });
}

/// What two of the list have in common and is not in it yet, at most so many.
std::vector<Steps> candidates(const std::vector<Steps>& list) {
  constexpr std::size_t most = 32;
  std::vector<Steps> result;
  for (std::size_t a = 0; a < list.size(); ++a) {
    for (std::size_t b = a + 1; b < list.size() && result.size() < most; ++b) {
      Steps both = common(list[a], list[b]);
      if (count(both) > 0 && !contains(list, both) && !contains(result, both)) {
        result.push_back(std::move(both));
      }
    }
  }
  return result;
}

}  // namespace

Steps steps_of(const std::vector<Chain>& chains) {
  Steps result;
  for (const Chain& chain : chains) {
    auto& mode = result.emplace_back();
    for (auto link = chain.rbegin(); link != chain.rend(); ++link) {
      if (link->factor->kind() != factors::Kind::identity) mode.push_back(*link);
    }
  }
  return result;
}

SharedSteps share_steps(const std::vector<Steps>& wanted, const std::vector<Index>& extents) {
  std::vector<Steps> list;
  for (const Steps& steps : wanted) {
    if (count(steps) > 0 && !contains(list, steps)) list.push_back(steps);
  }
  Planner best(list, extents);
  for (Steps& candidate : candidates(list)) {
    std::vector<Steps> longer = list;
    longer.push_back(std::move(candidate));
    Planner with(longer, extents);
    // An intermediate result takes a buffer, so a little less work is no gain.
    if (with.flops > 0.95 * best.flops) continue;
    best = std::move(with);
    list = std::move(longer);
  }
  SharedSteps result;
  for (const Steps& steps : wanted) {
    const auto found = std::find_if(best.nodes.begin(), best.nodes.end(),
                                    [&](const auto& node) { return equal(node.steps, steps); });
    result.node_of.push_back(
        found == best.nodes.end() ? -1 : static_cast<int>(found - best.nodes.begin()));
  }
  result.nodes = std::move(best.nodes);
  return result;
}

}  // namespace kronwerk::operators
