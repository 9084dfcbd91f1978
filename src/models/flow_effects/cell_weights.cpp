#include "kronwerk/models/flow_effects/cell_weights.hpp"

#include <cblas.h>

#include "kronwerk/communication/redistribution.hpp"

namespace kronwerk::models {

CellWeights::CellWeights(const communication::Communicator& comm, operators::Workspace& workspace,
                         const core::Extents& extents, std::vector<double> rows)
    : comm_(&comm), layout_(extents, 1, comm.size()), rows_(std::move(rows)) {
  const Index n = layout_.leading();
  const Index own = layout_.away().count(comm.rank());
  communication::collectively(comm, [&] { columns_.resize(static_cast<std::size_t>(own * n)); });
  communication::Redistribution exchange(workspace, layout_);
  exchange.to_away(layout_.home().largest(), [&](Index first, Index /*count*/) {
    return rows_.data() + first * layout_.trailing();
  });
  const double* block = workspace.local();
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < own; ++j)
      columns_[static_cast<std::size_t>(j * n + i)] = block[i * own + j];
  }
  // Nobody writes into a block that is still being read.
  comm.barrier();
}

std::span<const double> CellWeights::part(const std::vector<double>& values, Index region) const {
  const Index n = layout_.leading();
  const Index local = region - layout_.home().begin(comm_->rank());
  return std::span(values).subspan(static_cast<std::size_t>(local * n),
                                   static_cast<std::size_t>(n));
}

std::vector<double> CellWeights::multiply(std::span<const double> v, bool transposed) const {
  std::vector<double> result(v.size(), 0.0);
  const Index begin = layout_.home().begin(comm_->rank());
  const Index end = layout_.home().end(comm_->rank());
  for (Index r = begin; r < end; ++r) {
    const std::span<const double> values = transposed ? column(r) : row(r);
    result[static_cast<std::size_t>(r)] =
        cblas_ddot(static_cast<int>(v.size()), values.data(), 1, v.data(), 1);
  }
  comm_->sum(std::span<double>(result));
  return result;
}

}  // namespace kronwerk::models
