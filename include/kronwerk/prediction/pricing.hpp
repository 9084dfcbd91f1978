#pragma once

#include <span>
#include <string>
#include <vector>

#include "kronwerk/configuration/machine.hpp"
#include "kronwerk/distribution/estimate.hpp"

namespace kronwerk::prediction {

using core::Index;

/// The ranks that a time is predicted for. Nodes are filled one after the other.
struct Ranks {
  int count = 1;
  int per_node = 1;  ///< at most `count`
  int threads = 1;   ///< of BLAS, per rank

  int nodes() const { return (count + per_node - 1) / per_node; }
};

/// Seconds of the busiest rank, by what they go to.
struct Cost {
  double arithmetic = 0;  ///< flops, with the memory that they stream
  double memory = 0;      ///< copies, sums and first touches
  double exchange = 0;    ///< bytes between ranks
  double latency = 0;     ///< messages and reductions, whatever their size
  double files = 0;
  double fixed = 0;  ///< what no rank is spared

  double total() const { return arithmetic + memory + exchange + latency + files + fixed; }
  Cost& operator+=(const Cost& other);
  friend Cost operator+(Cost a, const Cost& b) { return a += b; }
  friend Cost operator*(double factor, Cost cost);
};

/// How a factor acts along its mode.
enum class Action { dense, sparse, substitution, diagonal };

/// One matrix (or its inverse) of a mode.
struct ModeAction {
  Action action = Action::dense;
  double flops_per_fibre = 0;
};

/// The chain of one mode; no actions: the identity.
struct PricedMode {
  Index rows = 1;
  Index cols = 1;
  std::vector<ModeAction> actions;

  bool identity() const { return actions.empty(); }
  double flops_per_fibre() const;
};

std::vector<distribution::ModeCost> costs_of(std::span<const PricedMode> modes);

/// The prices of amounts of work on a machine, for one choice of ranks. Pure.
class Pricing {
 public:
  /// @param machine  must outlive this
  /// @throws ConfigurationError if the machine file has no prices of messages that so many ranks
  /// need
  Pricing(const configuration::Machine& machine, Ranks ranks);

  const Ranks& ranks() const noexcept { return ranks_; }
  const configuration::Machine& machine() const noexcept { return *machine_; }

  /// Of `size` things that the ranks share, those of the busiest.
  double largest_part(Index size) const;
  /// A rate of one rank while all of its node are busy.
  double rate(const configuration::Rate& rate) const;
  /// The same of a table, in the table's unit, interpolated in the seconds per flop.
  double rate(const configuration::RateTable& table, double size) const;

  /// One chain along its mode of a block of `values` values.
  Cost along_mode(const PricedMode& mode, double values, bool last) const;
  /// y += a x and the like, by the bytes read and written.
  Cost stream(double bytes) const;
  /// The same of bytes in a core's cache.
  Cost cached(double bytes) const;
  /// Memory that a job has given back before, or for the first time.
  Cost touch_again(double bytes) const;
  Cost touch(double bytes) const;
  Cost touch_shared(double bytes) const;
  /// One way between home and away of a block of `bytes`, of which every rank gets its part.
  /// @param rows  of the block, which travel some at a time
  Cost redistribution(double bytes, double rows) const;
  /// What a rank sends to those that need its rows, with as much that it receives.
  Cost neighbour_exchange(double bytes) const;
  /// `count` sums of one number over all ranks.
  Cost reductions(double count) const;
  Cost reduction_of(double bytes) const;
  Cost random_numbers(double count) const;
  Cost checks(double count) const;
  /// A file's bytes, spread over the ranks.
  Cost read(double bytes_of_all) const;
  /// A result of so many bytes, from its creation to its flush.
  Cost write(double bytes_of_all) const;
  /// Metadata of so many datasets.
  Cost inspect(double count) const;
  /// @param relative  what one costs, compared with the one that is measured
  Cost pairs(double count, double relative) const;
  /// A block of so many bytes from rank to rank until every one had it.
  Cost ring(double bytes) const;
  /// Sent to every rank, once per node.
  Cost broadcast(double bytes) const;
  /// Symmetric eigenproblems of these extents: side by side, or large ones by all ranks.
  Cost eigenproblems(std::span<const double> extents, bool vectors) const;
  Cost dgemm(double flops, double extent) const;
  Cost sparse_factorisations(std::span<const double> entries) const;

 private:
  double reduction_seconds(double ranks) const;

  const configuration::Machine* machine_;
  Ranks ranks_;
};

}  // namespace kronwerk::prediction
