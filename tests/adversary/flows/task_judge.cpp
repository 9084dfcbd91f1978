// What effects, predictions and samples of flow models wrote.
#include <algorithm>
#include <cmath>

#include "adversary/flows/flow_judge.hpp"

namespace kronwerk::adversary {

/// A⁻¹ of the trend: η, or the expectation of a filtered response.
Vector FlowJudge::field() const {
  return model_.filter({}).partialPivLu().solve(job_.trend());
}

void FlowJudge::effects() {
  const Index n = job_.extents_[0];
  Matrix shocks = Matrix::Zero(n * n, n);
  Real size = 0;
  for (std::size_t c = 0; c < job_.columns_.size(); ++c) {
    const Matrix own = job_.columns_[c].shocks(job_.material_.leaves(), job_.attribute_, n);
    shocks += static_cast<Real>(job_.coefficients_[c]) * own;
    size += std::abs(job_.coefficients_[c]) * own.norm();
  }
  Matrix changes =
      job_.on_errors_ ? shocks : Matrix(model_.filter({}).partialPivLu().solve(shocks));
  Real error = (job_.on_errors_ ? slack * epsilon : solve_error({})) * size;
  if (job_.on_mean_) {
    const Vector eta = field();
    Vector means(eta.size());
    for (Index cell = 0; cell < eta.size(); ++cell) {
      means(cell) = model_.exposure(0, cell) * std::exp(eta(cell));
    }
    error = means.maxCoeff() * (error + solve_error({}) * (eta.norm() + 1) * changes.norm());
    changes = means.asDiagonal() * changes;
  }
  Matrix sums = Matrix::Zero(n, 5);
  for (Index r = 0; r < n; ++r) {
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) {
        const Real change = changes(i * n + j, r);
        const Index kind = i == r && j == r ? 2 : i == r ? 0 : j == r ? 1 : 3;
        sums(r, kind) += change;
        sums(r, 4) += change;
      }
    }
  }
  const char* const kinds[] = {"origin", "destination", "intra", "network", "total"};
  error *= static_cast<Real>(n);
  for (Index k = 0; k < 5; ++k) {
    const std::string name = kinds[k];
    const Vector expected = sums.col(k);
    check_.near("/effects/" + name, values("/effects/" + name), expected, error, sums.norm());
    check_.within("/mean_effect/" + name, number("/mean_effect/" + name), expected.mean(), error);
  }
}

void FlowJudge::prediction() {
  const Vector trend = job_.trend();
  const Real size = trend.norm() + 1e-3L;
  check_.near("/fitted/trend", values("/fitted/trend"), trend, slack * epsilon * 10 * size, size);
  const Vector eta = job_.on_errors_ ? trend : field();
  if (job_.gaussian()) {
    check_.near("/fitted/expectation", values("/fitted/expectation"), eta, solve_error({}) * size,
                size);
    predict_gaussian(inverse(model_.filter({})), eta);
    return;
  }
  check_.near("/fitted/linear_predictor", values("/fitted/linear_predictor"), eta,
              solve_error({}) * size, size);
  predict_counts(eta.array().exp().matrix());
}

/// E(y_u | y_o), and E(y_i | all other observed flows), from the N x N covariance.
void FlowJudge::predict_gaussian(const Matrix& inverse_filter, const Vector& expectation) {
  const Matrix covariance = inverse_filter * inverse_filter.transpose();
  const Vector predicted = values("/predicted");
  const Vector left_out = values("/leave_one_out");
  const Index cells = job_.cells();
  if (predicted.size() != job_.count_ * cells || left_out.size() != predicted.size()) {
    return check_.complain("/predicted or /leave_one_out has a wrong size");
  }
  const Real condition = model_.condition({});
  for (Index year = 0; year < job_.count_; ++year) {
    std::vector<Index> observed;
    Real size = expectation.norm();
    for (Index cell = 0; cell < cells; ++cell) {
      if (job_.is_missing(year, cell)) continue;
      observed.push_back(cell);
      size += std::abs(model_.y(year, cell));
    }
    const Real error = 1e-9L * condition * condition * size;
    const auto expect = [&](Index cell, const std::vector<Index>& from) {
      Vector residual(std::ssize(from));
      for (Index i = 0; i < residual.size(); ++i) {
        const Index at = from[static_cast<std::size_t>(i)];
        residual(i) = model_.y(year, at) - expectation(at);
      }
      if (from.empty()) return expectation(cell);
      const Vector row = covariance(from, std::vector<Index>{cell});
      const Matrix own = covariance(from, from);
      return expectation(cell) + row.dot(Vector(own.llt().solve(residual)));
    };
    for (Index cell = 0; cell < cells; ++cell) {
      const Index place = year * cells + cell;
      std::vector<Index> others;
      for (const Index other : observed) {
        if (other != cell) others.push_back(other);
      }
      const Real expected = expect(cell, others);
      check_.within("/leave_one_out", left_out(place), expected, error);
      check_.within("/predicted", predicted(place),
                    job_.is_missing(year, cell) ? expected : model_.y(year, cell), error);
    }
  }
}

void FlowJudge::predict_counts(const Vector& means) {
  const Index cells = job_.cells();
  const Vector expectation = values("/fitted/expectation");
  const Vector predicted = values("/predicted");
  const Vector residual = values("/residual");
  const Index years = std::ssize(job_.exposures_) > cells ? job_.count_ : 1;
  if (expectation.size() != years * cells || predicted.size() != job_.count_ * cells ||
      residual.size() != predicted.size()) {
    return check_.complain("/fitted/expectation, /predicted or /residual has a wrong size");
  }
  for (Index year = 0; year < job_.count_; ++year) {
    for (Index cell = 0; cell < cells; ++cell) {
      const Index place = year * cells + cell;
      const Real mean = model_.exposure(year, cell) * means(cell);
      const Real error = solve_error({}) * mean * (1 + job_.trend().norm());
      if (year < years) check_.within("/fitted/expectation", expectation(place), mean, error);
      const bool missing = job_.is_missing(year, cell);
      check_.within("/predicted", predicted(place), missing ? mean : model_.y(year, cell), error);
      if (missing != std::isnan(residual(place))) check_.complain("/residual of a missing flow");
      if (missing) continue;
      check_.within("/residual", residual(place), model_.y(year, cell) - mean,
                    error + slack * epsilon * model_.y(year, cell));
    }
  }
}

/// Means and variances of many draws, within seven standard errors.
void FlowJudge::sample() {
  const Index cells = job_.cells();
  const Index draws = job_.draws_;
  if (std::ssize(result_.values("/result")) != draws * cells) {
    return check_.complain("/result has a wrong size");
  }
  const Matrix numbers = values("/result").reshaped<Eigen::RowMajor>(draws, cells);
  const Matrix root = std::sqrt(static_cast<Real>(job_.sigma2_)) * inverse(model_.filter({}));
  const Vector eta = job_.on_errors_ ? job_.trend() : field();
  for (Index cell = 0; cell < cells; ++cell) {
    Real mean = eta(cell);
    Real variance = root.row(cell).squaredNorm();
    Real kurtosis = 3;
    if (!job_.gaussian()) {
      mean = model_.exposure(0, cell) * std::exp(mean);
      const Real shape = job_.family_ == "poisson" ? 0 : 1 / static_cast<Real>(job_.theta_);
      variance = mean + mean * mean * shape;
      kurtosis = 3 + 6 * shape + 1 / variance;
      if (mean < 0.2L) continue;  // too few counts for their moments to be nearly normal
    }
    const Vector centred = numbers.col(cell).array() - mean;
    const auto count = static_cast<Real>(draws);
    check_.within(fmt::format("mean of the draws at {}", cell), centred.mean(), 0,
                  7 * std::sqrt(variance / count));
    check_.within(fmt::format("variance of the draws at {}", cell), centred.squaredNorm() / count,
                  variance, 8 * variance * std::sqrt((kurtosis - 1) / count));
  }
}

}  // namespace kronwerk::adversary
