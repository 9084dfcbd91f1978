#pragma once

#include <array>
#include <complex>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/factors/spectra/chebyshev_moments.hpp"
#include "kronwerk/models/flow_determinants/determinant.hpp"
#include "kronwerk/models/flow_determinants/region.hpp"

namespace kronwerk::models {

/// The spectrum of one mode's matrix W as nodes and weights, tr f(W) = Σ weight f(node): its
/// eigenvalues, or some Chebyshev nodes with weights that make the moments tr T_k(W) come right.
struct SpectralNodes {
  Index extent = 0;
  std::vector<double> real;     ///< ascending
  std::vector<double> weights;  ///< of `real`; empty: ones
  std::vector<std::complex<double>>
      pairs;  ///< imaginary parts > 0; each stands for its conjugate too
  std::vector<std::complex<double>> outline;  ///< with the conjugates: vertices around the spectrum
  /// What the weights were made of; absent for eigenvalues.
  std::optional<factors::ChebyshevMoments> moments;
  std::string description;  ///< "3107 eigenvalues of W", "96 Chebyshev moments of W (100 …)"
};

/// @param name  of the matrix, for the description
SpectralNodes nodes_of(std::span<const std::complex<double>> eigenvalues, const std::string& name);
/// @param count  of the moments to use, all if absent: the last ones of complex spectra are large
SpectralNodes nodes_of(factors::ChebyshevMoments moments, const std::string& name,
                       std::optional<Index> count = std::nullopt);

/// Only the outline, for find_feasible_region().
SpectralNodes nodes_of(const factors::SpectrumExtent& extent, Index rows);

/// Which power of its mode's matrix, 0 or 1, a term has for origins and for destinations.
using TermPowers = std::array<int, 2>;

/// log det Σ_t c_t W_o^k(t) ⊗ W_d^l(t) = ΣΣ w_i w_j log q(a_i, b_j), q(a, b) = Σ_t c_t a^k(t)
/// b^l(t), over the nodes of both modes: O(n_o n_d / P) flops with eigenvalues, 10⁴ logarithms with
/// moments. With these, the error's bound follows from the poles of log q in the plane of either
/// spectrum (Trefethen 2013, theorem 8.2) and from the moments' errors; as many moments are used as
/// make it least.
///
/// @param exact  where that bound is above 1e-8 |log det A|, the nodes of a mode (0: origins) that
/// are eigenvalues, which then replace the moments. Collective. Empty: the bound is all one gets
/// @param comm   must outlive the result
std::unique_ptr<FilterDeterminant> make_bilinear_determinant(
    const communication::Communicator& comm, std::vector<TermPowers> terms,
    std::array<SpectralNodes, 2> nodes, std::function<SpectralNodes(int mode)> exact = {});

/// Re q > 0 at all pairs of vertices of the two outlines. As Re q is linear in either argument, it
/// is then positive on both hulls; with real spectra these are the four corners.
/// @param names  of the two matrices
FeasibleRegion find_feasible_region(std::span<const TermPowers> terms,
                                    const std::array<SpectralNodes, 2>& nodes,
                                    const std::array<std::string, 2>& names);

/// The largest step t ≥ 0 for which c + t d stays in the region; infinity if it never leaves it.
double largest_step(const FeasibleRegion& region, std::span<const double> c,
                    std::span<const double> d);
/// The least Σ_t rows[r][t] c_t: positive inside. Infinity without rows.
double margin(const FeasibleRegion& region, std::span<const double> c);

}  // namespace kronwerk::models
