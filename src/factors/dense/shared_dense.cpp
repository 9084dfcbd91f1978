#include "kronwerk/factors/dense/shared_dense.hpp"

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

}  // namespace kronwerk::factors
