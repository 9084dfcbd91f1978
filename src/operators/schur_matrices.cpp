#include "schur_matrices.hpp"

#include <fmt/format.h>

#include <algorithm>
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

double stored_entry(const SchurMode& mode, const SchurMode::Matrix& matrix, Index i, Index j) {
  return matrix.values.span()[at(i * mode.extent + j)];
}

/// N of every pair, from the matrix in which the pair's imaginary part is largest. `right`: the
/// stored arrays are the transposes.
void find_units(SchurMode& mode, bool right) {
  BlockStructure& blocks = mode.blocks;
  blocks.upper.assign(at(mode.extent), 0.0);
  blocks.lower.assign(at(mode.extent), 0.0);
  for (Index i = 0; i + 1 < mode.extent; ++i) {
    if (!blocks.splits(i + 1)) continue;
    double largest = 0;
    blocks.upper[at(i)] = 1;
    blocks.lower[at(i)] = -1;
    for (std::size_t m = 1; m < mode.matrices.size(); ++m) {
      double upper = stored_entry(mode, mode.matrices[m], i, i + 1);
      double lower = stored_entry(mode, mode.matrices[m], i + 1, i);
      if (right) std::swap(upper, lower);
      if (-upper * lower <= largest) continue;
      largest = -upper * lower;
      blocks.upper[at(i)] = upper / std::sqrt(largest);
      blocks.lower[at(i)] = lower / std::sqrt(largest);
    }
  }
}

void find_eigenvalues(const SchurMode& mode, SchurMode::Matrix& matrix, bool right) {
  const Index n = mode.extent;
  matrix.eigenvalues.resize(at(n));
  for (Index i = 0; i < n; ++i) {
    if (!mode.blocks.splits(i + 1)) {
      matrix.eigenvalues[at(i)] = stored_entry(mode, matrix, i, i);
      continue;
    }
    double upper = stored_entry(mode, matrix, i, i + 1);
    double lower = stored_entry(mode, matrix, i + 1, i);
    if (right) std::swap(upper, lower);
    const double u = mode.blocks.upper[at(i)];
    const double l = mode.blocks.lower[at(i)];
    const double real =
        (stored_entry(mode, matrix, i, i) + stored_entry(mode, matrix, i + 1, i + 1)) / 2;
    // Divide by the larger of the two, so that rounding errors stay small.
    const double imaginary = std::abs(u) >= 1 ? upper / u : lower / l;
    matrix.eigenvalues[at(i)] = matrix.eigenvalues[at(i + 1)] = {real, imaginary};
    ++i;
  }
}

bool is_block_diagonal(const SchurMode& mode, const SchurMode::Matrix& matrix) {
  for (Index i = 0; i < mode.extent; ++i) {
    for (Index j = 0; j < mode.extent; ++j) {
      const Index apart = i < j ? j - i : i - j;
      const bool together = apart == 0 || (apart == 1 && mode.blocks.splits(std::max(i, j)));
      if (!together && stored_entry(mode, matrix, i, j) != 0) return false;
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
  find_units(mode, orientation.right);
  mode.matrices[0].eigenvalues.assign(at(mode.extent), 1.0);
  for (std::size_t m = 1; m < list.size(); ++m) {
    find_eigenvalues(mode, mode.matrices[m], orientation.right);
    mode.matrices[m].block_diagonal = is_block_diagonal(mode, mode.matrices[m]);
  }
  return mode;
}

/// "eigenvalue 3 of mode 1 (-1.5)"; of a pair the first, for which of the two does not matter.
std::string eigenvalue_text(const SchurSum& sum, std::size_t mode, const BlockStructure& blocks,
                            Index place) {
  const Index first = blocks.whole(place);
  const auto value = sum.bases[mode]->eigenvalues[at(first)];
  const std::string text =
      value.imag() == 0 ? fmt::format("{:.6g}", value.real())
                        : fmt::format("{:.6g} ± {:.6g}i", value.real(), std::abs(value.imag()));
  return fmt::format("eigenvalue {} of mode {} ({})", first + 1, mode + 1, text);
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
      // The second of a pair is the conjugate; of two pairs, all combinations occur.
      std::complex<double> sum = 0;
      double scale = 0;
      for (std::size_t l = 0; l < left.matrices.size(); ++l) {
        auto mu = left.matrices[l].eigenvalues[at(i)];
        if (left.blocks.splits(i)) mu = std::conj(mu);
        for (std::size_t r = 0; r < right.matrices.size(); ++r) {
          auto nu = right.matrices[r].eigenvalues[at(j)];
          if (right.blocks.splits(j)) nu = std::conj(nu);
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
