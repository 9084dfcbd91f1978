#include "models/density/weighted_gram.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/communication/redistribution.hpp"
#include "kronwerk/factors/base/scratch.hpp"
#include "models/covariance/grid_values.hpp"

namespace kronwerk::models {
namespace {

/// A local block seen along a mode, entry (l, i, r) with the weight left[l] * right[r].
struct WeightedBlock {
  const double* data = nullptr;
  Index extent = 1;
  std::vector<double> left;
  std::vector<double> right;
};

Index right_of(const WeightedBlock& block) {
  return std::ssize(block.right);
}

/// Packs fibres [first, first + count) of the block, times the root of `sign` times their weight
/// where that is positive, as rows of n (right extent 1) or as columns of an n x count matrix.
void pack(const WeightedBlock& block, double sign, Index first, Index count, double* packed) {
  const Index n = block.extent;
  const Index right = right_of(block);
  const auto root = [sign](double weight) { return std::sqrt(std::max(0.0, sign * weight)); };
  if (right == 1) {
    for (Index f = 0; f < count; ++f) {
      const double scale = root(block.left[static_cast<std::size_t>(first + f)] * block.right[0]);
      const double* fibre = block.data + (first + f) * n;
      double* row = packed + f * n;
      for (Index i = 0; i < n; ++i) row[i] = scale * fibre[i];
    }
    return;
  }
  std::vector<double> scales(static_cast<std::size_t>(std::min(right, count)));
  for (Index f = 0; f < count;) {
    const Index l = (first + f) / right;
    const Index r = (first + f) % right;
    const Index run = std::min(right - r, count - f);
    for (Index j = 0; j < run; ++j) {
      scales[static_cast<std::size_t>(j)] = root(block.left[static_cast<std::size_t>(l)] *
                                                 block.right[static_cast<std::size_t>(r + j)]);
    }
    for (Index i = 0; i < n; ++i) {
      const double* from = block.data + (l * n + i) * right + r;
      double* to = packed + i * count + f;
      for (Index j = 0; j < run; ++j) to[j] = scales[static_cast<std::size_t>(j)] * from[j];
    }
    f += run;
  }
}

void add_gram(const WeightedBlock& block, double sign, std::vector<double>& gram) {
  constexpr Index buffer = Index{1} << 20;  // doubles
  const Index n = block.extent;
  const Index fibres = std::ssize(block.left) * right_of(block);
  const Index chunk = std::clamp<Index>(buffer / std::max<Index>(1, n), 256, 1 << 16);
  const int size = core::narrow<int>(n);
  for (Index first = 0; first < fibres; first += chunk) {
    const Index count = std::min(chunk, fibres - first);
    double* packed = factors::scratch(factors::Scratch::chunk, n * count);
    pack(block, sign, first, count, packed);
    const bool rows = right_of(block) == 1;
    cblas_dsyrk(CblasRowMajor, CblasLower, rows ? CblasTrans : CblasNoTrans, size,
                core::narrow<int>(count), sign, packed, core::narrow<int>(rows ? n : count), 1.0,
                gram.data(), size);
  }
}

bool any_negative(const std::vector<double>& values) {
  return std::ranges::any_of(values, [](double value) { return value < 0; });
}

std::vector<double> gram_of(const WeightedBlock& block) {
  std::vector<double> gram(static_cast<std::size_t>(core::multiply(block.extent, block.extent)),
                           0.0);
  add_gram(block, 1, gram);
  if (any_negative(block.left) || any_negative(block.right)) add_gram(block, -1, gram);
  return gram;
}

Index product_of(const Extents& extents, std::size_t first, std::size_t last) {
  return core::product(std::span(extents).subspan(first, last - first));
}

WeightedBlock home_view(const Layout& layout, int rank, const double* block,
                        const GramRequest& request) {
  const Extents& extents = layout.extents();
  const auto split = static_cast<std::size_t>(layout.leading_modes());
  const std::size_t k = request.mode;
  const Index between = product_of(extents, split, k);
  WeightedBlock view{block, extents[k], {}, {}};
  view.left = products(extents, request.lists, 0, k, layout.home().begin(rank) * between,
                       layout.home().end(rank) * between);
  view.right = products(extents, request.lists, k + 1, extents.size(), 0,
                        product_of(extents, k + 1, extents.size()));
  return view;
}

WeightedBlock away_view(const Layout& layout, int rank, const double* block,
                        const GramRequest& request) {
  const Extents& extents = layout.extents();
  const auto split = static_cast<std::size_t>(layout.leading_modes());
  const std::size_t k = request.mode;
  WeightedBlock view{block, extents[k], {}, {}};
  view.left = products(extents, request.lists, 0, k, 0, product_of(extents, 0, k));
  const auto between =
      products(extents, request.lists, k + 1, split, 0, product_of(extents, k + 1, split));
  const auto columns = products(extents, request.lists, split, extents.size(),
                                layout.away().begin(rank), layout.away().end(rank));
  for (const double a : between) {
    for (const double b : columns) view.right.push_back(a * b);
  }
  return view;
}

}  // namespace

std::vector<std::vector<double>> weighted_grams(const communication::Communicator& comm,
                                                Workspace& workspace, const Layout& layout,
                                                std::span<const double> block,
                                                const std::vector<GramRequest>& requests) {
  std::vector<std::vector<double>> grams(requests.size());
  bool away = false;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (static_cast<int>(requests[i].mode) < layout.leading_modes()) {
      away = true;
    } else {
      grams[i] = gram_of(home_view(layout, comm.rank(), block.data(), requests[i]));
    }
  }
  if (!away) return grams;
  communication::Redistribution redistribution(workspace, layout);
  const Index trailing = layout.trailing();
  constexpr Index piece = 32768;  // doubles: what a chunk of rows holds
  redistribution.to_away(std::max<Index>(1, piece / std::max<Index>(1, trailing)),
                         [&](Index first, Index) { return block.data() + first * trailing; });
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (static_cast<int>(requests[i].mode) >= layout.leading_modes()) continue;
    grams[i] = gram_of(away_view(layout, comm.rank(), workspace.local(), requests[i]));
  }
  // The next exchange writes into other ranks' blocks: not before they have read theirs.
  comm.barrier();
  return grams;
}

double inner_product_of_lower(Index n, const double* a, const double* m) {
  double diagonal = 0;
  double below = 0;
  for (Index i = 0; i < n; ++i) {
    const double* row = a + i * n;
    const double* other = m + i * n;
    double sum = 0;
    for (Index j = 0; j < i; ++j) sum += row[j] * other[j];
    below += sum;
    diagonal += row[i] * other[i];
  }
  return diagonal + 2 * below;
}

}  // namespace kronwerk::models
