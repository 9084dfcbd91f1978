// Declared in kronwerk/factors/base/chain.hpp.
// See src/MATHEMATICS.md, "Kronecker products".
#include <algorithm>
#include <string>
#include <utility>

#include "factors/along_mode/local_product_plan.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/work.hpp"
#include "kronwerk/factors/base/chain.hpp"
#include "kronwerk/factors/base/scratch.hpp"

namespace kronwerk::factors {
namespace {

template <typename T>
ModeView<T> fibres_of(ModeView<T> view, Index first_left, Index left, Index first_right,
                      Index right) {
  view.data += first_left * view.left_stride + first_right;
  view.left = left;
  view.right = right;
  return view;
}

// Views of extent (before, cols -> rows, after) as views along the middle of the three, in as few
// pieces as the strides allow.
template <typename Apply>
void for_each_view(ConstView x, View y, Index before, Index cols, Index rows, Index after,
                   const Apply& apply) {
  Index pieces = after;
  Index right = x.right;
  if (after > 1 && x.row_stride == x.right && y.row_stride == y.right) {
    pieces = 1;
    right = after * x.right;
  }
  ConstView from{x.data, before, cols, right, cols * after * x.row_stride, after * x.row_stride};
  View to{y.data, before, rows, right, rows * after * y.row_stride, after * y.row_stride};
  Index lefts = x.left;
  if (before == 1 ||
      (x.left_stride == before * from.left_stride && y.left_stride == before * to.left_stride)) {
    from.left = to.left = x.left * before;
    if (before == 1) {
      from.left_stride = x.left_stride;
      to.left_stride = y.left_stride;
    }
    lefts = 1;
  }
  for (Index l = 0; l < lefts; ++l) {
    for (Index piece = 0; piece < pieces; ++piece) {
      from.data = x.data + l * x.left_stride + piece * x.row_stride;
      to.data = y.data + l * y.left_stride + piece * y.row_stride;
      apply(from, to);
    }
  }
}

bool needs_copy(const ModeGroup& group, ConstView x, View y) {
  return group.steps.size() == 1 && x.data == y.data && !group.steps[0].step->works_in_place();
}

// A block through all steps of the group: the first reads x, the last writes y, the others go to
// and fro between two buffers. A single step in place starts from a copy.
void apply_to_block(const ModeGroup& group, ConstView x, View y, double* ping, double* pong) {
  ConstView current = x;
  if (needs_copy(group, x, y)) {
    const View copy = View::contiguous(ping, x.left, x.extent, x.right);
    copy_view(x, copy);
    current = copy;
  }
  for (std::size_t s = 0; s < group.steps.size(); ++s) {
    const GroupStep& step = group.steps[s];
    const MatrixStep& matrix = *step.step;
    View target = y;
    if (s + 1 < group.steps.size()) {
      target = View::contiguous(s % 2 == 0 ? ping : pong, x.left,
                                step.before * matrix.rows() * step.after, x.right);
    }
    for_each_view(current, target, step.before, matrix.cols(), matrix.rows(), step.after,
                  [&](ConstView from, View to) { matrix.apply(from, to); });
    current = target;
  }
}

void apply_group(const ModeGroup& group, ConstView x, View y) {
  const bool direct = group.steps.size() == 1 && !needs_copy(group, x, y);
  if (direct) {
    apply_to_block(group, x, y, nullptr, nullptr);
    return;
  }
  const Index width = std::max(group.least_width, block_size / std::max<Index>(1, group.largest));
  // Whole multiples of the kernels' panels (24 columns of AVX-512, 12 of AVX2) where that is
  // possible.
  const Index rounded = width > 48 ? width / 24 * 24 : width;
  const Index right = x.right <= width + width / 2 ? x.right : rounded;
  const Index left = std::clamp<Index>(width / right, 1, std::max<Index>(1, x.left));
  const Index size = left * group.largest * right;
  double* ping = scratch(Scratch::ping, size);
  double* pong = group.steps.size() > 2 ? scratch(Scratch::pong, size) : nullptr;
  for (Index l = 0; l < x.left; l += left) {
    for (Index r = 0; r < x.right; r += right) {
      const Index lefts = std::min(left, x.left - l);
      const Index rights = std::min(right, x.right - r);
      apply_to_block(group, fibres_of(x, l, lefts, r, rights), fibres_of(y, l, lefts, r, rights),
                     ping, pong);
    }
  }
}

// Group after group. As soon as the extent is the result's, everything happens in y; before that
// the intermediate results of a few fibres are kept aside.
void apply_groups(const ProductPlan& plan, ConstView x, View y) {
  ConstView current = x;
  bool first_buffer = true;
  for (std::size_t g = 0; g < plan.groups.size(); ++g) {
    const ModeGroup& group = plan.groups[g];
    const bool rest_is_square =
        std::all_of(plan.groups.begin() + static_cast<std::ptrdiff_t>(g) + 1, plan.groups.end(),
                    [](const ModeGroup& later) { return later.rows == later.cols; });
    View target = y;
    if (!rest_is_square) {
      const Index extent = group.before * group.rows * group.after;
      double* buffer = scratch(first_buffer ? Scratch::pass_ping : Scratch::pass_pong,
                               x.left * extent * x.right);
      target = View::contiguous(buffer, x.left, extent, x.right);
      first_buffer = !first_buffer;
    }
    for_each_view(current, target, group.before, group.cols, group.rows, group.after,
                  [&](ConstView from, View to) { apply_group(group, from, to); });
    current = target;
  }
}

bool needs_buffers(const ProductPlan& plan) {
  return plan.groups.size() > 1 &&
         std::any_of(plan.groups.begin() + 1, plan.groups.end(),
                     [](const ModeGroup& group) { return group.rows != group.cols; });
}

void check(const ConstView& x, const View& y, Index rows, Index cols) {
  if (x.extent == cols && y.extent == rows && x.left == y.left && x.right == y.right) return;
  throw core::ShapeError("a local product of " + std::to_string(rows) + " x " +
                         std::to_string(cols) + " was given views of (" + std::to_string(x.left) +
                         ", " + std::to_string(x.extent) + ", " + std::to_string(x.right) +
                         ") and (" + std::to_string(y.left) + ", " + std::to_string(y.extent) +
                         ", " + std::to_string(y.right) + ")");
}

}  // namespace

struct LocalProduct::Plans {
  std::shared_ptr<const ProductPlan> contiguous;  ///< for right == 1
  std::shared_ptr<const ProductPlan> wide;        ///< for right > 1
};

LocalProduct::LocalProduct(std::vector<Chain> chains) : chains_(std::move(chains)) {
  const std::vector<ModeSteps> modes = steps_of(chains_);
  for (const ModeSteps& mode : modes) {
    rows_ = core::multiply(rows_, mode.rows);
    cols_ = core::multiply(cols_, mode.cols);
    identity_ = identity_ && mode.steps.empty();
  }
  flops_ = flops_of_product(modes);
  auto plans = std::make_shared<Plans>();
  plans->contiguous = make_plan(modes, true);
  plans->wide = make_plan(modes, false);
  Index largest = 1;
  for (const ModeGroup& group : plans->wide->groups) {
    largest = std::max(largest, group.largest);
    preferred_fibres_ = std::max(preferred_fibres_, group.least_width);
  }
  preferred_fibres_ = std::max(preferred_fibres_, std::min<Index>(2048, block_size / largest));
  const auto& groups = plans->wide->groups;
  in_place_ = groups.size() == 1 && groups[0].steps.size() == 1 &&
              groups[0].steps[0].step->works_in_place();
  plans_ = std::move(plans);
}

void LocalProduct::apply(ConstView x, View y) const {
  check(x, y, rows_, cols_);
  if (x.left <= 0 || x.right <= 0 || rows_ == 0) return;
  if (identity_) {
    copy_view(x, y);
    return;
  }
  core::work().flops += flops_ * static_cast<double>(x.left) * static_cast<double>(x.right);
  const ProductPlan& plan = x.right == 1 ? *plans_->contiguous : *plans_->wide;
  if (!needs_buffers(plan)) {
    apply_groups(plan, x, y);
    return;
  }
  // Intermediate results of another size than y's: a few fibres at a time, so that they stay small.
  const Index fibres =
      std::max<Index>(preferred_fibres_, (Index{1} << 21) / std::max(rows_, cols_));
  const Index right = std::min(x.right, fibres);
  const Index left = std::max<Index>(1, fibres / right);
  for (Index l = 0; l < x.left; l += left) {
    for (Index r = 0; r < x.right; r += right) {
      const Index lefts = std::min(left, x.left - l);
      const Index rights = std::min(right, x.right - r);
      apply_groups(plan, fibres_of(x, l, lefts, r, rights), fibres_of(y, l, lefts, r, rights));
    }
  }
}

}  // namespace kronwerk::factors
