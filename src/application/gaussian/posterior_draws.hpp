#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "application/gaussian/field_at_new_points.hpp"
#include "application/restart/kept_blocks.hpp"
#include "kronwerk/models/density/mean_uncertainty.hpp"

namespace kronwerk::application {

/// What draws of one observation's posterior must know of it. All must outlive it.
struct DrawnObservation {
  Index number;
  std::span<const double> mean;          ///< at the new points, this rank's home block
  const models::MeanEstimate& estimate;  ///< of this observation
  const models::MeanEstimate& all;       ///< of all observations
  const models::MeanUncertainty& uncertainty;
  // Where cells are missing:
  models::MissingCells* cells = nullptr;
  const models::CellMask* mask = nullptr;
  /// The observation with conditional means in its missing cells.
  std::span<const double> completed{};
};

/// Joint draws of a field at new points, given the observations.
class PosteriorDraws {
 public:
  /// Both must outlive this.
  /// @param observations  all that are drawn for
  PosteriorDraws(GaussianContext& context, const FieldAtNewPoints& field, Index observations)
      : context_(context), field_(field), observations_(observations) {}

  /// All draws of an observation, to /draws, which is declared; one observation after the other.
  /// Collective.
  void write(const DrawnObservation& observation);

 private:
  int rank() const { return context_.comm.rank(); }
  Index draws_at_once() const;
  void begin();
  std::vector<double> home_block(const distribution::Layout& layout) const;
  std::vector<double> repeat(std::span<const double> field, const distribution::Layout& one,
                             const distribution::Layout& layout) const;
  void condition(const DrawnObservation& observation, Index first, Index size,
                 std::span<double> values);
  void add_coefficients(const DrawnObservation& observation, Index first,
                        const distribution::Layout& layout, std::span<double> values) const;
  void add_noise(Index first, const distribution::Layout& layout, std::span<double> values) const;

  GaussianContext& context_;
  const FieldAtNewPoints& field_;
  Index observations_;
  std::optional<models::PosteriorSampler> sampler_;
  std::optional<KeptBlocks> kept_;
  Index finished_ = 0;  ///< draws of an earlier run
};

}  // namespace kronwerk::application
