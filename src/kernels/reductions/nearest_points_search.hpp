#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/kernels/reductions/reduction.hpp"

namespace kronwerk::kernels {

/// The k columns of least sqdist(x_i, y_j) for every row i, over blocks of columns that arrive one
/// after the other in any order. Local; all points are finite and can be squared.
class NearestSearch {
 public:
  /// @param formula  sqdist of the row variable and the column variable
  /// @param centre   near the points, for small rounding errors
  /// @param scale    a power of two that brings all coordinates about the centre into [-1, 1]
  /// @param rows     kept; must outlive the search
  NearestSearch(Expression formula, std::string row_variable, std::string column_variable,
                std::vector<double> centre, double scale, Index k, const Side& rows);

  void add(const Side& columns, const std::function<void()>& progress);
  /// kmin_argkmin of the columns so far.
  const ReductionResult& result() const noexcept { return nearest_; }

 private:
  struct Candidate {
    float value;   ///< |x - y|² - |x|² about the centre and to the scale, with rounding error
    Index column;  ///< in the block
  };
  /// A row's candidates in the present block.
  struct Search {
    float threshold;  ///< no value above can belong to the k nearest
    double margin;    ///< bound of the rounding error
    Index room;       ///< candidates before the worse ones are dropped; grows where many are equal
    std::vector<Candidate> candidates;
  };
  struct Block;

  Search start(Index row, double largest_norm) const;
  void search(const Block& block, Index begin, Index end, std::vector<Search>& searches);
  void scan(const float* values, Index first, Index count, Search& search) const;
  void prune(Search& search) const;
  /// Evaluates the candidates of the rows from `begin` on directly and merges them into the result.
  void rank(const Side& columns, Index begin, std::span<const Search> searches);

  Expression formula_;
  std::string row_variable_;
  std::string column_variable_;
  std::vector<double> centre_;
  double scale_;
  Index k_;
  const Side& rows_;
  std::vector<float> centred_;  ///< rows x (dimension + 1): scale (x - centre) and 1
  std::vector<double> norms_;   ///< scale |x - centre|
  std::vector<float> products_;
  ReductionResult nearest_;
};

}  // namespace kronwerk::kernels
