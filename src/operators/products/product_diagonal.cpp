#include "kronwerk/operators/products/product_diagonal.hpp"

#include <fmt/format.h>

namespace kronwerk::operators {
namespace {

/// The values of d_first ⊗ … ⊗ d_last at the flat indices [begin, end).
std::vector<double> expand(const core::Extents& extents,
                           const std::vector<std::vector<double>>& diagonals, std::size_t first,
                           std::size_t last, Index begin, Index end) {
  std::vector<double> values(static_cast<std::size_t>(end - begin), 1.0);
  for (Index position = begin; position < end; ++position) {
    Index rest = position;
    double& value = values[static_cast<std::size_t>(position - begin)];
    for (std::size_t mode = last; mode-- > first;) {
      const auto place = static_cast<std::size_t>(rest % extents[mode]);
      if (!diagonals[mode].empty()) value *= diagonals[mode][place];
      rest /= extents[mode];
    }
  }
  return values;
}

class ProductDiagonal final : public LinearOperator {
 public:
  ProductDiagonal(const communication::Communicator& communicator,
                  const distribution::Layout& layout,
                  const std::vector<std::vector<double>>& diagonals)
      : LinearOperator(communicator, layout, layout) {
    const auto split = static_cast<std::size_t>(layout.leading_modes());
    const int rank = communicator.rank();
    rows_ = expand(layout.extents(), diagonals, 0, split, layout.home().begin(rank),
                   layout.home().end(rank));
    row_ = expand(layout.extents(), diagonals, split, diagonals.size(), 0, layout.trailing());
  }

 private:
  void do_apply(std::span<const double> x, std::span<double> y, bool /*transposed*/,
                bool accumulate) const override {
    const std::size_t width = row_.size();
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      const double scale = rows_[row];
      const double* from = x.data() + row * width;
      double* to = y.data() + row * width;
      if (accumulate) {
        for (std::size_t i = 0; i < width; ++i) to[i] += scale * row_[i] * from[i];
      } else {
        for (std::size_t i = 0; i < width; ++i) to[i] = scale * row_[i] * from[i];
      }
    }
  }

  std::vector<double> rows_;  ///< one value per row of this rank's home block
  std::vector<double> row_;   ///< along a row
};

}  // namespace

OperatorPtr make_product_diagonal(const communication::Communicator& comm,
                                  const distribution::Layout& layout,
                                  const std::vector<std::vector<double>>& diagonals) {
  const auto& extents = layout.extents();
  if (diagonals.size() != extents.size()) {
    throw core::ShapeError(fmt::format("{} diagonals were given for the {} modes of the grid {}",
                                       diagonals.size(), extents.size(), core::to_text(extents)));
  }
  for (std::size_t mode = 0; mode < extents.size(); ++mode) {
    if (diagonals[mode].empty() || std::ssize(diagonals[mode]) == extents[mode]) continue;
    throw core::ShapeError(fmt::format("the diagonal of mode {} has {} values; its extent is {}",
                                       mode + 1, diagonals[mode].size(), extents[mode]));
  }
  return std::make_shared<ProductDiagonal>(comm, layout, diagonals);
}

}  // namespace kronwerk::operators
