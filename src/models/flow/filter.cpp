#include "kronwerk/models/flow/filter.hpp"

#include <algorithm>

namespace kronwerk::models {
namespace {

using expressions::FactorNodePtr;

std::size_t place_of(std::vector<FactorNodePtr>& matrices, const FactorNodePtr& matrix) {
  const auto found =
      std::find_if(matrices.begin(), matrices.end(),
                   [&](const FactorNodePtr& other) { return other->text == matrix->text; });
  if (found != matrices.end()) return static_cast<std::size_t>(found - matrices.begin());
  matrices.push_back(matrix);
  return matrices.size() - 1;
}

}  // namespace

FlowFilter::FlowFilter(const expressions::SymbolicSum& sum, std::vector<std::string> free,
                       std::map<std::string, double> parameters)
    : free_(std::move(free)), fixed_(std::move(parameters)), extents_(sum.row_extents) {
  for (const expressions::SymbolicTerm& term : sum.terms) {
    terms_.push_back(
        {place_of(matrices_[0], term.factors[0]), place_of(matrices_[1], term.factors[1])});
    values_.push_back(term.coefficient);
    for (const std::string& first : free_) {
      firsts_.push_back(expressions::differentiate(term.coefficient, first));
      for (const std::string& second : free_) {
        seconds_.push_back(expressions::differentiate(firsts_.back(), second));
        linear_ = linear_ && expressions::is_number(*seconds_.back(), 0);
      }
    }
  }
}

FilterCoefficients FlowFilter::coefficients(std::span<const double> parameters) const {
  std::map<std::string, double> all = fixed_;
  for (std::size_t p = 0; p < free_.size(); ++p) all[free_[p]] = parameters[p];
  const auto evaluate = [&](const std::vector<expressions::NodePtr>& nodes) {
    std::vector<double> numbers;
    for (const auto& node : nodes) numbers.push_back(expressions::evaluate(*node, all));
    return numbers;
  };
  return {evaluate(values_), evaluate(firsts_), evaluate(seconds_)};
}

}  // namespace kronwerk::models
