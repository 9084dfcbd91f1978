// Declared in kronwerk/operators/base/linear_operator.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "kronwerk/operators/base/linear_operator.hpp"
#include "operators/base/local_vectors.hpp"

namespace kronwerk::operators {
namespace {

using distribution::Layout;

/// Whether every rank owns the same piece of the global order in both.
bool same_distribution(const Layout& a, const Layout& b) {
  return a.leading() == b.leading() && a.trailing() == b.trailing() && a.parts() == b.parts();
}

std::string describe(const Layout& layout) {
  return fmt::format("{} (split after mode {}, {} ranks)", core::to_text(layout.extents()),
                     layout.leading_modes(), layout.parts());
}

void require_operators(const std::vector<OperatorPtr>& operators, const char* what) {
  if (operators.empty()) {
    throw core::ShapeError(fmt::format("a {} needs at least one operator", what));
  }
  for (const auto& op : operators) {
    if (op == nullptr)
      throw core::InternalError(fmt::format("a {} was given a null pointer", what));
  }
}

/// scale * A_1 … A_q by applying one after the other; two vectors go to and fro between them.
class Composition final : public LinearOperator {
 public:
  Composition(double scale, std::vector<OperatorPtr> operators)
      : LinearOperator(operators.front()->comm(), operators.back()->input_layout(),
                       operators.front()->output_layout()),
        scale_(scale),
        operators_(std::move(operators)) {}

 private:
  static void run(const LinearOperator& op, std::span<const double> x, std::span<double> y,
                  bool transposed, bool accumulate = false) {
    if (transposed) {
      op.apply_transposed(x, y, accumulate);
    } else {
      op.apply(x, y, accumulate);
    }
  }

  std::span<double> result_of(const LinearOperator& op, bool transposed, std::size_t buffer) const {
    const Layout& layout = transposed ? op.input_layout() : op.output_layout();
    const auto size = static_cast<std::size_t>(layout.home_size(comm().rank()));
    auto& memory = buffers_[buffer];
    if (memory.size() < size) memory.resize(size);
    return std::span(memory).first(size);
  }

  /// Takes the memory of all results between; agreed on the first time.
  void make_room(bool transposed, bool last_too) const {
    bool& done = has_room_[(transposed ? 2U : 0U) + (last_too ? 1U : 0U)];
    if (done) return;
    const std::size_t count = operators_.size();
    communication::collectively(comm(), [&] {
      for (std::size_t s = 0; s + (last_too ? 0 : 1) < count; ++s) {
        static_cast<void>(
            result_of(*operators_[transposed ? s : count - 1 - s], transposed, s % 2));
      }
    });
    done = true;
  }

  void do_apply(std::span<const double> x, std::span<double> y, bool transposed,
                bool accumulate) const override {
    const std::size_t count = operators_.size();
    make_room(transposed, accumulate && scale_ != 1.0);
    const auto step = [&](std::size_t s) -> const LinearOperator& {
      return *operators_[transposed ? s : count - 1 - s];
    };
    std::span<const double> current = x;
    for (std::size_t s = 0; s + 1 < count; ++s) {
      const auto next = result_of(step(s), transposed, s % 2);
      run(step(s), current, next, transposed);
      current = next;
    }
    const LinearOperator& last = step(count - 1);
    if (scale_ == 1.0) {
      run(last, current, y, transposed, accumulate);
      return;
    }
    const auto length = static_cast<Index>(y.size());
    if (!accumulate) {
      run(last, current, y, transposed);
      store_scaled(scale_, y.data(), y.data(), length, false);
      return;
    }
    const auto result = result_of(last, transposed, (count - 1) % 2);
    run(last, current, result, transposed);
    store_scaled(scale_, result.data(), y.data(), length, true);
  }

  double scale_;
  std::vector<OperatorPtr> operators_;
  mutable std::vector<double> buffers_[2];
  mutable std::array<bool, 4> has_room_{};
};

class Sum final : public LinearOperator {
 public:
  explicit Sum(std::vector<OperatorPtr> operators)
      : LinearOperator(operators.front()->comm(), operators.front()->input_layout(),
                       operators.front()->output_layout()),
        operators_(std::move(operators)) {}

 private:
  void do_apply(std::span<const double> x, std::span<double> y, bool transposed,
                bool accumulate) const override {
    for (const auto& op : operators_) {
      if (transposed) {
        op->apply_transposed(x, y, accumulate);
      } else {
        op->apply(x, y, accumulate);
      }
      accumulate = true;
    }
  }

  std::vector<OperatorPtr> operators_;
};

}  // namespace

OperatorPtr compose(double scale, std::vector<OperatorPtr> operators) {
  require_operators(operators, "composition");
  for (std::size_t i = 0; i + 1 < operators.size(); ++i) {
    const Layout& needed = operators[i]->input_layout();
    const Layout& given = operators[i + 1]->output_layout();
    if (same_distribution(needed, given)) continue;
    throw core::ShapeError(fmt::format(
        "operator {} of a composition takes vectors over the grid {}, but operator {} gives "
        "vectors over {}; make both with the same split",
        i + 1, describe(needed), i + 2, describe(given)));
  }
  if (operators.size() == 1 && scale == 1.0) return operators.front();
  return std::make_shared<const Composition>(scale, std::move(operators));
}

OperatorPtr add(std::vector<OperatorPtr> operators) {
  require_operators(operators, "sum of operators");
  const LinearOperator& first = *operators.front();
  for (std::size_t i = 1; i < operators.size(); ++i) {
    const LinearOperator& other = *operators[i];
    if (same_distribution(first.input_layout(), other.input_layout()) &&
        same_distribution(first.output_layout(), other.output_layout())) {
      continue;
    }
    throw core::ShapeError(fmt::format(
        "the operators 1 and {} of a sum differ in their layouts: {} to {} and {} to {}; make both "
        "with the same split",
        i + 1, describe(first.input_layout()), describe(first.output_layout()),
        describe(other.input_layout()), describe(other.output_layout())));
  }
  if (operators.size() == 1) return operators.front();
  return std::make_shared<const Sum>(std::move(operators));
}

}  // namespace kronwerk::operators
