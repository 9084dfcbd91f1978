// Declared in kronwerk/factors/base/chain.hpp.
#include <algorithm>

#include "factors/algebra/panel_product.hpp"
#include "factors/simple/kernel_factor.hpp"
#include "kronwerk/communication/shared_matrix.hpp"
#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/factors/base/chain.hpp"
#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::factors {
namespace {

constexpr Index panel_width = 64;

// Chains of one kernel matrix give their columns without a product.
const KernelFactor* lone_kernel(const Chain& chain) {
  if (chain.size() != 1 || chain.front().inverse) return nullptr;
  return as_kernel(*chain.front().factor);
}

// Kernel matrices among several links would be evaluated anew for every panel: each is made dense
// first. Collective.
Chain with_dense_kernels(const communication::Communicator& comm, Chain chain) {
  if (chain.size() == 1) return chain;
  for (Link& link : chain) {
    if (link.inverse || link.factor->kind() != Kind::kernel) continue;
    link.factor = materialise(comm, link.factor->name(), {Link{link.factor}});
  }
  return chain;
}

}  // namespace

void for_column_panels(
    const Chain& chain, Index begin, Index end,
    const std::function<void(Index first, Index count, std::span<const double> panel)>& take) {
  constexpr Index width = panel_width;
  if (const KernelFactor* kernel = lone_kernel(chain)) {
    const FactorPtr flipped = kernel->flipped(kernel->name());
    if (chain.front().transposed) kernel = as_kernel(*flipped);
    std::vector<double> panel;
    for (Index first = begin; first < end; first += width) {
      const Index count = std::min(width, end - first);
      panel.resize(static_cast<std::size_t>(kernel->rows() * count));
      kernel->columns(first, count, panel);
      take(first, count, panel);
    }
    return;
  }
  PanelProduct product(chain);
  std::vector<double> unit;
  std::vector<double> panel;
  for (Index first = begin; first < end; first += width) {
    const Index count = std::min(width, end - first);
    unit.assign(static_cast<std::size_t>(cols(chain) * count), 0.0);
    panel.resize(static_cast<std::size_t>(rows(chain) * count));
    for (Index c = 0; c < count; ++c) unit[static_cast<std::size_t>((first + c) * count + c)] = 1;
    product.apply(count, unit, panel);
    take(first, count, panel);
  }
}

FactorPtr materialise(const communication::Communicator& comm, std::string name,
                      const Chain& links) {
  const Chain chain = with_dense_kernels(comm, links);
  factorise(comm, to_factorise(chain));
  communication::SharedDense dense;
  dense.rows = rows(chain);
  dense.cols = cols(chain);
  dense.values = communication::SharedArray<double>(comm, core::multiply(dense.rows, dense.cols));
  // The node's ranks share the panels, whose bounds do not depend on how many ranks there are: a
  // product's rounding may.
  const distribution::BlockPartition part((dense.cols + panel_width - 1) / panel_width,
                                          comm.node().size());
  const int rank = comm.node().rank();
  const auto values = dense.values.mutable_span();
  communication::collectively(comm, [&] {
    for_column_panels(chain, std::min(part.begin(rank) * panel_width, dense.cols),
                      std::min(part.end(rank) * panel_width, dense.cols),
                      [&](Index first, Index count, std::span<const double> panel) {
                        for (Index row = 0; row < dense.rows; ++row) {
                          std::copy_n(panel.data() + row * count, count,
                                      values.data() + row * dense.cols + first);
                        }
                      });
  });
  dense.values.publish();
  return make_dense(std::move(name), std::move(dense));
}

FactorPtr multiply(const communication::Communicator& comm, std::string name, const Chain& chain) {
  const bool inverses =
      std::any_of(chain.begin(), chain.end(), [](const Link& link) { return link.inverse; });
  if (inverses) return materialise(comm, std::move(name), chain);
  std::vector<FactorPtr> plain;
  for (const Link& link : chain) {
    plain.push_back(link.transposed ? transpose(comm, link.factor->name() + "'", link.factor)
                                    : link.factor);
  }
  return multiply(comm, std::move(name), plain);
}

Chain with_square_links(const communication::Communicator& comm, const Chain& chain) {
  Chain result;
  for (auto begin = chain.begin(); begin != chain.end();) {
    auto end = begin + 1;
    while (end != chain.end() && (end - 1)->cols() != begin->rows()) ++end;
    if (end - begin == 1) {
      result.push_back(*begin);
    } else {
      const Chain part(begin, end);
      result.push_back({multiply(comm, product_name(part), part)});
    }
    begin = end;
  }
  return result;
}

}  // namespace kronwerk::factors
