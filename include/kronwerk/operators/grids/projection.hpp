#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/operators/grids/kronecker_sum.hpp"

namespace kronwerk::operators {

/// The factors of a Kronecker sum are determined up to multiples of the identity that add up to
/// zero. With μ = tr(M) / N, which is the mean of M's diagonal:
enum class TraceRule {
  split,  ///< each factor carries μ / K on its diagonal (Greenewald, Zhou and Hero 2017)
  first,  ///< the first carries μ, the others are traceless
  none,   ///< all are traceless, and μ is the offset
};

/// The Kronecker sum nearest to something in the Frobenius norm; the same on every rank.
struct KroneckerSumFit {
  /// n_k values each for a vector (the diagonal case), else n_k x n_k in row-major order.
  std::vector<std::vector<double>> factors;
  /// A multiple of the identity beside the factors; zero unless TraceRule::none.
  double offset = 0;
  double mean = 0;      ///< μ
  double norm = 0;      ///< ‖M‖_F
  double residual = 0;  ///< ‖M - ⊕A_k‖_F / ‖M‖_F
  double explained = 1;  ///< ‖⊕A_k - μI‖² / ‖M - μI‖²: the share of the variance about the mean
};

/// The vectors a_k with ⊕ a_k nearest to x: a_k[i] is the mean of x over the other modes at i,
/// minus (K - 1) / K of the mean of all.
///
/// One pass over x and one Allreduce of Σ 2 n_k values for all modes; a second pass where the
/// residual is so small (below 1e-3) that it would be lost in rounding. Sums are compensated: the
/// error of every mean is at most 4 ε times the mean of the |x| that it is made of, ε = 2^-52.
/// Collective.
/// @param begin   global position of values[0]
/// @param values  this rank's part of x; the parts of all ranks make up the grid
/// @throws ShapeError if there is no mode or one without points, DataError on every rank if a value
/// is not finite
KroneckerSumFit project_vector(const communication::Communicator& comm, const Extents& extents,
                               Index begin, std::span<const double> values,
                               TraceRule rule = TraceRule::split);

/// The same for x = 1 / (⊕ λ_k), the spectrum of the inverse of a Kronecker sum, which is computed
/// as it is summed up and never stored. In the eigenvectors' basis these are the factors of
/// proj((⊕ L_k)⁻¹). Collective. @throws DataError on every rank if the sum has a zero
KroneckerSumFit project_inverse(const communication::Communicator& comm, Diagonals spectra,
                                TraceRule rule = TraceRule::split);

/// The Kronecker sum nearest to an N x N matrix, which passes by once, in blocks of rows:
///   A_k(i, j) = mean of the entries of M that match i, j in mode k and agree elsewhere,
/// minus (K - 1) / K μ on the diagonal (Greenewald, Zhou and Hero 2017).
///
/// Every rank keeps 4 n_k² values per mode and the diagonal of its rows. Sums are compensated like
/// those of a vector.
class MatrixProjection {
 public:
  /// @throws ShapeError if there is no mode or one without points
  MatrixProjection(const communication::Communicator& comm, Extents extents);
  ~MatrixProjection();
  MatrixProjection(MatrixProjection&&) noexcept;

  /// Takes rows first_row, … of M; each row is given once, by one rank. Local.
  void add_rows(Index first_row, std::span<const double> rows);
  /// One Allreduce for all factors, a second one for the residual. Collective.
  /// @throws DataError on every rank if a value was not finite, ShapeError if rows are missing
  KroneckerSumFit finish(TraceRule rule = TraceRule::split);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Turns means (B_k, all with the trace n_k μ) into factors by the rule, and fills in offset and
/// mean. For vectors `matrices` is false. How Gram matrices become factors. Local.
void apply_trace_rule(KroneckerSumFit& fit, const Extents& extents, bool matrices, TraceRule rule);

}  // namespace kronwerk::operators
