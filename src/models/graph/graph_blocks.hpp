#pragma once

#include <vector>

#include "kronwerk/models/graph/graph.hpp"

namespace kronwerk::models {

/// A connected component of the pairs (i, j) of a mode with |S_k(i, j)| > λ_k w_k(i, j): the
/// optimal Ψ_k has no entries between two of them (Witten, Friedman and Simon 2011 for one mode).
struct GraphBlock {
  std::size_t mode = 0;
  std::vector<Index> rows;   ///< of the mode, ascending
  Index offset = 0;          ///< of its eigenvalues among the mode's
  int owner = 0;             ///< the rank that has its matrices
  bool distributed = false;  ///< decomposed by all ranks

  Index extent() const { return std::ssize(rows); }
};

/// What the entries' absolute values are multiplied by, for any two rows of a mode.
double penalty_of(const GraphProblem& problem, std::size_t mode, Index i, Index j);

/// The mean diagonal of S_1, which penalties are compared with.
double unit_of(const GraphProblem& problem);
/// What S_k is multiplied by to have that mean: 1, unless rounding (of single precision, say) keeps
/// the means apart, in which case no diagonal of B could be that of S in every mode.
double scale_of(const GraphProblem& problem, std::size_t mode);

/// From which extent on all ranks decompose one matrix together, where that is faster.
inline constexpr Index default_large_extent = 1500;

/// The components of all modes, one mode after the other, with owners that balance the work. Local;
/// O(Σ n_k²).
std::vector<GraphBlock> find_blocks(const communication::Communicator& comm,
                                    const GraphProblem& problem,
                                    Index large_extent = default_large_extent);

/// Eigenvalues of Gram matrices without penalties. Local. @throws DataError where there is no
/// minimum
void check_spectra(const std::vector<std::vector<double>>& spectra);
/// @throws as estimate_graph(), on every rank; collective. Without any penalties check_spectra() is
/// left to do.
void check_graph_problem(const communication::Communicator& comm, const GraphProblem& problem);

}  // namespace kronwerk::models
