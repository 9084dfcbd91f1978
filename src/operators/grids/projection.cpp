// Kronecker-sum projection of vectors: Greenewald, Zhou and Hero (2017), "Tensor graphical lasso",
// the diagonal case.
// See src/MATHEMATICS.md, "Kronecker-sum projection".
#include "kronwerk/operators/grids/projection.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "kronwerk/distribution/partition.hpp"
#include "operators/grids/grid_sums.hpp"
#include "operators/grids/projection_residual.hpp"

namespace kronwerk::operators {

void check_grid(const Extents& extents) {
  if (extents.empty()) {
    throw core::ShapeError("a projection needs the extents of at least one mode; there are none");
  }
  if (core::product(extents) == 0) {
    throw core::ShapeError(fmt::format("the grid {} has no points; extents must be at least 1",
                                       core::to_text(extents)));
  }
}

void apply_trace_rule(KroneckerSumFit& fit, const Extents& extents, bool matrices, TraceRule rule) {
  const auto modes = static_cast<double>(extents.size());
  fit.offset = rule == TraceRule::none ? fit.mean : 0;
  for (std::size_t k = 0; k < extents.size(); ++k) {
    double excess = fit.mean;
    if (rule == TraceRule::split) excess *= (modes - 1) / modes;
    if (rule == TraceRule::first && k == 0) excess = 0;
    const auto step = static_cast<std::size_t>(matrices ? extents[k] + 1 : 1);
    auto& factor = fit.factors[k];
    for (std::size_t i = 0; i < factor.size(); i += step) factor[i] -= excess;
  }
}

void set_residual(KroneckerSumFit& fit, double squares, double about_mean, double missed) {
  fit.norm = std::sqrt(squares);
  missed = std::max(0.0, missed);
  fit.residual = squares > 0 ? std::sqrt(missed / squares) : 0;
  fit.explained = about_mean > 0 ? std::max(0.0, 1 - missed / about_mean) : 1;
}

namespace {

/// What is missed and what varies, as squares: ‖x‖² = N μ² + Σ_k N/n_k ‖b_k - μ‖² + missed.
struct Balance {
  double about_mean = 0;
  double missed = 0;
  /// Whether rounding leaves `missed` without its leading digits.
  bool cancelled = false;
};

Balance balance_of(const Extents& extents, const KroneckerSumFit& fit, double squares) {
  const auto points = static_cast<double>(core::product(extents));
  Balance balance;
  balance.about_mean = squares - points * fit.mean * fit.mean;
  balance.missed = balance.about_mean;
  for (std::size_t k = 0; k < extents.size(); ++k) {
    double varied = 0;
    for (const double mean : fit.factors[k]) varied += (mean - fit.mean) * (mean - fit.mean);
    balance.missed -= points / static_cast<double>(extents[k]) * varied;
  }
  balance.cancelled = balance.missed < 1e-6 * squares;
  return balance;
}

/// The means over all modes but one, and over all.
KroneckerSumFit means_of(const Extents& extents, const GridSums& sums) {
  const Index points = core::product(extents);
  KroneckerSumFit fit;
  for (std::size_t k = 0; k < extents.size(); ++k) {
    const auto count = static_cast<double>(points / extents[k]);
    auto& means = fit.factors.emplace_back();
    for (const DoubleDouble& sum : sums.mode(k)) means.push_back(sum.value() / count);
  }
  DoubleDouble total;
  for (const DoubleDouble& sum : sums.mode(0)) add(total, sum);
  fit.mean = total.value() / static_cast<double>(points);
  return fit;
}

/// Means become factors with the residual; `values_at(first, piece)` gives the values to compare
/// with where they are needed again.
template <typename ValuesAt>
KroneckerSumFit fit_of(const communication::Communicator& comm, const Extents& extents,
                       const GridSums& sums, TraceRule rule, Index begin, Index count,
                       ValuesAt&& values_at) {
  KroneckerSumFit fit = means_of(extents, sums);
  Balance balance = balance_of(extents, fit, sums.squares());
  apply_trace_rule(fit, extents, false, rule);
  if (balance.cancelled) {
    auto diagonals = fit.factors;
    for (double& value : diagonals.front()) value += fit.offset;
    std::array<double, 2> squares{};
    visit_kronecker_sum(diagonals, begin, count, [&](Index first, std::span<double> piece) {
      const std::span<const double> values = values_at(first, piece.size());
      for (std::size_t i = 0; i < piece.size(); ++i) {
        const double missed = values[i] - piece[i];
        const double varied = values[i] - fit.mean;
        squares[0] += missed * missed;
        squares[1] += varied * varied;
      }
    });
    comm.sum(squares);
    balance = {squares[1], squares[0], false};
  }
  set_residual(fit, sums.squares(), balance.about_mean, balance.missed);
  return fit;
}

}  // namespace

KroneckerSumFit project_vector(const communication::Communicator& comm, const Extents& extents,
                               Index begin, std::span<const double> values, TraceRule rule) {
  check_grid(extents);
  GridSums sums(extents);
  sums.add(begin, values);
  sums.reduce(comm);
  return fit_of(comm, extents, sums, rule, begin, std::ssize(values),
                [&](Index first, std::size_t count) {
                  return values.subspan(static_cast<std::size_t>(first - begin), count);
                });
}

KroneckerSumFit project_inverse(const communication::Communicator& comm, Diagonals spectra,
                                TraceRule rule) {
  const Extents extents = extents_of(spectra);
  check_grid(extents);
  const SumRows spectrum(spectra);
  const distribution::BlockPartition part(core::product(extents), comm.size());
  const Index begin = part.begin(comm.rank());
  const Index count = part.count(comm.rank());
  GridSums sums(extents);
  sums.add_reciprocals(spectrum, begin, count);
  try {
    sums.reduce(comm);
  } catch (const core::DataError&) {
    throw core::DataError(
        "the Kronecker sum cannot be inverted: some λ_1 + … + λ_K is zero (or so small that the "
        "square of its inverse overflows), or a value is not finite; shift the spectra");
  }
  std::vector<double> inverse;
  return fit_of(comm, extents, sums, rule, begin, count, [&](Index first, std::size_t size) {
    inverse.resize(size);
    kronecker_sum_diagonal(spectra, first, inverse, 1, false, SumFunction::reciprocal);
    return std::span<const double>(inverse);
  });
}

}  // namespace kronwerk::operators
