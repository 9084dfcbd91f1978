// Conjugate gradients (Hestenes and Stiefel 1952) for the columns of a batch: coefficients and
// convergence per column, one application of the operator, one of the preconditioner and two
// reductions per iteration for all columns together.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "operators/krylov/krylov_method.hpp"

namespace kronwerk::operators {
namespace {

constexpr const char* indefinite_operator =
    "DIVERGED_INDEFINITE_MAT: the operator is not definite (<p, Op p> is zero or changes its "
    "sign), "
    "which CG needs; use gmres or bicgstab";
/// Why <r, M r> or the ratio of two of them cannot be used.
const char* unusable(double product) {
  return std::isfinite(product)
             ? "DIVERGED_INDEFINITE_PC: the preconditioner is not definite, which CG needs; use "
               "gmres or bicgstab"
             : "DIVERGED_NANORINF: the preconditioner gave numbers that are not finite";
}

/// x += factor p, r -= factor w; returns <r, r>.
double advance(double factor, const double* p, const double* w, double* x, double* r,
               std::size_t count) {
  constexpr std::size_t block = 4096;  // bounds the rounding error
  constexpr std::size_t lanes = 8;
  double sum = 0;
  for (std::size_t begin = 0; begin < count; begin += block) {
    const std::size_t end = std::min(begin + block, count);
    std::array<double, lanes> partial{};
    std::size_t i = begin;
    for (; i + lanes <= end; i += lanes) {
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        x[i + lane] += factor * p[i + lane];
        const double rest = r[i + lane] - factor * w[i + lane];
        r[i + lane] = rest;
        partial[lane] += rest * rest;
      }
    }
    for (; i < end; ++i) {
      x[i] += factor * p[i];
      r[i] -= factor * w[i];
      partial[0] += r[i] * r[i];
    }
    sum += std::accumulate(partial.begin(), partial.end(), 0.0);
  }
  return sum;
}

class ColumnConjugateGradients final : public KrylovIteration {
 public:
  ColumnConjugateGradients(const ColumnMap& map, const PreconditionedOperator& op)
      : map_(&map),
        op_(&op),
        p_(static_cast<std::size_t>(op.op().input_layout().home_size(map.comm().rank()))),
        w_(p_.size()),
        z_(op.preconditioned() ? p_.size() : 0),
        rho_(map.columns()),
        curvature_(map.columns()) {}

  void run(KrylovRun& run) override {
    start(run);
    while (run.any_active() && run.iterations < run.max_iterations) {
      op_->apply(run.transposed, p_, w_);
      PerColumn squares = step(run, map_->dots<1>(run.active, {{{p_.data(), w_.data()}}})[0]);
      if (!run.any_active()) return;
      const auto z = op_->precondition(run.transposed, run.r, z_);
      PerColumn products;
      if (op_->preconditioned()) {
        products = map_->local_dots(run.active, run.r.data(), z.data());
        map_->reduce(std::array<PerColumn*, 2>{&squares, &products});
      } else {
        map_->reduce(std::array<PerColumn*, 1>{&squares});
        products = squares;
      }
      run.record(squares);
      turn(run, z, products);
    }
  }

 private:
  void start(KrylovRun& run) {
    const auto z = op_->precondition(run.transposed, run.r, z_);
    rho_ = map_->dots<1>(run.active, {{{run.r.data(), z.data()}}})[0];
    curvature_.assign(map_->columns(), 0.0);
    map_->for_each(run.active, [&](std::size_t /*column*/, std::size_t first, std::size_t count) {
      std::copy_n(z.data() + first, count, p_.data() + first);
    });
    for (std::size_t column = 0; column < rho_.size(); ++column) {
      if (run.active[column] != 0 && !(std::abs(rho_[column]) > 0)) {
        run.finish(column, KrylovRun::End::failed, unusable(rho_[column]));
      }
    }
  }

  /// x += alpha p, r -= alpha w, where `curvature` is <p, Op p>. Returns this rank's part of <r,
  /// r>, taken while r is at hand.
  PerColumn step(KrylovRun& run, const PerColumn& curvature) {
    PerColumn alpha(rho_.size());
    for (std::size_t column = 0; column < alpha.size(); ++column) {
      if (run.active[column] == 0) continue;
      alpha[column] = rho_[column] / curvature[column];
      if (curvature[column] == 0 || curvature[column] * curvature_[column] < 0) {
        run.finish(column, KrylovRun::End::failed, indefinite_operator);
      } else if (!std::isfinite(alpha[column])) {
        run.finish(column, KrylovRun::End::failed,
                   "DIVERGED_NANORINF: <p, Op p> is not a finite number");
      }
      curvature_[column] = curvature[column];
    }
    PerColumn squares(alpha.size(), 0.0);
    map_->for_each(run.active, [&](std::size_t column, std::size_t first, std::size_t count) {
      squares[column] += advance(alpha[column], p_.data() + first, w_.data() + first,
                                 run.x.data() + first, run.r.data() + first, count);
    });
    return squares;
  }

  /// p = z + beta p
  void turn(KrylovRun& run, std::span<const double> z, const PerColumn& products) {
    PerColumn beta(rho_.size());
    for (std::size_t column = 0; column < beta.size(); ++column) {
      if (run.active[column] == 0) continue;
      beta[column] = products[column] / rho_[column];
      if (!(beta[column] > 0)) {
        run.finish(column, KrylovRun::End::failed, unusable(beta[column]));
      }
      rho_[column] = products[column];
    }
    map_->for_each(run.active, [&](std::size_t column, std::size_t first, std::size_t count) {
      const double factor = beta[column];
      double* p = p_.data() + first;
      for (std::size_t i = 0; i < count; ++i) p[i] = z[first + i] + factor * p[i];
    });
  }

  const ColumnMap* map_;
  const PreconditionedOperator* op_;
  std::vector<double> p_, w_, z_;
  PerColumn rho_;        ///< <r, z>
  PerColumn curvature_;  ///< <p, Op p> of the last step; 0 before the first
};

}  // namespace

std::unique_ptr<KrylovIteration> make_column_cg(const ColumnMap& map,
                                                const PreconditionedOperator& op) {
  return std::make_unique<ColumnConjugateGradients>(map, op);
}

}  // namespace kronwerk::operators
