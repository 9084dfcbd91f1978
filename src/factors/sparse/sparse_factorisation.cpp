// See src/MATHEMATICS.md, "Sparse factors".
#include "factors/sparse/sparse_factorisation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "factors/sparse/sparse_decomposition.hpp"
#include "factors/sparse/sparse_panel.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/factors/base/scratch.hpp"

namespace kronwerk::factors {
namespace {

struct TriangleSizes {
  Index blocks = 0;
  Index rows = 0;
  Index values = 0;
};

// What stands at the head of the flat memory; everything else follows from it.
struct Header {
  Index extent = 0;
  Index nonzeros = 0;  // of L, D and U together
  TriangleSizes lower;
  TriangleSizes upper;  // zero where U = Lᵀ
  double log_abs_determinant = 0;
  double condition = 0;
  int sign = 1;
  int symmetric = 0;
  char ordering[24] = {};
};

struct TriangleOffsets {
  std::size_t blocks = 0, rows = 0, values = 0;
};

struct Offsets {
  explicit Offsets(const Header& header) {
    const auto n = static_cast<std::size_t>(header.extent);
    layout.add<Header>(1);
    lower = add(header.lower);
    upper = add(header.upper);
    pivots = layout.add<double>(n);
    row_scale = layout.add<double>(n);
    column_scale = layout.add<double>(n);
    row_position = layout.add<std::int32_t>(n);
    column_position = layout.add<std::int32_t>(n);
  }
  TriangleOffsets add(const TriangleSizes& sizes) {
    return {layout.add<TriangularBlock>(static_cast<std::size_t>(sizes.blocks)),
            layout.add<std::int32_t>(static_cast<std::size_t>(sizes.rows)),
            layout.add<double>(static_cast<std::size_t>(sizes.values))};
  }
  FlatLayout layout;
  TriangleOffsets lower, upper;
  std::size_t pivots, row_scale, column_scale, row_position, column_position;
};

TriangleSizes sizes_of(const TriangularBlocks& triangle) {
  return {static_cast<Index>(triangle.blocks.size()), static_cast<Index>(triangle.rows.size()),
          static_cast<Index>(triangle.values.size())};
}

template <typename T>
void put(std::byte* base, std::size_t offset, const std::vector<T>& values) {
  std::copy(values.begin(), values.end(), reinterpret_cast<T*>(base + offset));
}

void put(std::byte* base, const TriangleOffsets& offsets, const TriangularBlocks& triangle) {
  put(base, offsets.blocks, triangle.blocks);
  put(base, offsets.rows, triangle.rows);
  put(base, offsets.values, triangle.values);
}

TriangularView view_of(const std::byte* base, Index extent, const TriangleOffsets& offsets,
                       const TriangleSizes& sizes) {
  return {extent,
          flat_span<TriangularBlock>(base, offsets.blocks, static_cast<std::size_t>(sizes.blocks)),
          flat_span<std::int32_t>(base, offsets.rows, static_cast<std::size_t>(sizes.rows)),
          flat_span<double>(base, offsets.values, static_cast<std::size_t>(sizes.values))};
}

const Header& header_of(const std::byte* base) {
  return *reinterpret_cast<const Header*>(base);
}

class LocalSparseFactorisation final : public LocalFactorisation {
 public:
  LocalSparseFactorisation(const SparseFactor& factor, SparseDecomposition decomposition)
      : factor_(factor), decomposition_(std::move(decomposition)) {
    const SparseDecomposition& d = decomposition_;
    lower_ = make_triangular_blocks(d.lower.view());
    if (!d.symmetric) upper_ = make_triangular_blocks(d.upper.view());
    header_.extent = factor.rows();
    const auto stored = static_cast<Index>(d.lower.values.size());
    header_.nonzeros = header_.extent + stored +
                       (d.symmetric ? stored : static_cast<Index>(d.upper.values.size()));
    header_.lower = sizes_of(lower_);
    header_.upper = sizes_of(upper_);
    header_.log_abs_determinant = d.log_abs_determinant;
    header_.sign = d.sign;
    header_.symmetric = d.symmetric ? 1 : 0;
    d.ordering.copy(static_cast<char*>(header_.ordering), sizeof(header_.ordering) - 1);
  }

  std::size_t bytes() const override { return Offsets(header_).layout.bytes(); }

  void store(std::byte* target) override {
    const Offsets offsets(header_);
    const SparseDecomposition& d = decomposition_;
    put(target, offsets.lower, lower_);
    put(target, offsets.upper, upper_);
    std::transform(d.pivots.begin(), d.pivots.end(),
                   reinterpret_cast<double*>(target + offsets.pivots),
                   [](double pivot) { return 1.0 / pivot; });
    put(target, offsets.row_scale, d.row_scale);
    put(target, offsets.column_scale, d.column_scale);
    put(target, offsets.row_position, d.row_position);
    put(target, offsets.column_position, d.column_position);
    *reinterpret_cast<Header*>(target) = header_;

    const SparseFactorisation factorisation(header_.extent, target);
    const double condition = one_norm(factor_.view()) * estimate_inverse_norm(factorisation);
    // A NaN, from pivots that overflow, is singular as well.
    if (header_.extent > 0 && !(condition * singular_threshold < 1.0)) {
      throw_singular(factor_, std::isfinite(condition) ? 1.0 / condition : 0.0);
    }
    reinterpret_cast<Header*>(target)->condition = header_.extent > 0 ? condition : 1.0;
  }

 private:
  const SparseFactor& factor_;
  SparseDecomposition decomposition_;
  TriangularBlocks lower_;
  TriangularBlocks upper_;
  Header header_;
};

}  // namespace

std::unique_ptr<LocalFactorisation> begin_sparse_factorisation(const SparseFactor& factor) {
  const SparseView matrix = factor.view();
  std::optional<SparseDecomposition> decomposition;
  if (matrix.rows == 0) {
    decomposition.emplace();
  } else {
    decomposition = sparse_cholesky(matrix);
    if (!decomposition) decomposition = sparse_lu(matrix);
  }
  if (!decomposition) throw_singular(factor, 0.0);
  return std::make_unique<LocalSparseFactorisation>(factor, std::move(*decomposition));
}

SparseFactorisation::SparseFactorisation(Index extent, communication::SharedArray<std::byte> memory)
    : Factorisation(extent), memory_(std::move(memory)) {
  view_memory(memory_.data());
}

SparseFactorisation::SparseFactorisation(Index extent, const std::byte* memory)
    : Factorisation(extent) {
  view_memory(memory);
}

void SparseFactorisation::view_memory(const std::byte* memory) {
  base_ = memory;
  const Header& header = header_of(base_);
  const Offsets offsets(header);
  const auto n = static_cast<std::size_t>(header.extent);
  lower_ = view_of(base_, header.extent, offsets.lower, header.lower);
  upper_ =
      header.symmetric != 0 ? lower_ : view_of(base_, header.extent, offsets.upper, header.upper);
  reciprocal_pivots_ = flat_span<double>(base_, offsets.pivots, n);
  row_scale_ = flat_span<double>(base_, offsets.row_scale, n);
  column_scale_ = flat_span<double>(base_, offsets.column_scale, n);
  row_position_ = flat_span<std::int32_t>(base_, offsets.row_position, n);
  column_position_ = flat_span<std::int32_t>(base_, offsets.column_position, n);
}

// While one panel is substituted, the fibres of the next are on their way into cache.
void SparseFactorisation::do_solve(ConstView b, View x, bool transposed) const {
  const RowMap rows{row_position_, row_scale_};
  const RowMap columns{column_position_, column_scale_};
  const auto steps = static_cast<Index>(lower_.blocks.size() + upper_.blocks.size());
  for (const FibreGroup& group : panel_groups(b.left, b.right, widest_panel)) {
    const Index width = padded_width(group.count());
    const Panel panel{scratch(Scratch::panel, extent() * width), width};
    Prefetcher upcoming = prefetch_after(b, group, steps);
    gather_rows(b, group, 0, extent(), transposed ? columns : rows, panel);
    solve_lower(transposed ? upper_ : lower_, panel, upcoming);
    solve_lower_transposed(transposed ? lower_ : upper_, reciprocal_pivots_, panel, upcoming);
    scatter_rows(x, group, 0, extent(), transposed ? rows : columns, panel);
  }
}

Determinant SparseFactorisation::determinant() const {
  return {header_of(base_).log_abs_determinant, header_of(base_).sign};
}

double SparseFactorisation::condition() const {
  return header_of(base_).condition;
}

double SparseFactorisation::flops_per_fibre() const {
  return 2.0 * static_cast<double>(header_of(base_).nonzeros);
}

Index SparseFactorisation::bytes() const {
  return static_cast<Index>(Offsets(header_of(base_)).layout.bytes());
}

std::string SparseFactorisation::description() const {
  const Header& header = header_of(base_);
  return fmt::format("sparse {} ({} nonzeros, {} ordering)",
                     header.symmetric != 0 ? "Cholesky" : "LU", core::format_count(header.nonzeros),
                     static_cast<const char*>(header.ordering));
}

}  // namespace kronwerk::factors
