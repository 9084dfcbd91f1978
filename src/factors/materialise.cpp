#include <algorithm>

#include "kronwerk/communication/shared_matrix.hpp"
#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/factors/chain.hpp"
#include "kronwerk/factors/make.hpp"

namespace kronwerk::factors {

void for_column_panels(
    const Chain& chain, Index begin, Index end,
    const std::function<void(Index first, Index count, std::span<const double> panel)>& take) {
  constexpr Index width = 64;
  const LocalProduct product({chain});
  std::vector<double> unit;
  std::vector<double> panel;
  for (Index first = begin; first < end; first += width) {
    const Index count = std::min(width, end - first);
    unit.assign(static_cast<std::size_t>(product.cols() * count), 0.0);
    panel.resize(static_cast<std::size_t>(product.rows() * count));
    for (Index c = 0; c < count; ++c) unit[static_cast<std::size_t>((first + c) * count + c)] = 1;
    product.apply(ConstView::contiguous(unit.data(), 1, product.cols(), count),
                  View::contiguous(panel.data(), 1, product.rows(), count));
    take(first, count, panel);
  }
}

FactorPtr materialise(const communication::Communicator& comm, std::string name,
                      const Chain& chain) {
  factorise(comm, to_factorise(chain));
  communication::SharedDense dense;
  dense.rows = rows(chain);
  dense.cols = cols(chain);
  dense.values = communication::SharedArray<double>(comm, core::multiply(dense.rows, dense.cols));
  // The node's ranks share the columns.
  const distribution::BlockPartition part(dense.cols, comm.node().size());
  const int rank = comm.node().rank();
  const auto values = dense.values.mutable_span();
  for_column_panels(chain, part.begin(rank), part.end(rank),
                    [&](Index first, Index count, std::span<const double> panel) {
                      for (Index row = 0; row < dense.rows; ++row) {
                        std::copy_n(panel.data() + row * count, count,
                                    values.data() + row * dense.cols + first);
                      }
                    });
  dense.values.publish();
  return make_dense(std::move(name), std::move(dense));
}

}  // namespace kronwerk::factors
