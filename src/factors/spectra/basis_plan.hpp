#pragma once

#include <optional>
#include <string>
#include <vector>

#include "factors/base/node_leaders.hpp"
#include "factors/spectra/eigen_local.hpp"
#include "kronwerk/communication/shared_array.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::factors {

/// From which extent on all ranks share one symmetric decomposition (if there are several ranks).
struct SpectrumLimits {
  Index symmetric = 1500;
  int block = 32;
  /// Of P ranks on one decomposition, compared with P decompositions at once.
  double distributed_efficiency = 0.8;
};

/// find_bases() with other limits, for tests.
BasisResult find_bases(const communication::Communicator& comm,
                       std::span<const BasisRequest> requests, const SpectrumLimits& limits);

/// One decomposition on its way.
struct EigenProblem {
  BasisKind kind = BasisKind::symmetric;  ///< `eigenvectors` may still become `schur`
  Index extent = 0;
  FactorPtr matrix;
  bool transposed = false;  ///< of the factor
  FactorPtr partner;
  bool partner_transposed = false;
  std::vector<double> root;  ///< D^½ if `scaled`
  bool schur_allowed = false;
  bool vectors = true;
  std::string name;
  std::string partner_name;

  int owner = 0;  ///< the rank that computes it, unless it is distributed
  bool distributed = false;
  communication::SharedArray<double> first;
  communication::SharedArray<double> second;
  communication::SharedArray<double> third;   ///< of `generalised_schur`: Qᵀ
  communication::SharedArray<double> fourth;  ///< and Zᵀ
  Spectrum spectrum;

  /// The number of n x n arrays that it needs in node-shared memory.
  int arrays() const;
  double work() const;
};

/// Decides which ranks do what: distributes the large ones where that is faster than side by side.
/// Local; the same on every rank.
void plan_problems(std::span<EigenProblem> problems, int ranks, const SpectrumLimits& limits);

/// Computes the spectra and fills the node-shared arrays. Collective.
void solve_problems(const communication::Communicator& comm, std::span<EigenProblem> problems,
                    const SpectrumLimits& limits);

}  // namespace kronwerk::factors
