#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "adversary/jobs/job.hpp"
#include "adversary/operators/formulas.hpp"

namespace kronwerk::adversary {

/// Several vectors over a grid as a dataset: `count` of them, each with its own scale.
struct Vectors {
  std::string path;
  Index count = 1;
  Index size = 0;
  std::vector<double> values;

  Vector at(Index v) const { return to_vector(values, static_cast<std::size_t>(v * size), size); }
};

/// One of the operator tasks with a random formula. What it computes is judged in
/// operator_judge.cpp.
class OperatorJob final : public RandomJob {
 public:
  explicit OperatorJob(std::uint64_t seed);

  std::string yaml() const override;
  std::string summary() const override;
  const Material& material() const override { return material_; }
  Judgement judge(const Ending& ending, const std::string& result) const override;

 private:
  friend class OperatorJudge;

  void choose_formula(Random& random);
  void choose_vectors(Random& random);
  void choose_derivatives(Random& random);
  void choose_sweep(Random& random);
  Vectors vectors(Random& random, const std::string& stem, const Grid& grid, Index count,
                  bool scaled);
  bool takes_vectors() const { return task_ == "apply" || task_ == "solve" || task_ == "expm"; }
  bool has_derivatives() const {
    return task_ != "eigenvalues" && task_ != "expm" && task_ != "assemble";
  }
  /// All combinations of the sweep's values, the first name slowest; one for no sweep.
  std::vector<Parameters> sweep_points() const;
  std::string gradient_yaml() const;
  std::string tangent_yaml() const;

  Material material_;
  Formula formula_;
  std::string task_;
  std::set<std::string> used_;
  std::vector<std::string> parameters_;  ///< that the formula (or a kernel in it) names
  bool one_vector_ = true;               ///< no axis for the vectors in the file
  Vectors input_;
  std::string method_ = "auto";
  double tolerance_ = 1e-10;
  double time_ = 1;
  Index batch_ = 0;
  std::vector<std::string> gradient_;
  bool gradient_input_ = false;
  bool has_gradient_ = false;
  std::string cotangent_;  ///< "ones", "result", "dataset" or ""
  Vectors cotangent_values_;
  Parameters tangent_;
  bool has_tangent_ = false;
  bool has_direction_ = false;
  Vectors direction_;
  std::vector<std::pair<std::string, std::vector<double>>> sweep_;
};

}  // namespace kronwerk::adversary
