#include <fmt/format.h>

#include <algorithm>

#include "application/inputs/vector_reader.hpp"
#include "application/inputs/workload.hpp"
#include "application/restart/kept_blocks.hpp"
#include "application/tasks/task.hpp"

namespace kronwerk::application {

void run_assemble(TaskContext& context) {
  const Index rows = core::product(context.problem.sum.row_extents);
  const Index cols = core::product(context.problem.sum.col_extents);
  const Index batch =
      choose_batch(context.problem, workload_of(context.problem, rows), context.comm.size());
  const int rank = context.comm.rank();
  Stages& stages = context.stages;
  stages.run("write", [&] { context.file.create_dataset("/result", Extents{rows, cols}); });
  OperatorPtr op;
  Index built = 0;
  std::vector<double> units, block;
  Statistics statistics;
  KeptBlocks kept(context, "rows", rows, {{"/result", cols}}, {&statistics});
  for (Index first = kept.resume(); first < rows; first += batch) {
    const Index size = std::min(batch, rows - first);
    stages.progress().set("row", first, rows);
    if (size != built) {
      stages.run("build", [&] { op = context.builder.build(context.products, size); });
      built = size;
    }
    const auto& in = op->output_layout();
    const auto& out = op->input_layout();
    stages.run("apply", [&] {
      // Row i of the matrix is the transposed operator applied to the i-th unit vector.
      units.assign(static_cast<std::size_t>(in.home_size(rank)), 0.0);
      block.resize(static_cast<std::size_t>(out.home_size(rank)));
      for (Index i = 0; i < size; ++i) {
        const Index place = i * rows + first + i - in.home_begin(rank);
        if (place >= 0 && place < std::ssize(units)) units[static_cast<std::size_t>(place)] = 1;
      }
      op->apply_transposed(units, block);
    });
    check_finite(context.comm, block, "/result");
    statistics.add(block);
    stages.run("write", [&] {
      context.file.write_range("/result", first * cols + out.home_begin(rank), block);
    });
    kept.finish(first + size);
  }
  stages.report("apply", fmt::format("{} x {} entries, blocks of {} rows", rows, cols, batch));
  context.report.set("method", "assemble: the transposed operator applied to unit vectors");
  context.report.line("result      " + statistics.text(context.comm));
}

}  // namespace kronwerk::application
