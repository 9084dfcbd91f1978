// What a job on a flow model may refuse, and when. Anything else is wrong.
#include <cmath>

#include "adversary/flows/flow_judge.hpp"

namespace kronwerk::adversary {
namespace {

/// Conditions of scaled columns beyond this may be called collinear.
constexpr Real collinear = 1e5L;

bool has_unequal_rows(const Matrix& weights) {
  const Vector sums = weights.rowwise().sum();
  return (sums.array() - sums(0)).abs().maxCoeff() > 1e-12L;
}

}  // namespace

/// Whether weights of the other mode do not map fixed effects onto such.
bool FlowJudge::unequal_rows() const {
  if (job_.gaussian() && !job_.on_errors_) return false;
  const auto unequal = [&](const std::string& name) {
    return !name.empty() && has_unequal_rows(job_.material_.leaves().at(name)->evaluate({}).value);
  };
  return (job_.effects_[0] && unequal(job_.weights_[1])) ||
         (job_.effects_[1] && (unequal(job_.weights_[0]) || unequal(job_.second_weights_)));
}

/// Whether a region has no observed flow, or only zeros.
bool FlowJudge::untold() const {
  for (const std::size_t mode : {0U, 1U}) {
    if (!job_.effects_[mode]) continue;
    Vector sums = Vector::Zero(job_.extents_[mode]);
    for (Index year = 0; year < job_.count_; ++year) {
      for (Index cell = 0; cell < job_.cells(); ++cell) {
        if (job_.is_missing(year, cell)) continue;
        sums(mode == 0 ? cell / job_.extents_[1] : cell % job_.extents_[1]) += model_.y(year, cell);
      }
    }
    if (sums.minCoeff() == 0) return true;
  }
  return false;
}

/// Whether a generalised linear model with the filter it begins with has no finite maximum:
/// Newton's steps of it do not end.
bool FlowJudge::may_diverge() const {
  if (job_.gaussian()) return false;
  const Matrix& basis = model_.basis(model_.initial());
  Vector beta = Vector::Zero(basis.cols());
  for (int step = 0; step < 60; ++step) {
    const Vector eta = basis * beta;
    Vector slope = Vector::Zero(basis.cols());
    Matrix information = Matrix::Zero(basis.cols(), basis.cols());
    for (Index year = 0; year < job_.count_; ++year) {
      for (Index cell = 0; cell < job_.cells(); ++cell) {
        if (job_.is_missing(year, cell)) continue;
        const Vector row = basis.row(cell);
        const Real mean = model_.exposure(year, cell) * std::exp(eta(cell));
        slope += (model_.y(year, cell) - mean) * row;
        information += mean * row * row.transpose();
      }
    }
    Vector move = information.ldlt().solve(slope);
    if (!move.allFinite()) return true;
    if ((basis * move).cwiseAbs().maxCoeff() < 1e-8L) {
      return (basis * beta).cwiseAbs().maxCoeff() > 12;
    }
    const Real longest = (basis * move).cwiseAbs().maxCoeff();
    beta += move * std::min(Real{1}, 2 / longest);
  }
  return true;
}

Judgement FlowJudge::refused() {
  const Judgement legitimate{Verdict::refused, ""};
  const Vector start = model_.initial();
  const bool fits = job_.task_ == "fit";
  const Judgement wrong{Verdict::wrong, "refused: " + ending_.message};
  if (says("begin outside of the feasible region")) {
    return fits && model_.margin(start) < 1e-4L ? legitimate : wrong;
  }
  if (says("outside of its bounds")) return wrong;
  if (says("the log determinant of a filter is exact where")) {
    return fits && !job_.second_weights_.empty() ? legitimate : wrong;
  }
  if (says("are absorbed exactly where the rows of every matrix")) {
    return fits && unequal_rows() ? legitimate : wrong;
  }
  if (says("are absorbed where all flows were observed")) {
    return fits && job_.any_missing() ? legitimate : wrong;
  }
  if (says("has not one flow")) return job_.any_missing() ? legitimate : wrong;
  if (says("stands on both sides of this one")) return legitimate;
  if (!fits) return wrong;
  if (says("linear combination") || says("is a combination of") || says("is zero ") ||
      says("diverges") || says("fixed effect")) {
    const bool tilted = model_.collinearity(start) > collinear;
    // So few flows may be fitted exactly by some filter.
    const bool few = model_.observed() < model_.variables() + 4;
    return tilted || few || may_diverge() || untold() ? legitimate : wrong;
  }
  return wrong;
}

}  // namespace kronwerk::adversary
