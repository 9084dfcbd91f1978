// diag Op over the grid, and with the cotangent g its derivatives <g, diag(∂Op/∂θ)>: every rank
// works on its share of the grid, piece by piece, and applies no operator.
#include <fmt/format.h>

#include "application/inputs/vector_reader.hpp"
#include "application/tasks/diagonal_values.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {
namespace {

class DiagonalTask {
 public:
  explicit DiagonalTask(TaskContext& context)
      : context_(context),
        extents_(context.problem.sum.row_extents),
        values_(context, context.products, DiagonalValues::Purpose::diagonal) {
    for (const auto& [name, terms] : context.derivatives) {
      if (terms.empty()) continue;
      derivatives_.emplace(name, DiagonalValues(context, terms, DiagonalValues::Purpose::diagonal));
    }
    const auto& gradient = context.job.gradient;
    if (gradient && gradient->cotangent.kind == configuration::CotangentKind::dataset) {
      cotangent_.emplace(
          context.comm, context.job,
          configuration::VectorSource{gradient->cotangent.dataset, configuration::Transform::none,
                                      gradient->cotangent.position},
          "gradient.cotangent", extents_);
      if (cotangent_->shape().count != 1) {
        throw core::ShapeError(fmt::format(
            "{}: 'gradient.cotangent' holds {} vectors; the result of 'diagonal' is one",
            context.job.where(gradient->cotangent.position), cotangent_->shape().count));
      }
    }
  }

  void run() {
    auto& file = context_.file;
    context_.stages.run("diagonal", [&] {
      file.create_dataset("/result", extents_);
      if (context_.job.tangent) file.create_dataset("/tangent", extents_);
      for_pieces_of_grid(context_.comm, extents_,
                         [&](Index begin, Index count) { work_on(begin, count); });
    });
    context_.stages.report("diagonal", "from the diagonals of the factors");
    context_.report.line("result      " + statistics_.text(context_.comm));
    write_gradients();
    context_.report.set("method", "direct: from the diagonals of the factors");
    context_.report.set("converged", Index{1});
  }

 private:
  void work_on(Index begin, Index count) {
    piece_.resize(static_cast<std::size_t>(count));
    values_.evaluate(begin, piece_);
    check_finite(context_.comm, piece_, "/result");
    statistics_.add(piece_);
    context_.file.write_range("/result", begin, piece_);
    if (context_.job.gradient) add_gradients(begin);
    if (context_.job.tangent) write_tangent(begin);
  }

  /// g on this piece: `result`, ones, or read.
  std::span<const double> cotangent(Index begin) {
    if (context_.job.gradient->cotangent.kind == configuration::CotangentKind::result) {
      return piece_;
    }
    cotangent_values_.assign(piece_.size(), 1.0);
    if (cotangent_) {
      io::read_range(context_.comm, to_location(context_.job.gradient->cotangent.dataset), begin,
                     cotangent_values_);
    }
    return cotangent_values_;
  }

  void add_gradients(Index begin) {
    const auto g = cotangent(begin);
    for (const auto& parameter : context_.job.gradient->parameters) {
      const auto derivative = derivatives_.find(parameter.value);
      if (derivative == derivatives_.end()) continue;
      change_.resize(piece_.size());
      derivative->second.evaluate(begin, change_);
      double& sum = gradients_[parameter.value];
      for (std::size_t i = 0; i < g.size(); ++i) sum += g[i] * change_[i];
    }
  }

  void write_tangent(Index begin) {
    std::vector<double> total(piece_.size(), 0.0);
    change_.resize(piece_.size());
    for (const auto& [name, direction] : context_.job.tangent->parameters) {
      const auto derivative = derivatives_.find(name);
      if (derivative == derivatives_.end()) continue;
      derivative->second.evaluate(begin, change_);
      for (std::size_t i = 0; i < total.size(); ++i) total[i] += direction.value * change_[i];
    }
    check_finite(context_.comm, total, "/tangent");
    context_.file.write_range("/tangent", begin, total);
  }

  void write_gradients() {
    if (!context_.job.gradient) return;
    for (const auto& parameter : context_.job.gradient->parameters) {
      const double value = context_.comm.sum(gradients_[parameter.value]);
      check_finite(value, "/gradient/" + parameter.value);
      context_.file.write_scalar("/gradient/" + parameter.value, value);
      context_.report.line(fmt::format("gradient    {} = {:.12g}", parameter.value, value));
    }
  }

  TaskContext& context_;
  Extents extents_;
  DiagonalValues values_;
  std::map<std::string, DiagonalValues> derivatives_;
  std::optional<VectorReader> cotangent_;
  std::map<std::string, double> gradients_;
  Statistics statistics_;
  std::vector<double> piece_;
  std::vector<double> cotangent_values_;
  std::vector<double> change_;
};

}  // namespace

void run_diagonal(TaskContext& context) {
  DiagonalTask(context).run();
}

}  // namespace kronwerk::application
