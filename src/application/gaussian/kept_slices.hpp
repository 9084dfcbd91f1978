#pragma once

#include <map>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/models/covariance/covariance.hpp"
#include "kronwerk/models/density/mean.hpp"

namespace kronwerk::application {

using core::Index;

/// A covariance on the part of its grid that has observations: in every mode, the rows and columns
/// of the slices that are kept. Restricted factors are made once, so that equal factors stay equal.
class KeptSlices {
 public:
  /// @param comm  must outlive this
  /// @param kept  ascending indices per mode
  KeptSlices(const communication::Communicator& comm, std::vector<std::vector<Index>> kept,
             const core::Extents& grid);

  bool all() const noexcept { return all_; }
  /// Rows and columns, or (for factors between new and observed points) the columns alone.
  /// Collective.
  factors::Chain restrict_both(std::size_t mode, const factors::Chain& chain);
  factors::Chain restrict_columns(std::size_t mode, const factors::Chain& chain);
  operators::ScaledProduct restrict_both(operators::ScaledProduct product);
  std::vector<operators::ScaledProduct> restrict_both(
      std::vector<operators::ScaledProduct> products);
  /// Of inverses of sums there must be no slice left out.
  models::CovarianceTerms restrict_both(models::CovarianceTerms terms);
  models::CovarianceDerivative restrict_both(models::CovarianceDerivative derivative);
  /// The kept elements of a vector along a mode; an empty one stays empty.
  std::vector<double> restrict_vector(std::size_t mode, const std::vector<double>& values) const;
  std::vector<models::MeanColumn> restrict_mean(std::vector<models::MeanColumn> columns) const;
  /// Forgets factors that nobody else holds.
  void forget_unused();

 private:
  struct Restricted {
    factors::Chain original;  ///< kept alive, so that its address names it
    factors::Chain result;
  };
  /// The links with what is done with them, and the mode.
  using Key = std::pair<std::vector<std::pair<const factors::Factor*, int>>, std::size_t>;
  factors::Chain restrict(std::size_t mode, const factors::Chain& chain, bool rows);

  const communication::Communicator* comm_;
  std::vector<std::vector<Index>> kept_;
  std::vector<bool> whole_;  ///< modes of which nothing is left out
  bool all_ = true;
  std::map<Key, Restricted> both_;
};

}  // namespace kronwerk::application
