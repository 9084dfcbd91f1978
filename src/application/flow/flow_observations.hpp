#pragma once

#include <optional>
#include <vector>

#include "application/inputs/vector_reader.hpp"

namespace kronwerk::application {

/// The flows of a Gaussian flow model: one grid of origins by destinations, or one for each of
/// several years.
class FlowObservations {
 public:
  /// Looks at the shapes. Collective.
  /// @param job  must outlive this
  /// @throws ShapeError, DataError
  FlowObservations(const communication::Communicator& comm, const configuration::Job& job,
                   const core::Extents& grid);

  core::Index years() const noexcept { return reader_.shape().count; }
  /// The shape of a dataset like that of the observations.
  core::Extents shape() const { return dataset_shape(reader_.shape(), grid_); }

  /// This rank's rows of one year, transformed; NaN where a flow was not observed. Collective.
  /// @throws DataError for NaN where nothing may be missing, and for infinite flows
  std::vector<double> observed(Index year) const;

  /// What was observed.
  struct Flows {
    /// This rank's rows of every year, transformed; 0 where a flow is missing.
    std::vector<std::vector<double>> years;
    /// The cells of each year that were not observed, ascending, the same on every rank.
    std::vector<std::vector<Index>> missing;
    /// Σ log|transform'| over what was observed.
    double log_jacobian = 0;

    bool complete() const;
  };
  /// Collective.
  /// @param jacobian  whether log_jacobian is wanted
  /// @throws DataError as observed(), if nothing was observed, if more than
  /// models::most_missing_flows are missing, and where a derivative that is wanted is no number
  Flows read(bool jacobian) const;

 private:
  std::vector<double> read_block(const VectorReader& reader, Index year, bool derivative) const;
  /// The cells that are missing, of all ranks; `values` are then 0 there.
  std::vector<Index> take_missing(Index year, std::vector<double>& values) const;
  [[noreturn]] void fail_at(Index cell, const std::string& what, const std::string& advice) const;
  double log_jacobian(Index year, const std::vector<Index>& missing) const;
  [[noreturn]] void fail(const std::string& what) const;

  const communication::Communicator* comm_;
  core::Extents grid_;
  distribution::Layout layout_;
  std::string where_;
  const configuration::ObservationsRequest* request_;
  VectorReader reader_;
  std::optional<VectorReader> mask_;
};

}  // namespace kronwerk::application
