#include "kronwerk/factors/sparse/sparse_rows.hpp"

#include <cstdlib>
#include <string>

#include "factors/dense/dense_factor.hpp"
#include "factors/sparse/sparse_rows_simd.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {

void SparseRowsProduct::Free::operator()(double* memory) const noexcept {
  std::free(memory);
}

std::optional<SparseRowsProduct> SparseRowsProduct::make(std::span<const Chain> chains,
                                                         double scale) {
  if (chains.empty()) return std::nullopt;
  for (const Chain& chain : chains.first(chains.size() - 1)) {
    if (!is_identity(chain)) return std::nullopt;
  }
  const Chain& last = chains.back();
  if (last.size() != 1 || last.front().inverse) return std::nullopt;
  const auto* dense = dynamic_cast<const DenseFactor*>(last.front().factor.get());
  if (dense == nullptr) return std::nullopt;
  const DenseView a = last.front().transposed ? dense->view().transposed() : dense->view();

  SparseRowsProduct product(a.rows, a.cols);
  // Vectors of a panel must not cross lines of the cache.
  const auto bytes = (static_cast<std::size_t>(product.bytes()) + 63) / 64 * 64;
  product.panels_.reset(static_cast<double*>(std::aligned_alloc(64, bytes + 64)));
  if (!product.panels_) {
    throw core::ResourceError("no memory for a copy of the factor '" + dense->name() + "' (" +
                              std::to_string(bytes) + " bytes)");
  }
  pack_row_panels(a.rows, a.cols, a.data, a.row_stride, a.column_stride, scale,
                  product.panels_.get());
  return product;
}

Index SparseRowsProduct::bytes() const noexcept {
  return row_panels_size(rows_, cols_) * Index{sizeof(double)};
}

void SparseRowsProduct::apply(const CompressedRows& x, std::span<double> y) const {
  if (x.rows() < 0 || std::ssize(y) != x.rows() * rows_) {
    throw core::ShapeError("the product of " + std::to_string(x.rows()) +
                           " compressed fibres with a factor of " + std::to_string(rows_) + " x " +
                           std::to_string(cols_) + " was given room for " +
                           std::to_string(y.size()) + " values");
  }
  multiply_compressed_rows(x, rows_, cols_, panels_.get(), y.data());
}

}  // namespace kronwerk::factors
