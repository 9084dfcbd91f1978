// Declared in operators/krylov/krylov_method.hpp.
// BiCGStab (van der Vorst 1992), preconditioned from the right so that its residuals are those of
// the system itself, for the columns of a batch: coefficients and convergence per column, three
// reductions per iteration for all columns together.
// See src/MATHEMATICS.md, "Krylov methods and the nearest product".
#include <algorithm>
#include <cmath>

#include "operators/krylov/krylov_method.hpp"

namespace kronwerk::operators {
namespace {

using End = KrylovRun::End;

// Products below this part of their factors' norms are rounding errors: the column is restarted.
constexpr double breakdown_level = 1e-15;

class ColumnBiCGStab final : public KrylovIteration {
 public:
  ColumnBiCGStab(const ColumnMap& map, const PreconditionedOperator& op)
      : map_(&map),
        op_(&op),
        shadow_(static_cast<std::size_t>(op.op().input_layout().home_size(map.comm().rank()))),
        p_(shadow_.size()),
        v_(shadow_.size()),
        t_(shadow_.size()),
        direction_(op.preconditioned() ? shadow_.size() : 0) {}

  void run(KrylovRun& run) override {
    start(run);
    while (run.any_active() && run.iterations < run.max_iterations) {
      first_half(run);
      if (!run.any_active()) return;
      const auto half = second_direction(run);
      second_half(run, half);
      const auto [squares, products] = map_->dots<2>(
          run.active, {{{run.r.data(), run.r.data()}, {shadow_.data(), run.r.data()}}});
      run.record(squares);
      turn(run, squares, products);
    }
  }

 private:
  struct Half {
    std::span<const double> direction;  ///< M s
    PerColumn omega;
  };

  void start(KrylovRun& run) {
    std::copy(run.r.begin(), run.r.end(), shadow_.begin());
    std::copy(run.r.begin(), run.r.end(), p_.begin());
    rho_ = map_->dots<1>(run.active, {{{run.r.data(), run.r.data()}}})[0];
    shadow_norm_ = rho_;
    for (double& each : shadow_norm_) each = std::sqrt(each);
    alpha_.assign(map_->columns(), 0.0);
  }

  /// x += alpha M p, r becomes s = r - alpha v with v = Op M p.
  void first_half(KrylovRun& run) {
    const auto direction = op_->precondition(run.transposed, p_, direction_);
    op_->apply(run.transposed, direction, v_);
    const auto [products, squares] =
        map_->dots<2>(run.active, {{{shadow_.data(), v_.data()}, {v_.data(), v_.data()}}});
    for (std::size_t column = 0; column < rho_.size(); ++column) {
      if (run.active[column] == 0) continue;
      const double level = breakdown_level * shadow_norm_[column] * std::sqrt(squares[column]);
      alpha_[column] = rho_[column] / products[column];
      if (!std::isfinite(squares[column])) {
        run.finish(column, End::failed, "DIVERGED_NANORINF: Op p is not finite");
      } else if (!(std::abs(products[column]) > level) || !std::isfinite(alpha_[column])) {
        run.finish(column, End::breakdown, "DIVERGED_BREAKDOWN: <r0, Op p> is zero; try gmres");
      }
    }
    map_->for_each(run.active, [&](std::size_t column, std::size_t first, std::size_t count) {
      const double factor = alpha_[column];
      const double* d = direction.data() + first;
      const double* v = v_.data() + first;
      double* x = run.x.data() + first;
      double* r = run.r.data() + first;
      for (std::size_t i = 0; i < count; ++i) {
        x[i] += factor * d[i];
        r[i] -= factor * v[i];
      }
    });
  }

  /// t = Op M s and omega = <t, s> / <t, t>. Where s is small enough already, omega is 0.
  Half second_direction(KrylovRun& run) {
    const auto direction = op_->precondition(run.transposed, run.r, direction_);
    op_->apply(run.transposed, direction, t_);
    const auto [products, squares, norms] = map_->dots<3>(
        run.active,
        {{{t_.data(), run.r.data()}, {t_.data(), t_.data()}, {run.r.data(), run.r.data()}}});
    PerColumn omega(rho_.size());
    for (std::size_t column = 0; column < omega.size(); ++column) {
      if (run.active[column] == 0) continue;
      if (std::sqrt(norms[column]) <= run.tolerance * run.scale[column]) continue;
      omega[column] = squares[column] > 0 ? products[column] / squares[column] : 0;
      if (!std::isfinite(omega[column])) {
        omega[column] = 0;
        run.finish(column, End::failed, "DIVERGED_NANORINF: Op r is not finite");
      }
    }
    return {direction, std::move(omega)};
  }

  /// x += omega M s, r = s - omega t
  void second_half(KrylovRun& run, const Half& half) {
    map_->for_each(run.active, [&](std::size_t column, std::size_t first, std::size_t count) {
      const double factor = half.omega[column];
      const double* d = half.direction.data() + first;
      const double* t = t_.data() + first;
      double* x = run.x.data() + first;
      double* r = run.r.data() + first;
      if (half.direction.data() == run.r.data()) {  // not preconditioned: d is r itself
        for (std::size_t i = 0; i < count; ++i) x[i] += factor * r[i];
        for (std::size_t i = 0; i < count; ++i) r[i] -= factor * t[i];
        return;
      }
      for (std::size_t i = 0; i < count; ++i) {
        x[i] += factor * d[i];
        r[i] -= factor * t[i];
      }
    });
    omega_ = half.omega;
  }

  /// p = r + beta (p - omega v)
  void turn(KrylovRun& run, const PerColumn& squares, const PerColumn& products) {
    PerColumn beta(rho_.size());
    for (std::size_t column = 0; column < beta.size(); ++column) {
      if (run.active[column] == 0) continue;
      const double level = breakdown_level * shadow_norm_[column] * std::sqrt(squares[column]);
      beta[column] = products[column] / rho_[column] * (alpha_[column] / omega_[column]);
      if (!(std::abs(products[column]) > level) || !std::isfinite(beta[column])) {
        run.finish(column, End::breakdown,
                   "DIVERGED_BREAKDOWN: <r0, r> or <t, r> is zero; try gmres");
      }
      rho_[column] = products[column];
    }
    map_->for_each(run.active, [&](std::size_t column, std::size_t first, std::size_t count) {
      const double factor = beta[column];
      const double omega = omega_[column];
      const double* r = run.r.data() + first;
      const double* v = v_.data() + first;
      double* p = p_.data() + first;
      for (std::size_t i = 0; i < count; ++i) p[i] = r[i] + factor * (p[i] - omega * v[i]);
    });
  }

  const ColumnMap* map_;
  const PreconditionedOperator* op_;
  std::vector<double> shadow_, p_, v_, t_, direction_;
  PerColumn rho_;  ///< <r0, r>
  PerColumn shadow_norm_, alpha_, omega_;
};

}  // namespace

std::unique_ptr<KrylovIteration> make_column_bicgstab(const ColumnMap& map,
                                                      const PreconditionedOperator& op) {
  return std::make_unique<ColumnBiCGStab>(map, op);
}

}  // namespace kronwerk::operators
