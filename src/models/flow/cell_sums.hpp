#pragma once

#include <functional>
#include <span>
#include <vector>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::models {

/// Bᵀ s, Bᵀ diag(w) B and Bᵀ c of the first vectors b of a basis, each this rank's cells, summed
/// piece by piece.
class CellSums {
 public:
  static constexpr std::size_t tile = 512;

  /// Writes cells first … first + count - 1 of every vector, vector a from panel + a · lead on.
  using Fill =
      std::function<void(std::size_t first, std::size_t count, double* panel, std::size_t lead)>;

  /// @param fill  what `vectors` vectors are made by, piece by piece
  CellSums(Fill fill, std::size_t vectors);
  /// @param basis  must outlive this
  CellSums(const std::vector<std::vector<double>>& basis, std::size_t vectors);

  /// Cells first … first + count - 1, at most `tile`. Local.
  void add(std::size_t first, std::size_t count, const double* s, const double* w, const double* c);
  /// Over the ranks. Collective.
  void finish(const communication::Communicator& comm);

  const std::vector<double>& first() const noexcept { return first_; }
  const std::vector<double>& second() const noexcept { return second_; }
  const std::vector<double>& gram() const noexcept { return gram_; }

 private:
  Fill fill_;
  std::size_t vectors_;
  std::vector<double> first_;
  std::vector<double> second_;
  std::vector<double> gram_;
  std::vector<double> panel_;
};

/// (left, right): Σ x_i y_i of this rank's cells for every x of the left and y of the right, in one
/// pass. Local.
std::vector<double> local_products(const std::vector<std::vector<double>>& left,
                                   const std::vector<std::vector<double>>& right);

/// Σ x_i y_i of this rank's cells. Local.
double local_dot(std::span<const double> x, std::span<const double> y);

}  // namespace kronwerk::models
