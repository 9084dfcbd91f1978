// Log determinants of operators without a structure, by LU or Cholesky of the whole matrix: the
// factorisation and tr(Op⁻¹ ∂Op/∂θ). Declared in log_determinant.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "application/determinants/log_determinant.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::application {
namespace {

using communication::collectively;
using distribution::BlockPartition;
using expressions::LoweredProduct;
using operators::StochasticValue;

Index rows_per_block(Index points) {
  const auto fitting =
      static_cast<Index>(methods::determinant_block_bytes / 8 / static_cast<double>(points));
  return std::clamp<Index>(fitting, 1, points);
}

/// Calls use(first, count, values) for blocks of columns (or rows) of Σ terms, one after another,
/// with all of their entries on every rank. Collective.
template <typename Use>
void for_blocks(const methods::OperatorBuilder& builder, const std::vector<LoweredProduct>& terms,
                Index points, bool rows, const Use& use) {
  const auto& comm = builder.comm();
  const Index most = rows_per_block(points);
  OperatorPtr op;
  Index built = 0;
  std::vector<double> units, block, all;
  for (Index first = 0; first < points; first += most) {
    const Index count = std::min(most, points - first);
    if (count != built) op = builder.build(terms, built = count);
    const auto& in = rows ? op->output_layout() : op->input_layout();
    const auto& out = rows ? op->input_layout() : op->output_layout();
    units.assign(static_cast<std::size_t>(in.home_size(comm.rank())), 0.0);
    block.resize(static_cast<std::size_t>(out.home_size(comm.rank())));
    for (Index i = 0; i < count; ++i) {
      const Index place = i * points + first + i - in.home_begin(comm.rank());
      if (place >= 0 && place < std::ssize(units)) units[static_cast<std::size_t>(place)] = 1;
    }
    rows ? op->apply_transposed(units, block) : op->apply(units, block);
    all.assign(static_cast<std::size_t>(count * points), 0.0);
    std::copy(block.begin(), block.end(), all.begin() + out.home_begin(comm.rank()));
    comm.sum(std::span<double>(all));
    use(first, count, std::span<const double>(all));
  }
}

class DenseDeterminant final : public LogDeterminant {
 public:
  DenseDeterminant(TaskContext& context, const std::string& reason)
      : context_(context), points_(core::product(context.problem.sum.row_extents)) {
    matrix_ = form();
    const std::vector<factors::FactorPtr> list{matrix_};
    factors::factorise(context.comm, list);
    why_ = fmt::format("direct: {} of the whole matrix: {}",
                       matrix_->factorisation()->description(), reason);
  }

  StochasticValue value() override {
    return {.value = matrix_->factorisation()->determinant().log_abs};
  }
  std::optional<int> sign() const override { return matrix_->factorisation()->determinant().sign; }
  std::string why() const override { return why_; }
  std::optional<double> condition() const override { return matrix_->factorisation()->condition(); }

  /// Σ_i (row i of Op⁻¹) · (column i of ∂Op), each rank with its share of the rows.
  StochasticValue derivative(const std::string& parameter) override {
    const auto& terms = context_.derivatives.at(parameter);
    if (terms.empty()) return {};
    invert();
    const BlockPartition part(points_, context_.comm.size());
    const Index begin = part.begin(context_.comm.rank());
    const Index own = part.count(context_.comm.rank());
    double trace = 0;
    for_blocks(context_.builder, terms, points_, false,
               [&](Index first, Index count, std::span<const double> columns) {
                 const Index last = std::min(first + count, begin + own);
                 for (Index i = std::max(first, begin); i < last; ++i) {
                   const double* column = columns.data() + (i - first) * points_;
                   const double* row = inverse_rows_.data() + (i - begin);
                   for (Index j = 0; j < points_; ++j) trace += row[j * own] * column[j];
                 }
               });
    return {.value = context_.comm.sum(trace)};
  }

 private:
  factors::FactorPtr form() const {
    const auto& comm = context_.comm;
    communication::SharedDense dense;
    dense.rows = dense.cols = points_;
    dense.values = communication::SharedArray<double>(comm, core::multiply(points_, points_));
    const auto& node = comm.node();
    for_blocks(context_.builder, context_.products, points_, true,
               [&](Index first, Index count, std::span<const double> rows) {
                 for (Index i = 0; i < count; ++i) {
                   if ((first + i) % node.size() != node.rank()) continue;
                   const auto row = rows.subspan(static_cast<std::size_t>(i * points_),
                                                 static_cast<std::size_t>(points_));
                   std::copy(row.begin(), row.end(),
                             dense.values.mutable_span().begin() + (first + i) * points_);
                 }
               });
    dense.values.publish();
    return factors::make_dense(context_.job.formula.value, std::move(dense));
  }

  /// This rank's rows of Op⁻¹, side by side as columns.
  void invert() {
    const BlockPartition part(points_, context_.comm.size());
    const Index begin = part.begin(context_.comm.rank());
    const Index own = part.count(context_.comm.rank());
    if (inverted_) return;
    collectively(context_.comm, [&] {
      inverse_rows_.assign(static_cast<std::size_t>(points_ * own), 0.0);
      for (Index i = 0; i < own; ++i) {
        inverse_rows_[static_cast<std::size_t>((begin + i) * own + i)] = 1;
      }
      if (own == 0) return;
      const factors::View rows{inverse_rows_.data(), 1, points_, own, points_ * own, own};
      matrix_->factorisation()->solve(rows, rows, true);
    });
    inverted_ = true;
  }

  TaskContext& context_;
  Index points_;
  factors::FactorPtr matrix_;
  std::string why_;
  bool inverted_ = false;
  std::vector<double> inverse_rows_;  ///< points x this rank's rows
};

}  // namespace

std::unique_ptr<LogDeterminant> make_dense_determinant(TaskContext& context,
                                                       const std::string& reason) {
  const bool derivatives = context.job.gradient || context.job.tangent;
  const auto bytes = dense_determinant_bytes(context.problem, derivatives, context.comm.size());
  methods::MemoryNeeds needs;
  needs.ranks = context.comm.size();
  needs.nodes = context.comm.node_count();
  needs.factor_bytes_per_node = bytes.per_node;
  needs.vector_bytes_per_rank = bytes.per_rank;
  check_memory(context.comm, needs);
  return std::make_unique<DenseDeterminant>(context, reason);
}

}  // namespace kronwerk::application
