// What the task `project` is given: found out from shapes alone.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "application/tasks/project_task.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {
namespace {

using configuration::Job;
using configuration::ProjectionSource;
using configuration::ProjectionTarget;
using Kind = ProjectionInput::Kind;

constexpr double bytes_per_block = 128e6;
/// More would cost more than the Gram matrices of the modes.
constexpr Index most_compared_samples = 1024;

class Examination {
 public:
  Examination(const Job& job, const io::DatasetInfo& info)
      : request_(*job.projection), shape_(info.shape) {
    input_.extents = request_.extents.value;
    points_ = core::product(input_.extents);
    name_ = fmt::format("{}: 'input' {}:{}", job.where(job.input->position), info.location.file,
                        info.location.dataset);
    if (info.sparse) throw core::DataError(name_ + " is a sparse matrix; expected a dataset");
  }

  ProjectionInput examine() {
    input_.columns = points_;
    if (request_.onto == ProjectionTarget::kron) {
      examine_product();
    } else if (request_.of == ProjectionSource::gram) {
      examine_samples();
    } else if (shape_ == input_.extents || shape_ == Extents{points_}) {
      input_.kind = Kind::vector;
    } else if (shape_ == Extents{points_, points_}) {
      input_.kind = Kind::matrix;
      input_.rows = points_;
    } else {
      fail(expected_data());
    }
    return input_;
  }

 private:
  void examine_product() {
    input_.kind = Kind::matrix;
    input_.rows = points_;
    input_.columns = core::product(request_.columns);
    if (shape_ == Extents{input_.rows, input_.columns}) return;
    const char* what = shape_.size() == 2 ? "" : " ('onto: kron' approximates matrices)";
    fail(fmt::format("expected a matrix of {} x {}{}", input_.rows, input_.columns, what));
  }

  void examine_samples() {
    input_.kind = Kind::samples;
    const auto reading = find_shape(shape_, input_.extents);
    if (!reading) {
      fail(fmt::format("expected m samples, (m x {}) or (m x {}), or one without m", points_,
                       core::to_text(input_.extents)));
    }
    input_.samples = reading->count;
  }

  std::string expected_data() const {
    const Index values = core::product(shape_);
    std::string text = fmt::format("expected ({}) or ({}) for a vector, ({} x {}) for a matrix",
                                   points_, core::to_text(input_.extents), points_, points_);
    if (shape_.size() == 1 && points_ <= values / points_ && values == points_ * points_) {
      text += fmt::format(
          "; as many values as a matrix has, but in one dimension: a vector where a "
          "matrix is meant? Store it as ({} x {})",
          points_, points_);
    } else if (shape_.size() == 2 && shape_[0] != shape_[1] &&
               (shape_[0] == points_ || shape_[1] == points_)) {
      text += "; a matrix to project must be square. For samples, set 'of: gram'";
    }
    return text;
  }

  [[noreturn]] void fail(const std::string& expected) const {
    throw core::ShapeError(
        fmt::format("{} has the shape ({}), {} values, but 'extents' ({}) make a "
                    "grid of {} points: {}",
                    name_, core::to_text(shape_), core::format_count(core::product(shape_)),
                    core::to_text(input_.extents), core::format_count(points_), expected));
  }

  const configuration::ProjectionRequest& request_;
  Extents shape_;
  Index points_ = 1;
  std::string name_;
  ProjectionInput input_;
};

double squares_of(const Extents& extents) {
  double sum = 0;
  for (const Index n : extents) sum += static_cast<double>(n) * static_cast<double>(n);
  return sum;
}

/// What is computed, and how.
Plan::Lines describe(const Job& job, const ProjectionInput& input, int ranks) {
  Plan::Lines lines{{"input", input.text()}};
  if (job.projection->onto == configuration::ProjectionTarget::kron) {
    lines.emplace_back("onto", "the nearest Kronecker product of two factors");
    lines.emplace_back("passes", "two over the matrix per Lanczos step, one for the error");
    lines.emplace_back("exchanges", "0; two reductions of a factor's size per step");
    return lines;
  }
  lines.emplace_back("onto", "the nearest Kronecker sum");
  lines.emplace_back("passes", "one over the data, in blocks");
  if (input.kind == Kind::samples) {
    const auto blocks = (input.samples + input.samples_per_block - 1) / input.samples_per_block;
    double flops = 0;
    for (const Index n : input.extents) flops += static_cast<double>(n);
    flops *= static_cast<double>(input.columns) * static_cast<double>(input.samples) / ranks;
    lines.emplace_back("blocks", fmt::format("{} of {} samples", core::format_count(blocks),
                                             core::format_count(input.samples_per_block)));
    lines.emplace_back("exchanges", "at most 1 per block; one reduction for all modes");
    lines.emplace_back("flops", fmt::format("{:.3g} per rank", flops));
  } else {
    lines.emplace_back("exchanges", "0; one reduction for all factors");
  }
  return lines;
}

}  // namespace

std::string ProjectionInput::text() const {
  const std::string grid = fmt::format("grid {} ({} points)", core::to_text(extents),
                                       core::format_count(core::product(extents)));
  switch (kind) {
    case Kind::vector:
      return fmt::format("a vector on the {}", grid);
    case Kind::matrix:
      return fmt::format("a matrix of {} x {}, {}", core::format_count(rows),
                         core::format_count(columns), grid);
    case Kind::samples:
      break;
  }
  return fmt::format("{} {} on the {}", core::format_count(samples),
                     samples == 1 ? "sample" : "samples", grid);
}

ProjectionInput examine_projection(const communication::Communicator& comm, const Job& job,
                                   int ranks) {
  io::DatasetInfo info;
  info.shape = job.projection->extents.value;
  info.location = {"random", "numbers"};
  if (const auto* dataset = std::get_if<configuration::DatasetReference>(&job.input->source)) {
    info = io::inspect(comm, to_location(*dataset));
  }
  ProjectionInput input = Examination(job, info).examine();
  if (input.kind == Kind::samples) {
    const double sample_bytes = 8 * static_cast<double>(input.columns) / ranks;
    const auto fitting = static_cast<Index>(std::clamp(bytes_per_block / sample_bytes, 1.0, 1e15));
    input.samples_per_block = std::clamp<Index>(fitting, 1, input.samples);
    input.compare_samples =
        input.samples_per_block == input.samples && input.samples <= most_compared_samples;
  }
  return input;
}

methods::MemoryNeeds estimate_projection_memory(const Job& job, const ProjectionInput& input,
                                                int ranks, int nodes) {
  methods::MemoryNeeds needs;
  needs.ranks = ranks;
  needs.nodes = nodes;
  needs.base_bytes_per_rank = 150e6;
  const double points = static_cast<double>(input.columns);
  double factors = 0;
  if (input.kind == Kind::vector) {
    const auto values = std::accumulate(input.extents.begin(), input.extents.end(), Index{0});
    needs.vector_bytes_per_rank = 8 * points / ranks;
    factors = 64 * static_cast<double>(values);
  } else if (job.projection->onto == configuration::ProjectionTarget::kron) {
    needs.vector_bytes_per_rank = 8 * static_cast<double>(input.rows) * points / ranks;
    for (std::size_t side = 0; side < 2; ++side) {
      factors += 8 * 24 * static_cast<double>(input.extents[side]) *
                 static_cast<double>(job.projection->columns[side]);
    }
  } else if (input.kind == Kind::matrix) {
    needs.vector_bytes_per_rank =
        std::max(8 * points, std::min(bytes_per_block, 8 * points * points / ranks)) +
        16 * points / ranks;
    factors = 72 * squares_of(input.extents);
  } else {
    needs.batch = input.samples_per_block;
    needs.vector_bytes_per_rank = 2 * 8 * points * static_cast<double>(needs.batch) / ranks;
    factors = 24 * squares_of(input.extents);
  }
  needs.vector_bytes_per_rank += factors;
  return needs;
}

Plan plan_projection_job(const PlanRequest& request) {
  const ProjectionInput input = examine_projection(request.comm, request.job, request.ranks);
  return {describe(request.job, input, request.ranks),
          {},
          estimate_projection_memory(request.job, input, request.ranks, request.nodes)};
}

}  // namespace kronwerk::application
