#pragma once

#include <optional>

#include "models/laplace/latent_basis.hpp"

namespace kronwerk::models {

/// How the root of one term follows a change of it: ∂K_t = G_t Ġᵀ + Ġ G_tᵀ, Ġ from the coordinates
/// of the term to fields. With it tr(R ∂K) = 2 tr(Ġᵀ R G), and R G = W G A⁻¹ is small where R is.
struct RootDerivative {
  std::size_t term = 0;
  ScaledProduct root;  ///< Ġ
  /// diag(G_tᵀ W̃ Ġ) over the coordinates of the term.
  GridTerm image;
};

/// That of a product that is one of the basis's terms, but for one mode and the scale; nothing for
/// others, and where the change leaves the range of G_t, as that of a variance which is zero does.
/// In the eigenvectors of w_k^½ K_k w_k^½ = QΛQᵀ, the equation of the changed mode is one of
/// Sylvester's with Λ^½, whose solution of least norm is Ġ_k.
/// Collective; 3 GEMMs of the mode, shared by the ranks of a node.
/// @param change  s ⊗C_k; matrices are the same if their factors are the same objects
std::optional<RootDerivative> root_derivative(const communication::Communicator& comm,
                                              const LatentBasis& basis,
                                              const ScaledProduct& change);

}  // namespace kronwerk::models
