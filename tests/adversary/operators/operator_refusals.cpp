// What an operator job may refuse, or give up on, and when. Anything else is wrong.
#include <algorithm>

#include "adversary/operators/operator_judge.hpp"

namespace kronwerk::adversary {
namespace {

/// Conditions beyond this may be called singular.
constexpr Real singular = 1e11L;
/// A direct solve of a smaller condition has to converge.
constexpr Real solvable = 1e9L;

struct Facts {
  const std::string& task;
  const std::string& method;
  Structure structure;
  bool swept;
  bool extreme;
  bool definite;
  bool overflows;
  bool subtracts;  ///< off the diagonal, as c*K + alpha*I with c < 0
  bool flat;       ///< holds a diagonal over several modes, which does not say how they are divided
  Real condition;
};

bool has_grid_diagonal(const Node& node) {
  return (node.kind == Kind::diagonal && node.rows.size() > 1) ||
         std::any_of(node.arguments.begin(), node.arguments.end(),
                     [](const NodePtr& argument) { return has_grid_diagonal(*argument); });
}

struct Refusal {
  const char* part;  ///< of the message
  bool (*legitimate)(const Facts&);
};

const std::vector<Refusal>& refusals() {
  static const std::vector<Refusal> list{
      {"has no method for this operator",
       [](const Facts& f) { return f.method == "direct" && f.structure != Structure::product; }},
      {"has no exact log determinant",
       [](const Facts& f) { return f.method == "direct" && f.structure != Structure::product; }},
      {"the task 'eigenvalues' takes",
       [](const Facts& f) { return f.structure != Structure::product; }},
      {"the eigenvalues cannot be found",
       [](const Facts& f) { return f.structure != Structure::product; }},
      {"the task 'expm' takes", [](const Facts& f) { return f.structure != Structure::product; }},
      {"where a diagonal over the whole grid stands",
       [](const Facts& f) {
         return f.structure == Structure::grid_diagonal || f.structure == Structure::tree;
       }},
      {"holds a diagonal over a whole grid, which cannot be one factor",
       [](const Facts& f) { return f.structure == Structure::tree; }},
      {"the size of this 'I' cannot be inferred", [](const Facts& f) { return f.flat; }},
      {"entries and the grid is (", [](const Facts& f) { return f.flat; }},
      {"'logdet' has no derivative of this product",
       [](const Facts& f) { return f.structure == Structure::grid_diagonal; }},
      {"needs eigenvectors of moderate condition",
       [](const Facts& f) { return f.task == "logdet"; }},
      {"expands into more than 1000",
       [](const Facts& f) { return f.structure == Structure::tree; }},
      {"singular", [](const Facts& f) { return !(f.condition < singular); }},
      {"is zero", [](const Facts& f) { return !(f.condition < singular); }},
      {"is not positive definite",
       [](const Facts& f) { return f.structure == Structure::kernel_system && !f.definite; }},
      {"not known to be positive definite",
       [](const Facts& f) {
         return f.structure == Structure::kernel_system && f.method == "krylov" &&
                f.task == "logdet" && f.subtracts;
       }},
      {"the determinant is not positive",
       [](const Facts& f) { return f.structure == Structure::kernel_system && !f.definite; }},
      {"finite", [](const Facts& f) { return f.extreme || f.overflows; }},
      {"too large for double precision", [](const Facts& f) { return f.extreme; }}};
  return list;
}

}  // namespace

Real OperatorJudge::condition() const {
  Real result = 0;
  for (const Parameters& parameters : job_.sweep_points()) {
    const DenseOperator op(job_.formula_.tree->evaluate(parameters, job_.material_.leaves()));
    // The formula's own inverses may be singular where the operator is not square.
    const Real blown_up = op.size().norm() / op.matrix().norm();
    Real condition = std::isfinite(blown_up) ? blown_up : std::numeric_limits<Real>::infinity();
    if (op.matrix().rows() == op.matrix().cols() &&
        (job_.task_ == "solve" || job_.task_ == "logdet")) {
      condition = std::max(condition, op.condition());
    }
    result = std::max(result, condition);
  }
  return result;
}

bool OperatorJudge::is_definite() const {
  for (const Parameters& parameters : job_.sweep_points()) {
    const Matrix op = job_.formula_.tree->evaluate(parameters, job_.material_.leaves()).value;
    if (op.rows() != op.cols() || op.llt().info() != Eigen::Success) return false;
  }
  return true;
}

bool OperatorJudge::has_negative_entry() const {
  const auto points = job_.sweep_points();
  return std::any_of(points.begin(), points.end(), [&](const Parameters& parameters) {
    Matrix op = job_.formula_.tree->evaluate(parameters, job_.material_.leaves()).value;
    op.diagonal().setZero();
    return op.size() > 0 && op.minCoeff() < 0;
  });
}

bool OperatorJudge::overflows() const {
  if (job_.task_ != "expm") return false;
  const auto time = static_cast<Real>(job_.time_);
  const auto points = job_.sweep_points();
  return std::any_of(points.begin(), points.end(), [&](const Parameters& parameters) {
    const Value op = job_.formula_.tree->evaluate(parameters, job_.material_.leaves());
    return !(adversary::exponential(time * op.value).norm() < largest);
  });
}

bool OperatorJudge::has_extreme_factor() const {
  return job_.material_.kinds(job_.used_).find("extreme") != std::string::npos;
}

Judgement OperatorJudge::refused() const {
  const Facts facts{
      job_.task_,           job_.method_,         job_.formula_.structure,
      !job_.sweep_.empty(), has_extreme_factor(), is_definite(),
      overflows(),          has_negative_entry(), has_grid_diagonal(*job_.formula_.tree),
      condition()};
  for (const Refusal& refusal : refusals()) {
    if (ending_.message.find(refusal.part) == std::string::npos) continue;
    if (refusal.legitimate(facts)) return {Verdict::refused, ""};
  }
  return {Verdict::wrong,
          fmt::format("refused with condition {:.3g}: {}", facts.condition, ending_.message)};
}

/// A job may say that it did not converge where iterations are not sure to, or where the condition
/// leaves no digits; and then its report says so too.
Judgement OperatorJudge::unconverged() {
  const auto converged = result_.report("converged");
  if (!converged || *converged != 0) {
    return {Verdict::wrong, "exit code 3 without converged = 0: " + ending_.message};
  }
  const bool direct = result_.report_text("method").starts_with("direct");
  const Real worst = condition();
  if (direct && worst < solvable) {
    return {Verdict::wrong,
            fmt::format("a direct method gave up at condition {:.3g}: {}", worst, ending_.message)};
  }
  return {Verdict::unconverged, ""};
}

Judgement OperatorJob::judge(const Ending& ending, const std::string& result) const {
  return OperatorJudge(*this, ending, result).judge();
}

}  // namespace kronwerk::adversary
