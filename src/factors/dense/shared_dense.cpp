#include "kronwerk/factors/dense/shared_dense.hpp"

#include <string>
#include <utility>

#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::factors {

FactorPtr make_shared_dense(const communication::Communicator& comm, std::string name, Index rows,
                            Index cols, const std::function<void(std::span<double>)>& fill) {
  communication::SharedDense dense;
  dense.rows = rows;
  dense.cols = cols;
  dense.values = communication::SharedArray<double>(comm, core::multiply(rows, cols));
  communication::collectively(comm, [&] { fill(dense.values.mutable_span()); });
  dense.values.publish();
  return make_dense(std::move(name), std::move(dense));
}

FactorPtr make_shared_dense_by_rows(const communication::Communicator& comm, std::string name,
                                    Index rows, Index cols,
                                    const std::function<void(Index, Index, double*)>& fill) {
  return make_shared_dense(comm, std::move(name), rows, cols, [&](std::span<double> out) {
    const distribution::BlockPartition part(rows, comm.node().size());
    const int rank = comm.node().rank();
    const Index first = part.begin(rank), count = part.count(rank);
    if (count > 0) fill(first, count, out.data() + first * cols);
  });
}

}  // namespace kronwerk::factors
