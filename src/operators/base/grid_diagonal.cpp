// Declared in kronwerk/operators/base/linear_operator.hpp.
#include <fmt/format.h>

#include "kronwerk/operators/base/linear_operator.hpp"

namespace kronwerk::operators {
namespace {

class GridDiagonal final : public LinearOperator {
 public:
  GridDiagonal(const communication::Communicator& comm, const distribution::Layout& layout,
               std::vector<double> values)
      : LinearOperator(comm, layout, layout), values_(std::move(values)) {}

 private:
  void do_apply(std::span<const double> x, std::span<double> y, bool /*transposed*/,
                bool accumulate) const override {
    const double* d = values_.data();
    if (accumulate) {
      for (std::size_t i = 0; i < y.size(); ++i) y[i] += d[i] * x[i];
    } else {
      for (std::size_t i = 0; i < y.size(); ++i) y[i] = d[i] * x[i];
    }
  }

  std::vector<double> values_;
};

}  // namespace

OperatorPtr make_grid_diagonal(const communication::Communicator& comm,
                               const distribution::Layout& layout, std::vector<double> values) {
  const Index owned = layout.home_size(comm.rank());
  communication::collectively(comm, [&] {
    if (std::ssize(values) == owned) return;
    throw core::ShapeError(
        fmt::format("a diagonal over the grid {} was given {} values; this rank owns {}",
                    core::to_text(layout.extents()), values.size(), owned));
  });
  return std::make_shared<const GridDiagonal>(comm, layout, std::move(values));
}

}  // namespace kronwerk::operators
