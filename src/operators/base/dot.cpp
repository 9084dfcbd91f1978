#include "kronwerk/operators/base/dot.hpp"

#include <algorithm>
#include <numeric>

#include "operators/base/local_vectors.hpp"

namespace kronwerk::operators {

double local_dot(const double* x, const double* y, std::size_t count) {
  constexpr std::size_t block = 4096;
  constexpr std::size_t lanes = 8;
  double sum = 0;
  for (std::size_t begin = 0; begin < count; begin += block) {
    const std::size_t end = std::min(begin + block, count);
    double partial[lanes] = {};
    std::size_t i = begin;
    for (; i + lanes <= end; i += lanes) {
      for (std::size_t lane = 0; lane < lanes; ++lane) partial[lane] += x[i + lane] * y[i + lane];
    }
    for (; i < end; ++i) partial[0] += x[i] * y[i];
    sum += std::accumulate(std::begin(partial), std::end(partial), 0.0);
  }
  return sum;
}

double dot(const communication::Communicator& comm, std::span<const double> x,
           std::span<const double> y) {
  return comm.sum(local_dot(x.data(), y.data(), x.size()));
}

}  // namespace kronwerk::operators
