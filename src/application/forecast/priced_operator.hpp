#pragma once

#include <memory>
#include <string>

#include "application/inputs/problem.hpp"
#include "application/inputs/problem_data.hpp"
#include "kronwerk/prediction/solves.hpp"

namespace kronwerk::application {

/// What the factors of an operator formula cost: counted where the matrices are small enough to be
/// read and their sparse factorisations made, else estimated from their sizes.
class PricedOperator {
 public:
  /// Collective. @param problem  must outlive this
  PricedOperator(const communication::Communicator& comm, const Problem& problem);

  /// "counted" or "estimated", and of what.
  const std::string& assumption() const noexcept { return assumption_; }

  /// The operator's sum. Collective.
  prediction::PricedSum sum() const;
  /// The inverses of a single product. Collective.
  std::vector<prediction::PricedMode> inverses() const;
  /// Stored entries of the distinct sparse matrices that inverses() and iteration() factorise, and
  /// the extents of dense ones.
  std::vector<double> factor_entries() const { return entries_; }
  std::vector<double> dense_extents() const { return dense_; }
  /// What a preconditioned iteration applies: operator and nearest product as one sum where every
  /// mode has two matrices at most. Collective.
  prediction::IterationWork iteration() const;
  /// Stored bytes of the matrices in files.
  double matrix_bytes() const;
  double datasets() const;

 private:
  prediction::PricedMode price(const expressions::FactorNode& factor, bool inverse) const;
  prediction::PricedMode counted(const expressions::FactorNode& factor, bool inverse) const;
  prediction::PricedMode estimated(const expressions::FactorNode& factor, bool inverse) const;
  /// Of a mode, a matrix with the entries of all its factors, as the nearest product's is.
  prediction::PricedMode near_inverse(std::size_t mode) const;

  const communication::Communicator* comm_;
  const Problem* problem_;
  std::unique_ptr<ProblemData> data_;  ///< null if only estimated
  std::string assumption_;
  mutable std::vector<double> entries_;
  mutable std::vector<double> dense_;
  mutable std::set<std::string> factorised_;
};

}  // namespace kronwerk::application
