#include "adversary/flows/flow_judge.hpp"

#include <limits>

namespace kronwerk::adversary {

FlowJudge::FlowJudge(const FlowJob& job, const Ending& ending, const std::string& result)
    : job_(job), ending_(ending), result_(result), model_(job) {}

Vector FlowJudge::values(const std::string& path) const {
  const std::vector<double> all = result_.values(path);
  return to_vector(all, 0, std::ssize(all));
}

Real FlowJudge::number(const std::string& path) const {
  const Vector all = values(path);
  return all.size() == 1 ? all(0) : std::numeric_limits<Real>::quiet_NaN();
}

Real FlowJudge::solve_error(const Vector& theta) const {
  return (slack * epsilon + 1e-9L) * model_.condition(theta);
}

Judgement FlowJudge::judge() {
  if (ending_.code == 2) return refused();
  if (ending_.code == 3) {
    const auto converged = result_.report("converged");
    if (!converged || *converged != 0) {
      return {Verdict::wrong, "exit code 3 without converged = 0: " + ending_.message};
    }
    return {Verdict::unconverged, ""};
  }
  if (ending_.code != 0) {
    return {Verdict::wrong, fmt::format("exit code {}: {}", ending_.code, ending_.message)};
  }
  if (!result_.is_open()) return {Verdict::wrong, "there is no result file"};
  if (job_.task_ == "fit") fit();
  if (job_.task_ == "effects") effects();
  if (job_.task_ == "predict") prediction();
  if (job_.task_ == "sample") sample();
  return check_.judgement();
}

Judgement FlowJob::judge(const Ending& ending, const std::string& result) const {
  return FlowJudge(*this, ending, result).judge();
}

}  // namespace kronwerk::adversary
