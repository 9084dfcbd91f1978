// Declared in kronwerk/operators/spectral/spectral_operator.hpp.
// Determinant, traces and the eigenvalues themselves, from the factors' spectra.
// See src/MATHEMATICS.md, "Determinants and traces".
#include <fmt/format.h>

#include <cmath>

#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/operators/products/product_sum.hpp"
#include "operators/products/chain_diagonal.hpp"
#include "operators/spectral/spectral_grid.hpp"
#include "operators/spectral/spectral_simd.hpp"

namespace kronwerk::operators {
namespace {

using factors::Chain;
using spectral::Range;
using spectral::run_length;
using spectral::SpectralGrid;
using spectral::Values;
using List = std::vector<std::complex<double>>;

/// log|Π λ| of some eigenvalues and how many of the real ones are negative.
struct LogSum {
  double log_abs = 0;
  Index negative = 0;

  void include_real(const SpectralGrid& grid, Index row, Index column, Index count) {
    double values[run_length];
    grid.real(row, column, count, values);
    const auto product = spectral::log_product(values, count);
    log_abs += product.log_abs;
    negative += product.negative;
  }

  void include_moduli(const SpectralGrid& grid, Index row, Index column, Index count) {
    double values[run_length];
    double imaginary[run_length];
    grid.parts(row, column, count, values, imaginary);
    spectral::magnitudes(values, imaginary, count, values);
    log_abs += spectral::log_product(values, count).log_abs;
  }

  /// A run of one row. With an index in a pair the value comes with its conjugate: the two are
  /// positive together, even where both happen to be real.
  void include(const SpectralGrid& grid, Index row, Index column, Index count) {
    if (!grid.complex()) {
      include_real(grid, row, column, count);
      return;
    }
    const auto& outer = grid.outer();
    if (outer.paired[static_cast<std::size_t>(row - outer.range.begin)] != 0) {
      include_moduli(grid, row, column, count);
      return;
    }
    const Index end = column + count;
    for (const Range run : grid.inner().real_runs) {
      if (run.end <= column) continue;
      if (run.begin >= end) break;
      if (run.begin > column) include_moduli(grid, row, column, run.begin - column);
      column = std::max(column, run.begin);
      const Index length = std::min(run.end, end) - column;
      include_real(grid, row, column, length);
      column += length;
    }
    if (column < end) include_moduli(grid, row, column, end - column);
  }
};

Chain without_identities(const std::vector<const Chain*>& parts) {
  Chain result;
  for (const Chain* part : parts) {
    for (const factors::Link& link : *part) {
      if (link.factor->kind() != factors::Kind::identity) result.push_back(link);
    }
  }
  return result;
}

/// Diagonal of a square chain in the basis in which conjugate pairs are apart: with a block
/// [g_00 g_01; g_10 g_11], (g_00 + g_11)/2 ± i (g_01 - g_10)/2. Collective.
List diagonal_with_pairs(const communication::Communicator& comm, const Chain& chain, Index pairs) {
  factors::factorise(comm, factors::to_factorise(chain));
  const Index n = factors::rows(chain);
  const distribution::BlockPartition part(n, comm.size());
  // The diagonal, then the other entry of each column's block.
  std::vector<double> entries(static_cast<std::size_t>(n + 2 * pairs), 0.0);
  communication::collectively(comm, [&] {
    factors::for_column_panels(chain, part.begin(comm.rank()), part.end(comm.rank()),
                               [&](Index first, Index count, std::span<const double> panel) {
                                 for (Index c = 0; c < count; ++c) {
                                   const Index column = first + c;
                                   const auto entry = [&](Index row) {
                                     return panel[static_cast<std::size_t>(row * count + c)];
                                   };
                                   entries[static_cast<std::size_t>(column)] = entry(column);
                                   if (column >= 2 * pairs) continue;
                                   entries[static_cast<std::size_t>(n + column)] =
                                       entry(column ^ 1);
                                 }
                               });
  });
  comm.sum(entries);
  List result(entries.begin(), entries.begin() + n);
  for (std::size_t p = 0; p < static_cast<std::size_t>(2 * pairs); p += 2) {
    const double* other = entries.data() + static_cast<std::size_t>(n) + p;
    const double real = (entries[p] + entries[p + 1]) / 2;
    const double imaginary = (other[1] - other[0]) / 2;
    result[p] = {real, imaginary};
    result[p + 1] = {real, -imaginary};
  }
  return result;
}

/// The diagonals of P_k⁻¹ D_k Q_k⁻¹ for the matrices of one mode, equal ones computed once.
class BasisDiagonals {
 public:
  BasisDiagonals(const communication::Communicator& comm, const factors::Basis& basis)
      : comm_(comm), basis_(basis) {}

  /// Empty for ones. Collective.
  const List& of(const Chain& matrix) {
    for (const auto& [known, diagonal] : known_) {
      if (known == matrix) return diagonal;
    }
    return known_.emplace_back(matrix, compute(matrix)).second;
  }

 private:
  List compute(const Chain& matrix) const {
    if (factors::rows(matrix) != basis_.extent || factors::cols(matrix) != basis_.extent) {
      throw core::ShapeError(fmt::format("a derivative's factor of {} x {} in a mode of {}",
                                         factors::rows(matrix), factors::cols(matrix),
                                         basis_.extent));
    }
    if (factors::is_identity(matrix) && basis_.kind != factors::BasisKind::pair) return {};
    const Chain chain = without_identities({&basis_.to_basis, &matrix, &basis_.from_basis});
    if (chain.empty()) return {};
    if (basis_.pairs > 0) return diagonal_with_pairs(comm_, chain, basis_.pairs);
    const auto diagonal = chain_diagonal(comm_, chain);
    return {diagonal.begin(), diagonal.end()};
  }

  const communication::Communicator& comm_;
  const factors::Basis& basis_;
  std::vector<std::pair<Chain, List>> known_;
};

/// Σ numerator / denominator over the grid. Collective.
double sum_of_ratios(const communication::Communicator& comm, const Values& numerator,
                     const Values& denominator) {
  const int split = spectral::balanced_split(denominator.extents);
  const SpectralGrid top(numerator, split);
  const SpectralGrid bottom(denominator, split);
  const distribution::BlockPartition part(core::product(denominator.extents), comm.size());
  double sum = 0;
  bottom.for_each_run(part.begin(comm.rank()), part.count(comm.rank()), run_length,
                      [&](Index row, Index column, Index count) {
                        double a[run_length];
                        double c[run_length];
                        if (!bottom.complex()) {
                          top.real(row, column, count, a);
                          bottom.real(row, column, count, c);
                          sum += spectral::sum_of_ratios(a, c, count);
                          return;
                        }
                        // The imaginary parts of conjugates cancel.
                        double b[run_length];
                        double d[run_length];
                        top.parts(row, column, count, a, b);
                        bottom.parts(row, column, count, c, d);
                        for (Index k = 0; k < count; ++k) {
                          sum += (a[k] * c[k] + b[k] * d[k]) / (c[k] * c[k] + d[k] * d[k]);
                        }
                      });
  return comm.sum(sum);
}

}  // namespace

factors::Determinant spectral_determinant(const communication::Communicator& comm,
                                          const SpectralSum& sum) {
  const Values values = spectral::values_of(sum);
  const SpectralGrid grid(values, spectral::balanced_split(values.extents));
  const Index size = core::product(values.extents);
  const distribution::BlockPartition part(size, comm.size());
  LogSum logs;
  grid.for_each_run(
      part.begin(comm.rank()), part.count(comm.rank()), run_length,
      [&](Index row, Index column, Index count) { logs.include(grid, row, column, count); });
  factors::Determinant result;
  result.log_abs = comm.sum(logs.log_abs);
  result.sign = comm.sum(logs.negative) % 2 == 0 ? 1 : -1;
  if (result.log_abs == -std::numeric_limits<double>::infinity()) {
    result.sign = 0;
    return result;
  }
  for (const auto& basis : sum.bases) {
    if (basis->determinant_sign < 0 && size / basis->extent % 2 != 0) result.sign = -result.sign;
    if (basis->log_abs_det == 0) continue;
    result.log_abs += static_cast<double>(size / basis->extent) * basis->log_abs_det;
  }
  return result;
}

double trace_of_inverse(const communication::Communicator& comm, const SpectralSum& sum,
                        std::span<const SpectralTerm> derivative) {
  if (derivative.empty()) return 0;
  check_regular(comm, sum);
  const Values numerator = spectral::values_of({sum.bases, {derivative.begin(), derivative.end()}});
  return sum_of_ratios(comm, numerator, spectral::values_of(sum));
}

double trace_of_inverse(const communication::Communicator& comm, const SpectralSum& sum,
                        std::span<const ScaledProduct> derivative) {
  std::vector<BasisDiagonals> diagonals;
  for (const auto& basis : sum.bases) diagonals.emplace_back(comm, *basis);
  std::vector<SpectralTerm> terms;
  for (const ScaledProduct& product : derivative) {
    if (product.chains.size() != sum.bases.size()) {
      throw core::ShapeError(fmt::format("a derivative over {} modes of an operator over {}",
                                         product.chains.size(), sum.bases.size()));
    }
    SpectralTerm& term = terms.emplace_back(SpectralTerm{product.scale, {}});
    for (std::size_t mode = 0; mode < product.chains.size(); ++mode) {
      term.eigenvalues.push_back(diagonals[mode].of(product.chains[mode]));
    }
  }
  return trace_of_inverse(comm, sum, terms);
}

void spectral_eigenvalues(const SpectralSum& sum, Index first,
                          std::span<std::complex<double>> values) {
  const Values parts = spectral::values_of(sum);
  const SpectralGrid grid(parts, spectral::balanced_split(parts.extents));
  auto place = values.begin();
  double re[run_length];
  double im[run_length] = {};
  grid.for_each_run(first, std::ssize(values), run_length,
                    [&](Index row, Index column, Index count) {
                      if (grid.complex()) {
                        grid.parts(row, column, count, re, im);
                      } else {
                        grid.real(row, column, count, re);
                      }
                      for (Index k = 0; k < count; ++k) *place++ = {re[k], im[k]};
                    });
}

}  // namespace kronwerk::operators
