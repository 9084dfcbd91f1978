#include "kronwerk/operators/base/linear_operator.hpp"

#include <fmt/format.h>

namespace kronwerk::operators {
namespace {

void check_sizes(const communication::Communicator& comm, const distribution::Layout& from,
                 const distribution::Layout& to, std::size_t given, std::size_t room) {
  const int rank = comm.rank();
  communication::collectively(comm, [&] {
    if (std::cmp_equal(given, from.home_size(rank)) && std::cmp_equal(room, to.home_size(rank))) {
      return;
    }
    throw core::ShapeError(fmt::format(
        "an operator from the grid {} to the grid {} was applied to {} values with room for {}; "
        "this rank owns {} and {}",
        core::to_text(from.extents()), core::to_text(to.extents()), given, room,
        from.home_size(rank), to.home_size(rank)));
  });
}

}  // namespace

void LinearOperator::apply(std::span<const double> x, std::span<double> y, bool accumulate) const {
  check_sizes(*comm_, input_, output_, x.size(), y.size());
  do_apply(x, y, false, accumulate);
}

void LinearOperator::apply_transposed(std::span<const double> x, std::span<double> y,
                                      bool accumulate) const {
  check_sizes(*comm_, output_, input_, x.size(), y.size());
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
