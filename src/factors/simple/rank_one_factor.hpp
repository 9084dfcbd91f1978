#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kronwerk/factors/base/factor.hpp"

namespace kronwerk::factors {

/// shift * I + scale * u vᵀ: what is stored are the vectors, an application costs O(rows + cols)
/// per fibre. Every rank holds them.
class RankOneFactor final : public Factor {
 public:
  struct Vectors {
    std::vector<double> left;   ///< u, one per row
    std::vector<double> right;  ///< v, one per column
    bool ones = false;          ///< both hold ones only
  };

  /// @throws ShapeError if there is a shift and the matrix is not square
  RankOneFactor(std::string name, std::shared_ptr<const Vectors> vectors, double scale,
                double shift);

  FactorPtr scaled(std::string name, double scale, double shift) const;
  FactorPtr flipped(std::string name) const;
  /// Whether the matrix is one of ones.
  bool is_ones() const noexcept { return vectors_->ones && scale_ == 1 && shift_ == 0; }

  double flops_per_fibre() const override;
  Index bytes() const override;
  std::vector<double> diagonal() const override;
  void add_to_dense(double scale, std::span<double> out) const override;

 private:
  void do_apply(ConstView x, View y, bool transposed) const override;
  std::unique_ptr<LocalFactorisation> begin_factorisation() const override;
  std::shared_ptr<const Factorisation> attach_factorisation(
      communication::SharedArray<std::byte> memory) const override;

  std::shared_ptr<const Vectors> vectors_;
  double scale_;
  double shift_;
};

/// The factor as one of rank one, or null.
const RankOneFactor* as_rank_one(const Factor& factor);

}  // namespace kronwerk::factors
