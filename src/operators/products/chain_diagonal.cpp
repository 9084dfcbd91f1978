#include "operators/products/chain_diagonal.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kronwerk/distribution/partition.hpp"

namespace kronwerk::operators {
namespace {

using core::Index;

void require_square(const factors::Chain& chain) {
  if (factors::rows(chain) == factors::cols(chain)) return;
  throw core::ShapeError(
      fmt::format("'{}' is {} x {}: a determinant, trace or diagonal takes a square factor",
                  chain.front().factor->name(), factors::rows(chain), factors::cols(chain)));
}

bool plain(const factors::Chain& chain) {
  return chain.size() == 1 && !chain.front().inverse;
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
  communication::collectively(comm, [&] {
    factors::for_column_panels(chain, part.begin(comm.rank()), part.end(comm.rank()),
                               [&](Index first, Index count, std::span<const double> panel) {
                                 for (Index c = 0; c < count; ++c) {
                                   diagonal[static_cast<std::size_t>(first + c)] =
                                       panel[static_cast<std::size_t>((first + c) * count + c)];
                                 }
                               });
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
    const auto explicit_matrix = factors::materialise(comm, chain.front().factor->name(), chain);
    return chain_determinant(comm, {{explicit_matrix, false, false}});
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
