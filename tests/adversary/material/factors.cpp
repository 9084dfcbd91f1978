#include "adversary/material/factors.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace kronwerk::adversary {
namespace {

using Maker = Factor (*)(Random&, Index);

Factor empty(const char* kind, Index rows, Index cols) {
  return {kind, rows, cols, std::vector<double>(static_cast<std::size_t>(rows * cols))};
}

template <typename Entry>
Factor filled(const char* kind, Index rows, Index cols, Entry&& entry) {
  Factor result = empty(kind, rows, cols);
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < cols; ++j) result(i, j) = entry(i, j);
  }
  return result;
}

Factor dense(Random& random, Index n) {
  return filled("dense", n, n, [&](Index, Index) { return random.between(-1, 1); });
}
Factor sparse(Random& random, Index n) {
  return filled("sparse", n, n,
                [&](Index, Index) { return random.one_in(3) ? random.between(-1, 1) : 0.0; });
}
Factor empty_rows(Random& random, Index n) {
  Factor result = dense(random, n);
  result.kind = "empty rows";
  for (Index i = 0; i < n; ++i) {
    if (!random.one_in(3)) continue;
    for (Index j = 0; j < n; ++j) result(i, j) = 0;
  }
  return result;
}
/// One Jordan block per few rows, in random coordinates half of the time.
Factor jordan(Random& random, Index n, const std::vector<double>& eigenvalues, const char* kind) {
  Matrix blocks = Matrix::Zero(n, n);
  double value = random.pick(eigenvalues);
  for (Index i = 0; i < n; ++i) {
    if (random.one_in(4)) value = random.pick(eigenvalues);
    blocks(i, i) = value;
    if (i + 1 < n && !random.one_in(4)) blocks(i, i + 1) = 1;
  }
  if (random.one_in(2)) {
    const Matrix q = random_orthogonal(random, n);
    blocks = (q * blocks * q.transpose()).eval();
  }
  return from_matrix(blocks, kind);
}
Factor defective(Random& random, Index n) {
  return jordan(random, n, {0, 0.5, -0.5, 1}, "defective");
}
Factor defective_regular(Random& random, Index n) {
  return jordan(random, n, {0.5, -0.75, 1, 2}, "defective, regular");
}
/// Eigenvalues that differ by the square root of the precision: nearly defective.
Factor nearly_defective(Random& random, Index n) {
  Factor result = jordan(random, n, {0.5, 0.8}, "nearly defective");
  for (double& value : result.values) value += 1e-9 * random.between(-1, 1);
  return result;
}
Factor non_normal(Random& random, Index n) {
  const double height = std::pow(10, random.between(0, 3));
  return filled("non-normal", n, n, [&](Index i, Index j) {
    if (i > j) return 0.0;
    return i == j ? random.between(0.5, 1.5) * random.sign() : height * random.between(-1, 1);
  });
}
Factor graded(Random& random, Index n) {
  Factor result = dense(random, n);
  result.kind = "graded";
  const double range = random.between(1, 6);
  for (Index i = 0; i < n; ++i) {
    const double scale = std::pow(10, -range * static_cast<double>(i) / static_cast<double>(n));
    result(i, i) += 2 * random.sign();
    for (Index j = 0; j < n; ++j) result(i, j) *= scale;
  }
  return result;
}
Factor nearly_singular(Random& random, Index n) {
  Matrix left = random_orthogonal(random, n);
  const Matrix right = random_orthogonal(random, n);
  for (Index j = 0; j < n; ++j) left.col(j) *= j == 0 ? 1 : random.between(0.3, 3);
  left.col(0) *= std::pow(10, -random.between(4, 13));
  return from_matrix(left * right, "nearly singular");
}
Factor singular(Random& random, Index n) {
  Factor result = dense(random, n);
  result.kind = "singular";
  const Index row = random.below(n);
  const Index other = random.below(n);
  for (Index j = 0; j < n; ++j) result(row, j) = row == other ? 0 : -result(other, j);
  return result;
}
Factor rank_one(Random& random, Index n) {
  std::vector<double> u, v;
  for (Index i = 0; i < n; ++i) {
    u.push_back(random.between(-1, 1));
    v.push_back(random.between(-1, 1));
  }
  return filled("rank one", n, n, [&](Index i, Index j) {
    return u[static_cast<std::size_t>(i)] * v[static_cast<std::size_t>(j)];
  });
}
Factor skew(Random& random, Index n) {
  Factor result = dense(random, n);
  result.kind = "skew";
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j <= i; ++j) result(i, j) = i == j ? 0 : -result(j, i);
  }
  return result;
}
Factor permutation(Random& random, Index n) {
  std::vector<Index> places;
  for (Index i = 0; i < n; ++i) places.push_back(i);
  for (Index i = n - 1; i > 0; --i) {
    std::swap(places[static_cast<std::size_t>(i)],
              places[static_cast<std::size_t>(random.below(i + 1))]);
  }
  return filled("permutation", n, n, [&](Index i, Index j) {
    return places[static_cast<std::size_t>(i)] == j ? 1.0 : 0.0;
  });
}
Factor regular(Random& random, Index n) {
  Factor result = dense(random, n);
  result.kind = "regular";
  const double shift = std::sqrt(static_cast<double>(n) + 1);
  for (Index i = 0; i < n; ++i) result(i, i) += shift * random.sign();
  return result;
}
Factor symmetric(Random& random, Index n) {
  Factor result = dense(random, n);
  result.kind = "symmetric";
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < i; ++j) result(i, j) = result(j, i);
  }
  return result;
}
Factor positive(Random& random, Index n) {
  std::vector<double> values;
  const double range = random.one_in(4) ? random.between(2, 7) : 1;
  for (Index i = 0; i < n; ++i) values.push_back(std::pow(10, -random.between(0, range)) + 0.0);
  return from_matrix(with_spectrum(random, values), "positive");
}
/// Symmetric with eigenvalues that occur several times.
Factor repeated(Random& random, Index n) {
  std::vector<double> values;
  for (Index i = 0; i < n; ++i) values.push_back(random.pick(std::vector<double>{-1, 0, 1, 2}));
  return from_matrix(with_spectrum(random, values), "repeated eigenvalues");
}
Factor repeated_positive(Random& random, Index n) {
  std::vector<double> values;
  for (Index i = 0; i < n; ++i) values.push_back(random.pick(std::vector<double>{0.5, 1, 3}));
  return from_matrix(with_spectrum(random, values), "repeated positive eigenvalues");
}
Factor second_difference(Random& random, Index n) {
  const double scale = random.one_in(2) ? 1 : static_cast<double>((n + 1) * (n + 1));
  return filled("second difference", n, n, [&](Index i, Index j) {
    return i == j ? 2 * scale : std::abs(i - j) == 1 ? -scale : 0.0;
  });
}
Factor zero(Random& /*random*/, Index n) {
  return empty("zero", n, n);
}
Factor unit(Random& /*random*/, Index n) {
  return filled("identity", n, n, [](Index i, Index j) { return i == j ? 1.0 : 0.0; });
}
Factor extreme(Random& random, Index n) {
  Factor result = regular(random, n);
  result.kind = "extreme";
  const double scale = std::pow(10, random.sign() * random.between(20, 60));
  for (double& value : result.values) value *= scale;
  return result;
}

void normalise_rows(Factor& factor) {
  for (Index i = 0; i < factor.rows; ++i) {
    double sum = 0;
    for (Index j = 0; j < factor.cols; ++j) sum += std::abs(factor(i, j));
    for (Index j = 0; j < factor.cols && sum > 0; ++j) factor(i, j) /= sum;
  }
}
/// Row-normalised neighbours: of points on a line, k nearest (directed), or of a random graph.
Factor line_weights(Random& random, Index n) {
  Factor result = filled("weights of neighbours", n, n,
                         [](Index i, Index j) { return std::abs(i - j) == 1 ? 1.0 : 0.0; });
  if (random.one_in(2) && n > 2) result(0, n - 1) = result(n - 1, 0) = 1;
  normalise_rows(result);
  return result;
}
Factor nearest_weights(Random& random, Index n) {
  std::vector<double> points;
  for (Index i = 0; i < n; ++i) points.push_back(random.unit());
  const Index k = std::min<Index>(n - 1, 1 + random.below(3));
  Factor result = empty("weights of nearest points", n, n);
  for (Index i = 0; i < n; ++i) {
    std::vector<std::pair<double, Index>> others;
    for (Index j = 0; j < n; ++j) {
      if (j == i) continue;
      others.emplace_back(
          std::abs(points[static_cast<std::size_t>(i)] - points[static_cast<std::size_t>(j)]), j);
    }
    std::sort(others.begin(), others.end());
    for (Index m = 0; m < k; ++m) result(i, others[static_cast<std::size_t>(m)].second) = 1;
  }
  normalise_rows(result);
  return result;
}
Factor directed_weights(Random& random, Index n) {
  Factor result = filled("directed weights", n, n, [&](Index i, Index j) {
    return i != j && random.one_in(3) ? random.unit() : 0.0;
  });
  normalise_rows(result);
  return result;
}
/// D⁻¹ S with S symmetric and D positive: symmetric in another inner product.
Factor symmetrisable(Random& random, Index n) {
  Factor result = symmetric(random, n);
  result.kind = "symmetrisable";
  if (random.one_in(2)) {
    for (double& value : result.values) value = value > 0.3 ? value : 0;
  }
  normalise_rows(result);
  return result;
}
Factor strictly_upper(Random& random, Index n) {
  return filled("nilpotent", n, n,
                [&](Index i, Index j) { return i < j ? random.between(-1, 1) : 0.0; });
}

const std::vector<Maker>& makers(Wish wish) {
  static const std::vector<Maker> weights{line_weights, nearest_weights, nearest_weights,
                                          directed_weights, symmetrisable};
  static const std::vector<Maker> positives{positive, positive, repeated_positive,
                                            second_difference};
  static const std::vector<Maker> symmetrics{symmetric, positive, repeated, second_difference};
  static const std::vector<Maker> regulars{
      regular,           regular, positive,          permutation,     non_normal,
      defective_regular, graded,  second_difference, nearly_singular, nearly_defective};
  static const std::vector<Maker> all{dense,         sparse,          empty_rows,
                                      defective,     non_normal,      graded,
                                      singular,      rank_one,        skew,
                                      permutation,   regular,         symmetric,
                                      positive,      repeated,        zero,
                                      unit,          extreme,         nearly_singular,
                                      line_weights,  nearest_weights, directed_weights,
                                      symmetrisable, strictly_upper,  nearly_defective};
  switch (wish) {
    case Wish::weights:
      return weights;
    case Wish::positive:
      return positives;
    case Wish::symmetric:
      return symmetrics;
    case Wish::regular:
      return regulars;
    case Wish::any:
      break;
  }
  return all;
}

}  // namespace

Factor random_square(Random& random, Index n, Wish wish) {
  return random.pick(makers(wish))(random, n);
}

Factor random_rectangular(Random& random, Index rows, Index cols) {
  const bool thin = random.one_in(3);
  return filled("rectangular", rows, cols, [&](Index, Index) {
    return thin && !random.one_in(3) ? 0.0 : random.between(-1, 1);
  });
}

std::vector<double> random_diagonal(Random& random, Index n, bool regular) {
  std::vector<double> result;
  const double range = random.one_in(4) ? 5 : 0.5;
  for (Index i = 0; i < n; ++i) {
    result.push_back(random.sign() * std::pow(10, -random.between(0, range)));
    if (!regular && random.one_in(6)) result.back() = 0;
  }
  return result;
}

std::vector<double> random_positive(Random& random, Index n) {
  std::vector<double> result = random_diagonal(random, n, true);
  for (double& value : result) value = std::abs(value);
  return result;
}

Matrix to_matrix(const Factor& factor) {
  Matrix result(factor.rows, factor.cols);
  for (Index i = 0; i < factor.rows; ++i) {
    for (Index j = 0; j < factor.cols; ++j) result(i, j) = factor(i, j);
  }
  return result;
}

Factor from_matrix(const Matrix& matrix, const std::string& kind) {
  Factor result = empty("", matrix.rows(), matrix.cols());
  result.kind = kind;
  for (Index i = 0; i < matrix.rows(); ++i) {
    for (Index j = 0; j < matrix.cols(); ++j) result(i, j) = static_cast<double>(matrix(i, j));
  }
  return result;
}

Matrix random_orthogonal(Random& random, Index n) {
  Matrix result(n, n);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) result(i, j) = random.normal();
  }
  return result.householderQr().householderQ();
}

Matrix with_spectrum(Random& random, const std::vector<double>& values) {
  const auto n = std::ssize(values);
  const Matrix q = random_orthogonal(random, n);
  Matrix result = Matrix::Zero(n, n);
  for (Index k = 0; k < n; ++k) {
    result += values[static_cast<std::size_t>(k)] * q.col(k) * q.col(k).transpose();
  }
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < i; ++j) result(i, j) = result(j, i);
  }
  return result;
}

}  // namespace kronwerk::adversary
