#include "operators/base/small_lapack.hpp"

#include <algorithm>
#include <cmath>

#include "factors/base/lapack.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/extents.hpp"

namespace kronwerk::operators {
namespace {

void check(int info, const char* what) {
  if (info == 0) return;
  throw core::DataError(std::string(what) +
                        " of a small matrix did not converge: it has entries that are not finite "
                        "numbers; look for overflow in the factors and coefficients");
}

}  // namespace

SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::size_t n) {
  const int order = core::narrow<int>(n);
  const int length = std::max(1, 8 * order);
  std::vector<double> work(static_cast<std::size_t>(length));
  SymmetricEigen result{std::vector<double>(n), std::move(matrix)};
  int info = 0;
  dsyev_("V", "U", &order, result.vectors.data(), &order, result.values.data(), work.data(),
         &length, &info, 1, 1);
  check(info, "the eigenvalue decomposition");
  return result;
}

LeadingSingular leading_singular(std::vector<double> matrix, std::size_t rows, std::size_t cols) {
  // By columns, as LAPACK sees it, the matrix is its transpose: left and right change places.
  const int m = core::narrow<int>(cols);
  const int n = core::narrow<int>(rows);
  const std::size_t count = std::min(rows, cols);
  const int least = core::narrow<int>(count);
  const int length = 10 * std::max(m, n);
  std::vector<double> values(count), right(cols * count), left(count * rows);
  std::vector<double> work(static_cast<std::size_t>(length));
  int info = 0;
  dgesvd_("S", "S", &m, &n, matrix.data(), &m, values.data(), right.data(), &m, left.data(), &least,
          work.data(), &length, &info, 1, 1);
  check(info, "the singular value decomposition");
  LeadingSingular result;
  result.value = values[0];
  for (std::size_t i = 1; i < count; ++i) result.rest = std::hypot(result.rest, values[i]);
  result.right.assign(right.begin(), right.begin() + static_cast<std::ptrdiff_t>(cols));
  for (std::size_t i = 0; i < rows; ++i) result.left.push_back(left[i * count]);
  return result;
}

GaussRule bidiagonal_rule(std::vector<double> diagonal, std::vector<double> off_diagonal) {
  const std::size_t n = diagonal.size();
  const int order = core::narrow<int>(n);
  const int one = 1;
  const int none = 0;
  std::vector<double> first(n), work(4 * n);
  first[0] = 1;  // becomes Vᵀe_1
  off_diagonal.resize(std::max<std::size_t>(1, n));
  int info = 0;
  dbdsqr_("U", &order, &one, &none, &none, diagonal.data(), off_diagonal.data(), first.data(),
          &order, nullptr, &one, nullptr, &one, work.data(), &info, 1);
  check(info, "the singular value decomposition");
  GaussRule rule{std::move(diagonal), {}};
  for (const double each : first) rule.weights.push_back(each * each);
  return rule;
}

}  // namespace kronwerk::operators
