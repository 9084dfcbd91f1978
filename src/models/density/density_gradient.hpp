#pragma once

#include <vector>

#include "kronwerk/models/covariance/covariance.hpp"
#include "models/covariance/basis_matrices.hpp"
#include "models/covariance/grid_values.hpp"

namespace kronwerk::models {

class OnesTraces;

/// Σ_i ½ α_iᵀ(∂K)α_i − ½ d tr(K⁻¹∂K) for several ∂K, from α̃ = Vᵀ… of several observations.
class DensityGradient {
 public:
  /// @param weights       α̃: this rank's home block of the layout of the observations
  /// @param determinants  d: as many as observations for a density, 0 for the squares alone
  DensityGradient(const Covariance& covariance, const GridValues& eigenvalues,
                  BasisMatrices& matrices, Index observations, std::span<const double> weights,
                  Index determinants);

  /// Collective. @throws ShapeError if a derivative does not fit the grid
  std::vector<double> of(const std::vector<CovarianceDerivative>& derivatives);

 private:
  using Products = std::vector<ScaledProduct>;

  /// One product of a derivative in the coordinates: lists of the modes where it is diagonal there.
  struct Term {
    std::size_t parameter;
    const ScaledProduct* product;
    std::vector<std::vector<double>> lists;  ///< diagonals of V_kᵀ A_k V_k
    std::vector<std::size_t> full;           ///< modes where that matrix is not diagonal
  };

  /// With a divisor s, the same for −S⁻¹(∂S)S⁻¹ in place of ∂K, from the ∂S.
  DensityGradient(const DensityGradient& whole, const GridValues& divisor,
                  std::span<const double> divided);

  std::vector<double> of_products(const std::vector<Products>& derivatives);
  std::vector<double> of_products_without_ones(const std::vector<Products>& derivatives);
  double explained_traces(const std::vector<Term>& terms, std::size_t parameter,
                          OnesTraces& traces);
  void add_inverses(const std::vector<CovarianceDerivative>& derivatives,
                    std::vector<double>& gradient);
  void check(const std::vector<Products>& derivatives) const;
  std::vector<Term> classify(const std::vector<Products>& derivatives);
  bool prefers_gram(const Term& term) const;
  double local_trace(const GridValues& numerator) const;
  double local_square(const GridValues& values) const;
  void add_grams(const std::vector<const Term*>& terms, std::vector<double>& squares);
  double direct_square(const Term& term) const;
  std::vector<double> general_squares(const std::vector<const Term*>& terms,
                                      std::size_t count) const;

  const Covariance& covariance_;
  const GridValues& eigenvalues_;
  const GridValues* divisor_ = nullptr;
  BasisMatrices& matrices_;
  Index observations_;
  Index determinants_;
  std::span<const double> weights_;
  Layout layout_;
};

}  // namespace kronwerk::models
