// What Gaussian tasks wrote, against dense matrices.
#include <algorithm>

#include "adversary/gaussian/dense_model.hpp"
#include "adversary/gaussian/posterior_judge.hpp"
#include "adversary/jobs/checker.hpp"
#include "adversary/jobs/result.hpp"

namespace kronwerk::adversary {

class ModelJudge {
 public:
  ModelJudge(const ModelJob& job, const Ending& ending, const std::string& result)
      : job_(job), ending_(ending), result_(result), model_(job) {}

  Judgement judge() {
    if (ending_.code == 2) return refused();
    if (job_.task_ == "posterior" && (ending_.code == 0 || ending_.code == 3)) {
      return PosteriorJudge(job_, result_).judge();
    }
    if (ending_.code == 3 && model_.condition() > 1e9L) return {Verdict::unconverged, ""};
    if (ending_.code != 0) {
      return {Verdict::wrong, fmt::format("exit code {} at condition {:.3g}: {}", ending_.code,
                                          model_.condition(), ending_.message)};
    }
    if (!result_.is_open()) return {Verdict::wrong, "there is no result file"};
    if (job_.task_ == "logpdf") log_density();
    if (job_.task_ == "predict") prediction();
    if (job_.task_ == "sample") sample();
    return check_.judgement();
  }

 private:
  Vector values(const std::string& path, Index offset, Index count) const {
    const std::vector<double> all = result_.values(path);
    if (std::ssize(all) < offset + count) return Vector(0);
    return to_vector(all, static_cast<std::size_t>(offset), count);
  }

  /// The error that β may have, by the observations that it is made from.
  Real coefficient_error(std::size_t observation) const {
    if (job_.columns_.empty()) return 0;
    Real error = 0;
    Real pull = 0;
    for (const std::size_t place : model_.companions(observation)) {
      const Observed& o = model_.observations()[place];
      error = std::max(error, model_.solve_error(o));
      pull += (o.columns.transpose() * o.inverse).norm() *
              (o.y.norm() + o.columns.norm() * model_.regression(place).coefficients.norm());
    }
    return error * model_.regression(observation).covariance.norm() * pull;
  }

  void coefficients() {
    const Index count = std::ssize(job_.columns_);
    if (count == 0) return;
    const Index rows = job_.per_observation_ ? job_.count_ : 1;
    for (Index k = 0; k < rows; ++k) {
      const auto place = static_cast<std::size_t>(k);
      check_.near(fmt::format("/mean/coefficients {}", k),
                  values("/mean/coefficients", k * count, count),
                  model_.regression(place).coefficients, coefficient_error(place));
    }
    for (Index k = 0; k < rows; ++k) {
      const auto place = static_cast<std::size_t>(k);
      const Matrix& covariance = model_.regression(place).covariance;
      Real error = 0;
      Real pull = 0;
      for (const std::size_t other : model_.companions(place)) {
        const Observed& o = model_.observations()[other];
        error = std::max(error, model_.solve_error(o));
        pull += (o.columns.transpose() * o.inverse).norm() * o.columns.norm();
      }
      check_.near(fmt::format("/mean/covariance {}", k),
                  values("/mean/covariance", k * count * count, count * count),
                  covariance.reshaped<Eigen::RowMajor>(),
                  error * covariance.norm() * (1 + pull * covariance.norm()));
    }
  }

  void log_density() {
    coefficients();
    if (!check_.clean()) return;
    const Index cells = points(job_.grid_);
    Derivatives gradients;
    Derivatives bounds;
    for (std::size_t k = 0; k < model_.observations().size(); ++k) {
      const Observed& o = model_.observations()[k];
      const Vector residual = model_.residual(k);
      const Density density = gaussian_density(o.covariance, o.inverse, residual);
      const Vector& weights = density.weights;
      const auto n = static_cast<Real>(o.y.size());
      const Real error = model_.solve_error(o);
      const Real moved = 2 * weights.norm() * o.columns.norm() * coefficient_error(k);
      const Real magnitude = std::abs(density.square) +
                             weights.norm() * (o.y.norm() + std::sqrt(n)) +
                             std::abs(density.log_determinant) + n;
      check_.near(fmt::format("log density of observation {}", k),
                  values("/result", static_cast<Index>(k), 1), Vector::Constant(1, density.value),
                  error * magnitude + moved);
      const Real weight_error = error * (weights.norm() + o.inverse.norm() * epsilon * o.y.norm()) +
                                o.inverse.norm() * o.columns.norm() * coefficient_error(k);
      if (job_.gradient_) add_gradient(o, weights, error, weight_error, gradients, bounds);
      if (!job_.gradient_input_) continue;
      Vector by_input = Vector::Zero(cells);
      Real steepest = 0;
      for (std::size_t i = 0; i < o.cells.size(); ++i) {
        const Real slope = model_.slope(
            job_.y_[k * static_cast<std::size_t>(cells) + static_cast<std::size_t>(o.cells[i])]);
        by_input(o.cells[i]) = -weights(static_cast<Index>(i)) * slope;
        steepest = std::max(steepest, slope);
      }
      check_.near(fmt::format("gradient by observation {}", k),
                  values("/gradient/input", static_cast<Index>(k) * cells, cells), by_input,
                  weight_error * steepest);
    }
    for (const auto& [name, value] : gradients) {
      check_.near("gradient by " + name, values("/gradient/" + name, 0, 1),
                  value.reshaped<Eigen::RowMajor>(), bounds.at(name)(0, 0));
    }
  }

  /// ½ αᵀ(∂K)α − ½ tr(K⁻¹∂K), and 1ᵀα for the mean.
  void add_gradient(const Observed& o, const Vector& weights, Real error, Real weight_error,
                    Derivatives& gradients, Derivatives& bounds) const {
    const auto add = [](Derivatives& to, const std::string& name, Real value) {
      if (!to.contains(name)) to[name] = Matrix::Zero(1, 1);
      to[name](0, 0) += value;
    };
    for (const auto& [name, derivative] : model_.covariance().derivatives) {
      const Matrix change = derivative(o.cells, o.cells);
      const Matrix size = model_.covariance().derivative_sizes.at(name)(o.cells, o.cells);
      add(gradients, name,
          0.5L * weights.dot(change * weights) - 0.5L * (o.inverse * change).trace());
      add(bounds, name,
          weight_error * (2 * weights.norm() + weight_error) * size.norm() +
              (error + slack * epsilon) *
                  (weights.squaredNorm() * size.norm() + o.inverse.norm() * size.norm()));
    }
    if (job_.mean_kind_ != MeanKind::parameter) return;
    add(gradients, job_.mean_parameter_, weights.sum());
    add(bounds, job_.mean_parameter_,
        weight_error * std::sqrt(static_cast<Real>(weights.size())) +
            slack * epsilon * weights.cwiseAbs().sum());
  }

  void prediction() {
    const Index count = points(job_.new_grid());
    const Matrix cross = model_.cross();
    const Vector prior = model_.prior_variance();
    const Matrix columns = model_.columns(true);
    const Index variances = std::ssize(result_.values("/variance"));
    if (variances != count && variances != count * job_.count_) {
      check_.complain(fmt::format("/variance has {} values; expected {}", variances, count));
    }
    for (std::size_t k = 0; k < model_.observations().size(); ++k) {
      const Observed& o = model_.observations()[k];
      const Matrix near = cross(Eigen::all, o.cells);
      const Vector weights = o.inverse * model_.residual(k);
      const Regression& regression = model_.regression(k);
      Vector mean = near * weights;
      if (columns.cols() > 0) {
        mean += columns * regression.coefficients;
      } else {
        mean += Vector::Constant(count, model_.offset());
      }
      const Real error = model_.solve_error(o);
      const Real pull = error * o.inverse.norm() * near.norm() * (o.y.norm() + 1);
      check_.near(fmt::format("mean of observation {}", k),
                  values("/mean", static_cast<Index>(k) * count, count), mean,
                  pull + slack * epsilon * mean.norm() + coefficient_bound(near, k, columns));
      Vector variance = prior - (near * o.inverse).cwiseProduct(near).rowwise().sum();
      if (columns.cols() > 0) {
        const Matrix left = columns - near * o.inverse * o.columns;
        variance += (left * regression.covariance).cwiseProduct(left).rowwise().sum();
      }
      if (job_.noisy_prediction_) variance += Vector::Constant(count, model_.noise_variance());
      const Index offset = variances == count ? 0 : static_cast<Index>(k) * count;
      check_.near(
          fmt::format("variance of observation {}", k), values("/variance", offset, count),
          variance,
          (error + slack * epsilon) *
                  (prior.norm() + near.norm() * near.norm() * o.inverse.norm() + variance.norm()) +
              coefficient_bound(near, k, columns));
    }
    if (job_.draws_ > 0 &&
        std::ssize(result_.values("/draws")) != job_.draws_ * count * job_.count_) {
      check_.complain("/draws has a wrong size");
    }
    for (const double draw : result_.values("/draws")) {
      if (!std::isfinite(draw)) return check_.complain("a draw is not finite");
    }
  }

  /// What the error of β, and of its covariance, adds to predictions.
  Real coefficient_bound(const Matrix& near, std::size_t observation, const Matrix& columns) const {
    if (columns.cols() == 0) return 0;
    const Observed& o = model_.observations()[observation];
    const Real lever = columns.norm() + (near * o.inverse).norm() * o.columns.norm();
    const Real spread = model_.regression(observation).covariance.norm();
    return lever * coefficient_error(observation) +
           lever * lever * model_.solve_error(o) * spread *
               (1 + spread * (o.columns.transpose() * o.inverse).norm() * o.columns.norm());
  }

  /// Mean and covariance of many draws, within six standard errors.
  void sample() {
    const Index cells = points(job_.grid_);
    const Index draws = job_.draws_;
    if (std::ssize(result_.values("/result")) != draws * cells) {
      return check_.complain("/result has a wrong size");
    }
    const Vector all = values("/result", 0, draws * cells);
    const Matrix numbers = all.reshaped<Eigen::RowMajor>(draws, cells);
    Vector mean = Vector::Constant(cells, model_.offset());
    if (!job_.columns_.empty()) {
      mean =
          model_.columns(false) * to_vector(job_.coefficients_, 0, std::ssize(job_.coefficients_));
    }
    const Matrix& expected = model_.covariance().value;
    const Matrix centred = numbers.rowwise() - mean.transpose();
    const Matrix found = centred.transpose() * centred / static_cast<Real>(draws);
    const Vector average = centred.colwise().sum() / static_cast<Real>(draws);
    const Real root = std::sqrt(static_cast<Real>(draws));
    // Deviations may be lost beside the mean that they are added to.
    const Real lost = epsilon * mean.lpNorm<Eigen::Infinity>();
    const Real rounding = 1e-12L * expected.norm() + lost * (2 * std::sqrt(expected.norm()) + lost);
    for (Index i = 0; i < cells; ++i) {
      check_.within(fmt::format("mean of the draws at {}", i), average(i), 0,
                    6 * std::sqrt(expected(i, i)) / root + rounding + lost);
      for (Index j = 0; j <= i; ++j) {
        const Real spread =
            std::sqrt(expected(i, i) * expected(j, j) + expected(i, j) * expected(i, j));
        // Where the numbers' own size is no bound, the statistical one is all there is.
        const Real error = std::abs(found(i, j) - expected(i, j));
        if (error > 6.5L * spread / root + rounding) {
          check_.complain(
              fmt::format("covariance of the draws at {}, {}: {:.6g}, expected {:.6g} ± {:.2g}", i,
                          j, found(i, j), expected(i, j), spread / root));
        }
      }
    }
  }

  Judgement refused() const {
    const Real condition = std::max(model_.condition(), model_.condition_of_signal_to_noise());
    const auto says = [&](const char* part) {
      return ending_.message.find(part) != std::string::npos;
    };
    const bool singular = !(condition < 1e10L);
    if (job_.many_matrices_ && says("no coordinates make this covariance diagonal")) {
      return {Verdict::refused, ""};
    }
    if (model_.has_dependent_columns() && says("linearly dependent")) {
      return {Verdict::refused, ""};
    }
    if (singular && (says("singular") || says("positive definite"))) return {Verdict::refused, ""};
    return {Verdict::wrong,
            fmt::format("refused at condition {:.3g}: {}", condition, ending_.message)};
  }

  const ModelJob& job_;
  Ending ending_;
  Result result_;
  DenseModel model_;
  Checker check_;
};

Judgement ModelJob::judge(const Ending& ending, const std::string& result) const {
  return ModelJudge(*this, ending, result).judge();
}

}  // namespace kronwerk::adversary
