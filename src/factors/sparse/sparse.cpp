// Declared in factors/sparse/sparse_factor.hpp and kronwerk/factors/base/make.hpp.
#include <algorithm>
#include <limits>

#include "factors/sparse/sparse_apply.hpp"
#include "factors/sparse/sparse_factor.hpp"
#include "factors/sparse/sparse_factorisation.hpp"
#include "factors/sparse/sparse_panel.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/base/scratch.hpp"

namespace kronwerk::factors {
namespace {

// Rows that go through cache between the view and the panel at a time.
constexpr Index rows_per_strip = 64;

void check(const std::string& name, const communication::SharedSparse& matrix) {
  constexpr Index most = std::numeric_limits<std::int32_t>::max();
  const auto offsets = matrix.row_offsets.span();
  if (matrix.rows < 0 || matrix.cols < 0 || matrix.rows > most || matrix.cols > most) {
    throw core::ShapeError("the sparse factor '" + name +
                           "' has more than 2^31 - 1 rows or columns");
  }
  if (static_cast<Index>(offsets.size()) < matrix.rows + 1 || offsets[0] != 0 ||
      offsets[static_cast<std::size_t>(matrix.rows)] > matrix.column_indices.size() ||
      offsets[static_cast<std::size_t>(matrix.rows)] > matrix.values.size()) {
    throw core::DataError("the row offsets of the sparse factor '" + name +
                          "' do not fit its entries");
  }
}

}  // namespace

SparseFactor::SparseFactor(std::string name, communication::SharedSparse matrix)
    : Factor(Kind::sparse, matrix.rows, matrix.cols, std::move(name)), matrix_(std::move(matrix)) {
  check(this->name(), matrix_);
}

SparseView SparseFactor::view() const noexcept {
  const auto offsets = matrix_.row_offsets.span().first(static_cast<std::size_t>(rows()) + 1);
  const auto entries = static_cast<std::size_t>(offsets.back());
  return {rows(), cols(), offsets, matrix_.column_indices.span().first(entries),
          matrix_.values.span().first(entries)};
}

double SparseFactor::flops_per_fibre() const {
  return 2.0 * static_cast<double>(view().values.size());
}

Index SparseFactor::bytes() const {
  return (rows() + 1) * static_cast<Index>(sizeof(Index)) +
         static_cast<Index>(view().values.size() * (sizeof(double) + sizeof(std::int32_t)));
}

std::vector<double> SparseFactor::diagonal() const {
  const SparseView a = view();
  std::vector<double> result(static_cast<std::size_t>(std::min(rows(), cols())), 0.0);
  for (std::size_t row = 0; row < result.size(); ++row) {
    for (Index k = a.offsets[row]; k < a.offsets[row + 1]; ++k) {
      const auto entry = static_cast<std::size_t>(k);
      if (a.indices[entry] == static_cast<std::int32_t>(row)) result[row] += a.values[entry];
    }
  }
  return result;
}

void SparseFactor::add_to_dense(double scale, std::span<double> out) const {
  const SparseView a = view();
  for (std::size_t row = 0; row < static_cast<std::size_t>(rows()); ++row) {
    for (Index k = a.offsets[row]; k < a.offsets[row + 1]; ++k) {
      const auto entry = static_cast<std::size_t>(k);
      out[row * static_cast<std::size_t>(cols()) + static_cast<std::size_t>(a.indices[entry])] +=
          scale * a.values[entry];
    }
  }
}

void SparseFactor::do_apply(ConstView x, View y, bool transposed) const {
  if (transposed) {
    apply_panels_transposed(x, y);
  } else {
    apply_panels(x, y);
  }
}

// The whole of x in a panel, so that its rows can be read in any order; y leaves strip by strip.
void SparseFactor::apply_panels(const ConstView& x, const View& y) const {
  const SparseView a = view();
  for (const FibreGroup& group : panel_groups(x.left, x.right, widest_panel)) {
    const Index width = padded_width(group.count());
    double* memory = scratch(Scratch::panel, (cols() + rows_per_strip) * width);
    const Panel strip{memory, width};
    const Panel panel{memory + rows_per_strip * width, width};
    gather_rows(x, group, 0, cols(), {}, panel);
    for (Index row = 0; row < rows(); row += rows_per_strip) {
      const Index end = std::min(rows(), row + rows_per_strip);
      multiply_rows(a, row, end, panel, strip);
      scatter_rows(y, group, row, end, {}, strip);
    }
  }
}

// x arrives strip by strip; the whole of y is in a panel, because its rows are added to in any
// order.
void SparseFactor::apply_panels_transposed(const ConstView& x, const View& y) const {
  const SparseView a = view();
  for (const FibreGroup& group : panel_groups(x.left, x.right, widest_panel)) {
    const Index width = padded_width(group.count());
    double* memory = scratch(Scratch::panel, (cols() + rows_per_strip) * width);
    const Panel strip{memory, width};
    const Panel panel{memory + rows_per_strip * width, width};
    std::fill(panel.data, panel.data + cols() * width, 0.0);
    for (Index row = 0; row < rows(); row += rows_per_strip) {
      const Index end = std::min(rows(), row + rows_per_strip);
      gather_rows(x, group, row, end, {}, strip);
      multiply_rows_transposed(a, row, end, strip, panel);
    }
    scatter_rows(y, group, 0, cols(), {}, panel);
  }
}

std::unique_ptr<LocalFactorisation> SparseFactor::begin_factorisation() const {
  return begin_sparse_factorisation(*this);
}

std::shared_ptr<const Factorisation> SparseFactor::attach_factorisation(
    communication::SharedArray<std::byte> memory) const {
  return std::make_shared<SparseFactorisation>(rows(), std::move(memory));
}

FactorPtr make_sparse(std::string name, communication::SharedSparse matrix) {
  return std::make_shared<SparseFactor>(std::move(name), std::move(matrix));
}

}  // namespace kronwerk::factors
