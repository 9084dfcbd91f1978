#pragma once

#include <span>

#include "application/inputs/vector_shape.hpp"
#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/configuration/job.hpp"
#include "kronwerk/distribution/layout.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {

/// Vectors of a job's configuration, read block by block into the home layout: from a dataset, from
/// a CSR group whose rows are the vectors, or random ones.
class VectorReader {
 public:
  /// What values that are NaN stand for.
  enum class Missing {
    refused,
    allowed,  ///< cells that were not observed
  };
  /// Looks up the shape; reads nothing else. Collective.
  /// @param what  "input", "gradient.cotangent", …, for messages
  VectorReader(const communication::Communicator& comm, const configuration::Job& job,
               configuration::VectorSource source, std::string what, const Extents& grid,
               Missing missing = Missing::refused);

  const VectorShape& shape() const noexcept { return shape_; }
  /// Whether the values come from a CSR group.
  bool sparse() const noexcept { return sparse_cols_ > 0; }
  bool has_transform() const noexcept {
    return source_.transform != configuration::Transform::none;
  }

  /// The vectors `first`, first + 1, … as they stand in the file. `values` is this rank's home
  /// block of `layout`, the layout of a block of them. Collective.
  void read_raw(Index first, const distribution::Layout& layout, std::span<double> values) const;
  /// The stored entries of the same block of a CSR group, cut into fibres of the last mode.
  /// Collective.
  io::SparseFibres read_fibres(Index first, const distribution::Layout& layout) const;
  /// The same as read_raw(), transformed. @throws DataError where the transform is not defined
  void read(Index first, const distribution::Layout& layout, std::span<double> values) const;
  /// The elements from `offset` on of the vectors one after the other, transformed or
  /// (`derivative`) as the transform's derivative there; not of a CSR group. Offset and count may
  /// differ from rank to rank. Collective.
  void read_flat(Index offset, std::span<double> values, bool derivative = false) const;
  /// values *= transform'(raw values): takes derivatives to the file's values, and directions of
  /// the file's values to those of the transformed ones. `scratch` is as long as `values`.
  /// Collective.
  void multiply_by_derivative(Index first, const distribution::Layout& layout,
                              std::span<double> values, std::span<double> scratch) const;

 private:
  Index fibre_length(const distribution::Layout& layout) const;
  io::SparseFibres read_fibres(Index first, const distribution::Layout& layout, Index length) const;
  void check_domain(std::span<const double> raw, Index offset, bool derivative) const;

  const communication::Communicator* comm_;
  configuration::VectorSource source_;
  std::string what_;
  std::string where_;
  Extents grid_;
  Index points_;
  Index sparse_cols_ = 0;
  VectorShape shape_;
  Missing missing_;
};

/// @throws DataError on every rank if a value is NaN or infinite. Collective.
void check_finite(const communication::Communicator& comm, std::span<const double> values,
                  const std::string& what);
/// The same for a number that every rank has. Local.
void check_finite(double value, const std::string& what);

}  // namespace kronwerk::application
