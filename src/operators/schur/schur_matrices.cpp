#include "operators/schur/schur_matrices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace kronwerk::operators {
namespace {

using factors::FactorPtr;

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

/// The different factors of a mode, the identity (null) first.
std::vector<FactorPtr> distinct_factors(const SchurSum& sum, std::size_t mode) {
  std::vector<FactorPtr> result{nullptr};
  for (const auto& term : sum.terms) {
    const FactorPtr& factor = term.matrices[mode];
    if (factor && factor->kind() == factors::Kind::identity) continue;
    if (std::ranges::find(result, factor) == result.end()) result.push_back(factor);
  }
  return result;
}

std::size_t position(const std::vector<FactorPtr>& list, const FactorPtr& factor) {
  const auto place = std::ranges::find(list, factor);
  return place == list.end() ? 0 : static_cast<std::size_t>(place - list.begin());
}

void check_shapes(const SchurSum& sum) {
  for (std::size_t mode = 0; mode < 2; ++mode) {
    const auto& basis = sum.bases[mode];
    const Index extent = basis->extent;
    if (std::ssize(basis->eigenvalues) != extent) {
      throw core::ShapeError(fmt::format("a basis of extent {} has {} eigenvalues", extent,
                                         basis->eigenvalues.size()));
    }
    for (const auto& term : sum.terms) {
      const FactorPtr& factor = term.matrices[mode];
      if (!factor || (factor->rows() == extent && factor->cols() == extent)) continue;
      throw core::ShapeError(
          fmt::format("the matrix '{}' of mode {} is {} x {}, its basis has extent {}",
                      factor->name(), mode + 1, factor->rows(), factor->cols(), extent));
    }
  }
}

std::vector<char> pairs_of(const factors::Basis& basis) {
  std::vector<char> second(at(basis.extent), 0);
  for (Index i = 0; i + 1 < basis.extent; ++i) {
    if (basis.eigenvalues[at(i)].imag() == 0) continue;
    second[at(i + 1)] = 1;
    ++i;
  }
  return second;
}

/// What lies below the blocks must be zero up to the rounding of whoever computed p(T).
bool is_quasi_triangular(const std::vector<double>& values, const std::vector<char>& second) {
  const Index n = std::ssize(second);
  double largest = 0;
  double below = 0;
  for (Index i = 0; i < n; ++i) {
    const Index start = second[at(i)] ? i - 1 : i;
    for (Index j = 0; j < n; ++j) {
      const double size = std::abs(values[at(i * n + j)]);
      largest = std::max(largest, size);
      if (j < start) below = std::max(below, size);
    }
  }
  return below <= 1e-10 * largest;
}

/// Entry (i, j) of the stored array is entry (a, b) of the matrix: the array is the matrix, its
/// transpose, or one of them read backwards.
void store(const std::vector<double>& from, Index n, bool transposed, bool backwards,
           std::span<double> to) {
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      const Index row = backwards ? n - 1 - i : i;
      const Index column = backwards ? n - 1 - j : j;
      to[at(i * n + j)] = from[at(transposed ? column * n + row : row * n + column)];
    }
  }
}

/// Which way round the array of a mode's matrices is stored.
struct Orientation {
  bool right = false;  ///< the second mode: by columns of the upper triangular matrix
  bool reversed_transpose = false;
  /// Rᵀ by rows is R by columns; J(Tᵀ)J is the transpose read backwards.
  bool transposed() const { return right != reversed_transpose; }
};

using Complex = std::complex<double>;

/// A 2 x 2 block [a b; c d] and vectors of two numbers.
struct Block {
  double a = 1, b = 0, c = 0, d = 1;
};
using Vector = std::array<Complex, 2>;

Vector multiply(const Block& block, const Vector& x) {
  return {block.a * x[0] + block.b * x[1], block.c * x[0] + block.d * x[1]};
}

Complex inner(const Vector& x, const Vector& y) {
  return std::conj(x[0]) * y[0] + std::conj(x[1]) * y[1];
}

double norm(const Vector& x) {
  return std::hypot(std::abs(x[0]), std::abs(x[1]));
}

Vector normalised(const Vector& x) {
  const double length = norm(x);
  return {x[0] / length, x[1] / length};
}

/// Of unit length, at a right angle to x, which is of unit length.
Vector perpendicular(const Vector& x) {
  return {-std::conj(x[1]), std::conj(x[0])};
}

/// Unit vectors with β S x = α T x and y parallel to S x and T x: with these and their
/// perpendiculars as columns of unitary X and Y, Yᴴ P X is triangular for every P = s S + t T and
/// every polynomial P in S where T = I.
struct BlockVectors {
  Vector x, y;
};

BlockVectors block_vectors(const Block& s, const Block& t, Complex alpha, double beta) {
  // βS - αT is singular: x is perpendicular to its rows, of which the larger is known better.
  const Vector first{beta * s.a - alpha * t.a, beta * s.b - alpha * t.b};
  const Vector second{beta * s.c - alpha * t.c, beta * s.d - alpha * t.d};
  const Vector& row = norm(first) >= norm(second) ? first : second;
  BlockVectors result;
  result.x = norm(row) > 0 ? normalised({-row[1], row[0]}) : Vector{1, 0};
  const Vector by_s = multiply(s, result.x);
  const Vector by_t = multiply(t, result.x);
  const Vector& larger = norm(by_s) >= norm(by_t) ? by_s : by_t;
  result.y = norm(larger) > 0 ? normalised(larger) : result.x;
  return result;
}

/// The 2 x 2 blocks of a basis' matrix, at the first index of every pair; identities without a
/// matrix. Collective; only one rank holds the whole matrix.
std::vector<Block> blocks_of(const communication::Communicator& comm, const FactorPtr& factor,
                             const BlockStructure& blocks) {
  const Index n = blocks.extent();
  std::vector<Block> result(at(n));
  const bool any = std::ranges::any_of(blocks.second, [](char second) { return second != 0; });
  if (!factor || !any) return result;
  std::vector<double> entries(at(4 * n));
  communication::on_root(comm, [&] {
    std::vector<double> values(at(n * n), 0.0);
    factor->add_to_dense(1.0, values);
    for (Index i = 0; i + 1 < n; ++i) {
      for (Index k = 0; k < 4; ++k) {
        entries[at(4 * i + k)] = values[at((i + k / 2) * n + i + k % 2)];
      }
    }
  });
  comm.broadcast(std::span(entries), 0);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const double* block = entries.data() + 4 * i;
    result[i] = {block[0], block[1], block[2], block[3]};
  }
  return result;
}

/// In the order of the basis, which is not read backwards. `right`: the stored arrays are the
/// transposes. Collective.
void find_eigenvalues(const communication::Communicator& comm, SchurMode& mode,
                      const factors::Basis& basis, bool right) {
  const std::vector<Block> s = blocks_of(comm, basis.triangular, mode.blocks);
  const std::vector<Block> t = blocks_of(comm, basis.partner_triangular, mode.blocks);
  const bool generalised = !basis.partner_eigenvalues.empty();
  for (auto& matrix : mode.matrices) matrix.eigenvalues.resize(at(mode.extent));
  for (Index i = 0; i < mode.extent; ++i) {
    if (!mode.blocks.splits(i + 1)) {
      for (std::size_t m = 0; m < mode.matrices.size(); ++m) {
        mode.matrices[m].eigenvalues[at(i)] = mode.entry(m, i, i);
      }
      continue;
    }
    const auto vectors = block_vectors(s[at(i)], t[at(i)], basis.eigenvalues[at(i)],
                                       generalised ? basis.partner_eigenvalues[at(i)] : 1);
    const Vector& x = vectors.x;
    const Vector& y = generalised ? vectors.y : x;
    for (std::size_t m = 0; m < mode.matrices.size(); ++m) {
      Block block{mode.entry(m, i, i), mode.entry(m, i, i + 1), mode.entry(m, i + 1, i),
                  mode.entry(m, i + 1, i + 1)};
      if (right) std::swap(block.b, block.c);
      auto& eigenvalues = mode.matrices[m].eigenvalues;
      eigenvalues[at(i)] = inner(y, multiply(block, x));
      eigenvalues[at(i + 1)] = inner(perpendicular(y), multiply(block, perpendicular(x)));
    }
    ++i;
  }
}

bool is_block_diagonal(const SchurMode& mode, std::size_t matrix) {
  for (Index i = 0; i < mode.extent; ++i) {
    for (Index j = 0; j < mode.extent; ++j) {
      const Index apart = i < j ? j - i : i - j;
      const bool together = apart == 0 || (apart == 1 && mode.blocks.splits(std::max(i, j)));
      if (!together && mode.entry(matrix, i, j) != 0) return false;
    }
  }
  return true;
}

/// The values of one factor, once per node, zero where they must be. Collective.
communication::SharedArray<double> load(const communication::Communicator& comm,
                                        const factors::Factor& factor,
                                        const std::vector<char>& second, std::size_t mode,
                                        Orientation orientation) {
  const Index n = std::ssize(second);
  communication::SharedArray<double> result(comm, n * n);
  const bool writes = comm.node().is_root();
  communication::collectively(comm, [&] {
    if (!writes) return;
    std::vector<double> values(at(n * n), 0.0);
    factor.add_to_dense(1.0, values);
    if (!is_quasi_triangular(values, second)) {
      throw core::ShapeError(fmt::format(
          "the matrix '{}' of mode {} is not upper quasi-triangular with the blocks of its basis",
          factor.name(), mode + 1));
    }
    for (Index i = 0; i < n; ++i) {
      const Index start = second[at(i)] ? i - 1 : i;
      std::fill_n(values.begin() + i * n, start, 0.0);
    }
    store(values, n, orientation.transposed(), orientation.reversed_transpose,
          result.mutable_span());
  });
  result.publish();
  return result;
}

SchurMode make_mode(const communication::Communicator& comm, const SchurSum& sum, std::size_t k,
                    const std::vector<FactorPtr>& list, Orientation orientation) {
  SchurMode mode;
  mode.extent = sum.bases[k]->extent;
  const std::vector<char> second = pairs_of(*sum.bases[k]);
  mode.blocks.second = second;
  if (orientation.reversed_transpose) {
    // Read backwards, the first of a pair comes second.
    mode.blocks.second.assign(second.size(), 0);
    for (Index i = 1; i < mode.extent; ++i) {
      if (second[at(i)]) mode.blocks.second[at(mode.extent - i)] = 1;
    }
  }
  mode.matrices.resize(list.size());
  for (std::size_t m = 1; m < list.size(); ++m) {
    mode.matrices[m].values = load(comm, *list[m], second, k, orientation);
  }
  for (std::size_t m = 1; m < list.size(); ++m) {
    mode.matrices[m].block_diagonal = is_block_diagonal(mode, m);
  }
  if (!orientation.reversed_transpose)
    find_eigenvalues(comm, mode, *sum.bases[k], orientation.right);
  return mode;
}

/// "-1.5"; of a pair the first, for which of the two does not matter.
std::string value_text(const factors::Basis& basis, Index first) {
  auto value = basis.eigenvalues[at(first)];
  if (!basis.partner_eigenvalues.empty()) {
    const double beta = basis.partner_eigenvalues[at(first)];
    if (beta == 0)
      return value == 0.0 ? "0/0, for its two matrices are singular together" : "infinite";
    value /= beta;
  }
  return value.imag() == 0 ? fmt::format("{:.6g}", value.real())
                           : fmt::format("{:.6g} ± {:.6g}i", value.real(), std::abs(value.imag()));
}

/// "eigenvalue 3 of mode 1 (-1.5)"
std::string eigenvalue_text(const SchurSum& sum, std::size_t mode, const BlockStructure& blocks,
                            Index place) {
  const Index first = blocks.whole(place);
  const factors::Basis& basis = *sum.bases[mode];
  return fmt::format("{} {} of mode {} ({})",
                     basis.partner_eigenvalues.empty() ? "eigenvalue" : "generalised eigenvalue",
                     first + 1, mode + 1, value_text(basis, first));
}

/// Smallest |Σ c μ_i ν_j| of some columns and where, and the largest Σ |c μ_i ν_j|.
struct Extremes {
  double smallest = std::numeric_limits<double>::infinity();
  Index place = 0;
  double scale = 0;
};

Extremes find_extremes(const SchurSystem& system, Index begin, Index end) {
  Extremes result;
  const SchurMode& left = system.left;
  const SchurMode& right = system.right;
  for (Index i = 0; i < left.extent; ++i) {
    for (Index j = begin; j < end; ++j) {
      std::complex<double> sum = 0;
      double scale = 0;
      for (std::size_t l = 0; l < left.matrices.size(); ++l) {
        const auto mu = left.matrices[l].eigenvalues[at(i)];
        for (std::size_t r = 0; r < right.matrices.size(); ++r) {
          if (system.coefficient(l, r) == 0) continue;
          const auto nu = right.matrices[r].eigenvalues[at(j)];
          const auto part = system.coefficient(l, r) * mu * nu;
          sum += part;
          scale += std::abs(part);
        }
      }
      result.scale = std::max(result.scale, scale);
      // A NaN counts as zero: neither can be divided by.
      const double size = std::isnan(std::abs(sum)) ? 0.0 : std::abs(sum);
      if (size >= result.smallest) continue;
      result.smallest = size;
      result.place = i * right.extent + j;
    }
  }
  return result;
}

}  // namespace

SchurSystem make_schur_system(const communication::Communicator& comm, const SchurSum& sum,
                              bool reversed_transpose) {
  communication::collectively(comm, [&] { check_shapes(sum); });
  const auto left = distinct_factors(sum, 0);
  const auto right = distinct_factors(sum, 1);
  SchurSystem system;
  system.left = make_mode(comm, sum, 0, left, {false, reversed_transpose});
  system.right = make_mode(comm, sum, 1, right, {true, reversed_transpose});
  system.coefficients.assign(left.size() * right.size(), 0.0);
  for (const auto& term : sum.terms) {
    const std::size_t l = position(left, term.matrices[0]);
    const std::size_t r = position(right, term.matrices[1]);
    system.coefficients[l * right.size() + r] += term.coefficient;
  }
  return system;
}

void check_regular(const communication::Communicator& comm, const SchurSum& sum,
                   const SchurSystem& system) {
  const Index rows = system.left.extent;
  const Index columns = system.right.extent;
  const distribution::BlockPartition share(columns, comm.size());
  const Extremes mine = find_extremes(system, share.begin(comm.rank()), share.end(comm.rank()));
  const double smallest = comm.min(mine.smallest);
  const double scale = comm.max(mine.scale);
  const Index nowhere = std::numeric_limits<Index>::max();
  const Index place = comm.min(mine.smallest == smallest ? mine.place : nowhere);
  const double least = 4.0 * static_cast<double>(std::max({rows, columns, Index{10}})) *
                       std::numeric_limits<double>::epsilon() * scale;
  if (place == nowhere || smallest > least) return;
  const Index i = place / columns;
  const Index j = place % columns;
  throw core::SingularError(fmt::format(
      "the operator is singular to working precision: {} and {} combine to {:.3g}, beside terms of "
      "size {:.3g}",
      eigenvalue_text(sum, 0, system.left.blocks, i),
      eigenvalue_text(sum, 1, system.right.blocks, j), smallest, scale));
}

}  // namespace kronwerk::operators
