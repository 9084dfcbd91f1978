// Declared in kronwerk/factors/base/make.hpp.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "factors/base/local_factorisation.hpp"
#include "factors/dense/dense_apply.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::factors {
namespace {

// y = diag(scales) x
void scale_fibres(std::span<const double> scales, ConstView x, View y) {
  const Index extent = x.extent;
  for (Index l = 0; l < x.left; ++l) {
    const double* source = x.data + l * x.left_stride;
    double* target = y.data + l * y.left_stride;
    if (x.right == 1 && x.row_stride == 1 && y.row_stride == 1) {
      for (Index i = 0; i < extent; ++i)
        target[i] = scales[static_cast<std::size_t>(i)] * source[i];
      continue;
    }
    for (Index i = 0; i < extent; ++i) {
      const double scale = scales[static_cast<std::size_t>(i)];
      const double* source_row = source + i * x.row_stride;
      double* target_row = target + i * y.row_stride;
      for (Index r = 0; r < x.right; ++r) target_row[r] = scale * source_row[r];
    }
  }
}

class DiagonalFactorisation final : public Factorisation {
 public:
  explicit DiagonalFactorisation(std::span<const double> values)
      : Factorisation(static_cast<Index>(values.size())), reciprocals_(values.size()) {
    double smallest = std::numeric_limits<double>::infinity();
    double largest = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double size = std::abs(values[i]);
      smallest = std::min(smallest, size);
      largest = std::max(largest, size);
      determinant_.log_abs += std::log(size);
      if (values[i] < 0) determinant_.sign = -determinant_.sign;
      reciprocals_[i] = 1.0 / values[i];
    }
    if (!values.empty()) condition_ = largest / smallest;
  }

  Determinant determinant() const override { return determinant_; }
  double condition() const override { return condition_; }
  double flops_per_fibre() const override { return static_cast<double>(extent()); }
  Index bytes() const override { return extent() * Index{sizeof(double)}; }
  std::string description() const override {
    return "diagonal (" + core::format_count(extent()) + " values)";
  }

 private:
  void do_solve(ConstView b, View x, bool) const override { scale_fibres(reciprocals_, b, x); }

  std::vector<double> reciprocals_;
  Determinant determinant_;
  double condition_ = 1.0;
};

// Nothing is shared: every rank has the values already. Only the check is the owner's.
class DiagonalCheck final : public LocalFactorisation {
 public:
  DiagonalCheck(const Factor& factor, std::span<const double> values) {
    double smallest = std::numeric_limits<double>::infinity();
    double largest = 0;
    for (const double value : values) {
      if (!std::isfinite(value)) throw_singular(factor, 0.0);
      smallest = std::min(smallest, std::abs(value));
      largest = std::max(largest, std::abs(value));
    }
    if (values.empty()) return;
    const double reciprocal_condition = largest > 0 ? smallest / largest : 0.0;
    if (reciprocal_condition < singular_threshold) throw_singular(factor, reciprocal_condition);
  }
  std::size_t bytes() const override { return 0; }
  void store(std::byte*) override {}
};

class DiagonalFactor final : public Factor {
 public:
  DiagonalFactor(std::string name, std::span<const double> values)
      : Factor(Kind::diagonal, static_cast<Index>(values.size()), static_cast<Index>(values.size()),
               std::move(name)),
        values_(values.begin(), values.end()) {}

  double flops_per_fibre() const override { return static_cast<double>(rows()); }
  Index bytes() const override { return rows() * Index{sizeof(double)}; }
  std::vector<double> diagonal() const override { return values_; }
  void add_to_dense(double scale, std::span<double> out) const override {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      out[i * (values_.size() + 1)] += scale * values_[i];
    }
  }

 private:
  void do_apply(ConstView x, View y, bool) const override { scale_fibres(values_, x, y); }
  std::unique_ptr<LocalFactorisation> begin_factorisation() const override {
    return std::make_unique<DiagonalCheck>(*this, values_);
  }
  std::shared_ptr<const Factorisation> attach_factorisation(
      communication::SharedArray<std::byte>) const override {
    return std::make_shared<DiagonalFactorisation>(values_);
  }

  std::vector<double> values_;
};

}  // namespace

FactorPtr make_diagonal(std::string name, std::span<const double> values) {
  return std::make_shared<DiagonalFactor>(std::move(name), values);
}

}  // namespace kronwerk::factors
