#pragma once

#include <algorithm>
#include <functional>
#include <span>
#include <vector>

namespace kronwerk::factors {

/// Pieces of work given to ranks, the largest first, each to the rank that has the least to do.
class WorkSplit {
 public:
  explicit WorkSplit(int ranks) : load_(static_cast<std::size_t>(ranks), 0.0) {}

  /// The rank that gets it.
  int assign(double work) {
    const auto least = std::min_element(load_.begin(), load_.end());
    *least += work;
    return static_cast<int>(least - load_.begin());
  }
  double busiest() const { return *std::max_element(load_.begin(), load_.end()); }

 private:
  std::vector<double> load_;
};

/// Whether all ranks do the pieces sooner one after the other, at that efficiency, than each its
/// own.
inline bool faster_together(std::vector<double> works, int ranks, double efficiency) {
  if (ranks == 1) return false;
  std::sort(works.begin(), works.end(), std::greater<>());
  WorkSplit split(ranks);
  double together = 0;
  for (const double work : works) {
    split.assign(work);
    together += work / (efficiency * ranks);
  }
  return together < split.busiest();
}

}  // namespace kronwerk::factors
