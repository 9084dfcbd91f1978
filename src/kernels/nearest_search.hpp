#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kronwerk/kernels/reduction.hpp"

namespace kronwerk::kernels {

/// The k columns of least sqdist(x_i, y_j) for every row i, over blocks of columns that arrive one
/// after the other in any order. Local; all points are finite and can be squared.
class NearestSearch {
 public:
  /// @param formula  sqdist of the row variable and the column variable
  /// @param centre   near the points, for small rounding errors
  /// @param rows     kept; must outlive the search
  NearestSearch(Expression formula, std::string row_variable, std::string column_variable,
                std::vector<double> centre, Index k, const Side& rows);

  void add(const Side& columns, const std::function<void()>& progress);
  /// kmin_argkmin of the columns so far.
  const ReductionResult& result() const noexcept { return nearest_; }

 private:
  struct Candidate {
    double value;  ///< |x - y|² - |x|² about the centre, with rounding error
    Index column;  ///< in the block
  };
  /// A row's candidates in the present block.
  struct Search {
    double threshold;  ///< no value above can belong to the k nearest
    double margin;     ///< bound of the rounding error
    std::vector<Candidate> candidates;
  };
  struct Block;

  Search start(Index row, double largest_norm) const;
  void search(const Block& block, Index begin, Index end, std::vector<Search>& searches);
  void scan(const double* values, Index first, Index count, Search& search) const;
  void prune(Search& search) const;
  /// Evaluates the candidates directly and merges them into the result.
  void rank(const Side& columns, Index begin, Index end, const std::vector<Search>& searches);

  Expression formula_;
  std::string row_variable_;
  std::string column_variable_;
  std::vector<double> centre_;
  Index k_;
  const Side& rows_;
  std::vector<double> centred_;  ///< rows x (dimension + 1): x - centre and 1
  std::vector<double> norms_;    ///< |x - centre|
  std::vector<double> products_;
  ReductionResult nearest_;
};

}  // namespace kronwerk::kernels
