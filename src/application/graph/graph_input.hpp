#pragma once

#include <string>
#include <vector>

#include "application/session/job_context.hpp"
#include "kronwerk/core/extents.hpp"

namespace kronwerk::application {

using core::Extents;
using core::Index;

/// What a graph is estimated from, found out from shapes alone.
struct GraphInput {
  Extents extents;      ///< (n_1, …, n_K)
  bool given = false;   ///< the Grams are given, not the samples
  Index samples = 1;    ///< m
  Index held_out = 0;   ///< samples
  Index per_block = 1;  ///< samples that are read together
  /// Of every mode; empty where the data have none.
  std::vector<std::vector<std::string>> ids;

  std::string text() const;
  /// "row 5 ('05-31')" of a mode, counted from 1.
  std::string row_text(std::size_t mode, Index row) const;
};

/// Checks the shapes and ids of everything that the job names. Collective.
/// @throws ShapeError, DataError, ConfigurationError on every rank
GraphInput examine_graph(const communication::Communicator& comm, const configuration::Job& job,
                         int ranks);

methods::MemoryNeeds estimate_graph_memory(const GraphInput& input, int ranks, int nodes);

/// The dataset of one mode below a group, such as /gram/2; nothing if `optional` and not there.
/// Collective. @throws ShapeError unless it is n_k x n_k
std::optional<io::DatasetInfo> matrix_of_mode(const communication::Communicator& comm,
                                              const configuration::DatasetReference& group,
                                              const Extents& extents, std::size_t mode,
                                              bool optional);

}  // namespace kronwerk::application
