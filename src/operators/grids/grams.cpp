// Mode-wise Gram matrices by symmetric rank updates.
#include "kronwerk/operators/grids/grams.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kronwerk/communication/redistribution.hpp"
#include "kronwerk/distribution/estimate.hpp"
#include "operators/grids/projection_residual.hpp"

namespace kronwerk::operators {
namespace {

/// Fibres per rank update: enough for full speed, and counts that fit BLAS's integers.
constexpr Index fibres_per_update = Index{1} << 16;

/// S += X Xᵀ (X n x fibres) or Xᵀ X (X fibres x n), lower triangle.
void update(CBLAS_TRANSPOSE transpose, Index n, Index fibres, const double* x, Index row_length,
            std::vector<double>& s) {
  const auto size = core::narrow<int>(n);
  cblas_dsyrk(CblasRowMajor, CblasLower, transpose, size, core::narrow<int>(fibres), 1.0, x,
              core::narrow<int>(row_length), 1.0, s.data(), size);
}

Index product_of(std::span<const Index> extents) {
  return core::product(extents);
}

/// Seconds of the busiest rank for one split of (samples, n_1, …, n_K).
double estimate_seconds(const distribution::Layout& layout) {
  const distribution::Rates rates;
  const auto& extents = layout.extents();
  const auto points = static_cast<double>(layout.size());
  double home = 0, away = 0;
  for (std::size_t mode = 1; mode < extents.size(); ++mode) {
    const bool leading = static_cast<int>(mode) < layout.leading_modes();
    (leading ? away : home) += points * static_cast<double>(extents[mode]);
  }
  const auto share = [](const distribution::BlockPartition& part) {
    return static_cast<double>(part.largest()) / static_cast<double>(part.size());
  };
  double seconds =
      (home * share(layout.home()) + away * share(layout.away())) / rates.flops_per_second;
  if (layout.leading_modes() > 1) {
    seconds += 8 * points * share(layout.home()) / rates.exchange_bytes_per_second;
  }
  return seconds;
}

}  // namespace

ModeGrams::ModeGrams(const communication::Communicator& comm,
                     std::shared_ptr<communication::SharedBlocks> workspace, Extents extents,
                     bool compare_samples)
    : comm_(&comm),
      workspace_(std::move(workspace)),
      extents_(std::move(extents)),
      compare_samples_(compare_samples) {
  check_grid(extents_);
  for (const Index extent : extents_) {
    sums_.emplace_back(static_cast<std::size_t>(core::multiply(extent, extent)), 0.0);
  }
}

distribution::Layout ModeGrams::layout(Index samples) const {
  Extents grid = extents_;
  grid.insert(grid.begin(), samples);
  distribution::Layout best;
  double least = 0;
  for (int leading = 1; leading <= static_cast<int>(extents_.size()) + 1; ++leading) {
    distribution::Layout layout(grid, leading, comm_->size());
    const double seconds = estimate_seconds(layout);
    if (leading > 1 && seconds >= least) continue;
    best = std::move(layout);
    least = seconds;
  }
  return best;
}

/// S_mode += the update of a block seen as (left, n, right).
void ModeGrams::add_mode(std::size_t mode, const double* block, Index left, Index right) {
  const Index n = extents_[mode];
  auto& sum = sums_[mode];
  if (right == 1) {
    for (Index first = 0; first < left; first += fibres_per_update) {
      update(CblasTrans, n, std::min(fibres_per_update, left - first), block + first * n, n, sum);
    }
    return;
  }
  constexpr Index wide = 256;
  if (right >= wide || left == 1) {
    for (Index l = 0; l < left; ++l) {
      for (Index first = 0; first < right; first += fibres_per_update) {
        update(CblasNoTrans, n, std::min(fibres_per_update, right - first),
               block + l * n * right + first, right, sum);
      }
    }
    return;
  }
  // Narrow updates would be slow: several are put side by side.
  const Index most = std::min(left, 4 * wide / right);
  packed_.resize(static_cast<std::size_t>(n * most * right));
  for (Index first = 0; first < left; first += most) {
    const Index count = std::min(most, left - first);
    for (Index i = 0; i < n; ++i) {
      double* row = packed_.data() + i * count * right;
      for (Index l = 0; l < count; ++l) {
        std::copy_n(block + ((first + l) * n + i) * right, right, row + l * right);
      }
    }
    update(CblasNoTrans, n, count * right, packed_.data(), count * right, sum);
  }
}

/// Products of whole samples: the away block as (samples, fibre).
void ModeGrams::compare(Index samples, Index fibre) {
  products_.assign(static_cast<std::size_t>(core::multiply(samples, samples)), 0.0);
  for (Index first = 0; first < fibre; first += fibres_per_update) {
    update(CblasNoTrans, samples, std::min(fibres_per_update, fibre - first),
           workspace_->local() + first, fibre, products_);
  }
}

void ModeGrams::add(Index samples, std::span<const double> block) {
  const distribution::Layout layout = this->layout(samples);
  const int rank = comm_->rank();
  if (comm_->any(std::ssize(block) != layout.home_size(rank))) {
    throw core::ShapeError(
        fmt::format("a block of {} samples was given with another layout", samples));
  }
  if (compare_samples_ && samples_ > 0) {
    throw core::ShapeError("samples can be compared with each other in one block only");
  }
  samples_ += samples;
  const auto leading = static_cast<std::size_t>(layout.leading_modes()) - 1;
  const auto all = std::span<const Index>(extents_);
  const Index columns = layout.away().count(rank);
  const bool exchanges = leading > 0 || compare_samples_;
  communication::Redistribution exchange(*workspace_, layout);
  if (exchanges) {
    exchange.to_away(layout.home().largest(), [&](Index first, Index /*count*/) {
      return block.data() + first * layout.trailing();
    });
    for (std::size_t mode = 0; mode < leading && columns > 0; ++mode) {
      add_mode(mode, workspace_->local(), samples * product_of(all.first(mode)),
               product_of(all.subspan(mode + 1, leading - mode - 1)) * columns);
    }
    if (compare_samples_) compare(samples, product_of(all.first(leading)) * columns);
  }
  for (std::size_t mode = leading; mode < all.size(); ++mode) {
    const Index left = layout.home().count(rank) * product_of(all.subspan(leading, mode - leading));
    if (left > 0) add_mode(mode, block.data(), left, product_of(all.subspan(mode + 1)));
  }
  // Nobody writes into a block that is still being read.
  if (exchanges) comm_->barrier();
}

std::vector<std::vector<double>> ModeGrams::finish() {
  if (samples_ == 0) throw core::DataError("Gram matrices need at least one sample; there is none");
  std::vector<double> triangles;
  for (std::size_t mode = 0; mode < sums_.size(); ++mode) {
    const auto n = static_cast<std::ptrdiff_t>(extents_[mode]);
    for (std::ptrdiff_t i = 0; i < n; ++i) {
      const auto row = sums_[mode].begin() + i * n;
      triangles.insert(triangles.end(), row, row + i + 1);
    }
  }
  comm_->sum(triangles);
  if (!std::ranges::all_of(triangles, [](double value) { return std::isfinite(value); })) {
    throw core::DataError(
        "samples are not finite, or so large that their products are not; check the data");
  }
  if (compare_samples_) {
    comm_->sum(products_);
    double squares = 0;
    for (Index i = 0; i < samples_; ++i) {
      for (Index j = 0; j <= i; ++j) {
        const double value = products_[static_cast<std::size_t>(i * samples_ + j)];
        squares += (i == j ? 1 : 2) * value * value;
      }
    }
    norm_ = std::sqrt(squares) / static_cast<double>(samples_);
  }
  const Index points = core::product(extents_);
  std::size_t next = 0;
  for (std::size_t mode = 0; mode < sums_.size(); ++mode) {
    const Index n = extents_[mode];
    const auto count = static_cast<double>(samples_) * static_cast<double>(points / n);
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j <= i; ++j) {
        const double value = triangles[next++] / count;
        sums_[mode][static_cast<std::size_t>(i * n + j)] = value;
        sums_[mode][static_cast<std::size_t>(j * n + i)] = value;
      }
    }
  }
  return std::move(sums_);
}

KroneckerSumFit project_gram(const Extents& extents, std::vector<std::vector<double>> grams,
                             TraceRule rule, std::optional<double> norm) {
  check_grid(extents);
  KroneckerSumFit fit;
  fit.factors = std::move(grams);
  double trace = 0;
  for (Index i = 0; i < extents.front(); ++i) {
    trace += fit.factors.front()[static_cast<std::size_t>(i * (extents.front() + 1))];
  }
  fit.mean = trace / static_cast<double>(extents.front());
  if (norm) {
    // ‖G‖² = N μ² + Σ_k N/n_k ‖S_k - μI‖² + what is missed.
    const auto points = static_cast<double>(core::product(extents));
    const double about_mean = *norm * *norm - points * fit.mean * fit.mean;
    double missed = about_mean;
    for (std::size_t k = 0; k < extents.size(); ++k) {
      const auto n = static_cast<std::size_t>(extents[k]);
      double varied = 0;
      for (std::size_t c = 0; c < n * n; ++c) {
        const double value = fit.factors[k][c] - (c % (n + 1) == 0 ? fit.mean : 0);
        varied += value * value;
      }
      missed -= points / static_cast<double>(n) * varied;
    }
    set_residual(fit, *norm * *norm, about_mean, missed);
  }
  apply_trace_rule(fit, extents, true, rule);
  return fit;
}

}  // namespace kronwerk::operators
