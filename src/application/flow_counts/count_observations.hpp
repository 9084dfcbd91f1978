#pragma once

#include <optional>
#include <string>

#include "application/inputs/vector_reader.hpp"
#include "kronwerk/models/flow_counts/count_flow.hpp"

namespace kronwerk::application {

/// The counts of flows that a job observed, one grid or one for each of several years, and their
/// exposures.
class CountObservations {
 public:
  /// Looks at the shapes. Collective.
  /// @param job  must outlive this
  CountObservations(const communication::Communicator& comm, const configuration::Job& job,
                    const core::Extents& grid);

  /// The shape of a dataset like that of the counts.
  core::Extents shape() const { return dataset_shape(reader_.shape(), grid_); }

  /// This rank's rows; NaN where the mask is 0, or where cells may be missing. Collective.
  /// @throws DataError for what is no count, or an exposure that is not positive, naming the first;
  /// if nothing was observed
  models::FlowCounts read() const;

 private:
  std::vector<double> read_year(const VectorReader& reader, Index year) const;
  void hide_masked(Index year, std::vector<double>& values) const;
  void check_counts(Index year, const std::vector<double>& values) const;
  std::vector<double> read_exposure(Index year, const std::vector<double>& counts) const;
  /// Throws for the first bad place of any rank; -1 for none.
  void refuse(Index first, const std::string& what, const configuration::DatasetReference& dataset,
              const std::string& expected) const;

  const communication::Communicator* comm_;
  core::Extents grid_;
  distribution::Layout layout_;
  std::string where_;
  const configuration::FlowRequest* request_;
  VectorReader reader_;
  std::optional<VectorReader> mask_;
  std::optional<VectorReader> exposure_;
};

}  // namespace kronwerk::application
