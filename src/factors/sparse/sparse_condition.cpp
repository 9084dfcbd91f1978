// Declared in factors/sparse/sparse_factorisation.hpp.
// Hager, W. W. (1984), Condition estimates, SIAM J. Sci. Stat. Comput. 5; Higham, N. J. (1988),
// FORTRAN codes for estimating the one-norm of a real or complex matrix, ACM TOMS 14,
// algorithm 4.1.
#include <algorithm>
#include <cmath>
#include <vector>

#include "factors/sparse/sparse_factorisation.hpp"

namespace kronwerk::factors {
namespace {

double absolute_sum(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += std::abs(value);
  return sum;
}

void solve_one(const Factorisation& factorisation, std::vector<double>& values, bool transposed) {
  const View view = View::contiguous(values.data(), 1, factorisation.extent(), 1);
  factorisation.solve(view, view, transposed);
}

// Higham's alternating vector, a lower bound that catches what the iteration can miss.
double alternating_bound(const Factorisation& factorisation) {
  const auto n = static_cast<std::size_t>(factorisation.extent());
  std::vector<double> x(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double size = n > 1 ? static_cast<double>(i) / static_cast<double>(n - 1) : 0.0;
    x[i] = (i % 2 == 0 ? 1.0 : -1.0) * (1.0 + size);
  }
  solve_one(factorisation, x, false);
  return 2.0 * absolute_sum(x) / (3.0 * static_cast<double>(n));
}

}  // namespace

double estimate_inverse_norm(const Factorisation& factorisation) {
  constexpr int most_iterations = 5;
  const auto n = static_cast<std::size_t>(factorisation.extent());
  if (n == 0) return 0.0;
  std::vector<double> x(n, 1.0 / static_cast<double>(n));
  double estimate = 0;
  std::size_t last = n;
  for (int iteration = 0; iteration < most_iterations; ++iteration) {
    solve_one(factorisation, x, false);
    const double norm = absolute_sum(x);
    if (!std::isfinite(norm)) return norm;
    if (iteration > 0 && norm <= estimate) break;
    estimate = norm;
    for (double& value : x) value = value < 0.0 ? -1.0 : 1.0;
    solve_one(factorisation, x, true);
    const auto largest = std::max_element(
        x.begin(), x.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
    const auto next = static_cast<std::size_t>(largest - x.begin());
    if (next == last) break;
    last = next;
    std::fill(x.begin(), x.end(), 0.0);
    x[next] = 1.0;
  }
  return std::max(estimate, alternating_bound(factorisation));
}

}  // namespace kronwerk::factors
