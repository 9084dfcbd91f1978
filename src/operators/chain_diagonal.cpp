#include "chain_diagonal.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kronwerk/communication/shared_matrix.hpp"
#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/factors/make.hpp"

namespace kronwerk::operators {
namespace {

using core::Index;

/// Calls take(first, count, panel) with columns [first, first + count) of the chain's matrix, panel
/// being (rows, count) row-major.
template <typename Take>
void for_column_panels(const factors::Chain& chain, Index begin, Index end, const Take& take) {
  constexpr Index width = 64;
  const factors::LocalProduct product({chain});
  std::vector<double> unit;
  std::vector<double> panel;
  for (Index first = begin; first < end; first += width) {
    const Index count = std::min(width, end - first);
    unit.assign(static_cast<std::size_t>(product.cols() * count), 0.0);
    panel.resize(static_cast<std::size_t>(product.rows() * count));
    for (Index c = 0; c < count; ++c) unit[static_cast<std::size_t>((first + c) * count + c)] = 1;
    product.apply(factors::ConstView::contiguous(unit.data(), 1, product.cols(), count),
                  factors::View::contiguous(panel.data(), 1, product.rows(), count));
    take(first, count, panel);
  }
}

void require_square(const factors::Chain& chain) {
  if (factors::rows(chain) == factors::cols(chain)) return;
  throw core::ShapeError(
      fmt::format("'{}' is {} x {}: a determinant, trace or diagonal takes a square factor",
                  chain.front().factor->name(), factors::rows(chain), factors::cols(chain)));
}

bool plain(const factors::Chain& chain) {
  return chain.size() == 1 && !chain.front().inverse;
}

/// The chain as one dense matrix, once per node. Collective.
factors::FactorPtr materialise(const communication::Communicator& comm,
                               const factors::Chain& chain) {
  const Index n = factors::rows(chain);
  communication::SharedDense dense{n, n, {comm, core::multiply(n, n)}};
  const distribution::BlockPartition part(n, comm.node().size());
  const int rank = comm.node().rank();
  const auto values = dense.values.mutable_span();
  for_column_panels(chain, part.begin(rank), part.end(rank),
                    [&](Index first, Index count, const std::vector<double>& panel) {
                      for (Index row = 0; row < n; ++row) {
                        std::copy_n(panel.data() + row * count, count,
                                    values.data() + row * n + first);
                      }
                    });
  dense.values.publish();
  return factors::make_dense(chain.front().factor->name(), std::move(dense));
}

}  // namespace

std::vector<double> chain_diagonal(const communication::Communicator& comm,
                                   const factors::Chain& chain) {
  require_square(chain);
  if (plain(chain)) return chain.front().factor->diagonal();
  factors::factorise(comm, factors::to_factorise(chain));
  const Index n = factors::rows(chain);
  std::vector<double> diagonal(static_cast<std::size_t>(n), 0.0);
  const distribution::BlockPartition part(n, comm.size());
  for_column_panels(chain, part.begin(comm.rank()), part.end(comm.rank()),
                    [&](Index first, Index count, const std::vector<double>& panel) {
                      for (Index c = 0; c < count; ++c) {
                        diagonal[static_cast<std::size_t>(first + c)] =
                            panel[static_cast<std::size_t>((first + c) * count + c)];
                      }
                    });
  comm.sum(diagonal);
  return diagonal;
}

factors::Determinant chain_determinant(const communication::Communicator& comm,
                                       const factors::Chain& chain) {
  require_square(chain);
  const bool square_links = std::all_of(chain.begin(), chain.end(), [](const auto& link) {
    return link.factor->rows() == link.factor->cols();
  });
  if (!square_links) {
    factors::factorise(comm, factors::to_factorise(chain));
    return chain_determinant(comm, {{materialise(comm, chain), false, false}});
  }
  std::vector<factors::FactorPtr> list;
  for (const auto& link : chain) list.push_back(link.factor);
  factors::factorise(comm, list);
  factors::Determinant result;
  for (const auto& link : chain) {
    const auto determinant = link.factor->factorisation()->determinant();
    result.log_abs += link.inverse ? -determinant.log_abs : determinant.log_abs;
    result.sign *= determinant.sign;
  }
  return result;
}

}  // namespace kronwerk::operators
