// Missing flows as regressors A e_m that are integrated out.
#include "kronwerk/models/flow/missing_flows.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "factors/base/lapack.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/models/flow/determinant.hpp"
#include "kronwerk/models/flow/flow_least_squares.hpp"
#include "models/flow/missing_gram.hpp"
#include "models/flow/small_dense.hpp"

namespace kronwerk::models {
namespace {

/// AᵀB of two chains.
factors::Chain product_of(const factors::Chain& a, const factors::Chain& b) {
  if (factors::is_identity(a)) return b;
  factors::Chain product = factors::transposed(a);
  if (factors::is_identity(b)) return product;
  product.insert(product.end(), b.begin(), b.end());
  return product;
}

/// L of G = L Lᵀ, row-major, lower triangle.
std::vector<double> cholesky(std::vector<double> matrix, Index n) {
  const int size = core::narrow<int>(n);
  int info = 0;
  if (n > 0) dpotrf_("U", &size, matrix.data(), &size, &info, 1);
  if (info != 0) {
    throw core::DataError(
        "the filter at the missing flows is singular to working precision at these parameters");
  }
  return matrix;
}

/// X = L⁻¹ X or L⁻ᵀ X for an (n, columns) X.
void solve_lower(const std::vector<double>& factor, Index n, Index columns, bool transposed,
                 double* x) {
  if (n == 0 || columns == 0) return;
  cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, transposed ? CblasTrans : CblasNoTrans,
              CblasNonUnit, core::narrow<int>(n), core::narrow<int>(columns), 1.0, factor.data(),
              core::narrow<int>(n), x, core::narrow<int>(columns));
}

}  // namespace

struct MissingFlows::State {
  const communication::Communicator* comm = nullptr;
  MissingGram gram;
  std::size_t lags = 0;        ///< T
  std::size_t regressors = 0;  ///< p S
  std::vector<double> with_y;  ///< (m, T, T): ⟨E_mt, L_u⟩
  std::vector<double> with_z;  ///< (m, T, p S): ⟨E_mt, Z_js⟩

  double y(Index m, std::size_t t, std::size_t u) const {
    return with_y[(static_cast<std::size_t>(m) * lags + t) * lags + u];
  }
  double z(Index m, std::size_t t, std::size_t r) const {
    return with_z[(static_cast<std::size_t>(m) * lags + t) * regressors + r];
  }

  /// Σ_tu weight_tu ⟨E_mt, E_m'u⟩ of the cells [begin, end) of one year, row-major.
  std::vector<double> weighted(std::span<const double> weights, Index begin, Index end) const {
    const Index n = end - begin;
    std::vector<double> result(static_cast<std::size_t>(n * n));
    for (Index a = 0; a < n; ++a) {
      for (Index b = 0; b <= a; ++b) {
        double value = 0;
        for (std::size_t t = 0; t < lags; ++t) {
          for (std::size_t u = 0; u < lags; ++u) {
            const double weight = weights[t * lags + u];
            if (weight != 0) value += weight * gram(t, u, begin + a, begin + b);
          }
        }
        result[static_cast<std::size_t>(a * n + b)] = value;
        result[static_cast<std::size_t>(b * n + a)] = value;
      }
    }
    return result;
  }
  /// A_mᵀA_m of a year, factorised.
  std::vector<double> factor(std::span<const double> c, Index begin, Index end) const {
    std::vector<double> weights(lags * lags);
    for (std::size_t t = 0; t < lags; ++t) {
      for (std::size_t u = 0; u < lags; ++u) weights[t * lags + u] = c[t] * c[u];
    }
    return cholesky(weighted(weights, begin, end), end - begin);
  }
  /// (A_mᵀA_m)⁻¹ X for an (m, columns) X.
  void solve(std::span<const double> c, Index columns, std::vector<double>& x) const {
    for (Index begin = 0; begin < gram.size();) {
      const Index end = gram.year_of(begin).second;
      const auto lower = factor(c, begin, end);
      double* rows = x.data() + begin * columns;
      solve_lower(lower, end - begin, columns, false, rows);
      solve_lower(lower, end - begin, columns, true, rows);
      begin = end;
    }
  }
};

namespace {

/// Products of (O_a ⊗ D_a)ᵀ(O_b ⊗ D_b) x at the missing cells.
class CellProducts {
 public:
  CellProducts(const communication::Communicator& comm, const std::shared_ptr<Workspace>& workspace,
               const FlowFilter& filter, const FlowMatrices& matrices)
      : comm_(comm), workspace_(workspace), filter_(filter), matrices_(matrices) {}

  /// @param u  absent for x itself in the place of its lag
  std::vector<double> at(std::span<const double> x, std::size_t t, std::optional<std::size_t> u,
                         std::span<const Index> cells) {
    const FlowFilter::Term a = filter_.terms()[t];
    std::vector<factors::Chain> chains{factors::transposed(matrices_[0][a.origin]),
                                       factors::transposed(matrices_[1][a.destination])};
    if (u) {
      const FlowFilter::Term b = filter_.terms()[*u];
      chains = {product_of(matrices_[0][a.origin], matrices_[0][b.origin]),
                product_of(matrices_[1][a.destination], matrices_[1][b.destination])};
    }
    const operators::KroneckerProduct product(comm_, workspace_, 1, std::move(chains), 1);
    communication::collectively(comm_, [&] { image_.resize(x.size()); });
    product.apply(x, image_);
    const Index begin = product.input_layout().home_begin(comm_.rank());
    std::vector<double> values;
    for (const Index cell : cells) {
      const Index local = cell - begin;
      const bool here = local >= 0 && local < std::ssize(image_);
      values.push_back(here ? image_[static_cast<std::size_t>(local)] : 0);
    }
    comm_.sum(std::span<double>(values));
    return values;
  }

 private:
  const communication::Communicator& comm_;
  const std::shared_ptr<Workspace>& workspace_;
  const FlowFilter& filter_;
  const FlowMatrices& matrices_;
  std::vector<double> image_;
};

}  // namespace

MissingFlows::MissingFlows(const communication::Communicator& comm,
                           const std::shared_ptr<Workspace>& workspace, const FlowFilter& filter,
                           const FlowMatrices& matrices, const std::vector<FlowColumn>& columns,
                           std::span<const std::vector<double>> years,
                           std::vector<std::vector<Index>> cells, FilterActsOn acts_on) {
  const bool filtered = acts_on == FilterActsOn::errors;
  const std::size_t lags = filter.terms().size();
  const std::size_t column_lags = filtered ? lags : 1;
  auto state = std::make_shared<State>(State{
      &comm, MissingGram(filter, matrices, cells), lags, columns.size() * column_lags, {}, {}});
  count_ = state->gram.size();
  const auto m = static_cast<std::size_t>(count_);
  state->with_y.resize(m * lags * lags);
  state->with_z.resize(m * lags * state->regressors);
  CellProducts products(comm, workspace, filter, matrices);
  std::size_t first = 0;
  for (std::size_t year = 0; year < years.size(); ++year) {
    if (cells[year].empty()) continue;
    for (std::size_t t = 0; t < lags; ++t) {
      for (std::size_t u = 0; u < lags; ++u) {
        const auto values = products.at(years[year], t, u, cells[year]);
        for (std::size_t k = 0; k < values.size(); ++k) {
          state->with_y[((first + k) * lags + t) * lags + u] = values[k];
        }
      }
    }
    first += cells[year].size();
  }
  std::vector<Index> all;
  for (Index k = 0; k < count_; ++k) all.push_back(state->gram.cell(k));
  const distribution::BlockPartition owned(filter.extents()[0], comm.size());
  const Index width = filter.extents()[1];
  for (std::size_t j = 0; j < columns.size(); ++j) {
    const FlowColumn& column = columns[j];
    std::vector<double> block = column.grid;
    if (column.kind == FlowColumn::Kind::diagonal) {
      block.assign(static_cast<std::size_t>(owned.count(comm.rank()) * width), 0.0);
      add_column(column, 1, owned.begin(comm.rank()), width, block);
    }
    for (std::size_t t = 0; t < lags; ++t) {
      const FlowFilter::Term a = filter.terms()[t];
      for (std::size_t s = 0; s < column_lags; ++s) {
        const FlowFilter::Term b = filter.terms()[s];
        std::vector<double> values;
        if (column.kind == FlowColumn::Kind::kron) {
          const auto along = [&](std::size_t mode, std::size_t x, std::size_t y,
                                 const std::vector<double>& vector) {
            return multiply(filtered ? product_of(matrices[mode][x], matrices[mode][y])
                                     : factors::transposed(matrices[mode][x]),
                            vector);
          };
          const auto o = along(0, a.origin, b.origin, column.origin);
          const auto d = along(1, a.destination, b.destination, column.destination);
          for (const Index cell : all) {
            values.push_back(o[static_cast<std::size_t>(cell / width)] *
                             d[static_cast<std::size_t>(cell % width)]);
          }
        } else {
          values = products.at(block, t, filtered ? std::optional(s) : std::nullopt, all);
        }
        for (std::size_t k = 0; k < m; ++k) {
          state->with_z[(k * lags + t) * state->regressors + j * column_lags + s] = values[k];
        }
      }
    }
  }
  state_ = std::move(state);
}

namespace {

/// ⟨A e_m, Z̃_j⟩ and ⟨A e_m, A y₀⟩ side by side: (m, p + 1).
template <typename State>
std::vector<double> right_sides(const State& state, const FlowMoments& moments,
                                std::span<const double> c) {
  const std::size_t p = moments.columns;
  std::vector<double> result(static_cast<std::size_t>(state.gram.size()) * (p + 1), 0.0);
  for (Index m = 0; m < state.gram.size(); ++m) {
    double* row = result.data() + static_cast<std::size_t>(m) * (p + 1);
    for (std::size_t t = 0; t < state.lags; ++t) {
      for (std::size_t j = 0; j < p; ++j) {
        for (std::size_t s = 0; s < moments.column_lags; ++s) {
          row[j] +=
              c[t] * (moments.filtered ? c[s] : 1) * state.z(m, t, j * moments.column_lags + s);
        }
      }
      for (std::size_t u = 0; u < state.lags; ++u) row[p] += c[t] * c[u] * state.y(m, t, u);
    }
  }
  return result;
}

/// a -= XᵀY for (m, k) X and (m, l) Y, of which the first `rows` and `columns` count.
void subtract_product(std::span<const double> x, std::size_t k, std::size_t rows,
                      std::span<const double> y, std::size_t l, std::size_t columns,
                      std::vector<double>& a, double sign = 1) {
  const std::size_t m = x.size() / k;
  for (std::size_t r = 0; r < m; ++r) {
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        a[i * columns + j] -= sign * x[r * k + i] * y[r * l + j];
      }
    }
  }
}

}  // namespace

std::vector<double> MissingFlows::gram(const FlowMoments& moments,
                                       std::span<const double> c) const {
  const std::size_t p = moments.columns;
  const auto right = right_sides(*state_, moments, c);
  auto solved = right;
  state_->solve(c, static_cast<Index>(p) + 1, solved);
  auto result = gram_of(moments, c);
  subtract_product(right, p + 1, p, solved, p + 1, p, result);
  return result;
}

FlowLeastSquares MissingFlows::solve(const FlowMoments& moments, std::span<const double> c) const {
  const State& state = *state_;
  const std::size_t p = moments.columns;
  const std::size_t lags = state.lags;
  const auto m = static_cast<std::size_t>(count_);
  const auto right = right_sides(state, moments, c);
  auto solved = right;
  state.solve(c, static_cast<Index>(p) + 1, solved);
  // δ without the missing flows, then these.
  auto reduced = gram_of(moments, c);
  subtract_product(right, p + 1, p, solved, p + 1, p, reduced);
  std::vector<double> delta = multiply(cross_products_of(moments, c), c);
  for (std::size_t k = 0; k < m; ++k) {
    for (std::size_t j = 0; j < p; ++j) {
      delta[j] -= right[k * (p + 1) + j] * solved[k * (p + 1) + p];
    }
  }
  if (p > 0) {
    const SmallCholesky factor(reduced, p, 0);
    if (factor.dependent()) throw core::DataError("the columns of the mean are collinear");
    factor.solve(delta);
  }
  std::vector<double> eta(m);
  for (std::size_t k = 0; k < m; ++k) {
    eta[k] = -solved[k * (p + 1) + p];
    for (std::size_t j = 0; j < p; ++j) eta[k] += solved[k * (p + 1) + j] * delta[j];
  }
  // The moments of the completed flows, and ⟨E_mt, Σ_m' η_m' E_m'u⟩.
  FlowMoments completed = moments;
  std::vector<double> images(m * lags * lags, 0.0);
  for (Index a = 0; a < count_; ++a) {
    const auto [begin, end] = state.gram.year_of(a);
    for (std::size_t t = 0; t < lags; ++t) {
      for (std::size_t u = 0; u < lags; ++u) {
        double image = 0;
        for (Index b = begin; b < end; ++b) {
          image += state.gram(t, u, a, b) * eta[static_cast<std::size_t>(b)];
        }
        images[(static_cast<std::size_t>(a) * lags + t) * lags + u] = image;
        const double weight = eta[static_cast<std::size_t>(a)];
        completed.yy[t * lags + u] += weight * (state.y(a, t, u) + image);
        completed.yy[u * lags + t] += weight * state.y(a, t, u);
      }
      for (std::size_t r = 0; r < state.regressors; ++r) {
        completed.zy[r * lags + t] += eta[static_cast<std::size_t>(a)] * state.z(a, t, r);
      }
    }
  }
  FlowLeastSquares result = least_squares_at(completed, c, delta);
  // ½ ∂²S/∂η∂c = ⟨A e_m, E_t⟩ + ⟨E_mt, r⟩ with E_t = ∂r/∂c_t.
  std::vector<double> mixed(m * lags, 0.0);
  for (Index a = 0; a < count_; ++a) {
    const auto k = static_cast<std::size_t>(a);
    for (std::size_t t = 0; t < lags; ++t) {
      for (std::size_t u = 0; u < lags; ++u) {
        double value = state.y(a, t, u) + images[(k * lags + t) * lags + u];
        for (std::size_t j = 0; moments.filtered && j < p; ++j) {
          value -= delta[j] * state.z(a, t, j * lags + u);
        }
        mixed[k * lags + u] += c[t] * value;
        mixed[k * lags + t] += c[u] * value;
      }
      for (std::size_t j = 0; !moments.filtered && j < p; ++j) {
        mixed[k * lags + t] -= delta[j] * state.z(a, t, j);
      }
    }
  }
  auto mixed_solved = mixed;
  state.solve(c, static_cast<Index>(lags), mixed_solved);
  subtract_product(mixed, lags, lags, mixed_solved, lags, lags, result.products);
  subtract_product(right, p + 1, p, mixed_solved, lags, lags, result.by_both, -1);
  result.gram = std::move(reduced);
  return result;
}

void MissingFlows::add_determinant(std::span<const double> c, DeterminantValue& value) const {
  const State& state = *state_;
  const std::size_t lags = state.lags;
  std::vector<double> sums(lags + lags * lags, 0.0);  // of all ranks: gradient, Hessian
  for (Index begin = 0; begin < count_;) {
    const Index end = state.gram.year_of(begin).second;
    const Index n = end - begin;
    const auto lower = state.factor(c, begin, end);
    for (Index k = 0; k < n; ++k) {
      value.log_abs -= std::log(lower[static_cast<std::size_t>(k * n + k)]);
    }
    // C_t = L⁻¹ G_t L⁻ᵀ, G_t = ∂(A_mᵀA_m)/∂c_t: this rank's columns of each.
    const distribution::BlockPartition share(n, state.comm->size());
    const Index first = share.begin(state.comm->rank());
    const Index columns = share.count(state.comm->rank());
    std::vector<double> units(static_cast<std::size_t>(n * columns), 0.0);
    for (Index k = 0; k < columns; ++k) {
      units[static_cast<std::size_t>((first + k) * columns + k)] = 1;
    }
    solve_lower(lower, n, columns, true, units.data());
    const auto transformed = [&](std::span<const double> weights) {
      const auto matrix = state.weighted(weights, begin, end);
      std::vector<double> image(units.size());
      if (columns > 0) {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, core::narrow<int>(n),
                    core::narrow<int>(columns), core::narrow<int>(n), 1.0, matrix.data(),
                    core::narrow<int>(n), units.data(), core::narrow<int>(columns), 0.0,
                    image.data(), core::narrow<int>(columns));
      }
      solve_lower(lower, n, columns, false, image.data());
      return image;
    };
    // tr((A_mᵀA_m)⁻¹ M), of this rank's columns.
    std::vector<double> inverse(units.size(), 0.0);
    for (Index k = 0; k < columns; ++k) {
      inverse[static_cast<std::size_t>((first + k) * columns + k)] = 1;
    }
    solve_lower(lower, n, columns, false, inverse.data());
    solve_lower(lower, n, columns, true, inverse.data());
    const auto trace = [&](std::size_t t, std::size_t u) {
      double sum = 0;
      for (Index a = 0; a < n; ++a) {
        for (Index k = 0; k < columns; ++k) {
          sum += inverse[static_cast<std::size_t>(a * columns + k)] *
                 state.gram(t, u, begin + a, begin + first + k);
        }
      }
      return sum;
    };
    std::vector<std::vector<double>> images;
    for (std::size_t t = 0; t < lags; ++t) {
      std::vector<double> weights(lags * lags, 0.0);
      for (std::size_t u = 0; u < lags; ++u) {
        weights[t * lags + u] += c[u];
        weights[u * lags + t] += c[u];
      }
      images.push_back(transformed(weights));
    }
    for (std::size_t t = 0; t < lags; ++t) {
      for (std::size_t u = 0; u < lags; ++u) {
        // By symmetry the trace of ⟨t, u⟩ is that of ⟨u, t⟩.
        const double both = 2 * trace(t, u);
        sums[t] -= 0.5 * c[u] * both;
        sums[lags + t * lags + u] -= 0.5 * (both - inner(images[t], images[u]));
      }
    }
    begin = end;
  }
  state.comm->sum(std::span<double>(sums));
  for (std::size_t t = 0; t < lags; ++t) {
    value.gradient[t] += sums[t];
    for (std::size_t u = 0; u <= t && !value.hessian.empty(); ++u) {
      value.hessian[t * lags + u] += sums[lags + t * lags + u];
      if (u < t) value.hessian[u * lags + t] += sums[lags + t * lags + u];
    }
  }
}

}  // namespace kronwerk::models
