#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "application/inputs/vector_reader.hpp"

namespace kronwerk::application {

/// The observations of a Gaussian job. Slices of the grid where nothing was observed are left out
/// of it: what remains is the observed grid.
class Observations {
 public:
  /// Looks at the shapes and, where cells may be missing, at every value. Collective.
  /// @param job   must outlive this
  /// @param grid  of the covariance
  /// @param keep_all  leave no slice out: a precision without a slice is not that of the others
  /// @throws ShapeError, DataError (nothing was observed, or NaN where nothing was said to be
  /// missing) on every rank
  Observations(const communication::Communicator& comm, const configuration::Job& job,
               const Extents& grid, bool keep_all = false);

  /// How many observations of the whole grid there are.
  Index count() const noexcept { return reader_.shape().count; }
  const VectorShape& shape() const noexcept { return reader_.shape(); }
  /// The indices of each mode that belong to the observed grid.
  const std::vector<std::vector<Index>>& kept() const noexcept { return kept_; }
  const Extents& extents() const noexcept { return extents_; }
  bool all_kept() const noexcept { return extents_ == grid_; }
  /// Cells of the observed grid that were not observed, over all observations.
  Index missing() const noexcept { return missing_; }

  /// "4 x 3 cells, 2 observations (of 5 x 3: …), 7 missing"
  std::string text() const;

  /// Observations first, first + 1, …: this rank's home block of `layout`, over the observed grid
  /// (with a leading mode for several). NaN where a cell is missing. Collective.
  void read(Index first, const distribution::Layout& layout, std::span<double> values) const;
  /// Another dataset of the grid at the same cells. Collective.
  void read_beside(const VectorReader& reader, const distribution::Layout& layout,
                   std::span<double> values) const;
  /// transform'(the file's values) at the same cells, for derivatives by them. Collective.
  void read_derivative(Index first, const distribution::Layout& layout,
                       std::span<double> values) const;
  /// Calls write(offset, values) with this rank's home block of `layout` spread over the cells of a
  /// dataset of the whole grid, `elsewhere` in the slices that were left out. Local but for write.
  template <typename Write>
  void scatter(Index first, const distribution::Layout& layout, std::span<const double> values,
               double elsewhere, Write&& write) const {
    Index begin = 0;
    const std::vector<double> whole = widen(first, layout, values, elsewhere, begin);
    write(begin, std::span<const double>(whole));
  }

 private:
  void scan();
  void refuse_nan(Index offset, std::span<const double> values, std::span<const double> mask) const;
  std::vector<double> read_mask(Index offset, Index count) const;
  void read_cells(Index first, const distribution::Layout& layout, std::span<double> values,
                  bool derivative) const;
  std::vector<double> widen(Index first, const distribution::Layout& layout,
                            std::span<const double> values, double elsewhere, Index& begin) const;
  /// Where a cell of the observed grid is in the whole one, observations one after the other.
  Index place(Index flat) const;
  /// The same for the cells of this rank's block.
  std::vector<Index> places(const distribution::Layout& layout) const;

  const communication::Communicator* comm_;
  Extents grid_;
  bool keep_all_;
  std::string where_;
  const configuration::ObservationsRequest* request_;
  VectorReader reader_;
  std::optional<VectorReader> mask_;
  bool may_miss_ = false;
  std::vector<std::vector<Index>> kept_;
  Extents extents_;
  Index missing_ = 0;
};

}  // namespace kronwerk::application
