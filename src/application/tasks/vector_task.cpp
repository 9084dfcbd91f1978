#include "application/tasks/vector_task.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "application/inputs/workload.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

VectorReader make_input_reader(const communication::Communicator& comm, const Problem& problem) {
  const auto& extents = problem.job.task == configuration::Task::solve ? problem.sum.row_extents
                                                                       : problem.sum.col_extents;
  return {comm, problem.job, *problem.job.input, "input", extents};
}

}  // namespace

void check_count(const VectorReader& reader, Index count, const std::string& what) {
  if (reader.shape().count == count) return;
  throw core::ShapeError(fmt::format("'{}' holds {} vectors, but 'input' holds {}", what,
                                     reader.shape().count, count));
}

std::optional<VectorReader> open_initial_guess(const communication::Communicator& comm,
                                               const configuration::Job& job,
                                               const core::Extents& extents, Index count) {
  constexpr const char* key = "solver.initial_guess";
  const auto& given = job.solver.initial_guess;
  if (!given) return std::nullopt;
  std::optional<VectorReader> guess;
  guess.emplace(comm, job, configuration::VectorSource{given->value, {}, given->position}, key,
                extents);
  check_count(*guess, count, key);
  return guess;
}

void warn_of_idle_guess(Stages& stages, const std::string& method) {
  stages.warn("'solver.initial_guess' is for iterations, and of no use here: the method is " +
              method);
}

Index count_inputs(const communication::Communicator& comm, const Problem& problem) {
  const auto task = problem.job.task;
  if (task == configuration::Task::assemble) return core::product(problem.sum.row_extents);
  const auto& with_input = configuration::find_entry("input")->tasks;
  if (std::ranges::find(with_input, task) == with_input.end()) return 1;
  return make_input_reader(comm, problem).shape().count;
}

VectorTask::VectorTask(TaskContext& context)
    : context_(context), input_reader_(make_input_reader(context.comm, context.problem)) {
  const Problem& problem = context.problem;
  output_shape_ = input_reader_.shape();
  if (job().gradient && job().gradient->cotangent.kind == configuration::CotangentKind::dataset) {
    const auto& cotangent = job().gradient->cotangent;
    cotangent_reader_.emplace(
        comm(), job(),
        configuration::VectorSource{cotangent.dataset, configuration::Transform::none,
                                    cotangent.position},
        "gradient.cotangent", problem.sum.row_extents);
    check_count(*cotangent_reader_, count(), "gradient.cotangent");
  }
  if (job().tangent && job().tangent->input) {
    direction_reader_.emplace(comm(), job(), *job().tangent->input, "tangent.input",
                              problem.sum.col_extents);
    check_count(*direction_reader_, count(), "tangent.input");
  }
  batch_ = choose_batch(problem, workload_of(problem, count()), comm().size());
}

void VectorTask::run() {
  KeptBlocks blocks(context_, count() == 1 ? "vector" : "vectors", count(), declare_datasets(),
                    {&result_statistics_});
  Index first = blocks.resume();
  if (first > 0) resume_sums();
  for (; first < count(); first += batch_) {
    const Index size = std::min(batch_, count() - first);
    last_block_ = first + size == count();
    run_block(first, size);
    // The last one is done again rather than a report without a solver.
    if (last_block_) break;
    keep_sums();
    blocks.finish(first + size);
  }
  finish();
  write_gradients();
}

void VectorTask::run_block(Index first, Index size) {
  Stages& stages = context_.stages;
  const Index blocks = (count() + batch_ - 1) / batch_;
  if (blocks > 1) stages.progress().set("batch", first / batch_ + 1, blocks);
  if (size != built_) {
    stages.run(job().task == configuration::Task::solve ? "factorise" : "build",
               [&] { build(size); });
    built_ = size;
  }
  stages.run("allocate", [&] {
    resize(result_, output_layout());
    if (!takes_fibres()) resize(input_, input_layout());
  });
  stages.run("read", [&] {
    if (takes_fibres()) {
      fibres_ = input_reader_.read_fibres(first, input_layout());
      return;
    }
    input_reader_.read(first, input_layout(), input_);
  });
  report_stage("read",
               fmt::format("{} {} of {} points", count(), count() == 1 ? "vector" : "vectors",
                           core::format_count(input_layout().size() / size)));
  compute(first);
  stages.run("check", [&] {
    check_finite(comm(), result_, "/result");
    result_statistics_.add(result_);
  });
  stages.run("write", [&] { write("/result", first, output_layout(), result_); });
  if (job().tangent) {
    stages.run("tangent", [&] { tangent(first); });
    report_stage("tangent", "written to /tangent");
  }
  if (job().gradient) {
    stages.run("gradient", [&] { gradient(first); });
    report_stage("gradient", fmt::format("by {} parameters{}", job().gradient->parameters.size(),
                                         job().gradient->input ? " and the input" : ""));
  }
}

void VectorTask::keep_sums() {
  Checkpoint& checkpoint = context_.checkpoint;
  for (const auto& [name, value] : gradients_) checkpoint.set("gradient " + name, {value});
  keep(checkpoint);
}

void VectorTask::resume_sums() {
  const Checkpoint& checkpoint = context_.checkpoint;
  resume(checkpoint);
  if (!job().gradient) return;
  for (const auto& parameter : job().gradient->parameters) {
    const auto* value = checkpoint.numbers("gradient " + parameter.value);
    if (value != nullptr) gradients_[parameter.value] = value->at(0);
  }
}

void VectorTask::report_stage(const std::string& name, const std::string& detail) {
  if (last_block_) context_.stages.report(name, detail);
}

std::vector<KeptBlocks::Dataset> VectorTask::declare_datasets() {
  const auto& sum = context_.problem.sum;
  std::vector<KeptBlocks::Dataset> datasets;
  const auto declare = [&](const char* path, const VectorShape& shape, const Extents& grid) {
    context_.file.create_dataset(path, dataset_shape(shape, grid));
    datasets.push_back({path, core::product(grid)});
  };
  context_.stages.run("write", [&] {
    declare("/result", output_shape_, sum.row_extents);
    if (job().tangent) declare("/tangent", output_shape_, sum.row_extents);
    if (job().gradient && job().gradient->input) {
      declare("/gradient/input", input_reader_.shape(), sum.col_extents);
    }
  });
  return datasets;
}

void VectorTask::write_gradients() {
  if (!job().gradient) return;
  for (const auto& parameter : job().gradient->parameters) {
    const double value = gradients_[parameter.value];
    check_finite(value, "/gradient/" + parameter.value);
    context_.file.write_scalar("/gradient/" + parameter.value, value);
    context_.report.line(fmt::format("gradient    {} = {:.12g}", parameter.value, value));
  }
}

void VectorTask::resize(Block& block, const distribution::Layout& layout) const {
  communication::collectively(comm(), [&] {
    const Index size = layout.home_size(comm().rank());
    block.resize(static_cast<std::size_t>(size));
  });
}

std::span<const double> VectorTask::cotangent(Index first, std::span<const double> result,
                                              Block& block) {
  if (job().gradient->cotangent.kind == configuration::CotangentKind::result) return result;
  resize(block, output_layout());
  if (cotangent_reader_) {
    cotangent_reader_->read(first, output_layout(), block);
  } else {
    std::ranges::fill(block, 1.0);
  }
  return block;
}

void VectorTask::read_direction(Index first, Block& block, Block& scratch) {
  resize(block, input_layout());
  if (!direction_reader_) {
    std::ranges::fill(block, 0.0);
    return;
  }
  direction_reader_->read(first, input_layout(), block);
  resize(scratch, input_layout());
  input_reader_.multiply_by_derivative(first, input_layout(), block, scratch);
}

void VectorTask::write(const std::string& path, Index first, const distribution::Layout& layout,
                       std::span<const double> values) {
  const Index points = core::product(path == "/gradient/input" ? context_.problem.sum.col_extents
                                                               : context_.problem.sum.row_extents);
  context_.file.write_range(path, first * points + layout.home_begin(comm().rank()), values);
}

std::map<std::string, OperatorPtr> VectorTask::build_derivatives(
    Index size, int leading_modes, const operators::Judging* judging) const {
  std::map<std::string, OperatorPtr> derivatives;
  for (const auto& [name, products] : context_.derivatives) {
    if (products.empty()) continue;
    derivatives.emplace(name, context_.builder.build(products, size, leading_modes, judging));
  }
  return derivatives;
}

}  // namespace kronwerk::application
