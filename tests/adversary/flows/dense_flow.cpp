#include "adversary/flows/dense_flow.hpp"

#include <cmath>
#include <numbers>

namespace kronwerk::adversary {
namespace {

constexpr Real two_pi = 2 * std::numbers::pi_v<Real>;
// Distance of a difference, in units of the function's own width.
constexpr Real width = 1e-3L;
// Beyond this many points of θ the tables are begun again.
constexpr std::size_t most_points = 400;

Matrix scaled_to_ones(const Matrix& gram) {
  const Vector scale = gram.diagonal().cwiseSqrt().cwiseInverse();
  return scale.asDiagonal() * gram * scale.asDiagonal();
}

/// log|det A|
Real log_abs_determinant(const Matrix& a) {
  const auto lu = a.partialPivLu();
  return lu.matrixLU().diagonal().cwiseAbs().array().log().sum();
}

}  // namespace

Vector difference_steps(const Function& function, const Vector& x) {
  Vector steps(x.size());
  const Real here = function(x);
  for (Index i = 0; i < x.size(); ++i) {
    Real step = 1e-5L * (1 + std::abs(x(i)));
    for (int round = 0; round < 2; ++round) {
      Vector up = x;
      Vector down = x;
      up(i) += step;
      down(i) -= step;
      const Real second = (function(up) - 2 * here + function(down)) / (step * step);
      if (!(std::abs(second) > 0) || !std::isfinite(second)) break;
      step = std::min(width / std::sqrt(std::abs(second)), 1e-2L * (1 + std::abs(x(i))));
    }
    steps(i) = step;
  }
  return steps;
}

Vector gradient_of(const Function& function, const Vector& x, const Vector& steps) {
  Vector result(x.size());
  for (Index i = 0; i < x.size(); ++i) {
    const auto at = [&](Real count) {
      Vector moved = x;
      moved(i) += count * steps(i);
      return function(moved);
    };
    result(i) = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * steps(i));
  }
  return result;
}

Matrix hessian_of(const Function& function, const Vector& x, const Vector& steps) {
  const Index n = x.size();
  Matrix result(n, n);
  const Real here = function(x);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j <= i; ++j) {
      const auto at = [&](Real a, Real b) {
        Vector moved = x;
        moved(i) += a * steps(i);
        moved(j) += b * steps(j);
        return function(moved);
      };
      if (i == j) {
        result(i, i) = (16 * (at(1, 0) + at(-1, 0)) - (at(2, 0) + at(-2, 0)) - 30 * here) /
                       (12 * steps(i) * steps(i));
        continue;
      }
      Real sum = 0;
      const std::array<std::pair<Real, Real>, 4> stencil{{{1, 8}, {-1, -8}, {2, -1}, {-2, 1}}};
      for (const auto& [a, left] : stencil) {
        for (const auto& [b, right] : stencil) sum += left * right * at(a, b);
      }
      result(i, j) = result(j, i) = sum / (144 * steps(i) * steps(j));
    }
  }
  return result;
}

DenseFlow::DenseFlow(const FlowJob& job) : job_(job) {
  make_design();
  for (Index year = 0; year < job_.count_ && job_.observes(); ++year) {
    for (Index cell = 0; cell < job_.cells(); ++cell) {
      if (!job_.is_missing(year, cell)) ++observed_;
    }
  }
}

void DenseFlow::make_design() {
  const auto [origins, destinations] = job_.extents_;
  const bool both = job_.effects_[0] && job_.effects_[1];
  const Index last = both ? destinations - 1 : destinations;
  const Index of_origins = job_.effects_[0] ? origins : 0;
  const Index of_destinations = job_.effects_[1] ? last : 0;
  design_ = Matrix::Zero(job_.cells(), columns() + of_origins + of_destinations);
  for (Index c = 0; c < columns(); ++c) {
    design_.col(c) = job_.columns_[static_cast<std::size_t>(c)].values(job_.material_.leaves(),
                                                                       origins, destinations);
  }
  for (Index i = 0; i < origins; ++i) {
    for (Index j = 0; j < destinations; ++j) {
      const Index cell = i * destinations + j;
      if (job_.effects_[0]) design_(cell, columns() + i) = 1;
      if (!job_.effects_[1]) continue;
      for (Index k = 0; k < last; ++k) {
        design_(cell, columns() + of_origins + k) = j == k ? 1 : j == last ? -1 : 0;
      }
    }
  }
}

Matrix DenseFlow::filter(const Vector& theta) const {
  Parameters parameters = job_.material_.parameters();
  for (Index k = 0; k < theta.size(); ++k) {
    parameters[job_.free_[static_cast<std::size_t>(k)].name] = static_cast<double>(theta(k));
  }
  return job_.filter_->evaluate(parameters, job_.material_.leaves()).value;
}

Vector DenseFlow::initial() const {
  Vector theta(parameters());
  for (Index k = 0; k < theta.size(); ++k) {
    theta(k) = job_.material_.parameters().at(job_.free_[static_cast<std::size_t>(k)].name);
  }
  return theta;
}

Real DenseFlow::margin(const Vector& theta) const {
  const Eigen::EigenSolver<Matrix> solver(filter(theta), false);
  return solver.eigenvalues().real().minCoeff();
}

Real DenseFlow::condition(const Vector& theta) const {
  const Matrix a = filter(theta);
  return a.norm() * inverse(a).norm();
}

Real DenseFlow::collinearity(const Vector& theta) const {
  if (design_.cols() == 0) return 1;
  Matrix gram = job_.gaussian() ? products(theta).zz : Matrix(0, 0);
  if (!job_.gaussian()) {
    gram = Matrix::Zero(design_.cols(), design_.cols());
    for (Index year = 0; year < job_.count_; ++year) {
      for (Index cell = 0; cell < job_.cells(); ++cell) {
        if (job_.is_missing(year, cell)) continue;
        const Vector row = basis(theta).row(cell);
        gram += row * row.transpose();
      }
    }
  }
  if (!(gram.diagonal().minCoeff() > 0)) return std::numeric_limits<Real>::infinity();
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(scaled_to_ones(gram));
  return std::sqrt(solver.eigenvalues().maxCoeff() /
                   std::max(solver.eigenvalues().minCoeff(), Real{1e-30L}));
}

Real DenseFlow::log_determinant(const Vector& theta) const {
  return log_abs_determinant(filter(theta));
}

Real DenseFlow::y(Index year, Index cell) const {
  const Real value = job_.y_[static_cast<std::size_t>(year * job_.cells() + cell)];
  if (job_.transform_ == "log1p") return std::log1p(value);
  if (job_.transform_ == "sqrt") return std::sqrt(value);
  return value;
}

Real DenseFlow::log_jacobian() const {
  Real sum = 0;
  for (Index year = 0; year < job_.count_; ++year) {
    for (Index cell = 0; cell < job_.cells(); ++cell) {
      if (job_.is_missing(year, cell)) continue;
      const Real value = job_.y_[static_cast<std::size_t>(year * job_.cells() + cell)];
      if (job_.transform_ == "log1p") sum -= std::log1p(value);
      if (job_.transform_ == "sqrt") sum -= std::log(2 * std::sqrt(value));
    }
  }
  return sum;
}

Real DenseFlow::exposure(Index year, Index cell) const {
  if (job_.exposures_.empty()) return 1;
  const bool one = std::ssize(job_.exposures_) == job_.cells();
  return job_.exposures_[static_cast<std::size_t>((one ? 0 : year) * job_.cells() + cell)];
}

const DenseFlow::Products& DenseFlow::products(const Vector& theta) const {
  if (const auto found = products_.find(key(theta)); found != products_.end()) return found->second;
  if (products_.size() > most_points) products_.clear();
  Products result;
  const Index width_of_design = design_.cols();
  result.zy = Vector::Zero(width_of_design);
  result.zz = Matrix::Zero(width_of_design, width_of_design);
  const Matrix a = filter(theta);
  const Matrix b = inverse(a);
  const Matrix covariance = b * b.transpose();
  const Matrix columns = job_.on_errors_ ? design_ : Matrix(b * design_);
  for (Index year = 0; year < job_.count_; ++year) {
    std::vector<Index> here;
    for (Index cell = 0; cell < job_.cells(); ++cell) {
      if (!job_.is_missing(year, cell)) here.push_back(cell);
    }
    Vector values(std::ssize(here));
    for (Index i = 0; i < values.size(); ++i) {
      values(i) = y(year, here[static_cast<std::size_t>(i)]);
    }
    const Matrix own = covariance(here, here);
    const Eigen::LLT<Matrix> factor(own);
    const Matrix lower = factor.matrixL();
    const Vector white = lower.triangularView<Eigen::Lower>().solve(values);
    const Matrix part = columns(here, Eigen::all);
    const Matrix white_columns = lower.triangularView<Eigen::Lower>().solve(part);
    result.log_determinant += 2 * lower.diagonal().array().log().sum();
    result.yy += white.squaredNorm();
    result.zy += white_columns.transpose() * white;
    result.zz += white_columns.transpose() * white_columns;
  }
  return products_[key(theta)] = std::move(result);
}

const Matrix& DenseFlow::basis(const Vector& theta) const {
  if (const auto found = bases_.find(key(theta)); found != bases_.end()) return found->second;
  if (bases_.size() > most_points) bases_.clear();
  return bases_[key(theta)] = filter(theta).partialPivLu().solve(design_);
}

Real DenseFlow::log_likelihood(const Vector& x) const {
  if (!job_.gaussian()) return cell_terms(x).sum();
  const Products& at = products(x.head(parameters()));
  const Vector beta = x.segment(parameters(), design_.cols());
  const Real variance = x(x.size() - 1);
  const Real squares = at.yy - 2 * beta.dot(at.zy) + beta.dot(at.zz * beta);
  const auto n = static_cast<Real>(observed_);
  return -0.5L * (n * std::log(two_pi * variance) + at.log_determinant + squares / variance);
}

Vector DenseFlow::cell_terms(const Vector& x) const {
  const Vector eta = basis(x.head(parameters())) * x.segment(parameters(), design_.cols());
  const Real theta = job_.family_ == "poisson" ? 0 : std::exp(x(x.size() - 1));
  Vector result(observed_);
  Index place = 0;
  for (Index year = 0; year < job_.count_; ++year) {
    for (Index cell = 0; cell < job_.cells(); ++cell) {
      if (job_.is_missing(year, cell)) continue;
      const Real count = y(year, cell);
      const Real mean = exposure(year, cell) * std::exp(eta(cell));
      const Real all = -std::lgamma(count + 1);
      const Real log_mean = std::log(mean);
      result(place++) = job_.family_ == "poisson"
                            ? all + count * log_mean - mean
                            : all + std::lgamma(theta + count) - std::lgamma(theta) -
                                  theta * std::log1p(mean / theta) +
                                  count * (log_mean - std::log(theta + mean));
    }
  }
  return result;
}

}  // namespace kronwerk::adversary
