// Multiplication with Λ⁻¹ where Λ has 2 x 2 blocks [a b; -b a] for eigenvalues a ± bi in some
// modes. In one mode z = u_0 - i u_1 turns the block into multiplication with a + bi (and conj z
// into that with a - bi). An entry whose indices lie in pairs in q modes is coupled with 2^q - 1
// others; z in each of those modes makes 2^q values, half of them the conjugates of the others,
// which Λ scales.
#include "operators/spectral/spectral_scaling.hpp"

#include <tuple>
#include <utility>

#include "operators/spectral/spectral_simd.hpp"

namespace kronwerk::operators::spectral {
namespace {

using Complex = std::complex<double>;

template <typename Scale>
void scale_real(const SpectralGrid& grid, const Block& block, Index row, Range columns,
                const Scale& scale) {
  alignas(64) double values[run_length];
  double* data = block.data + (row - block.rows.begin) * block.row_stride - block.columns.begin;
  for (Index column = columns.begin; column < columns.end; column += run_length) {
    const Index count = std::min(run_length, columns.end - column);
    grid.real(row, column, count, values);
    scale(values, count, data + column);
  }
}

/// One of the entries that pairs couple: its distance from the first one, in flat indices of its
/// side.
using Offsets = std::vector<Index>;

/// For every set of modes the 2^q offsets of the entries coupled through them, the second of the
/// first mode's pair at bit 0, and so on.
std::vector<Offsets> offset_table(const Side& side) {
  std::vector<Offsets> table(std::size_t{1} << side.pair_strides.size());
  for (std::size_t mask = 0; mask < table.size(); ++mask) {
    Offsets& offsets = table[mask];
    offsets.push_back(0);
    for (std::size_t mode = 0; mode < side.pair_strides.size(); ++mode) {
      if ((mask >> mode & 1U) == 0) continue;
      const std::size_t count = offsets.size();
      for (std::size_t i = 0; i < count; ++i) {
        offsets.push_back(offsets[i] + side.pair_strides[mode]);
      }
    }
  }
  return table;
}

Complex times(Complex a, Complex b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

Complex over(Complex a, Complex b) {
  const double scale = 1 / (b.real() * b.real() + b.imag() * b.imag());
  return times(a, {b.real() * scale, -b.imag() * scale});
}

/// The coupled entries of one place: those of its row times those of its column.
class CoupledEntries {
 public:
  CoupledEntries(const SpectralGrid& grid, const Block& block, bool transposed)
      : grid_(grid),
        block_(block),
        transposed_(transposed),
        row_table_(offset_table(grid.outer())),
        column_table_(offset_table(grid.inner())) {
    const std::size_t most = row_table_.size() * column_table_.size();
    places_.resize(most);
    z_.resize(most);
    lambda_.resize(most);
  }

  /// The first of the entries is at (row, column); at least one of the masks is not empty.
  void divide(Index row, Index column, unsigned row_mask, unsigned column_mask) {
    const Offsets& rows = row_table_[row_mask];
    const Offsets& columns = column_table_[column_mask];
    const std::size_t half = rows.size() * columns.size() / 2;
    std::size_t entry = 0;
    for (const Index row_offset : rows) {
      double* data = block_.data + (row + row_offset - block_.rows.begin) * block_.row_stride +
                     (column - block_.columns.begin);
      for (const Index column_offset : columns) {
        places_[entry] = data + column_offset;
        if (entry < half) lambda_[entry] = grid_.at(row + row_offset, column + column_offset);
        ++entry;
      }
    }
    // The highest bit chooses between z and its conjugate, of which the first is enough.
    for (std::size_t i = 0; i < half; ++i) z_[i] = {*places_[i], -*places_[i + half]};
    for (std::size_t bit = 1; bit < half; bit *= 2) {
      for_pairs(half, bit, [](Complex a, Complex b) {
        const Complex ib{-b.imag(), b.real()};
        return std::pair(a - ib, a + ib);
      });
    }
    for (std::size_t i = 0; i < half; ++i) {
      z_[i] = over(z_[i], transposed_ ? std::conj(lambda_[i]) : lambda_[i]);
    }
    for (std::size_t bit = 1; bit < half; bit *= 2) {
      for_pairs(half, bit, [](Complex plus, Complex minus) {
        const Complex difference = 0.5 * (plus - minus);
        return std::pair(0.5 * (plus + minus), Complex{-difference.imag(), difference.real()});
      });
    }
    for (std::size_t i = 0; i < half; ++i) {
      *places_[i] = z_[i].real();
      *places_[i + half] = -z_[i].imag();
    }
  }

 private:
  template <typename Transform>
  void for_pairs(std::size_t count, std::size_t bit, const Transform& transform) {
    for (std::size_t i = 0; i < count; ++i) {
      if ((i & bit) == 0) std::tie(z_[i], z_[i + bit]) = transform(z_[i], z_[i + bit]);
    }
  }

  const SpectralGrid& grid_;
  const Block& block_;
  bool transposed_;
  std::vector<Offsets> row_table_;
  std::vector<Offsets> column_table_;
  std::vector<double*> places_;
  std::vector<Complex> z_;
  std::vector<Complex> lambda_;
};

Range intersection(Range a, Range b) {
  return {std::max(a.begin, b.begin), std::min(a.end, b.end)};
}

void divide_with_pairs(const SpectralGrid& grid, const Block& block, bool transposed) {
  CoupledEntries entries(grid, block, transposed);
  const Side& outer = grid.outer();
  const Side& inner = grid.inner();
  for (Index row = block.rows.begin; row < block.rows.end; ++row) {
    const auto i = static_cast<std::size_t>(row - outer.range.begin);
    if (outer.second[i] != 0) continue;  // done with the first of its pairs
    if (outer.paired[i] == 0) {
      for (const Range run : inner.real_runs) {
        const Range columns = intersection(run, block.columns);
        if (columns.size() > 0) {
          scale_real(grid, block, row, columns, [](const double* values, Index count, double* x) {
            divide(values, count, x);
          });
        }
      }
    }
    for (Index column = block.columns.begin; column < block.columns.end; ++column) {
      const auto j = static_cast<std::size_t>(column - inner.range.begin);
      if (inner.second[j] != 0 || (outer.paired[i] == 0 && inner.paired[j] == 0)) continue;
      entries.divide(row, column, outer.paired[i], inner.paired[j]);
    }
  }
}

}  // namespace

void divide_by(const SpectralGrid& grid, const Block& block, bool transposed) {
  if (grid.complex()) {
    divide_with_pairs(grid, block, transposed);
    return;
  }
  for (Index row = block.rows.begin; row < block.rows.end; ++row) {
    scale_real(grid, block, row, block.columns,
               [](const double* values, Index count, double* x) { divide(values, count, x); });
  }
}

void multiply_by_function(const SpectralGrid& grid, const SpectralFunction& function,
                          const Block& block) {
  for (Index row = block.rows.begin; row < block.rows.end; ++row) {
    scale_real(grid, block, row, block.columns, [&](double* values, Index count, double* x) {
      function({values, static_cast<std::size_t>(count)});
      multiply(values, count, x);
    });
  }
}

}  // namespace kronwerk::operators::spectral
