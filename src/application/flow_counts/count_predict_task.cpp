// Trend, linear predictor and means of counts, for observed flows and others.
#include <fmt/format.h>

#include <cmath>

#include "application/flow/correlation.hpp"
#include "application/flow/flow_estimates.hpp"
#include "application/flow/flow_exposure.hpp"
#include "application/flow/flow_job.hpp"
#include "application/flow_counts/count_observations.hpp"
#include "application/flow_filter/flow_solver.hpp"

namespace kronwerk::application {
namespace {

class CountPrediction {
 public:
  explicit CountPrediction(FlowContext& context)
      : context_(context),
        layout_(context.model.extents(), 1, context.comm.size()),
        estimates_(read_estimates(context)),
        exposure_(context, VectorReader::Missing::allowed) {
    if (!context.request().observations.data.file.empty()) {
      observations_.emplace(context.comm, context.job, context.model.extents());
    }
  }

  std::string run() {
    Stages& stages = context_.stages;
    stages.run("expectation", [&] {
      trend_ = trend_of(context_, estimates_.coefficients, estimates_.effects);
      communication::collectively(context_.comm, [&] { eta_.resize(trend_.size()); });
      make_flow_solve(context_.comm, context_.model, estimates_.parameters, &solver_)(trend_, eta_,
                                                                                      false);
    });
    stages.report("expectation", solver_->description());
    models::FlowCounts counts;
    if (observations_) stages.run("read", [&] { counts = observations_->read(); });
    stages.run("write", [&] {
      const core::Extents& extents = context_.model.extents();
      write("/fitted/trend", extents, 0, trend_);
      write("/fitted/linear_predictor", extents, 0, eta_);
      write_means();
      if (observations_) write_predictions(counts);
    });
    context_.report.set("method", solver_->description());
    context_.report.set("converged", Index{1});
    return "";
  }

 private:
  /// This rank's means of one year.
  std::vector<double> means(Index year) const {
    std::vector<double> values = eta_;
    take_means(context_, exposure_, year, values);
    return values;
  }

  void write_means() {
    const Index years = exposure_.years();
    core::Extents shape = context_.model.extents();
    if (years > 1) shape.insert(shape.begin(), years);
    double sum = 0;
    for (Index year = 0; year < years; ++year) {
      const std::vector<double> values = means(year);
      write("/fitted/expectation", shape, year, values);
      for (const double value : values) sum += std::isnan(value) ? 0.0 : value;
    }
    context_.report.line(
        fmt::format("result      sum of the means = {:.9g}", context_.comm.sum(sum)));
  }

  /// Counts are independent given their means, so that a mean is the predictor of a flow.
  void write_predictions(models::FlowCounts& counts) {
    const core::Extents shape = observations_->shape();
    Correlation correlation;
    Index unobserved = 0;
    for (std::size_t year = 0; year < counts.years.size(); ++year) {
      const std::vector<double> expected = means(static_cast<Index>(year));
      std::vector<double> predicted = counts.years[year];
      std::vector<double>& residual = counts.years[year];
      for (std::size_t i = 0; i < expected.size(); ++i) {
        if (std::isnan(predicted[i])) {
          predicted[i] = expected[i];
          ++unobserved;
          continue;
        }
        correlation.add(predicted[i], expected[i]);
        residual[i] -= expected[i];
      }
      write("/predicted", shape, static_cast<Index>(year), predicted);
      write("/residual", shape, static_cast<Index>(year), residual);
    }
    context_.file.write_scalar("/r2", correlation.squared(context_.comm));
    context_.report.set("unobserved_flows", context_.comm.sum(unobserved));
  }

  void write(const std::string& path, const core::Extents& shape, Index year,
             const std::vector<double>& values) {
    if (year == 0) context_.file.create_dataset(path, shape);
    context_.file.write_range(
        path, year * layout_.size() + layout_.home_begin(context_.comm.rank()), values);
  }

  FlowContext& context_;
  distribution::Layout layout_;
  GivenEstimates estimates_;
  FlowExposure exposure_;
  std::optional<CountObservations> observations_;
  std::shared_ptr<FlowSolver> solver_;
  std::vector<double> trend_, eta_;
};

}  // namespace

std::string run_count_predict(FlowContext& context) {
  return CountPrediction(context).run();
}

}  // namespace kronwerk::application
