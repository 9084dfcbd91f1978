#pragma once

#include <string>
#include <utility>
#include <vector>

#include "kronwerk/communication/shared_matrix.hpp"
#include "kronwerk/factors/base/factor.hpp"
#include "kronwerk/kernels/engine/program.hpp"

namespace kronwerk::factors {

FactorPtr make_identity(Index extent);
FactorPtr make_diagonal(std::string name, std::span<const double> values);
FactorPtr make_dense(std::string name, communication::SharedDense matrix);
FactorPtr make_sparse(std::string name, communication::SharedSparse matrix);
/// The matrix of a scalar kernel formula over points that every rank has. It is not stored: an
/// application evaluates it panel by panel, once for all fibres that it is given. What needs its
/// entries (factorisations, decompositions, sums with other matrices) makes a dense one of it.
/// @throws ShapeError if the formula gives more than one number for a pair
FactorPtr make_kernel(std::string name, kernels::Program program, kernels::Side rows,
                      kernels::Side columns);

/// left rightᵀ, of which the vectors are stored. Local.
FactorPtr make_rank_one(std::string name, std::vector<double> left, std::vector<double> right);
/// The matrix of ones. Local.
FactorPtr make_ones(Index rows, Index cols);
bool is_ones(const Factor& factor);
/// The symmetric orthogonal H with H 1 = −√n e_1 (Householder 1958). Local.
FactorPtr make_reflection_of_ones(Index extent);

/// Σ c_i A_i as one factor of the simplest kind that holds it (diagonal, sparse, else dense), once
/// per node; one kernel or rank-one matrix with multiples of the identity stays one. Collective on
/// comm.
/// @throws ShapeError if the shapes differ
FactorPtr linear_combination(const communication::Communicator& comm, std::string name,
                             std::span<const std::pair<double, FactorPtr>> terms);

/// Aᵀ as a factor of the same kind, once per node. Collective on comm.
FactorPtr transpose(const communication::Communicator& comm, std::string name,
                    const FactorPtr& factor);

/// The product A_1 A_2 … A_q as one dense or sparse factor, once per node. Collective on comm.
FactorPtr multiply(const communication::Communicator& comm, std::string name,
                   std::span<const FactorPtr> factors);

}  // namespace kronwerk::factors
