// Declared in kronwerk/factors/base/factor.hpp and factors/base/local_factorisation.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <new>
#include <vector>

#include "factors/base/local_factorisation.hpp"
#include "factors/base/node_leaders.hpp"
#include "factors/base/work_split.hpp"
#include "factors/dense/dense_distributed.hpp"
#include "factors/simple/kernel_factor.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/distribution/node_map.hpp"
#include "kronwerk/factors/base/distributed_libraries.hpp"
#include "kronwerk/factors/base/factor.hpp"

namespace kronwerk::factors {

using communication::Communicator;
using communication::SharedArray;

/// The one friend of Factor: what factorise() may do that users may not.
class FactorisationAccess {
 public:
  static std::unique_ptr<LocalFactorisation> begin(const Factor& factor) {
    return factor.begin_factorisation();
  }
  static void attach(const Factor& factor, SharedArray<std::byte> memory) {
    factor.factorisation_ = factor.attach_factorisation(std::move(memory));
  }
};

namespace {

std::atomic<Index> count_of_factorisations{0};

std::string named(const Factor& factor) {
  return fmt::format("the factor '{}' ({} x {})", factor.name(), factor.rows(), factor.cols());
}

// Lists are the same on every rank, so this needs no agreement.
std::vector<const Factor*> without_factorisation(std::span<const FactorPtr> factors) {
  std::vector<const Factor*> pending;
  for (const FactorPtr& factor : factors) {
    if (factor->factorisation() != nullptr) continue;
    if (factor->rows() != factor->cols()) {
      throw core::ShapeError(
          named(*factor) +
          " is not square and has no inverse; only square factors can be solved with");
    }
    if (std::find(pending.begin(), pending.end(), factor.get()) == pending.end()) {
      pending.push_back(factor.get());
    }
  }
  return pending;
}

// Dense factors from this extent on are factorised by all ranks, unless there are enough of them to
// keep the ranks busy side by side.
constexpr Index distributed_extent = 4000;
constexpr double distributed_efficiency = 0.7;

// Takes what all ranks shall factorise together out of the list.
std::vector<const Factor*> take_distributed(const Communicator& comm,
                                            std::vector<const Factor*>& pending) {
  const auto is_large = [](const Factor* factor) {
    return (factor->kind() == Kind::dense || factor->kind() == Kind::kernel) &&
           factor->rows() >= distributed_extent;
  };
  std::vector<double> works;
  for (const Factor* factor : pending) {
    if (is_large(factor)) works.push_back(std::pow(static_cast<double>(factor->rows()), 3));
  }
  std::vector<const Factor*> result;
  if (works.empty()) return result;
  if (!has_scalapack() || !faster_together(works, comm.size(), distributed_efficiency))
    return result;
  for (const Factor* factor : pending) {
    if (is_large(factor)) result.push_back(factor);
  }
  std::erase_if(pending, is_large);
  return result;
}

// Collective.
SharedArray<std::byte> factorise_together(const Communicator& comm, const Factor& factor) {
  if (const auto* dense = dynamic_cast<const DenseFactor*>(&factor)) {
    return factorise_distributed(comm, *dense);
  }
  const FactorPtr copy = as_kernel(factor)->materialised(comm);
  return factorise_distributed(comm, static_cast<const DenseFactor&>(*copy));
}

// A std::bad_alloc becomes an error that can be agreed on and tells which factor was too large.
template <typename Work>
void guarded(const Factor& factor, const Work& work) {
  try {
    work();
  } catch (const std::bad_alloc&) {
    throw core::ResourceError("memory is short for the factorisation of " + named(factor) +
                              "; run fewer ranks per node or on nodes with more memory");
  }
}

}  // namespace

void throw_singular(const Factor& factor, double reciprocal_condition) {
  throw_singular(factor.name(), factor.rows(), reciprocal_condition);
}

void throw_singular(const std::string& name, Index extent, double reciprocal_condition) {
  throw core::SingularError(fmt::format(
      "the factor '{}' ({} x {}) is singular to working precision (reciprocal condition {:.1e}); a "
      "system with it has no unique solution: change its parameters or its matrix (I - rho*W with "
      "row-normalised W is singular at rho = 1)",
      name, extent, extent, reciprocal_condition));
}

void factorise(const Communicator& comm, std::span<const FactorPtr> factors) {
  std::vector<const Factor*> pending = without_factorisation(factors);
  if (pending.empty()) return;
  for (const Factor* factor : take_distributed(comm, pending)) {
    FactorisationAccess::attach(*factor, factorise_together(comm, *factor));
    ++count_of_factorisations;
  }
  if (pending.empty()) return;
  // Each once in the whole job; the other nodes are sent what its owner finds.
  const NodeLeaders leaders(comm);
  const auto owner_of = [&](std::size_t i) {
    const auto turns = comm.nodes().by_turns();
    return turns[i % turns.size()];
  };
  const auto is_owner = [&](std::size_t i) { return owner_of(i) == comm.rank(); };

  std::vector<std::unique_ptr<LocalFactorisation>> begun(pending.size());
  communication::collectively(comm, [&] {
    for (std::size_t i = 0; i < pending.size(); ++i) {
      if (is_owner(i))
        guarded(*pending[i], [&] { begun[i] = FactorisationAccess::begin(*pending[i]); });
    }
  });

  std::vector<Index> bytes(pending.size(), 0);
  for (std::size_t i = 0; i < pending.size(); ++i) {
    if (begun[i]) bytes[i] = core::narrow<Index>(begun[i]->bytes());
  }
  comm.sum(std::span(bytes));
  std::vector<SharedArray<std::byte>> memory(pending.size());
  for (std::size_t i = 0; i < pending.size(); ++i) {
    if (bytes[i] > 0) memory[i] = SharedArray<std::byte>(comm, bytes[i]);
  }

  communication::collectively(comm, [&] {
    for (std::size_t i = 0; i < pending.size(); ++i) {
      if (begun[i]) guarded(*pending[i], [&] { begun[i]->store(memory[i].mutable_span().data()); });
    }
  });
  for (std::size_t i = 0; i < pending.size(); ++i) {
    begun[i].reset();
    memory[i].publish();
    if (leaders.several_nodes() && bytes[i] > 0) {
      leaders.broadcast(memory[i].mutable_span(), owner_of(i));
      memory[i].publish();
    }
    FactorisationAccess::attach(*pending[i], std::move(memory[i]));
    ++count_of_factorisations;
  }
}

Index factorisation_count() noexcept {
  return count_of_factorisations.load();
}

}  // namespace kronwerk::factors
