#pragma once

#include <vector>

#include "kronwerk/models/covariance/covariance.hpp"
#include "models/covariance/basis_matrices.hpp"
#include "models/ones/ones_columns.hpp"

namespace kronwerk::models {

/// The modes where a product has ones; none if these are diagonal in the coordinates. Local.
std::vector<bool> ones_of(const Covariance& covariance, const ScaledProduct& product);

/// s ⊗V_kᵀA_kV_k over the modes of a product that have no ones: with the columns of these modes,
/// VᵀAV = U_S B U_Sᵀ.
class OnesProduct {
 public:
  /// Collective.
  OnesProduct(const Covariance& covariance, BasisMatrices& matrices, const ScaledProduct& product,
              const OnesColumns::Set& set);

  /// Whether B is diagonal.
  bool diagonal() const;
  /// An entry of B. Local.
  double at(Index row, Index column) const;

 private:
  struct Mode {
    Index extent = 1;
    Index stride = 1;
    std::vector<double> list;  ///< of a diagonal; empty for ones
    factors::FactorPtr full;   ///< the lower triangle else
  };
  double scale_;
  std::vector<Mode> modes_;
};

}  // namespace kronwerk::models
