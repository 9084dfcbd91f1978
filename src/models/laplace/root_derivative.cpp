// See src/MATHEMATICS.md, "Counts on grids".
#include "models/laplace/root_derivative.hpp"

#include <cblas.h>

#include <cmath>

#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/dense/dense_values.hpp"
#include "kronwerk/factors/dense/shared_dense.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "models/covariance/chains.hpp"

namespace kronwerk::models {

using communication::Communicator;
using factors::Chain;
using factors::FactorPtr;

namespace {

using Vector = std::vector<double>;

// What may be left of a change outside the range of the root, relative: far above rounding, far
// below what estimates vary by.
constexpr double negligible = 1e-8;

bool same(const Chain& a, const Chain& b) {
  if (factors::is_identity(a) && factors::is_identity(b)) return true;
  return without_identities(a) == without_identities(b);
}

/// The one mode where the change has another matrix than the term; the number of modes for none.
std::optional<std::size_t> changed_mode(const ScaledProduct& term, const ScaledProduct& change) {
  std::size_t found = term.chains.size();
  for (std::size_t k = 0; k < term.chains.size(); ++k) {
    if (same(term.chains[k], change.chains[k])) continue;
    if (found < term.chains.size()) return std::nullopt;
    found = k;
  }
  return found;
}

/// out = A B or out −= A B, row-major; A is (m, k) with rows of `stride`, or the transpose of such.
void multiply(CBLAS_TRANSPOSE transpose, Index m, Index n, Index k, double alpha, const double* a,
              Index stride, const double* b, double beta, double* out) {
  const auto narrow = [](Index value) { return core::narrow<int>(value); };
  cblas_dgemm(CblasRowMajor, transpose, CblasNoTrans, narrow(m), narrow(n), narrow(k), alpha, a,
              narrow(stride), b, narrow(n), beta, out, narrow(n));
}

/// ‖(C − GĠᵀ − ĠGᵀ) x‖ ≤ negligible ‖C x‖ for a random x.
bool covers(const factors::Factor& change, const factors::Factor& root,
            const factors::Factor& derivative) {
  const Index n = root.rows(), r = root.cols();
  Vector x(static_cast<std::size_t>(n));
  operators::fill_random(operators::RandomKind::normal, 1, 0, x);
  const auto times = [](CBLAS_TRANSPOSE transpose, const factors::Factor& matrix, double alpha,
                        const Vector& in, double beta, Vector& out) {
    const auto cols = core::narrow<int>(matrix.cols());
    cblas_dgemv(CblasRowMajor, transpose, core::narrow<int>(matrix.rows()), cols, alpha,
                factors::dense_values(matrix).data(), cols, in.data(), 1, beta, out.data(), 1);
  };
  Vector image(x.size()), inner(static_cast<std::size_t>(r));
  times(CblasNoTrans, change, 1, x, 0, image);
  const auto norm = [](const Vector& v) {
    return cblas_dnrm2(core::narrow<int>(std::ssize(v)), v.data(), 1);
  };
  const double whole = norm(image);
  times(CblasTrans, derivative, 1, x, 0, inner);
  times(CblasNoTrans, root, -1, inner, 1, image);
  times(CblasTrans, root, 1, x, 0, inner);
  times(CblasNoTrans, derivative, -1, inner, 1, image);
  return norm(image) <= negligible * whole;
}

/// Ġ_k of a mode with a dense root: (CwG − GS) Λ⁻¹ with S_ij = (GᵀwCwG)_ij / (λ_i + λ_j), since
/// G = w^-½QΛ^½.
FactorPtr dense_mode(const Communicator& comm, const FactorPtr& change, const FactorPtr& root,
                     const Vector& w, const Vector& eigenvalues) {
  const std::string name = "derivative of " + root->name();
  const Index n = root->rows(), r = root->cols();
  const double* g = factors::dense_values(*root).data();
  const double* c = factors::dense_values(*change).data();
  Vector weighted(g, g + n * r);
  for (std::size_t i = 0; i < weighted.size(); ++i)
    weighted[i] *= w[i / static_cast<std::size_t>(r)];
  const FactorPtr image = factors::make_shared_dense_by_rows(
      comm, name, n, r, [&](Index first, Index count, double* out) {
        multiply(CblasNoTrans, count, r, n, 1, c + first * n, n, weighted.data(), 0, out);
      });
  const double* v = factors::dense_values(*image).data();
  const auto value = [&](Index i) { return eigenvalues[static_cast<std::size_t>(i)]; };
  const FactorPtr small = factors::make_shared_dense_by_rows(
      comm, name, r, r, [&](Index first, Index count, double* out) {
        multiply(CblasTrans, count, r, n, 1, weighted.data() + first, r, v, 0, out);
        for (Index i = 0; i < count; ++i) {
          for (Index j = 0; j < r; ++j) {
            const double sum = value(first + i) + value(j);
            out[i * r + j] = sum > 0 ? out[i * r + j] / sum : 0;
          }
        }
      });
  const double* s = factors::dense_values(*small).data();
  return factors::make_shared_dense_by_rows(
      comm, name, n, r, [&](Index first, Index count, double* out) {
        std::copy_n(v + first * r, count * r, out);
        multiply(CblasNoTrans, count, r, r, -1, g + first * r, r, s, 1, out);
        for (Index i = 0; i < count; ++i) {
          for (Index j = 0; j < r; ++j) {
            out[i * r + j] = value(j) > 0 ? out[i * r + j] / value(j) : 0;
          }
        }
      });
}

/// Ġ_k of one mode, or null where the change is not within the range of the root.
FactorPtr mode_of(const Communicator& comm, const Chain& chain, const FactorPtr& root,
                  const Vector& w, const Vector& eigenvalues) {
  if (factors::dense_values(*root).empty()) {
    if (!factors::is_diagonal(chain)) return nullptr;
    Vector values =
        factors::is_identity(chain) ? Vector(eigenvalues.size(), 1.0) : diagonal_of(chain);
    const Vector roots = root->diagonal();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] != 0 && roots[i] == 0) return nullptr;
      if (roots[i] != 0) values[i] /= 2 * roots[i];
    }
    return factors::make_diagonal(root->name(), values);
  }
  const FactorPtr change = factors::materialise(comm, name_of(chain), chain);
  FactorPtr found = dense_mode(comm, change, root, w, eigenvalues);
  return comm.any(!covers(*change, *root, *found)) ? nullptr : found;
}

/// diag(Gᵀ w Ġ). Local.
Vector diagonal_of_product(const factors::Factor& root, const factors::Factor& derivative,
                           const Vector& w) {
  const auto g = factors::dense_values(root), d = factors::dense_values(derivative);
  const auto r = static_cast<std::size_t>(root.cols());
  Vector result(r, 0.0);
  if (g.empty()) {
    const Vector a = root.diagonal(), b = derivative.diagonal();
    for (std::size_t i = 0; i < r; ++i) result[i] = a[i] * b[i] * w[i];
    return result;
  }
  for (std::size_t i = 0; i < g.size(); ++i) result[i % r] += g[i] * d[i] * w[i / r];
  return result;
}

}  // namespace

std::optional<RootDerivative> root_derivative(const Communicator& comm, const LatentBasis& basis,
                                              const ScaledProduct& change) {
  for (std::size_t t = 0; t < basis.terms(); ++t) {
    const auto mode = changed_mode(basis.product_of(t), change);
    if (!mode) continue;
    // G_t is √s ⊗G_k, so that of Ġ is the change's by √s; of a change of the scale alone, half of
    // G_t's.
    const std::size_t modes = change.chains.size();
    const double half = *mode == modes ? 0.5 : 1;
    RootDerivative result{t, {half * change.scale / std::sqrt(basis.scale_of(t)), {}}, {}};
    result.image = {half * change.scale, basis.eigenvalues_of(t)};
    if (basis.terms() > 1) result.root.chains.push_back(basis.selector(t));
    for (std::size_t k = 0; k < modes; ++k) {
      FactorPtr factor = basis.factors_of(t)[k];
      if (k == *mode) {
        const Vector& w = basis.weights()[k];
        const auto found = mode_of(comm, change.chains[k], factor, w, basis.eigenvalues_of(t)[k]);
        if (found == nullptr) return std::nullopt;
        result.image.lists[k] = diagonal_of_product(*factor, *found, w);
        factor = found;
      }
      result.root.chains.push_back({factors::Link{factor}});
    }
    result.image = basis.on_term(t, std::move(result.image));
    return result;
  }
  return std::nullopt;
}

}  // namespace kronwerk::models
