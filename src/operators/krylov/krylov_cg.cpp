// Declared in operators/krylov/krylov_method.hpp.
// Conjugate gradients for the columns of a batch, which lie one after the other.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "operators/krylov/column_cg.hpp"

namespace kronwerk::operators {
namespace {

/// Operator and preconditioner are both definite, of either sign.
class DefiniteRules final : public CgRules {
 public:
  const char* refuse_start(double rho) const override {
    return std::abs(rho) > 0 ? nullptr : unusable(rho);
  }
  const char* refuse_curvature(double curvature, double last, double rho) const override {
    if (curvature == 0 || curvature * last < 0) {
      return "DIVERGED_INDEFINITE_MAT: the operator is not definite (<p, Op p> is zero or changes "
             "its sign), which CG needs; use gmres or bicgstab";
    }
    return std::isfinite(rho / curvature) ? nullptr
                                          : "DIVERGED_NANORINF: <p, Op p> is not a finite number";
  }
  const char* refuse_turn(double /*rho*/, double beta) const override {
    return beta > 0 ? nullptr : unusable(beta);
  }

 private:
  /// Why <r, M r> or the ratio of two of them cannot be used.
  static const char* unusable(double product) {
    return std::isfinite(product)
               ? "DIVERGED_INDEFINITE_PC: the preconditioner is not definite, which CG needs; use "
                 "gmres or bicgstab"
               : "DIVERGED_NANORINF: the preconditioner gave numbers that are not finite";
  }
};

/// x += factor p, r -= factor w; returns <r, r>.
double step_and_square(double factor, const double* p, const double* w, double* x, double* r,
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

class StackedVectors final : public CgVectors {
 public:
  StackedVectors(const ColumnMap& map, const PreconditionedOperator& op)
      : map_(&map),
        op_(&op),
        p_(static_cast<std::size_t>(op.op().input_layout().home_size(map.comm().rank()))),
        w_(p_.size()),
        room_(op.preconditioned() ? p_.size() : 0) {}

  PerColumn start(KrylovRun& run) override {
    z_ = op_->precondition(run.transposed, run.r, room_);
    map_->for_each(run.active, [&](std::size_t /*column*/, std::size_t first, std::size_t count) {
      std::copy_n(z_.data() + first, count, p_.data() + first);
    });
    return map_->dots<1>(run.active, {{{run.r.data(), z_.data()}}})[0];
  }

  PerColumn multiply(KrylovRun& run) override {
    op_->apply(run.transposed, p_, w_);
    return map_->dots<1>(run.active, {{{p_.data(), w_.data()}}})[0];
  }

  /// Takes this rank's part of <r, r> while r is at hand.
  void advance(KrylovRun& run, const PerColumn& alpha) override {
    squares_.assign(alpha.size(), 0.0);
    map_->for_each(run.active, [&](std::size_t column, std::size_t first, std::size_t count) {
      squares_[column] += step_and_square(alpha[column], p_.data() + first, w_.data() + first,
                                          run.x.data() + first, run.r.data() + first, count);
    });
  }

  std::pair<PerColumn, PerColumn> products(KrylovRun& run) override {
    z_ = op_->precondition(run.transposed, run.r, room_);
    if (!op_->preconditioned()) {
      map_->reduce(std::array<PerColumn*, 1>{&squares_});
      return {squares_, squares_};
    }
    PerColumn products = map_->local_dots(run.active, run.r.data(), z_.data());
    map_->reduce(std::array<PerColumn*, 2>{&squares_, &products});
    return {squares_, std::move(products)};
  }

  void turn(KrylovRun& run, const PerColumn& beta) override {
    map_->for_each(run.active, [&](std::size_t column, std::size_t first, std::size_t count) {
      const double factor = beta[column];
      double* p = p_.data() + first;
      for (std::size_t i = 0; i < count; ++i) p[i] = z_[first + i] + factor * p[i];
    });
  }

 private:
  const ColumnMap* map_;
  const PreconditionedOperator* op_;
  std::vector<double> p_, w_, room_;
  std::span<const double> z_;
  PerColumn squares_;
};

class ColumnConjugateGradients final : public KrylovIteration {
 public:
  ColumnConjugateGradients(const ColumnMap& map, const PreconditionedOperator& op)
      : vectors_(map, op) {}
  void run(KrylovRun& run) override { conjugate_gradients(run, vectors_, DefiniteRules()); }

 private:
  StackedVectors vectors_;
};

}  // namespace

std::unique_ptr<KrylovIteration> make_column_cg(const ColumnMap& map,
                                                const PreconditionedOperator& op) {
  return std::make_unique<ColumnConjugateGradients>(map, op);
}

}  // namespace kronwerk::operators
