// What a latent field's mode tells of the field elsewhere.
// See src/MATHEMATICS.md, "Counts on grids".
#include <cblas.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/factors/dense/dense_values.hpp"
#include "kronwerk/factors/dense/shared_dense.hpp"
#include "models/covariance/chains.hpp"
#include "models/laplace/dense_latent.hpp"
#include "models/laplace/laplace_state.hpp"

namespace kronwerk::models {

using factors::Chain;
using factors::FactorPtr;

namespace {

/// (n* x n) values of a cross-covariance's mode.
struct Image {
  Index rows = 0;
  Index columns = 0;
  Vector values;
};

Image image_of(const Communicator& comm, const Chain& chain) {
  factors::factorise(comm, factors::to_factorise(chain));
  return {factors::rows(chain), factors::cols(chain), dense_matrix(chain)};
}

/// This rank's rows, of those that a node's ranks have among them.
struct Rows {
  Index all = 0;
  Index begin = 0;
  Index columns = 0;
  Vector values;
};

/// C w G. Local.
Rows project(const Communicator& comm, const Image& c, const Vector& w,
             const factors::Factor& root) {
  const distribution::BlockPartition part(c.rows, comm.node().size());
  const Index begin = part.begin(comm.node().rank()), end = part.end(comm.node().rank());
  Vector lines(c.values.begin() + begin * c.columns, c.values.begin() + end * c.columns);
  for (std::size_t e = 0; e < lines.size(); ++e) lines[e] *= w[e % w.size()];
  Rows result{c.rows, begin, root.cols(), {}};
  const auto values = factors::dense_values(root);
  if (values.empty()) {
    const Vector diagonal = root.diagonal();
    for (std::size_t e = 0; e < lines.size(); ++e) lines[e] *= diagonal[e % diagonal.size()];
    result.values = std::move(lines);
    return result;
  }
  result.values.resize(static_cast<std::size_t>((end - begin) * result.columns));
  if (result.values.empty()) return result;
  const int columns = core::narrow<int>(result.columns), inner = core::narrow<int>(c.columns);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, core::narrow<int>(end - begin), columns,
              inner, 1, lines.data(), inner, values.data(), columns, 0, result.values.data(),
              columns);
  return result;
}

/// Entry by entry. Collective.
FactorPtr product_of(const Communicator& comm, const Rows& a, const Rows& b) {
  return factors::make_shared_dense(comm, "projected", a.all, a.columns,
                                    [&](std::span<double> out) {
                                      double* mine = out.data() + a.begin * a.columns;
                                      for (std::size_t e = 0; e < a.values.size(); ++e)
                                        mine[e] = a.values[e] * b.values[e];
                                    });
}

/// diag(C R̃ Cᵀ) = diag(C W̃ Cᵀ) − diag(C W̃ G D⁻¹ GᵀW̃ Cᵀ), subtracted. Collective.
void explain_by_nearest(const LatentState& state, std::span<const ScaledProduct> cross,
                        const Layout& points, std::span<double> variance) {
  const LatentBasis& basis = *state.basis;
  const std::size_t modes = basis.extents().size();
  std::vector<std::vector<Image>> images;
  // Per term of C, term of the basis and mode.
  std::vector<std::vector<std::vector<Rows>>> projected;
  for (const ScaledProduct& term : cross) {
    auto& list = images.emplace_back();
    for (const Chain& chain : term.chains) list.push_back(image_of(state.comm, chain));
    auto& with_basis = projected.emplace_back(basis.terms());
    for (std::size_t t = 0; t < basis.terms(); ++t) {
      for (std::size_t k = 0; k < modes; ++k) {
        with_basis[t].push_back(
            project(state.comm, list[k], basis.weights()[k], *basis.factors_of(t)[k]));
      }
    }
  }
  std::vector<GridTerm> whole;
  std::vector<ScaledProduct> parts;
  for (std::size_t c = 0; c < cross.size(); ++c) {
    for (std::size_t d = 0; d <= c; ++d) {
      const double scale = cross[c].scale * cross[d].scale * (c == d ? 1 : 2);
      GridTerm& term = whole.emplace_back(GridTerm{scale, {}});
      for (std::size_t k = 0; k < modes; ++k) {
        const Vector& w = basis.weights()[k];
        const Image &a = images[c][k], &b = images[d][k];
        Vector& list = term.lists.emplace_back(static_cast<std::size_t>(a.rows), 0.0);
        for (std::size_t e = 0; e < a.values.size(); ++e) {
          const auto column = static_cast<Index>(e) % a.columns;
          list[e / static_cast<std::size_t>(a.columns)] +=
              a.values[e] * b.values[e] * w[static_cast<std::size_t>(column)];
        }
      }
      for (std::size_t t = 0; t < basis.terms(); ++t) {
        ScaledProduct& part = parts.emplace_back(ScaledProduct{scale * basis.scale_of(t), {}});
        if (basis.terms() > 1) part.chains.push_back(basis.selector(t));
        for (std::size_t k = 0; k < modes; ++k) {
          part.chains.push_back(
              {factors::Link{product_of(state.comm, projected[c][t][k], projected[d][t][k])}});
        }
      }
    }
  }
  operators::ProductSum(state.comm, state.workspace, std::move(parts),
                        basis.root().input_layout().leading_modes())
      .apply(basis.reciprocals(state.comm.rank()), variance, true);
  Vector values(variance.size());
  GridValues(points.extents(), std::move(whole))
      .evaluate(points.home_begin(state.comm.rank()), std::ssize(values), values.data());
  for (std::size_t i = 0; i < values.size(); ++i) variance[i] -= values[i];
}

}  // namespace

void LaplaceApproximation::explain(std::span<const ScaledProduct> cross, const Layout& points,
                                   std::span<double> variance) {
  LatentState& state = *state_;
  if (!state.exact) return explain_by_nearest(state, cross, points, variance);
  const DenseLatent dense(state.comm, state.cells, state.model.signal, state.terms.weight);
  Vector explained(variance.size());
  dense.explained({cross.begin(), cross.end()}, points.extents(),
                  points.home_begin(state.comm.rank()), explained);
  for (std::size_t i = 0; i < explained.size(); ++i) variance[i] -= explained[i];
}

std::vector<std::vector<double>> LaplaceApproximation::residual_columns(
    std::span<const ScaledProduct> cross, const std::vector<MeanColumn>& columns,
    const Layout& points) {
  LatentState& state = *state_;
  const operators::ProductSum to_points(state.comm, state.workspace, {cross.begin(), cross.end()},
                                        state.cells.layout.leading_modes());
  std::vector<std::vector<double>> result;
  for (std::size_t j = 0; j < state.columns.size(); ++j) {
    Vector& column =
        result.emplace_back(static_cast<std::size_t>(points.home_size(state.comm.rank())), 0.0);
    to_points.apply(state.reduced_columns[j], column);
    for (double& value : column) value = -value;
    MeanColumn at_new = columns[state.estimated[j]];
    add_mean(points.extents(), {std::move(at_new)}, Vector{1.0},
             points.home_begin(state.comm.rank()), column);
  }
  return result;
}

void LaplaceApproximation::condition(std::span<const double> u, std::span<const double> z,
                                     Weights weights, std::span<double> result) {
  LatentState& state = *state_;
  const Vector w = weights == Weights::own ? state.terms.weight : state.nearest_product();
  for (std::size_t i = 0; i < w.size(); ++i) result[i] = w[i] * u[i] + std::sqrt(w[i]) * z[i];
  Vector inner = state.to_coordinates(result);
  if (weights == Weights::own) {
    inner = state.solve(inner, state.settings.tolerance);
  } else {
    const Vector reciprocals = state.basis->reciprocals(state.comm.rank());
    for (std::size_t i = 0; i < inner.size(); ++i) inner[i] *= reciprocals[i];
  }
  const Vector solved = state.to_field(inner);
  for (std::size_t i = 0; i < w.size(); ++i) result[i] -= w[i] * solved[i];
}

}  // namespace kronwerk::models
