#include "application/graph/graph_input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <variant>

#include "application/inputs/id_check.hpp"
#include "application/inputs/problem.hpp"
#include "application/inputs/vector_shape.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {
namespace {

using configuration::Centre;
using configuration::Job;

constexpr double bytes_per_block = 128e6;
/// Matrices of n_k x n_k that an estimate keeps of every mode.
constexpr double matrices_per_mode = 24;

class Examination {
 public:
  Examination(const communication::Communicator& comm, const Job& job) : comm_(comm), job_(job) {
    input_.extents = job.graph->extents.value;
  }

  GraphInput examine(int ranks) {
    const auto& request = *job_.graph;
    if (request.grams) {
      input_.given = true;
      input_.samples = request.grams->samples;
      add_matrices("grams", request.grams->group, false);
    } else {
      input_.samples = count_samples("input", *job_.input);
    }
    if (request.held_out) input_.held_out = count_samples("held_out", *request.held_out);
    if (request.weights) add_matrices("weights", request.weights->value, true);
    if (request.centre == Centre::samples && input_.samples == 1) {
      throw core::ConfigurationError(
          fmt::format("{}: 'centre: samples' takes the mean over the samples from each, and there "
                      "is one, of which nothing would be left; give several, or 'centre: mean'",
                      job_.file));
    }
    input_.ids = check_ids(comm_, job_, input_.extents.size(), uses_);
    const double sample_bytes = 8 * static_cast<double>(core::product(input_.extents)) / ranks;
    input_.per_block =
        std::clamp<Index>(static_cast<Index>(std::clamp(bytes_per_block / sample_bytes, 1.0, 1e15)),
                          1, std::max(input_.samples, input_.held_out));
    return input_;
  }

 private:
  Index count_samples(const char* what, const configuration::VectorSource& source) {
    const auto* dataset = std::get_if<configuration::DatasetReference>(&source.source);
    if (dataset == nullptr) return 1;
    const io::DatasetInfo info = io::inspect(comm_, to_location(*dataset));
    const Index points = core::product(input_.extents);
    const Extents& shape = info.shape;
    if (const auto reading = find_shape(shape, input_.extents)) {
      // Samples that are one axis say nothing about the ids of several modes.
      if (reading->flat && input_.extents.size() > 1) return reading->count;
      std::vector<int> modes(input_.extents.size());
      std::iota(modes.begin(), modes.end(), 0);
      if (reading->several) modes.insert(modes.begin(), -1);
      uses_.push_back({fmt::format("'{}'", what), info, modes});
      return reading->count;
    }
    throw core::ShapeError(fmt::format(
        "{}: '{}' {}:{} has the shape ({}), but 'extents' ({}) make a grid of {} points: expected "
        "m samples, (m x {}) or (m x {}), or one without m",
        job_.where(source.position), what, dataset->file, dataset->dataset, core::to_text(shape),
        core::to_text(input_.extents), core::format_count(points), core::to_text(input_.extents),
        points));
  }

  void add_matrices(const char* what, const configuration::DatasetReference& group, bool optional) {
    bool any = false;
    for (std::size_t k = 0; k < input_.extents.size(); ++k) {
      const auto info = matrix_of_mode(comm_, group, input_.extents, k, optional);
      if (!info) continue;
      any = true;
      const int mode = static_cast<int>(k);
      uses_.push_back({fmt::format("'{}' of mode {}", what, k + 1), *info, {mode, mode}});
    }
    if (any) return;
    throw core::DataError(fmt::format(
        "{}:{}: has none of the datasets 1 to {}; expected a matrix of n_k x n_k for some mode k",
        group.file, group.dataset, input_.extents.size()));
  }

  const communication::Communicator& comm_;
  const Job& job_;
  GraphInput input_;
  std::vector<AlongModes> uses_;
};

}  // namespace

std::string GraphInput::text() const {
  const std::string grid = fmt::format("grid {} ({} points)", core::to_text(extents),
                                       core::format_count(core::product(extents)));
  const std::string count =
      fmt::format("{} {}", core::format_count(samples), samples == 1 ? "sample" : "samples");
  std::string text = given ? fmt::format("Grams of {} on the {}", count, grid)
                           : fmt::format("{} on the {}", count, grid);
  if (held_out > 0) text += fmt::format(", {} held out", core::format_count(held_out));
  return text;
}

std::string GraphInput::row_text(std::size_t mode, Index row) const {
  const auto& names = ids[mode];
  const std::string name =
      names.empty() ? "" : fmt::format(" ('{}')", names[static_cast<std::size_t>(row)]);
  return fmt::format("row {}{}", row + 1, name);
}

std::optional<io::DatasetInfo> matrix_of_mode(const communication::Communicator& comm,
                                              const configuration::DatasetReference& group,
                                              const Extents& extents, std::size_t mode,
                                              bool optional) {
  io::Location location = to_location(group);
  location.dataset = fmt::format("{}/{}", group.dataset, mode + 1);
  if (optional && !io::holds(comm, location)) return std::nullopt;
  const io::DatasetInfo info = io::inspect(comm, location);
  const Index n = extents[mode];
  if (!info.sparse && info.shape == Extents{n, n}) return info;
  throw core::ShapeError(fmt::format(
      "{}:{} {} ({}); mode {} of 'extents' ({}) has the extent {}: expected a dataset of {} x {}",
      location.file, location.dataset, info.sparse ? "is a sparse matrix" : "has the shape",
      core::to_text(info.shape), mode + 1, core::to_text(extents), n, n, n));
}

GraphInput examine_graph(const communication::Communicator& comm, const Job& job, int ranks) {
  check_names(job);
  return Examination(comm, job).examine(ranks);
}

methods::MemoryNeeds estimate_graph_memory(const GraphInput& input, int ranks, int nodes) {
  methods::MemoryNeeds needs;
  needs.ranks = ranks;
  needs.nodes = nodes;
  needs.base_bytes_per_rank = methods::base_bytes_per_rank;
  needs.batch = input.per_block;
  const double points = static_cast<double>(core::product(input.extents)) / ranks;
  double squares = 0;
  for (const Index n : input.extents) squares += static_cast<double>(n) * static_cast<double>(n);
  const double block =
      input.given && input.held_out == 0 ? 0 : 3 * static_cast<double>(input.per_block);
  needs.vector_bytes_per_rank = 8 * points * (block + 2) + 8 * matrices_per_mode * squares;
  return needs;
}

}  // namespace kronwerk::application
