#pragma once

#include <span>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/operators/petsc/petsc.hpp"

namespace kronwerk::application {

/// The mean over samples at every point of a grid, spread evenly over the ranks. Samples stand one
/// after the other; a rank has some consecutive values of them, wherever they begin, and needs no
/// more memory here than those and its share of the grid take.
class SampleMean {
 public:
  /// Collective.
  SampleMean(const communication::Communicator& comm, core::Index points);

  /// Adds this rank's values [begin, begin + size) of the samples one after the other; each value
  /// is given once, by one rank. Collective.
  void add(core::Index begin, std::span<const double> values);
  /// The sums become means. Collective.
  void finish(core::Index samples);
  /// Takes the mean from this rank's values [begin, begin + size). Collective.
  void subtract(core::Index begin, std::span<double> values) const;

 private:
  using Indices = operators::PetscHandle<IS, ISDestroy>;
  using Scatter = operators::PetscHandle<VecScatter, VecScatterDestroy>;
  /// The points that this rank's values belong to, each once, and how they are fetched.
  struct Window {
    operators::Vector values;
    Scatter scatter;
    core::Index size = 0;
  };
  Window window(core::Index begin, core::Index size) const;

  core::Index points_;
  operators::Vector mean_;
};

}  // namespace kronwerk::application
