#pragma once

#include <array>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/expressions/symbolic.hpp"

namespace kronwerk::models {

using core::Index;

/// The coefficients of a filter's T terms and their derivatives by its P free parameters.
struct FilterCoefficients {
  std::vector<double> value;   ///< T
  std::vector<double> first;   ///< (T, P)
  std::vector<double> second;  ///< (T, P, P)
};

/// The filter of a flow model (LeSage and Pace 2008, equation 4, and whatever else the formula
/// says), A(θ) = Σ_t c_t(θ) O_t ⊗ D_t over origins and destinations.
class FlowFilter {
 public:
  /// A term's matrices, by their places among the distinct matrices of each mode.
  struct Term {
    std::size_t origin = 0;
    std::size_t destination = 0;
  };

  /// @param sum         of two modes, square in both, not empty
  /// @param free        the parameters θ, in the order of every vector of them
  /// @param parameters  the numbers of all others
  FlowFilter(const expressions::SymbolicSum& sum, std::vector<std::string> free,
             std::map<std::string, double> parameters);

  const std::vector<std::string>& parameters() const noexcept { return free_; }
  const std::vector<Term>& terms() const noexcept { return terms_; }
  /// The distinct matrices of a mode (0: origins, 1: destinations), identities included.
  const std::vector<expressions::FactorNodePtr>& matrices(std::size_t mode) const {
    return matrices_.at(mode);
  }
  /// n_o and n_d.
  const core::Extents& extents() const noexcept { return extents_; }
  /// Whether every coefficient is linear in θ.
  bool linear() const noexcept { return linear_; }

  /// Local. @throws ConfigurationError outside the domain of a function in a coefficient
  FilterCoefficients coefficients(std::span<const double> parameters) const;

 private:
  std::vector<std::string> free_;
  std::map<std::string, double> fixed_;
  core::Extents extents_;
  std::vector<Term> terms_;
  std::array<std::vector<expressions::FactorNodePtr>, 2> matrices_;
  std::vector<expressions::NodePtr> values_;   ///< T
  std::vector<expressions::NodePtr> firsts_;   ///< (T, P)
  std::vector<expressions::NodePtr> seconds_;  ///< (T, P, P)
  bool linear_ = true;
};

}  // namespace kronwerk::models
