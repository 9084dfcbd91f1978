// Declared in factors/simple/rank_one_factor.hpp and kronwerk/factors/base/make.hpp.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "factors/base/local_factorisation.hpp"
#include "factors/simple/rank_one_factor.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::factors {
namespace {

using Vectors = RankOneFactor::Vectors;

// y = shift * x + scale * left (rightᵀ x) along the mode; x and y may be the same view.
void update_fibres(const std::vector<double>& left, const std::vector<double>& right, double scale,
                   double shift, ConstView x, View y) {
  std::vector<double> sums(static_cast<std::size_t>(x.right));
  for (Index l = 0; l < x.left; ++l) {
    const double* source = x.data + l * x.left_stride;
    double* target = y.data + l * y.left_stride;
    std::fill(sums.begin(), sums.end(), 0.0);
    for (Index i = 0; i < x.extent; ++i) {
      const double weight = scale * right[static_cast<std::size_t>(i)];
      const double* row = source + i * x.row_stride;
      for (Index r = 0; r < x.right; ++r) sums[static_cast<std::size_t>(r)] += weight * row[r];
    }
    for (Index i = 0; i < y.extent; ++i) {
      const double weight = left[static_cast<std::size_t>(i)];
      double* row = target + i * y.row_stride;
      if (shift == 0) {
        for (Index r = 0; r < x.right; ++r) row[r] = weight * sums[static_cast<std::size_t>(r)];
        continue;
      }
      const double* same = source + i * x.row_stride;
      for (Index r = 0; r < x.right; ++r) {
        row[r] = shift * same[r] + weight * sums[static_cast<std::size_t>(r)];
      }
    }
  }
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// (a I + b u vᵀ)⁻¹ = (I − b/(a + b vᵀu) u vᵀ) / a (Sherman and Morrison 1950).
class RankOneFactorisation final : public Factorisation {
 public:
  RankOneFactorisation(std::shared_ptr<const Vectors> vectors, double scale, double shift)
      : Factorisation(std::ssize(vectors->left)),
        vectors_(std::move(vectors)),
        shift_(shift),
        other_(shift + scale * dot(vectors_->left, vectors_->right)),
        scale_(extent() == 1 ? 0 : -scale / (shift * other_)) {}

  Determinant determinant() const override {
    const auto others = static_cast<double>(extent() - 1);
    const bool odd = extent() % 2 == 0 && shift_ < 0;
    return {(extent() > 1 ? others * std::log(std::abs(shift_)) : 0) + std::log(std::abs(other_)),
            odd == (other_ < 0) ? 1 : -1};
  }
  double condition() const override {
    if (extent() == 1) return 1;
    const double a = std::abs(shift_), b = std::abs(other_);
    return std::max(a, b) / std::min(a, b);
  }
  double flops_per_fibre() const override { return 5 * static_cast<double>(extent()); }
  Index bytes() const override { return 0; }
  std::string description() const override {
    return "rank-one update (" + core::format_count(extent()) + " values)";
  }

 private:
  void do_solve(ConstView b, View x, bool transposed) const override {
    const auto& left = transposed ? vectors_->right : vectors_->left;
    const auto& right = transposed ? vectors_->left : vectors_->right;
    update_fibres(left, right, scale_, extent() == 1 ? 1 / other_ : 1 / shift_, b, x);
  }

  std::shared_ptr<const Vectors> vectors_;
  double shift_;
  double other_;  ///< the eigenvalue a + b vᵀu
  double scale_;  ///< of the inverse's update
};

// Nothing is shared: every rank has the vectors already. Only the check is the owner's.
class RankOneCheck final : public LocalFactorisation {
 public:
  RankOneCheck(const Factor& factor, const Vectors& vectors, double scale, double shift) {
    const double product = scale * dot(vectors.left, vectors.right);
    const double other = std::abs(shift + product);
    const double least = factor.rows() > 1 ? std::min(std::abs(shift), other) : other;
    const double size = std::abs(shift) + std::abs(product);
    if (!std::isfinite(size)) throw_singular(factor, 0.0);
    const double reciprocal_condition = size > 0 ? least / size : 0.0;
    if (reciprocal_condition < singular_threshold) throw_singular(factor, reciprocal_condition);
  }
  std::size_t bytes() const override { return 0; }
  void store(std::byte*) override {}
};

std::vector<double> ones(Index count) {
  return std::vector<double>(static_cast<std::size_t>(count), 1.0);
}

}  // namespace

RankOneFactor::RankOneFactor(std::string name, std::shared_ptr<const Vectors> vectors, double scale,
                             double shift)
    : Factor(Kind::rank_one, std::ssize(vectors->left), std::ssize(vectors->right),
             std::move(name)),
      vectors_(std::move(vectors)),
      scale_(scale),
      shift_(shift) {
  if (shift_ == 0 || rows() == cols()) return;
  throw core::ShapeError("a multiple of the identity cannot be added to the factor '" +
                         this->name() + "' (" + std::to_string(rows()) + " x " +
                         std::to_string(cols()) + ")");
}

FactorPtr RankOneFactor::scaled(std::string name, double scale, double shift) const {
  return std::make_shared<RankOneFactor>(std::move(name), vectors_, scale * scale_,
                                         scale * shift_ + shift);
}

FactorPtr RankOneFactor::flipped(std::string name) const {
  auto vectors =
      std::make_shared<const Vectors>(Vectors{vectors_->right, vectors_->left, vectors_->ones});
  return std::make_shared<RankOneFactor>(std::move(name), std::move(vectors), scale_, shift_);
}

double RankOneFactor::flops_per_fibre() const {
  return 2 * static_cast<double>(cols()) + (shift_ == 0 ? 1 : 3) * static_cast<double>(rows());
}

Index RankOneFactor::bytes() const {
  return (rows() + cols()) * Index{sizeof(double)};
}

std::vector<double> RankOneFactor::diagonal() const {
  std::vector<double> result(static_cast<std::size_t>(std::min(rows(), cols())));
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = shift_ + scale_ * vectors_->left[i] * vectors_->right[i];
  }
  return result;
}

void RankOneFactor::add_to_dense(double scale, std::span<double> out) const {
  const auto columns = static_cast<std::size_t>(cols());
  for (std::size_t i = 0; i < vectors_->left.size(); ++i) {
    const double weight = scale * scale_ * vectors_->left[i];
    double* row = out.data() + i * columns;
    for (std::size_t j = 0; j < columns; ++j) row[j] += weight * vectors_->right[j];
    if (shift_ != 0) row[i] += scale * shift_;
  }
}

void RankOneFactor::do_apply(ConstView x, View y, bool transposed) const {
  update_fibres(transposed ? vectors_->right : vectors_->left,
                transposed ? vectors_->left : vectors_->right, scale_, shift_, x, y);
}

std::unique_ptr<LocalFactorisation> RankOneFactor::begin_factorisation() const {
  return std::make_unique<RankOneCheck>(*this, *vectors_, scale_, shift_);
}

std::shared_ptr<const Factorisation> RankOneFactor::attach_factorisation(
    communication::SharedArray<std::byte>) const {
  return std::make_shared<RankOneFactorisation>(vectors_, scale_, shift_);
}

const RankOneFactor* as_rank_one(const Factor& factor) {
  return dynamic_cast<const RankOneFactor*>(&factor);
}

FactorPtr make_rank_one(std::string name, std::vector<double> left, std::vector<double> right) {
  auto vectors = std::make_shared<const Vectors>(Vectors{std::move(left), std::move(right), false});
  return std::make_shared<RankOneFactor>(std::move(name), std::move(vectors), 1.0, 0.0);
}

FactorPtr make_ones(Index rows, Index cols) {
  const std::string size =
      rows == cols ? std::to_string(rows) : std::to_string(rows) + ", " + std::to_string(cols);
  auto vectors = std::make_shared<const Vectors>(Vectors{ones(rows), ones(cols), true});
  return std::make_shared<RankOneFactor>("ones(" + size + ")", std::move(vectors), 1.0, 0.0);
}

bool is_ones(const Factor& factor) {
  const RankOneFactor* found = as_rank_one(factor);
  return found != nullptr && found->is_ones();
}

// I − 2 w wᵀ / wᵀw with w = 1/√n + e_1, of which wᵀw = 2 (1 + 1/√n) and no entry cancels.
FactorPtr make_reflection_of_ones(Index extent) {
  const double root = std::sqrt(static_cast<double>(extent));
  std::vector<double> w(static_cast<std::size_t>(extent), 1 / root);
  if (!w.empty()) w.front() += 1;
  auto vectors = std::make_shared<const Vectors>(Vectors{w, w, false});
  return std::make_shared<RankOneFactor>("the reflection of ones(" + std::to_string(extent) + ")",
                                         std::move(vectors), -1 / (1 + 1 / root), 1.0);
}

}  // namespace kronwerk::factors
