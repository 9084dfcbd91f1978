#include "models/flow_counts/effect_system.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/fit/small_dense.hpp"

namespace kronwerk::models {
namespace {

/// Of a residual in the norm of the scaled system, where rounding begins.
constexpr double tolerance = 1e-14;

}  // namespace

EffectSystem::EffectSystem(const communication::Communicator& comm, FixedEffects effects,
                           const core::Extents& extents)
    : comm_(&comm), effects_(effects), width_(static_cast<std::size_t>(extents[1])) {
  const distribution::BlockPartition owned(extents[0], comm.size());
  first_row_ = static_cast<std::size_t>(owned.begin(comm.rank()));
  rows_ = static_cast<std::size_t>(owned.count(comm.rank()));
  for (std::size_t mode = 0; mode < 2; ++mode) {
    counts_[mode] = effects.modes[mode] ? static_cast<std::size_t>(extents[mode]) : 0;
  }
  offset_ = counts_[0];
}

void EffectSystem::set_weights(std::vector<double> weights) {
  weights_ = std::move(weights);
  diagonal_ = sums(weights_);
  // Weights that vanish leave an effect where it is.
  for (double& value : diagonal_) value = std::max(value, std::numeric_limits<double>::min());
}

std::vector<double> EffectSystem::sums(std::span<const double> cells) const {
  std::vector<double> result(size(), 0.0);
  for (std::size_t i = 0; i < rows_; ++i) {
    const double* row = cells.data() + i * width_;
    double sum = 0;
    for (std::size_t j = 0; j < width_; ++j) sum += row[j];
    if (effects_.modes[0]) result[first_row_ + i] = sum;
    for (std::size_t j = 0; j < counts_[1]; ++j) result[offset_ + j] += row[j];
  }
  comm_->sum(std::span<double>(result));
  return result;
}

std::vector<double> EffectSystem::weighted_sums(std::span<const double> cells) const {
  std::vector<double> result(size(), 0.0);
  for (std::size_t i = 0; i < rows_; ++i) {
    const double* row = cells.data() + i * width_;
    const double* weight = weights_.data() + i * width_;
    double sum = 0;
    for (std::size_t j = 0; j < width_; ++j) sum += weight[j] * row[j];
    if (effects_.modes[0]) result[first_row_ + i] = sum;
    for (std::size_t j = 0; j < counts_[1]; ++j) result[offset_ + j] += weight[j] * row[j];
  }
  comm_->sum(std::span<double>(result));
  return result;
}

void EffectSystem::add(std::span<const double> effects, std::span<double> cells) const {
  add_effects(split(effects), static_cast<Index>(first_row_), static_cast<Index>(width_), cells);
}

std::vector<double> EffectSystem::apply(std::span<const double> effects) const {
  std::vector<double> cells(rows_ * width_, 0.0);
  add(effects, cells);
  return weighted_sums(cells);
}

EffectValues EffectSystem::split(std::span<const double> effects) const {
  const auto own = effects.first(offset_);
  const auto other = effects.subspan(offset_);
  return {std::vector<double>(own.begin(), own.end()),
          std::vector<double>(other.begin(), other.end())};
}

// ΛᵀR⁻¹Λ x of vectors x of the destinations, each one after the other.
std::vector<double> EffectSystem::eliminated(std::span<const double> x) const {
  const auto count = static_cast<int>(x.size() / width_);
  const auto width = static_cast<int>(width_);
  const auto rows = static_cast<int>(rows_);
  std::vector<double> along(rows_ * static_cast<std::size_t>(count));
  std::vector<double> result(x.size(), 0.0);
  if (rows > 0) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, count, rows, width, 1.0, x.data(), width,
                weights_.data(), width, 0.0, along.data(), rows);
    for (std::size_t at = 0; at < along.size(); ++at) {
      along[at] /= diagonal_[first_row_ + at % rows_];
    }
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, count, width, rows, 1.0, along.data(),
                rows, weights_.data(), width, 0.0, result.data(), width);
  }
  comm_->sum(std::span<double>(result));
  return result;
}

std::vector<double> EffectSystem::solve(std::span<const double> right_sides) const {
  const std::size_t m = size();
  const std::size_t count = right_sides.size() / m;
  std::vector<double> result(right_sides.begin(), right_sides.end());
  if (!effects_.modes[0] || !effects_.modes[1]) {
    for (std::size_t at = 0; at < result.size(); ++at) result[at] /= diagonal_[at % m];
    return result;
  }
  // In x̂ = C^½ x: (I - C^-½ ΛᵀR⁻¹Λ C^-½) x̂ = C^-½ (b_d - ΛᵀR⁻¹ b_o).
  std::vector<double> scale(width_);
  for (std::size_t j = 0; j < width_; ++j) scale[j] = 1 / std::sqrt(diagonal_[offset_ + j]);
  std::vector<double> residual(count * width_, 0.0);
  for (std::size_t k = 0; k < count; ++k) {
    for (std::size_t i = 0; i < rows_; ++i) {
      const double part = right_sides[k * m + first_row_ + i] / diagonal_[first_row_ + i];
      const double* weight = weights_.data() + i * width_;
      for (std::size_t j = 0; j < width_; ++j) residual[k * width_ + j] -= part * weight[j];
    }
  }
  comm_->sum(std::span<double>(residual));
  std::vector<double> x(count * width_, 0.0);
  std::vector<double> squares(count), goals(count);
  const auto part_of = [&](auto& vector, std::size_t k) {
    return std::span(vector).subspan(k * width_, width_);
  };
  for (std::size_t k = 0; k < count; ++k) {
    const auto r = part_of(residual, k);
    double size = 0;
    for (std::size_t j = 0; j < width_; ++j) {
      const double own = right_sides[k * m + offset_ + j];
      size += own * own * scale[j] * scale[j] + r[j] * r[j] * scale[j] * scale[j];
      r[j] = scale[j] * (r[j] + own);
    }
    squares[k] = inner(r, r);
    goals[k] = tolerance * tolerance * size;
  }
  std::vector<double> direction = residual;
  std::vector<double> scaled(direction.size());
  for (std::size_t step = 0; step < 2 * width_ + 20; ++step) {
    bool done = true;
    for (std::size_t k = 0; k < count; ++k) done = done && squares[k] <= goals[k];
    if (done) break;
    for (std::size_t at = 0; at < scaled.size(); ++at) {
      scaled[at] = scale[at % width_] * direction[at];
    }
    std::vector<double> image = eliminated(scaled);
    for (std::size_t at = 0; at < image.size(); ++at) {
      image[at] = direction[at] - scale[at % width_] * image[at];
    }
    for (std::size_t k = 0; k < count; ++k) {
      if (squares[k] <= goals[k]) continue;
      const auto d = part_of(direction, k);
      const auto r = part_of(residual, k);
      const auto q = part_of(image, k);
      const double curvature = inner(d, q);
      if (!(curvature > 0)) {  // rounding: nothing is left in the range
        squares[k] = 0;
        continue;
      }
      const double length = squares[k] / curvature;
      for (std::size_t j = 0; j < width_; ++j) {
        x[k * width_ + j] += length * d[j];
        r[j] -= length * q[j];
      }
      const double next = inner(r, r);
      for (std::size_t j = 0; j < width_; ++j) d[j] = r[j] + next / squares[k] * d[j];
      squares[k] = next;
    }
  }
  // Back to b_o: x_o = R⁻¹ (b_o - Λ x_d).
  std::vector<double> along(count * offset_, 0.0);
  for (std::size_t k = 0; k < count; ++k) {
    double* own = result.data() + k * m + offset_;
    for (std::size_t j = 0; j < width_; ++j) own[j] = scale[j] * x[k * width_ + j];
    for (std::size_t i = 0; i < rows_; ++i) {
      const std::span weight(weights_.data() + i * width_, width_);
      along[k * offset_ + first_row_ + i] = inner(weight, {own, width_});
    }
  }
  comm_->sum(std::span<double>(along));
  for (std::size_t k = 0; k < count; ++k) {
    for (std::size_t i = 0; i < offset_; ++i) {
      double& value = result[k * m + i];
      value = (value - along[k * offset_ + i]) / diagonal_[i];
    }
  }
  return result;
}

}  // namespace kronwerk::models
