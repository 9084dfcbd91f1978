// Declared in kronwerk/operators/spectral/spectral_operator.hpp.
// Where the eigenvalues of a SpectralSum are: what they are made of, the smallest and the largest,
// and whether the smallest one means anything.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "kronwerk/distribution/partition.hpp"
#include "operators/spectral/spectral_grid.hpp"
#include "operators/spectral/spectral_simd.hpp"

namespace kronwerk::operators {
namespace {

using spectral::run_length;
using spectral::SpectralGrid;
using spectral::Values;

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr Index nowhere = std::numeric_limits<Index>::max();

Values bare_values(const SpectralSum& sum) {
  Values values{sum.extents(), {}, sum.terms, sum.reciprocals};
  for (const auto& basis : sum.bases) values.pairs.push_back(basis->pairs);
  return values;
}

void check_list(const SpectralSum& sum, std::size_t mode,
                const std::vector<std::complex<double>>& list) {
  const factors::Basis& basis = *sum.bases[mode];
  if (list.empty()) return;
  if (std::ssize(list) != basis.extent) {
    throw core::InternalError(fmt::format("mode {} has {} eigenvalues for an extent of {}",
                                          mode + 1, list.size(), basis.extent));
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::complex<double> value = list[i];
    if (!std::isfinite(value.real()) || !std::isfinite(value.imag())) {
      throw core::DataError(
          fmt::format("eigenvalue {} of mode {} is not finite; look for entries of the factor that "
                      "are too large",
                      i + 1, mode + 1));
    }
    const bool in_pair = static_cast<Index>(i) < 2 * basis.pairs;
    const bool right = in_pair ? i % 2 == 0 || value == std::conj(list[i - 1]) : value.imag() == 0;
    if (!right) {
      throw core::InternalError(fmt::format(
          "eigenvalue {} of mode {} ({} + {}i) does not fit the {} conjugate pairs of its basis",
          i + 1, mode + 1, value.real(), value.imag(), basis.pairs));
    }
  }
}

void check_terms(const SpectralSum& sum, const std::vector<SpectralTerm>& terms) {
  for (const SpectralTerm& term : terms) {
    if (term.eigenvalues.size() != sum.bases.size()) {
      throw core::InternalError(fmt::format("a spectral term over {} modes in a sum over {}",
                                            term.eigenvalues.size(), sum.bases.size()));
    }
    if (!std::isfinite(term.coefficient)) {
      throw core::DataError("a coefficient of the operator is not finite");
    }
    for (std::size_t mode = 0; mode < sum.bases.size(); ++mode) {
      check_list(sum, mode, term.eigenvalues[mode]);
    }
  }
}

/// The least value of a quantity over the grid, and the flat index where it is found first.
struct Least {
  double value = std::numeric_limits<double>::infinity();
  Index place = nowhere;

  void include(const double* values, Index count, Index first) {
    for (Index k = 0; k < count; ++k) {
      if (values[k] < value) {
        value = values[k];
        place = first + k;
      }
    }
  }
  void agree(const communication::Communicator& comm) {
    const double least = comm.min(value);
    place = comm.min(value == least ? place : nowhere);
    value = least;
  }
};

/// |λ| of a run.
void absolute_values(const SpectralGrid& grid, Index row, Index column, Index count, double* out) {
  if (!grid.complex()) {
    grid.real(row, column, count, out);
    for (Index k = 0; k < count; ++k) out[k] = std::abs(out[k]);
    return;
  }
  double imaginary[run_length];
  grid.parts(row, column, count, out, imaginary);
  spectral::magnitudes(out, imaginary, count, out);
}

std::vector<Index> indices(const Extents& extents, Index place) {
  std::vector<Index> result(extents.size());
  for (std::size_t mode = extents.size(); mode-- > 0;) {
    result[mode] = place % extents[mode];
    place /= extents[mode];
  }
  return result;
}

struct Found {
  Least least;
  double largest = 0;
};

Found search(const communication::Communicator& comm, const Values& values) {
  const SpectralGrid grid(values, spectral::balanced_split(values.extents));
  const distribution::BlockPartition part(core::product(values.extents), comm.size());
  Found found;
  Index position = part.begin(comm.rank());
  double run[run_length];
  grid.for_each_run(position, part.count(comm.rank()), run_length,
                    [&](Index row, Index column, Index count) {
                      absolute_values(grid, row, column, count, run);
                      const auto range = spectral::range_of(run, count);
                      found.largest = std::max(found.largest, range.largest);
                      if (range.smallest < found.least.value) {
                        found.least.include(run, count, position);
                      }
                      position += count;
                    });
  found.least.agree(comm);
  found.largest = comm.max(found.largest);
  return found;
}

double largest_of(const std::vector<std::complex<double>>& list) {
  double largest = list.empty() ? 1 : 0;
  for (const auto& value : list) largest = std::max(largest, std::abs(value));
  return largest;
}

/// How much an eigenvalue of the sum moves when every |λ_tk| moves by max|λ_tk|:
/// Σ_t |c_t| Σ_k max|λ_tk| Π_{l≠k} |λ_tl|. Times ε this is the rounding error of the spectrum, but
/// for that of reciprocals, whose caller has seen to their being positive and accurate.
Values sensitivity(const Values& values) {
  Values result{values.extents, std::vector<Index>(values.extents.size(), 0), {}};
  for (const SpectralTerm& term : values.terms) {
    SpectralTerm moduli{std::abs(term.coefficient), {}};
    for (const auto& list : term.eigenvalues) {
      auto& modulus = moduli.eigenvalues.emplace_back();
      for (const auto& value : list) modulus.emplace_back(std::abs(value));
    }
    bool moved = false;
    for (std::size_t mode = 0; mode < moduli.eigenvalues.size(); ++mode) {
      if (moduli.eigenvalues[mode].empty()) continue;
      SpectralTerm part = moduli;
      part.coefficient *= largest_of(moduli.eigenvalues[mode]);
      part.eigenvalues[mode].clear();
      result.terms.push_back(std::move(part));
      moved = true;
    }
    if (!moved) result.terms.push_back(std::move(moduli));
  }
  return result;
}

/// Σ_t |c_t| Σ_k Π_l max|λ_tl|: at least every sensitivity.
double largest_sensitivity(const Values& sensitivities) {
  double sum = 0;
  for (const SpectralTerm& term : sensitivities.terms) {
    double product = term.coefficient;
    for (const auto& list : term.eigenvalues) product *= largest_of(list);
    sum += product;
  }
  return sum;
}

/// The least |λ| / sensitivity over the grid. Collective.
Least least_ratio(const communication::Communicator& comm, const Values& values,
                  const Values& sensitivities) {
  const int split = spectral::balanced_split(values.extents);
  const SpectralGrid grid(values, split);
  const SpectralGrid scales(sensitivities, split);
  const distribution::BlockPartition part(core::product(values.extents), comm.size());
  Least least;
  Index position = part.begin(comm.rank());
  double run[run_length];
  double scale[run_length];
  grid.for_each_run(position, part.count(comm.rank()), run_length,
                    [&](Index row, Index column, Index count) {
                      absolute_values(grid, row, column, count, run);
                      scales.real(row, column, count, scale);
                      // Zero over zero is as singular as zero.
                      for (Index k = 0; k < count; ++k) run[k] = run[k] > 0 ? run[k] / scale[k] : 0;
                      least.include(run, count, position);
                      position += count;
                    });
  least.agree(comm);
  return least;
}

std::string to_text(std::complex<double> value, int digits) {
  if (value.imag() == 0) return fmt::format("{:.{}g}", value.real(), digits);
  return fmt::format("{:.{}g}{:+.{}g}i", value.real(), digits, value.imag(), digits);
}

/// "eigenvalue 3 of mode 1 (1.5) and eigenvalue 2 of mode 2 (-1.5) give -2.2e-16"
std::string describe(const SpectralSum& sum, const Values& values, const std::vector<Index>& at) {
  std::vector<std::string> parts;
  std::complex<double> total = 0;
  for (const SpectralTerm& term : values.terms) {
    std::complex<double> product = term.coefficient;
    for (std::size_t mode = 0; mode < at.size(); ++mode) {
      const auto& list = term.eigenvalues[mode];
      if (!list.empty()) product *= list[static_cast<std::size_t>(at[mode])];
    }
    total += product;
  }
  for (const SpectralReciprocal& reciprocal : values.reciprocals) {
    const Values inner{values.extents, values.pairs, reciprocal.terms};
    Index place = 0;
    for (std::size_t mode = 0; mode < at.size(); ++mode) {
      place = place * values.extents[mode] + at[mode];
    }
    const SpectralGrid grid(inner, 0, {0, 1}, {place, place + 1});
    total += reciprocal.coefficient / grid.at(0, place);
  }
  for (std::size_t mode = 0; mode < at.size(); ++mode) {
    const auto index = static_cast<std::size_t>(at[mode]);
    const std::vector<std::complex<double>>* list = nullptr;
    for (const SpectralTerm& term : values.terms) {
      if (list == nullptr && !term.eigenvalues[mode].empty()) list = &term.eigenvalues[mode];
    }
    if (list == nullptr) continue;
    // What the basis belongs to, rather than a polynomial in it, where it is known.
    const auto& own = sum.bases[mode]->eigenvalues;
    std::complex<double> value = own.size() == list->size() ? own[index] : (*list)[index];
    const auto& partner = sum.bases[mode]->partner_eigenvalues;
    if (!partner.empty()) value /= partner[index];
    parts.push_back(
        fmt::format("eigenvalue {} of mode {} ({})", index + 1, mode + 1, to_text(value, 6)));
  }
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += i + 1 == parts.size() ? " and " : ", ";
    text += parts[i];
  }
  return fmt::format("{} {} {}", text.empty() ? "its only eigenvalue" : text,
                     parts.size() > 1 ? "give" : "is", to_text(total, 2));
}

}  // namespace

Extents SpectralSum::extents() const {
  Extents result;
  for (const auto& basis : bases) result.push_back(basis->extent);
  return result;
}

spectral::Values spectral::values_of(const SpectralSum& sum) {
  int modes_with_pairs = 0;
  for (std::size_t mode = 0; mode < sum.bases.size(); ++mode) {
    const factors::Basis& basis = *sum.bases[mode];
    const bool triangular = basis.kind == factors::BasisKind::schur || basis.partner_triangular;
    if (triangular) {
      throw core::ConfigurationError(fmt::format(
          "mode {} is known by its Schur form only, not by eigenvectors: no spectral method",
          mode + 1));
    }
    if (basis.pairs > 0) ++modes_with_pairs;
  }
  if (modes_with_pairs > 16) {
    throw core::ConfigurationError(
        fmt::format("{} modes have complex eigenvalues; at most 16 may", modes_with_pairs));
  }
  if (sum.terms.empty() && sum.reciprocals.empty()) {
    throw core::InternalError("a spectral sum without terms");
  }
  check_terms(sum, sum.terms);
  for (const SpectralReciprocal& reciprocal : sum.reciprocals) {
    if (modes_with_pairs > 0 || reciprocal.terms.empty()) {
      throw core::InternalError("a reciprocal of complex eigenvalues, or of no terms");
    }
    check_terms(sum, reciprocal.terms);
  }
  return bare_values(sum);
}

SpectralRange spectral_range(const communication::Communicator& comm, const SpectralSum& sum) {
  const Values values = spectral::values_of(sum);
  const Found found = search(comm, values);
  if (found.least.place == nowhere) return {};
  return {found.least.value, found.largest, indices(values.extents, found.least.place)};
}

void check_regular(const communication::Communicator& comm, const SpectralSum& sum) {
  const Values values = spectral::values_of(sum);
  const Found found = search(comm, values);
  if (found.least.place == nowhere) return;
  if (!std::isfinite(found.largest)) {
    throw core::DataError(
        "eigenvalues of the operator are too large for double precision; scale its factors down");
  }
  // Eigenvalues have errors of some ε max|λ|, times the condition of their basis.
  double condition = 1;
  for (const auto& basis : sum.bases) condition = std::max(condition, basis->condition);
  const double threshold = 64 * epsilon * condition;
  const Values sensitivities = sensitivity(values);
  if (found.least.value > threshold * largest_sensitivity(sensitivities)) return;
  const Least worst = least_ratio(comm, values, sensitivities);
  if (worst.value > threshold) return;
  throw core::SingularError(fmt::format(
      "the operator is singular to working precision: {}, where the largest eigenvalue has modulus "
      "{:.3g}; change a coefficient or add a multiple of the identity",
      describe(sum, values, indices(values.extents, worst.place)), found.largest));
}

}  // namespace kronwerk::operators
