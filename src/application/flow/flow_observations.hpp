#pragma once

#include <optional>
#include <vector>

#include "application/inputs/vector_reader.hpp"

namespace kronwerk::application {

/// The flows that a job observed: one grid of origins by destinations, or one for each of several
/// years.
class FlowObservations {
 public:
  /// Looks at the shapes. Collective.
  /// @param job  must outlive this
  FlowObservations(const communication::Communicator& comm, const configuration::Job& job,
                   const core::Extents& grid);

  core::Index years() const noexcept { return reader_.shape().count; }
  /// The shape of a dataset like that of the observations.
  core::Extents shape() const { return dataset_shape(reader_.shape(), grid_); }

  /// This rank's rows of every year, transformed. Collective.
  /// @throws DataError for NaN or a mask where nothing may be missing
  std::vector<std::vector<double>> read() const;
  /// Σ log|transform'| over the observed cells: what the log likelihood of the values as they stand
  /// in the file has beside that of the transformed ones. Collective.
  /// @throws DataError where a derivative is zero or infinite
  double log_jacobian() const;

 private:
  const communication::Communicator* comm_;
  core::Extents grid_;
  distribution::Layout layout_;
  std::string where_;
  const configuration::ObservationsRequest* request_;
  VectorReader reader_;
};

}  // namespace kronwerk::application
