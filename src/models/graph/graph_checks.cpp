// Declared in models/graph/graph_blocks.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "factors/base/lapack.hpp"
#include "factors/spectra/eigen_local.hpp"
#include "models/graph/graph_blocks.hpp"
#include "models/graph/symmetric.hpp"

namespace kronwerk::models {
namespace {

// Relative to the largest row sum: Grams may come from single precision.
constexpr double asymmetry_allowed = 1e-6;
constexpr double indefinite_allowed = 1e-6;
constexpr double means_allowed = 1e-6;

void check_shapes(const GraphProblem& problem) {
  const std::size_t modes = problem.extents.size();
  if (modes == 0) throw core::ShapeError("a graph needs the extents of at least one mode");
  if (problem.grams.size() != modes || problem.penalties.size() != modes ||
      (!problem.weights.empty() && problem.weights.size() != modes)) {
    throw core::ShapeError(fmt::format(
        "{} modes need as many Gram matrices and penalties (and weights, if any); there are {}, {} "
        "and {}",
        modes, problem.grams.size(), problem.penalties.size(), problem.weights.size()));
  }
  for (std::size_t k = 0; k < modes; ++k) {
    const Index n = problem.extents[k];
    if (n < 1) throw core::ShapeError(fmt::format("mode {} has no points", k + 1));
    const auto entries = static_cast<std::size_t>(core::multiply(n, n));
    if (problem.grams[k].size() != entries) {
      throw core::ShapeError(fmt::format("the Gram matrix of mode {} has {} values, not {} x {}",
                                         k + 1, problem.grams[k].size(), n, n));
    }
    if (!problem.weights.empty() && !problem.weights[k].empty() &&
        problem.weights[k].size() != entries) {
      throw core::ShapeError(fmt::format("the weights of mode {} have {} values, not {} x {}",
                                         k + 1, problem.weights[k].size(), n, n));
    }
  }
}

void check_penalties(const GraphProblem& problem) {
  for (std::size_t k = 0; k < problem.extents.size(); ++k) {
    const double penalty = problem.penalties[k];
    if (!(penalty >= 0) || !std::isfinite(penalty)) {
      throw core::ConfigurationError(fmt::format(
          "the penalty of mode {} is {}; penalties are at least zero, and finite", k + 1, penalty));
    }
    if (problem.weights.empty()) continue;
    const auto& weights = problem.weights[k];
    const Index n = weights.empty() ? 0 : problem.extents[k];
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < i; ++j) {
        const double below = weights[static_cast<std::size_t>(i * n + j)];
        const double above = weights[static_cast<std::size_t>(j * n + i)];
        if (below >= 0 && below == above) continue;
        throw core::DataError(fmt::format(
            "the weights of mode {} at ({}, {}) and ({}, {}) are {} and {}; weights of penalties "
            "are symmetric and at least zero",
            k + 1, i, j, j, i, below, above));
      }
    }
  }
}

/// Returns the largest row sum.
double check_entries(std::size_t mode, Index n, std::span<const double> gram) {
  for (std::size_t at = 0; at < gram.size(); ++at) {
    if (std::isfinite(gram[at])) continue;
    throw core::DataError(fmt::format("the Gram matrix of mode {} is {} at ({}, {})", mode + 1,
                                      gram[at], static_cast<Index>(at) / n,
                                      static_cast<Index>(at) % n));
  }
  const double norm = factors::row_norm(n, gram.data());
  for (Index i = 0; i < n; ++i) {
    const double variance = gram[static_cast<std::size_t>(i * n + i)];
    if (!(variance > 0)) {
      throw core::DataError(fmt::format(
          "the Gram matrix of mode {} has {} on its diagonal at {}: {}", mode + 1, variance, i,
          variance < 0 ? "it is no Gram matrix"
                       : "without variation there the likelihood is unbounded; take this slice "
                         "out of the samples (or check their centring)"));
    }
  }
  for_pairs(n, [&](std::size_t below, std::size_t above) {
    if (std::abs(gram[below] - gram[above]) <= asymmetry_allowed * norm) return;
    const auto i = static_cast<Index>(below) / n, j = static_cast<Index>(below) % n;
    throw core::DataError(fmt::format(
        "the Gram matrix of mode {} is not symmetric: {} at ({}, {}) and {} at ({}, {})", mode + 1,
        gram[below], i, j, gram[above], j, i));
  });
  return norm;
}

bool is_definite(Index n, std::vector<double> matrix, double shift) {
  for (Index i = 0; i < n; ++i) matrix[static_cast<std::size_t>(i * (n + 1))] += shift;
  const int extent = core::narrow<int>(n);
  int info = 0;
  dpotrf_("U", &extent, matrix.data(), &extent, &info, 1);
  return info == 0;
}

double rounding_of(Index n, double norm) {
  return 10 * static_cast<double>(n) * std::numeric_limits<double>::epsilon() * norm;
}

[[noreturn]] void refuse_indefinite(std::size_t mode, Index n) {
  throw core::DataError(
      fmt::format("the Gram matrix of mode {} ({} x {}) is not positive semi-definite, which Gram "
                  "matrices of samples are",
                  mode + 1, n, n));
}

/// Without a penalty the optimum's factors grow without bound along the kernel of S_k.
void check_kernel(std::size_t mode, const std::vector<double>& eigenvalues, double rounding) {
  const auto n = std::ssize(eigenvalues);
  const auto kernel = std::ranges::count_if(eigenvalues, [&](double v) { return v <= rounding; });
  if (kernel == 0) return;
  throw core::DataError(fmt::format(
      "the likelihood is unbounded: the Gram matrix of mode {} ({} x {}) is singular (rank {}) and "
      "its penalty is zero; give this mode a penalty above zero, or use more samples",
      mode + 1, n, n, n - kernel));
}

void check_definite(const GraphProblem& problem, std::size_t mode, double norm) {
  const Index n = problem.extents[mode];
  const double rounding = rounding_of(n, norm);
  if (problem.penalties[mode] == 0 && is_definite(n, problem.grams[mode], -rounding)) return;
  if (!is_definite(n, problem.grams[mode], indefinite_allowed * norm)) refuse_indefinite(mode, n);
  if (problem.penalties[mode] > 0) return;
  std::vector<double> matrix = problem.grams[mode];
  std::vector<double> eigenvalues(static_cast<std::size_t>(n));
  factors::symmetric_eigenvalues(n, matrix.data(), eigenvalues.data(), "Gram matrix");
  check_kernel(mode, eigenvalues, rounding);
}

bool without_edges(const GraphProblem& problem, std::size_t mode) {
  const Index n = problem.extents[mode];
  if (n == 1) return true;
  if (problem.weights.empty() || problem.weights[mode].empty()) return false;
  const auto& weights = problem.weights[mode];
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < i; ++j) {
      if (!std::isinf(weights[static_cast<std::size_t>(i * n + j)])) return false;
    }
  }
  return true;
}

}  // namespace

void check_spectra(const std::vector<std::vector<double>>& spectra) {
  for (std::size_t k = 0; k < spectra.size(); ++k) {
    const auto [least, greatest] = std::ranges::minmax(spectra[k]);
    const auto n = std::ssize(spectra[k]);
    if (least < -indefinite_allowed * greatest) refuse_indefinite(k, n);
    check_kernel(k, spectra[k], rounding_of(n, greatest));
  }
}

void check_graph_problem(const communication::Communicator& comm, const GraphProblem& problem) {
  check_shapes(problem);
  communication::collectively(comm, [&] {
    check_penalties(problem);
    std::vector<double> norms, means;
    for (std::size_t k = 0; k < problem.extents.size(); ++k) {
      const Index n = problem.extents[k];
      norms.push_back(check_entries(k, n, problem.grams[k]));
      double trace = 0;
      for (Index i = 0; i < n; ++i)
        trace += problem.grams[k][static_cast<std::size_t>(i * (n + 1))];
      means.push_back(trace / static_cast<double>(n));
      if (std::abs(means[k] - means[0]) <= means_allowed * means[0]) continue;
      throw core::DataError(fmt::format(
          "the mean diagonals of the Gram matrices differ: {} of mode 1, {} of mode {}; Gram "
          "matrices of the same samples, each divided by their number times N / n_k, have one "
          "(check how they were scaled and centred)",
          means[0], means[k], k + 1));
    }
    // Without any penalties the decompositions that are needed anyway tell: check_spectra().
    const bool penalised = std::ranges::any_of(problem.penalties, [](double l) { return l > 0; });
    for (std::size_t k = 0; (penalised || !problem.weights.empty()) && k < norms.size(); ++k) {
      const bool mine = static_cast<int>(k) % comm.size() == comm.rank();
      if (mine && !without_edges(problem, k)) check_definite(problem, k, norms[k]);
    }
  });
}

}  // namespace kronwerk::models
