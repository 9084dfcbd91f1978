#include "models/flow/cell_sums.hpp"

#include <cblas.h>

#include <algorithm>
#include <utility>

namespace kronwerk::models {

CellSums::CellSums(Fill fill, std::size_t vectors)
    : fill_(std::move(fill)),
      vectors_(vectors),
      first_(vectors, 0.0),
      second_(vectors, 0.0),
      gram_(vectors * vectors, 0.0),
      panel_(2 * vectors * tile) {}

CellSums::CellSums(const std::vector<std::vector<double>>& basis, std::size_t vectors)
    : CellSums(
          [&basis, vectors](std::size_t first, std::size_t count, double* panel, std::size_t lead) {
            for (std::size_t a = 0; a < vectors; ++a) {
              std::copy_n(basis[a].data() + first, count, panel + a * lead);
            }
          },
          vectors) {}

void CellSums::add(std::size_t first, std::size_t count, const double* s, const double* w,
                   const double* c) {
  if (vectors_ == 0) return;
  double* plain = panel_.data();
  double* weighted = plain + vectors_ * tile;
  fill_(first, count, plain, tile);
  for (std::size_t a = 0; a < vectors_; ++a) {
    for (std::size_t i = 0; i < count; ++i) weighted[a * tile + i] = w[i] * plain[a * tile + i];
  }
  const auto m = static_cast<int>(vectors_);
  const auto n = static_cast<int>(count);
  constexpr int lead = tile;
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, m, n, 1.0, plain, lead, weighted, lead,
              1.0, gram_.data(), m);
  cblas_dgemv(CblasRowMajor, CblasNoTrans, m, n, 1.0, plain, lead, s, 1, 1.0, first_.data(), 1);
  cblas_dgemv(CblasRowMajor, CblasNoTrans, m, n, 1.0, plain, lead, c, 1, 1.0, second_.data(), 1);
}

void CellSums::finish(const communication::Communicator& comm) {
  comm.sum(std::span<double>(first_));
  comm.sum(std::span<double>(second_));
  comm.sum(std::span<double>(gram_));
}

std::vector<double> local_products(const std::vector<std::vector<double>>& left,
                                   const std::vector<std::vector<double>>& right) {
  constexpr std::size_t chunk = 4096;  // of all vectors in the second-level cache
  std::vector<double> products(left.size() * right.size(), 0.0);
  if (products.empty()) return products;
  for (std::size_t first = 0; first < left.front().size(); first += chunk) {
    const auto count = static_cast<int>(std::min(chunk, left.front().size() - first));
    for (std::size_t a = 0; a < left.size(); ++a) {
      for (std::size_t b = 0; b < right.size(); ++b) {
        products[a * right.size() + b] +=
            cblas_ddot(count, left[a].data() + first, 1, right[b].data() + first, 1);
      }
    }
  }
  return products;
}

double local_dot(std::span<const double> x, std::span<const double> y) {
  constexpr std::size_t chunk = 1 << 20;
  double sum = 0;
  for (std::size_t first = 0; first < x.size(); first += chunk) {
    const std::size_t count = std::min(chunk, x.size() - first);
    sum += cblas_ddot(static_cast<int>(count), x.data() + first, 1, y.data() + first, 1);
  }
  return sum;
}

}  // namespace kronwerk::models
