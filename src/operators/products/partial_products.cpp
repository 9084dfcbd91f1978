// See src/MATHEMATICS.md, "Sums of products".
#include "operators/products/partial_products.hpp"

#include <algorithm>

#include "kronwerk/factors/base/scratch.hpp"
#include "operators/products/partial_products_plan.hpp"
#include "operators/products/weighted_views.hpp"

namespace kronwerk::operators {

using factors::ConstView;
using factors::View;

LocalCombination::LocalCombination(const std::vector<std::vector<Term>>& outputs) {
  std::vector<Steps> wanted;
  std::vector<Index> extents;
  for (const auto& terms : outputs) {
    for (const Term& term : terms) {
      if (extents.empty()) {
        for (const auto& chain : term.chains) {
          extents.push_back(factors::cols(chain));
          cols_ = core::multiply(cols_, factors::cols(chain));
          rows_ = core::multiply(rows_, factors::rows(chain));
        }
      }
      wanted.push_back(steps_of(term.chains));
    }
  }
  SharedSteps shared = share_steps(wanted, extents);
  for (auto& node : shared.nodes) {
    if (node.source >= 0) ++nodes_[static_cast<std::size_t>(node.source)].users;
    nodes_.push_back({node.source, std::move(node.product), 0});
  }
  std::size_t next = 0;
  for (const auto& terms : outputs) {
    auto& shares = outputs_.emplace_back();
    for (const Term& term : terms) {
      const int node = shared.node_of[next++];
      if (node >= 0) ++nodes_[static_cast<std::size_t>(node)].users;
      shares.push_back({node, term.weight});
    }
  }
}

bool LocalCombination::is_input(std::size_t o) const {
  const auto& shares = outputs_[o];
  return shares.size() == 1 && shares.front().node < 0 && shares.front().weight == 1.0;
}

Index LocalCombination::piece(Index available) const {
  constexpr Index largest_buffers = Index{4} << 20;  // doubles
  Index preferred = 1;
  Index doubles = cols_ + static_cast<Index>(outputs_.size()) * rows_;
  for (const Node& node : nodes_) {
    preferred = std::max(preferred, node.product.preferred_fibres());
    doubles += node.product.rows();
  }
  if (nodes_.empty()) preferred = Index{1} << 14;
  const Index bounded = std::min(preferred, largest_buffers / std::max<Index>(1, doubles));
  return std::max<Index>(1, std::min(bounded, available));
}

bool LocalCombination::computed_in_place(std::size_t node, const Output& output, std::size_t o,
                                         bool alias) const {
  const auto& shares = outputs_[o];
  return shares.size() == 1 && shares.front().node == static_cast<int>(node) &&
         shares.front().weight == 1.0 && nodes_[node].users == 1 && !output.accumulate &&
         (!alias || (nodes_[node].source < 0 && nodes_[node].product.works_in_place() &&
                     outputs_.size() == 1));
}

void LocalCombination::apply(ConstView x, std::span<const Output> outputs) const {
  const Index fibres = x.left * x.right;
  Index doubles = 0;
  for (const Node& node : nodes_) doubles += fibres * node.product.rows();
  double* memory = factors::scratch(factors::Scratch::chunk, doubles);
  std::vector<ConstView> results;
  std::vector<bool> finished(outputs.size(), false);
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    const Node& node = nodes_[n];
    View target = View::contiguous(memory, x.left, node.product.rows(), x.right);
    memory += fibres * node.product.rows();
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      if (!computed_in_place(n, outputs[o], o, outputs[o].view.data == x.data)) continue;
      target = outputs[o].view;
      finished[o] = true;
    }
    node.product.apply(node.source < 0 ? x : results[static_cast<std::size_t>(node.source)],
                       target);
    results.push_back(target);
  }
  // What is written over x comes last.
  for (const bool over_input : {false, true}) {
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      if (finished[o] || (outputs[o].view.data == x.data) != over_input) continue;
      std::vector<WeightedView> sources;
      for (const Share& share : outputs_[o]) {
        const ConstView view = share.node < 0 ? x : results[static_cast<std::size_t>(share.node)];
        sources.push_back({share.weight, view});
      }
      combine(sources, outputs[o].view, outputs[o].accumulate);
    }
  }
}

}  // namespace kronwerk::operators
