#include "kronwerk/factors/base/factor.hpp"

#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {
namespace {

std::string size_text(Index rows, Index cols) {
  const Index extents[] = {rows, cols};
  return core::to_text(extents);
}

// `what()` begins the message: "the factor 'W' (3 x 4)"; its text is made only for a failure, since
// every block of a product passes here.
template <typename What>
void check_views(const What& what, const ConstView& in, const View& out, Index in_extent,
                 Index out_extent) {
  if (in.extent != in_extent || out.extent != out_extent) {
    throw core::ShapeError(what() + " takes fibres of " + std::to_string(in_extent) +
                           " to fibres of " + std::to_string(out_extent) +
                           ", but the views have extents " + std::to_string(in.extent) + " and " +
                           std::to_string(out.extent));
  }
  if (in.left != out.left || in.right != out.right) {
    throw core::ShapeError(what() + " was given views of different numbers of fibres: " +
                           size_text(in.left, in.right) + " and " + size_text(out.left, out.right));
  }
}

bool has_no_fibres(const ConstView& view) {
  return view.left <= 0 || view.right <= 0;
}

}  // namespace

void Factor::apply(ConstView x, View y, bool transposed) const {
  const auto what = [&] {
    return "the factor '" + name_ + "' (" + size_text(rows_, cols_) +
           (transposed ? ", transposed)" : ")");
  };
  check_views(what, x, y, transposed ? rows_ : cols_, transposed ? cols_ : rows_);
  if (has_no_fibres(x) || y.extent == 0) return;
  do_apply(x, y, transposed);
}

void Factorisation::solve(ConstView b, View x, bool transposed) const {
  const auto what = [&] {
    return "the solve with a factor of size " + size_text(extent_, extent_);
  };
  check_views(what, b, x, extent_, extent_);
  if (has_no_fibres(b) || extent_ == 0) return;
  do_solve(b, x, transposed);
}

}  // namespace kronwerk::factors
