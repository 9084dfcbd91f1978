#pragma once

#include <span>
#include <string>
#include <vector>

#include "application/tasks/task.hpp"
#include "kronwerk/operators/products/sum_diagonal.hpp"

namespace kronwerk::application {

/// The diagonal of an operator, or what has the same sum, from the factors alone: piece by piece
/// over the flat grid, without applying the operator.
class DiagonalValues {
 public:
  enum class Purpose {
    diagonal,  ///< every value is that of the diagonal
    trace      ///< only their sum counts: tr(A B) = tr(B A)
  };

  /// Collective.
  /// @param context  must outlive this
  /// @throws ConfigurationError where diagonals over the whole grid stand between products that are
  /// not diagonal themselves
  DiagonalValues(TaskContext& context, std::span<const expressions::LoweredProduct> terms,
                 Purpose purpose);

  /// The values from global position `begin` on. Collective: diagonals over the grid are read.
  void evaluate(Index begin, std::span<double> values) const;
  /// The sum of all values. Collective.
  double sum() const;

 private:
  /// scale * Π_s (diagonal of a product) * Π diag(v)
  struct GridTerm {
    double scale = 1;
    std::vector<operators::SumDiagonal> products;
    std::vector<expressions::GridDiagonal> diagonals;
  };

  GridTerm make_grid_term(const expressions::LoweredProduct& term, Purpose purpose) const;
  void multiply_by(const expressions::GridDiagonal& diagonal, Index begin,
                   std::span<double> values) const;

  TaskContext& context_;
  Extents extents_;
  operators::SumDiagonal plain_;  ///< of the terms without steps
  bool has_plain_ = false;
  std::vector<GridTerm> grid_terms_;
};

/// This rank's share of the points of the grid, a piece at a time: calls work(begin, count) equally
/// often on every rank, with a count of 0 where a rank has no more. Collective if `work` is.
void for_pieces_of_grid(const communication::Communicator& comm, const Extents& extents,
                        const std::function<void(Index begin, Index count)>& work);

}  // namespace kronwerk::application
