#include "kronwerk/operators/base/linear_operator.hpp"

#include <fmt/format.h>

namespace kronwerk::operators {

void LinearOperator::check_sizes(std::size_t given, std::size_t room, bool transposed) const {
  const distribution::Layout& from = transposed ? output_ : input_;
  const distribution::Layout& to = transposed ? input_ : output_;
  const int rank = comm_->rank();
  const bool fits =
      std::cmp_equal(given, from.home_size(rank)) && std::cmp_equal(room, to.home_size(rank));
  sizes_[transposed ? 1 : 0].check(*comm_, fits, [&] {
    return fmt::format(
        "an operator from the grid {} to the grid {} was applied to {} values with room for {}; "
        "this rank owns {} and {}",
        core::to_text(from.extents()), core::to_text(to.extents()), given, room,
        from.home_size(rank), to.home_size(rank));
  });
}

void LinearOperator::apply(std::span<const double> x, std::span<double> y, bool accumulate) const {
  check_sizes(x.size(), y.size(), false);
  do_apply(x, y, false, accumulate);
}

void LinearOperator::apply_transposed(std::span<const double> x, std::span<double> y,
                                      bool accumulate) const {
  check_sizes(x.size(), y.size(), true);
  do_apply(x, y, true, accumulate);
}

void LinearOperator::diagonal(std::span<double> values) const {
  const int rank = comm_->rank();
  communication::collectively(*comm_, [&] {
    if (input_.extents() == output_.extents() && std::ssize(values) == input_.home_size(rank)) {
      return;
    }
    throw core::ShapeError(fmt::format(
        "the diagonal of an operator from the grid {} to the grid {} was given room for {} values; "
        "this rank owns {}",
        core::to_text(input_.extents()), core::to_text(output_.extents()), values.size(),
        input_.home_size(rank)));
  });
  do_diagonal(values);
}

void LinearOperator::do_diagonal(std::span<double> /*values*/) const {
  throw core::InternalError("the diagonal of an operator that has none to give was asked for");
}

}  // namespace kronwerk::operators
