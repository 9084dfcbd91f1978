// See src/MATHEMATICS.md, "Graphs of every mode".
#include "models/graph/graph_hessian.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/graph/spectrum_fit.hpp"
#include "models/graph/symmetric.hpp"

namespace kronwerk::models {
namespace {

/// C = op(A) B or A op(B) of square matrices.
void multiply(CBLAS_TRANSPOSE first, CBLAS_TRANSPOSE second, Index extent,
              const std::vector<double>& a, const std::vector<double>& b, std::vector<double>& c) {
  const int n = core::narrow<int>(extent);
  cblas_dgemm(CblasRowMajor, first, second, n, n, n, 1.0, a.data(), n, b.data(), n, 0.0, c.data(),
              n);
}

void make_symmetric(Index extent, std::vector<double>& a) {
  for_pairs(extent, [&](std::size_t below, std::size_t above) {
    a[below] = a[above] = 0.5 * (a[below] + a[above]);
  });
}

}  // namespace

GraphHessian::GraphHessian(const GraphObjective& objective, const GraphPoint& point)
    : objective_(&objective), point_(&point), sums_(objective.comm(), point.spectra) {
  communication::collectively(objective.comm(), [&] {
    for (BlockMatrices* matrices : {&curvature_, &diagonal_, &work_}) objective.resize(*matrices);
    find_curvature();
    find_diagonal();
  });
}

void GraphHessian::find_curvature() {
  const double least = least_sum(point_->spectra);
  const double greatest = largest_sum(point_->spectra);
  for (std::size_t own = 0; own < curvature_.size(); ++own) {
    const GraphBlock& block = objective_->own_block(own);
    const Index n = block.extent();
    const double* a = point_->spectra[block.mode].data() + block.offset;
    const double* b = point_->means[block.mode].data() + block.offset;
    const double* c = sums_.squares()[block.mode].data() + block.offset;
    const double low = *std::ranges::min_element(point_->spectra[block.mode]);
    for (Index i = 0; i < n; ++i) {
      // A mean of products 1/(s_i s_j) is √(c_i c_j) up to (Δ/s)², Δ = a_i − a_j; the quotient of
      // differences loses ε max s / Δ.
      const double room = least + std::max(0.0, a[i] - low);
      const double near =
          std::cbrt(std::numeric_limits<double>::epsilon() * greatest * room * room);
      for (Index j = 0; j < n; ++j) {
        const double gap = a[i] - a[j];
        double value = std::abs(gap) > near ? -(b[i] - b[j]) / gap : 0;
        if (!(value > 0)) value = std::sqrt(c[i] * c[j]);
        curvature_[own][static_cast<std::size_t>(i * n + j)] = value;
      }
    }
  }
}

/// By entry (i, j): Σ_pq C(p, q) U_pi² U_qj².
void GraphHessian::find_diagonal() {
  for (std::size_t own = 0; own < diagonal_.size(); ++own) {
    const Index n = objective_->own_block(own).extent();
    std::vector<double> squares = point_->vectors[own];
    for (double& value : squares) value *= value;
    multiply(CblasNoTrans, CblasNoTrans, n, curvature_[own], squares, work_[own]);
    multiply(CblasTrans, CblasNoTrans, n, squares, work_[own], diagonal_[own]);
    make_symmetric(n, diagonal_[own]);
  }
}

void GraphHessian::apply(const BlockMatrices& x, BlockMatrices& y) {
  std::vector<std::vector<double>> diagonals(x.size());
  for (std::size_t b = 0; b < x.size(); ++b) {
    const Index n = objective_->own_block(b).extent();
    multiply(CblasNoTrans, CblasTrans, n, x[b], point_->vectors[b], work_[b]);
    multiply(CblasNoTrans, CblasNoTrans, n, point_->vectors[b], work_[b], y[b]);
    for (Index i = 0; i < n; ++i) {
      diagonals[b].push_back(y[b][static_cast<std::size_t>(i * (n + 1))]);
    }
  }
  const ModeVectors coupled = sums_.apply(objective_->gather(diagonals));
  for (std::size_t b = 0; b < x.size(); ++b) {
    const GraphBlock& block = objective_->own_block(b);
    const Index n = block.extent();
    for (std::size_t i = 0; i < y[b].size(); ++i) y[b][i] *= curvature_[b][i];
    const double* values = coupled[block.mode].data() + block.offset;
    for (Index i = 0; i < n; ++i) y[b][static_cast<std::size_t>(i * (n + 1))] = values[i];
    multiply(CblasNoTrans, CblasNoTrans, n, y[b], point_->vectors[b], work_[b]);
    multiply(CblasTrans, CblasNoTrans, n, point_->vectors[b], work_[b], y[b]);
    make_symmetric(n, y[b]);
  }
}

}  // namespace kronwerk::models
