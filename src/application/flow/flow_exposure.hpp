#pragma once

#include "application/flow/flow_job.hpp"
#include "application/inputs/vector_reader.hpp"

namespace kronwerk::application {

/// The exposures of a count model whose parameters are known: one grid, or one for each year.
class FlowExposure {
 public:
  /// Looks at the shape. Collective.
  /// @param missing  whether pairs without an exposure, NaN, are accepted
  explicit FlowExposure(const FlowContext& context, VectorReader::Missing missing);

  /// Without the key `exposure` all are 1, in one grid.
  bool given() const noexcept { return reader_.has_value(); }
  Index years() const noexcept { return given() ? reader_->shape().count : 1; }
  /// @throws ShapeError if there is more than one year, of which the task has no use
  void expect_one_year() const;

  /// values *= the exposures of one year, this rank's rows. Collective.
  /// @throws DataError for what is negative, or no number unless that is accepted
  void multiply(Index year, std::span<double> values) const;

 private:
  const FlowContext* context_;
  std::optional<VectorReader> reader_;
};

/// values = exp(values), the means of counts at their linear predictor, times the exposures.
/// Collective. @throws DataError if one overflows
void take_means(const FlowContext& context, const FlowExposure& exposure, Index year,
                std::span<double> values);

}  // namespace kronwerk::application
