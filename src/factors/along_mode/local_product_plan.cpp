#include "factors/along_mode/local_product_plan.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "factors/dense/dense_factor.hpp"
#include "factors/dense/dense_simd.hpp"

namespace kronwerk::factors {
namespace {

// Wide blocks are cut out of longer rows. Rows are often a multiple of the page size apart, so that
// many of them compete for the same lines of the cache: 64 columns of 256 rows pass a block 1.4
// times as fast as 32 of 512.
constexpr Index least_run = 64;

Index round_up_quotient(Index a, Index b) {
  return (a + b - 1) / b;
}

bool can_merge(const ModeSteps& mode) {
  return mode.steps.size() == 1 && mode.steps.front().is_dense();
}

ModeSteps merged(const ModeSteps& first, const ModeSteps& second) {
  const DenseView a = first.steps.front().dense_view();
  const DenseView b = second.steps.front().dense_view();
  const Index rows = a.rows * b.rows;
  const Index cols = a.cols * b.cols;
  std::vector<double> values(static_cast<std::size_t>(rows * cols));
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < cols; ++j) {
      const double left = a.data[(i / b.rows) * a.row_stride + (j / b.cols) * a.column_stride];
      const double right = b.data[(i % b.rows) * b.row_stride + (j % b.cols) * b.column_stride];
      values[static_cast<std::size_t>(i * cols + j)] = left * right;
    }
  }
  ModeSteps result{rows, cols, {}};
  result.steps.emplace_back(rows, cols, std::move(values));
  return result;
}

// A merged factor costs the product of the extents instead of their sum, but fills vectors and
// saves a pass. The bounds are measured: with long rows it pays up to 9 (2 x 2, 3 x 3, 2 x 4); at
// the end of contiguous fibres, where a mode of `last` < 8 leaves most of a vector empty, up to 16
// (4 x 4), and further for very small ones.
bool merging_pays(const ModeSteps& first, const ModeSteps& second, bool at_contiguous_end) {
  const Index other = std::max(first.rows, first.cols);
  const Index last = std::max(second.rows, second.cols);
  const Index size = other * last;
  if (size <= 9) return true;
  if (other == 1 || last == 1) return size <= kernel_extent;
  if (!at_contiguous_end || last >= 8) return false;
  return size <= 16 || (last <= 3 && size <= 64);
}

std::vector<ModeSteps> merge_small(std::vector<ModeSteps> modes, bool contiguous_fibres) {
  std::vector<ModeSteps> reversed;
  for (auto mode = modes.rbegin(); mode != modes.rend(); ++mode) {
    // Extents of 1 that change nothing are no modes at all.
    if (mode->rows == 1 && mode->cols == 1 && mode->steps.empty()) continue;
    const bool at_end = contiguous_fibres && reversed.size() == 1;
    if (!reversed.empty() && can_merge(*mode) && can_merge(reversed.back()) &&
        merging_pays(*mode, reversed.back(), at_end)) {
      reversed.back() = merged(*mode, reversed.back());
    } else {
      reversed.push_back(std::move(*mode));
    }
  }
  return {std::make_move_iterator(reversed.rbegin()), std::make_move_iterator(reversed.rend())};
}

// (1 - rows/cols) / (flops per entry): how much smaller the data become for what it costs.
double gain(const ModeSteps& mode) {
  const double shrinkage = static_cast<double>(mode.cols - mode.rows) /
                           static_cast<double>(std::max<Index>(mode.cols, 1));
  const double cost = mode.flops_per_fibre() / static_cast<double>(std::max<Index>(mode.cols, 1));
  if (shrinkage == 0) return 0;
  return shrinkage / std::max(cost, std::numeric_limits<double>::min());
}

Index largest_extent(const ModeSteps& mode) {
  Index largest = std::max(mode.rows, mode.cols);
  for (const MatrixStep& step : mode.steps) largest = std::max({largest, step.rows(), step.cols()});
  return largest;
}

// The group of the modes [first, last), its steps in the cheapest order.
ModeGroup make_group(std::span<const ModeSteps> all, std::size_t first, std::size_t last,
                     bool contiguous_fibres) {
  const auto modes = all.subspan(first, last - first);
  std::vector<Index> extents;
  for (const ModeSteps& mode : modes) extents.push_back(mode.cols);
  ModeGroup group;
  group.cols = core::product(extents);
  group.largest = group.cols;
  const bool whole_rows = contiguous_fibres && last == all.size();
  group.least_width = whole_rows || modes.size() == 1 ? 1 : least_run;
  for (const std::size_t mode : cheapest_order(modes)) {
    const std::span<const Index> view(extents);
    const Index before = core::product(view.first(mode));
    const Index after = core::product(view.subspan(mode + 1));
    for (const MatrixStep& step : modes[mode].steps) {
      group.steps.push_back({&step, before, after});
      extents[mode] = step.rows();
      group.largest = std::max(group.largest, before * after * std::max(step.rows(), step.cols()));
      group.least_width =
          std::max(group.least_width,
                   round_up_quotient(step.least_fibres(), std::max<Index>(1, before * after)));
    }
  }
  group.rows = core::product(extents);
  return group;
}

bool fits_block(const ModeGroup& group) {
  return group.least_width <= block_size / std::max<Index>(group.largest, 1);
}

// Splits the modes into the fewest groups whose blocks fit the cache, and of those splits takes one
// with the smallest largest group. A single mode is always a group.
std::vector<std::pair<std::size_t, std::size_t>> split_into_groups(std::span<const ModeSteps> modes,
                                                                   bool contiguous_fibres) {
  struct Best {
    Index groups = 0;
    Index largest = 0;
    std::size_t from = 0;
  };
  std::vector<Best> best(modes.size() + 1);
  for (std::size_t end = 1; end <= modes.size(); ++end) {
    best[end].groups = std::numeric_limits<Index>::max();
    Index extent = 1;
    for (std::size_t from = end; from-- > 0;) {
      extent = core::multiply(extent, largest_extent(modes[from]));
      if (from + 1 < end) {
        if (extent > 64 * block_size) break;
        if (!fits_block(make_group(modes, from, end, contiguous_fibres))) continue;
      }
      const Best candidate{best[from].groups + 1, std::max(best[from].largest, extent), from};
      if (std::pair(candidate.groups, candidate.largest) <
          std::pair(best[end].groups, best[end].largest)) {
        best[end] = candidate;
      }
    }
  }
  std::vector<std::pair<std::size_t, std::size_t>> result;
  for (std::size_t end = modes.size(); end > 0; end = best[end].from) {
    result.emplace_back(best[end].from, end);
  }
  std::reverse(result.begin(), result.end());
  return result;
}

// The groups with work, in the cheapest order, and where each acts within the extent at its time.
std::vector<ModeGroup> order_groups(std::span<const ModeSteps> modes,
                                    std::span<const std::pair<std::size_t, std::size_t>> ranges,
                                    bool contiguous_fibres) {
  std::vector<ModeGroup> groups;
  std::vector<Index> extents;
  std::vector<double> gains;
  for (const auto& [first, last] : ranges) {
    groups.push_back(make_group(modes, first, last, contiguous_fibres));
    extents.push_back(groups.back().cols);
    double sum = 0;
    for (std::size_t k = first; k < last; ++k) sum += gain(modes[k]);
    gains.push_back(sum);
  }
  std::vector<std::size_t> order(groups.size());
  std::iota(order.rbegin(), order.rend(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return gains[a] > gains[b]; });
  std::vector<ModeGroup> result;
  for (const std::size_t index : order) {
    ModeGroup& group = groups[index];
    const std::span<const Index> view(extents);
    group.before = core::product(view.first(index));
    group.after = core::product(view.subspan(index + 1));
    extents[index] = group.rows;
    if (!group.steps.empty()) result.push_back(std::move(group));
  }
  return result;
}

}  // namespace

MatrixStep::MatrixStep(Link link)
    : link_(std::move(link)),
      rows_(link_.rows()),
      cols_(link_.cols()),
      dense_(!link_.inverse && dynamic_cast<const DenseFactor*>(link_.factor.get()) != nullptr) {}

MatrixStep::MatrixStep(Index rows, Index cols, std::vector<double> values)
    : rows_(rows), cols_(cols), dense_(true), values_(std::move(values)) {}

double MatrixStep::flops_per_fibre() const {
  if (link_.factor) return link_.flops_per_fibre();
  return 2.0 * static_cast<double>(rows_) * static_cast<double>(cols_);
}

DenseView MatrixStep::dense_view() const {
  if (!link_.factor) return DenseView::row_major(values_.data(), rows_, cols_);
  const DenseView view = static_cast<const DenseFactor&>(*link_.factor).view();
  return link_.transposed ? view.transposed() : view;
}

Index MatrixStep::least_fibres() const {
  const Kind kind = link_.factor ? link_.factor->kind() : Kind::dense;
  // A BLAS packs the whole matrix for every call: with 1024 fibres that is a sixtieth of the work.
  // A kernel matrix is evaluated for every call: with 1024 fibres that is a twentieth.
  if (kind == Kind::kernel && !link_.inverse) return 1024;
  return kind == Kind::dense && !uses_kernel(rows_, cols_) ? 1024 : 32;
}

void MatrixStep::pack() {
  if (!dense_ || !uses_packed_columns(rows_, cols_)) return;
  const DenseView a = dense_view();
  packed_.resize(static_cast<std::size_t>(packed_size(cols_, rows_)));
  pack_columns(cols_, rows_, {a.data, a.column_stride, a.row_stride}, packed_.data());
}

void MatrixStep::apply(ConstView x, View y) const {
  if (dense_) {
    apply_dense(dense_view(), x, y, packed_.empty() ? nullptr : packed_.data());
  } else {
    link_.apply(x, y);
  }
}

double ModeSteps::flops_per_fibre() const {
  double sum = 0;
  for (const MatrixStep& step : steps) sum += step.flops_per_fibre();
  return sum;
}

std::vector<std::size_t> cheapest_order(std::span<const ModeSteps> modes) {
  std::vector<std::size_t> order(modes.size());
  std::iota(order.rbegin(), order.rend(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return gain(modes[a]) > gain(modes[b]); });
  return order;
}

double flops_of_product(std::span<const ModeSteps> modes) {
  double size = 1;
  for (const ModeSteps& mode : modes) size *= static_cast<double>(mode.cols);
  double flops = 0;
  for (const std::size_t k : cheapest_order(modes)) {
    if (modes[k].cols == 0) return 0;
    const double fibres = size / static_cast<double>(modes[k].cols);
    flops += fibres * modes[k].flops_per_fibre();
    size = fibres * static_cast<double>(modes[k].rows);
  }
  return flops;
}

std::vector<ModeSteps> steps_of(std::span<const Chain> chains) {
  std::vector<ModeSteps> result;
  for (const Chain& chain : chains) {
    ModeSteps mode{rows(chain), cols(chain), {}};
    for (auto link = chain.rbegin(); link != chain.rend(); ++link) {
      if (link->factor->kind() != Kind::identity) mode.steps.emplace_back(*link);
    }
    result.push_back(std::move(mode));
  }
  return result;
}

std::shared_ptr<const ProductPlan> make_plan(std::vector<ModeSteps> modes, bool contiguous_fibres) {
  auto plan = std::make_shared<ProductPlan>();
  plan->modes = merge_small(std::move(modes), contiguous_fibres);
  if (contiguous_fibres && !plan->modes.empty()) {
    for (MatrixStep& step : plan->modes.back().steps) step.pack();
  }
  const auto ranges = split_into_groups(plan->modes, contiguous_fibres);
  plan->groups = order_groups(plan->modes, ranges, contiguous_fibres);
  return plan;
}

}  // namespace kronwerk::factors
