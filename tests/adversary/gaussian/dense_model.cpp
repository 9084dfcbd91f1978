#include "adversary/gaussian/dense_model.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "adversary/jobs/checker.hpp"

namespace kronwerk::adversary {
namespace {

/// One mode's kernel with its rows, or rows and columns, at new points.
class MovedKernel final : public Leaf {
 public:
  MovedKernel(const KernelLeaf& kernel, Points points, bool rows_only)
      : kernel_(kernel), points_(std::move(points)), rows_only_(rows_only) {}
  Value evaluate(const Parameters& parameters) const override {
    const KernelLeaf cross = kernel_.with_rows(points_);
    return rows_only_ ? cross.evaluate(parameters)
                      : cross.with_columns(points_).evaluate(parameters);
  }

 private:
  const KernelLeaf& kernel_;
  Points points_;
  bool rows_only_;
};

/// Ones between new and old points.
class MovedOnes final : public Leaf {
 public:
  MovedOnes(Index rows, Index cols) : rows_(rows), cols_(cols) {}
  Value evaluate(const Parameters&) const override { return constant(Matrix::Ones(rows_, cols_)); }

 private:
  Index rows_;
  Index cols_;
};

}  // namespace

Density gaussian_density(const Matrix& covariance, const Matrix& inverse, const Vector& residual) {
  Density result;
  result.weights = inverse * residual;
  result.square = residual.dot(result.weights);
  result.log_determinant = covariance.ldlt().vectorD().array().log().sum();
  result.value =
      -0.5L * (result.square + result.log_determinant +
               static_cast<Real>(residual.size()) * std::log(2 * std::numbers::pi_v<Real>));
  return result;
}

DenseModel::DenseModel(const ModelJob& job) : job_(job) {
  const Parameters& parameters = job.material_.parameters();
  const Leaves& leaves = job.material_.leaves();
  signal_ = job.signal_->evaluate(parameters, leaves);
  covariance_ =
      job.noise_ == nullptr ? signal_ : sum(job.signal_, job.noise_)->evaluate(parameters, leaves);
  offset_ = job.mean_kind_ == MeanKind::parameter
                ? static_cast<Real>(parameters.at(job.mean_parameter_))
                : static_cast<Real>(job.mean_);
  if (job.task_ == "sample") return;
  for (Index o = 0; o < job.count_; ++o) observe(o);
  for (std::size_t o = 0; o < (job.per_observation_ ? observations_.size() : 1); ++o) {
    regressions_.push_back(regress(companions(o)));
  }
}

Real DenseModel::transformed(Real value) const {
  if (job_.transform_ == "log1p") return std::log1p(value);
  if (job_.transform_ == "sqrt") return std::sqrt(value);
  return value;
}

Real DenseModel::slope(Real value) const {
  if (job_.transform_ == "log1p") return 1 / (1 + value);
  if (job_.transform_ == "sqrt") return 0.5L / std::sqrt(value);
  return 1;
}

Matrix DenseModel::columns(bool at_new_points) const {
  const Grid grid = at_new_points ? job_.new_grid() : job_.grid_;
  Matrix result(points(grid), std::ssize(job_.columns_));
  for (std::size_t c = 0; c < job_.columns_.size(); ++c) {
    Matrix column = Matrix::Ones(1, 1);
    for (std::size_t k = 0; k < grid.size(); ++k) {
      const std::string& name = job_.columns_[c][k];
      const auto& moved = job_.modes_[k].new_columns;
      Matrix part = Matrix::Ones(grid[k], 1);
      if (at_new_points && moved.contains(name)) {
        part = to_vector(moved.at(name).second, 0, grid[k]);
      } else if (name != "1") {
        part = job_.material_.leaves().at(name)->evaluate(job_.material_.parameters()).value;
      }
      column = kron(column, part);
    }
    result.col(static_cast<Index>(c)) = column;
  }
  return result;
}

void DenseModel::observe(Index observation) {
  const Index all = points(job_.grid_);
  Observed result;
  std::vector<Real> values;
  for (Index i = 0; i < all; ++i) {
    if (job_.is_missing(observation, i)) continue;
    result.cells.push_back(i);
    values.push_back(transformed(job_.y_[static_cast<std::size_t>(observation * all + i)]));
  }
  result.y = Eigen::Map<Vector>(values.data(), std::ssize(values));
  result.columns = columns(false)(result.cells, Eigen::all);
  result.covariance = covariance_.value(result.cells, result.cells);
  result.size = covariance_.size(result.cells, result.cells);
  result.inverse = inverse(result.covariance);
  observations_.push_back(std::move(result));
}

std::vector<std::size_t> DenseModel::companions(std::size_t observation) const {
  if (job_.per_observation_) return {observation};
  std::vector<std::size_t> result;
  for (std::size_t o = 0; o < observations_.size(); ++o) result.push_back(o);
  return result;
}

bool DenseModel::has_dependent_columns() const {
  for (std::size_t observation = 0; observation < observations_.size(); ++observation) {
    const Index count = std::ssize(job_.columns_);
    Matrix gram = Matrix::Zero(count, count);
    for (const std::size_t place : companions(observation)) {
      gram += observations_[place].columns.transpose() * observations_[place].columns;
    }
    if (count > 0 && Eigen::FullPivLU<Matrix>(gram).setThreshold(1e-12L).rank() < count) {
      return true;
    }
  }
  return false;
}

Regression DenseModel::regress(const std::vector<std::size_t>& observations) const {
  const Index count = std::ssize(job_.columns_);
  Matrix normal = Matrix::Zero(count, count);
  Vector right = Vector::Zero(count);
  for (const std::size_t place : observations) {
    const Observed& o = observations_[place];
    normal += o.columns.transpose() * o.inverse * o.columns;
    right += o.columns.transpose() * (o.inverse * o.y);
  }
  if (count == 0) return {right, normal};
  const Matrix covariance = inverse(normal);
  return {covariance * right, covariance};
}

Vector DenseModel::residual(std::size_t observation) const {
  const Observed& o = observations_[observation];
  if (o.columns.cols() > 0) return o.y - o.columns * regression(observation).coefficients;
  return o.y - Vector::Constant(o.y.size(), offset_);
}

Real DenseModel::solve_error(const Observed& o) const {
  const Real rounding = slack * epsilon * o.size.norm() * o.inverse.norm();
  const bool iterated = std::ssize(o.cells) < points(job_.grid_);
  return rounding + (iterated ? 1e-9L * std::sqrt(o.covariance.norm() * o.inverse.norm()) : 0);
}

Real DenseModel::condition() const {
  if (observations_.empty()) return covariance_.size.norm() * inverse(covariance_.value).norm();
  Real result = 0;
  for (const Observed& o : observations_) {
    const Real condition = o.size.norm() * o.inverse.norm();
    result = std::max(result,
                      std::isfinite(condition) ? condition : std::numeric_limits<Real>::infinity());
  }
  return result;
}

Matrix DenseModel::at_new_points(bool rows_only) const {
  Leaves leaves = job_.material_.leaves();
  for (const CovarianceMode& mode : job_.modes_) {
    if (mode.new_points.count == 0) continue;
    const auto& kernel = dynamic_cast<const KernelLeaf&>(*job_.material_.leaves().at(mode.kernel));
    leaves[mode.kernel] = std::make_shared<MovedKernel>(kernel, mode.new_points, rows_only);
    if (mode.ones.empty()) continue;
    const Index fresh = mode.new_points.count;
    leaves[mode.ones] =
        std::make_shared<MovedOnes>(fresh, rows_only ? kernel.points().count : fresh);
  }
  return job_.signal_->evaluate(job_.material_.parameters(), leaves).value;
}

Matrix DenseModel::cross() const {
  return at_new_points(true);
}

Vector DenseModel::prior_variance() const {
  return at_new_points(false).diagonal();
}

Real DenseModel::noise_variance() const {
  if (job_.noise_ == nullptr) return 0;
  return job_.noise_->evaluate(job_.material_.parameters(), job_.material_.leaves()).value(0, 0);
}

Real DenseModel::condition_of_signal_to_noise() const {
  if (job_.noise_ == nullptr) return 0;
  const Vector noise = job_.noise_->evaluate(job_.material_.parameters(), job_.material_.leaves())
                           .value.diagonal()
                           .cwiseSqrt()
                           .cwiseInverse();
  if (!noise.allFinite()) return 0;
  const Matrix scaled = noise.asDiagonal() * covariance().value * noise.asDiagonal();
  return scaled.norm() * inverse(scaled).norm();
}

}  // namespace kronwerk::adversary
