#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kronwerk/factors/base/factor.hpp"
#include "kronwerk/models/covariance/covariance.hpp"

namespace kronwerk::models {

/// @throws DataError if a covariance with ones that has these eigenvalues, or bounds of them, is
/// singular to working precision
void check_beside_ones(double smallest, double largest);

/// K = σ² I + Σ_t s_t ⊗A_t,k whose terms have matrices of ones J beside others in some modes, such
/// as K_s ⊗ J + J ⊗ K_t: in the coordinates V = ⊗H_k with the reflections H_k that take the vector
/// of ones to the first axis (in modes without ones: I), a term acts only on the coordinates that
/// are first in all modes where it has ones. On the union of these, the core, VᵀKV is the dense
/// matrix W diag(λ) Wᵀ, everywhere else σ².
class OnesCore {
 public:
  /// Coordinates of the largest core.
  static constexpr Index most = 10000;

  /// The decomposition of the core, once per node. Collective on comm, which must outlive this.
  /// @param bases   of the modes: of ones or identities
  /// @param signal  checked
  /// @throws ConfigurationError if there are more than `most` coordinates, DataError if K is
  /// singular
  OnesCore(const communication::Communicator& comm, const Extents& extents,
           const std::vector<factors::BasisPtr>& bases, const std::vector<ScaledProduct>& signal,
           double noise);

  /// The same with other noise, without a decomposition. Local. @throws DataError if K is singular
  std::shared_ptr<const OnesCore> with_noise(double noise) const;

  /// r, and the flat indices of the core's coordinates, ascending.
  Index size() const noexcept { return std::ssize(places_); }
  const std::vector<Index>& places() const noexcept { return places_; }
  /// σ² and λ.
  double background() const noexcept { return background_; }
  const std::vector<double>& eigenvalues() const noexcept { return eigenvalues_; }
  /// W, (r, r) row-major, in the node's memory.
  std::span<const double> eigenvectors() const;
  double log_determinant() const noexcept;
  double smallest() const noexcept;
  double largest() const noexcept;

  /// x ← f(VᵀKV) x for vectors in the coordinates. Collective.
  /// @param x  this rank's home block of `layout`, of `batch` vectors
  using Function = double (*)(double eigenvalue);
  void apply(const Layout& layout, Index batch, Function function, std::span<double> x) const;

  /// Σ_i ½ α_iᵀ(∂K)α_i − ½ d tr(K⁻¹∂K) for several ∂K. Collective.
  /// @param layout, weights  α̃ of the observations in the coordinates
  /// @param determinants     d
  /// @throws InternalError if a ∂K is no multiple of I and acts beside the core
  std::vector<double> gradient(const Layout& layout, Index observations,
                               std::span<const double> weights,
                               const std::vector<std::vector<ScaledProduct>>& derivatives,
                               Index determinants) const;

 private:
  /// ⊗A_k in the coordinates, on the core.
  struct Term {
    double scale = 1;
    struct Mode {
      bool identity = false;
      bool ones = false;
      factors::FactorPtr values;  ///< the lower triangle of V_kᵀA_kV_k else
    };
    std::vector<Mode> modes;
    std::vector<Index> support;  ///< numbers in the core, ascending
  };
  void set_noise(double noise);
  Term term_of(const ScaledProduct& product) const;
  double value(const Term& term, Index row, Index column) const;

  /// Values of a block of observations that are summed over the ranks at once.
  static constexpr Index summed_together = Index{1} << 22;

  /// Numbers [first, first + count) of the core of some observations one after the other, which
  /// this rank's block has.
  struct Piece {
    Index observation;
    Index observations;
    Index first;
    Index count;
  };
  std::vector<Piece> pieces(const Layout& layout, Index begin, Index end) const;
  /// Calls use(place in the block, number of the value in the piece).
  template <typename Use>
  void for_places(const Layout& layout, const Piece& piece, const Use& use) const {
    const Index grid = core::product(extents_);
    const Index first = layout.home_begin(comm_->rank());
    for (Index o = 0; o < piece.observations; ++o) {
      for (Index i = 0; i < piece.count; ++i) {
        const Index place = places_[static_cast<std::size_t>(piece.first + i)];
        use(static_cast<std::size_t>((piece.observation + o) * grid + place - first),
            static_cast<std::size_t>(o * piece.count + i));
      }
    }
  }

  const communication::Communicator* comm_;
  Extents extents_;
  std::vector<factors::BasisPtr> bases_;
  std::vector<Index> places_;
  std::vector<std::vector<Index>> coordinates_;  ///< of the places, per mode
  double background_ = 0;
  std::vector<double> signal_eigenvalues_;
  std::vector<double> eigenvalues_;
  factors::FactorPtr eigenvectors_;
};

}  // namespace kronwerk::models
