#pragma once

#include <span>

#include "application/vector_shape.hpp"
#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/configuration/job.hpp"
#include "kronwerk/distribution/layout.hpp"

namespace kronwerk::application {

/// Vectors of a job's configuration, read block by block into the home layout.
class VectorReader {
 public:
  /// Looks up the shape; reads nothing else. Collective.
  /// @param what  "input", "gradient.cotangent", …, for messages
  VectorReader(const communication::Communicator& comm, const configuration::Job& job,
               configuration::VectorSource source, std::string what, const Extents& grid);

  const VectorShape& shape() const noexcept { return shape_; }

  /// The vectors `first`, first + 1, … as they stand in the file. `values` is this rank's home
  /// block of `layout`, the layout of a block of them. Collective.
  void read_raw(Index first, const distribution::Layout& layout, std::span<double> values) const;
  /// The same, transformed. @throws DataError where the transform is not defined
  void read(Index first, const distribution::Layout& layout, std::span<double> values) const;
  /// values *= transform'(raw values): takes derivatives to the file's values, and directions of
  /// the file's values to those of the transformed ones. `scratch` is as long as `values`.
  /// Collective.
  void multiply_by_derivative(Index first, const distribution::Layout& layout,
                              std::span<double> values, std::span<double> scratch) const;

 private:
  void check_domain(std::span<const double> raw, Index offset, bool derivative) const;

  const communication::Communicator* comm_;
  configuration::VectorSource source_;
  std::string what_;
  std::string where_;
  Index points_;
  VectorShape shape_;
};

/// @throws DataError on every rank if a value is NaN or infinite. Collective.
void check_finite(const communication::Communicator& comm, std::span<const double> values,
                  const std::string& what);

}  // namespace kronwerk::application
