// Declared in kronwerk/operators/schur/schur.hpp.
// See src/MATHEMATICS.md, "Schur forms".
#include <fmt/format.h>

#include <algorithm>

#include "kronwerk/communication/redistribution.hpp"
#include "kronwerk/factors/base/scratch.hpp"
#include "kronwerk/operators/schur/schur.hpp"
#include "operators/base/local_vectors.hpp"
#include "operators/schur/schur_pipeline.hpp"

namespace kronwerk::operators {
namespace {

using communication::Communicator;
using communication::Redistribution;
using distribution::BlockPartition;
using distribution::Layout;
using factors::Chain;
using factors::ConstView;
using factors::LocalProduct;
using factors::Scratch;
using factors::View;

/// Rows or columns at a time: what the local product prefers, within a bounded buffer.
Index piece(const LocalProduct& product, Index available) {
  constexpr Index largest_buffer = Index{4} << 20;  // doubles
  const Index bounded =
      std::min(product.preferred_fibres(), largest_buffer / std::max<Index>(1, product.rows()));
  return std::clamp<Index>(bounded, 1, std::max<Index>(1, available));
}

constexpr int borrowed_tag = 78;

/// After the first mode of the matrices; after the batch where it has vectors enough to keep all
/// ranks busy: each then solves whole vectors and nothing is exchanged.
Layout make_layout(const Communicator& comm, const SchurSum& sum, Index batch,
                   std::optional<int> leading_modes) {
  core::Extents extents{sum.bases[0]->extent, sum.bases[1]->extent};
  if (batch > 1) extents.insert(extents.begin(), batch);
  const int away = batch > 1 ? 2 : 1;
  const Index most = (batch + comm.size() - 1) / comm.size();
  const bool enough = batch > 1 && 4 * batch >= 3 * most * comm.size();
  const int split = leading_modes.value_or(enough ? away - 1 : away);
  if (split < 0 || split > away) {
    throw core::ShapeError(fmt::format(
        "a triangular solve on the grid {} cannot be split after {} modes, only after at most {}",
        core::to_text(extents), split, away));
  }
  return {std::move(extents), split, comm.size()};
}

/// Op⁻¹ or Op⁻ᵀ: into the bases, the triangular solve, and out of them.
struct Direction {
  LocalProduct first_in, second_in;  ///< modes 1 and 2
  LocalProduct first_out, second_out;
  LocalProduct both_in, both_out;
  bool reversed = false;
  std::unique_ptr<SchurPipeline> pipeline;
};

class SchurInverse final : public LinearOperator {
 public:
  SchurInverse(const Communicator& comm, std::shared_ptr<Workspace> workspace, SchurSum sum,
               bool whole, const Layout& layout);

 private:
  void do_apply(std::span<const double> x, std::span<double> y, bool transposed,
                bool accumulate) const override;
  std::unique_ptr<Direction> make_direction(SchurSystem system, bool reversed) const;
  const Direction& direction(bool transposed) const;
  Index rows() const { return sum_.bases[0]->extent; }
  Index columns() const { return sum_.bases[1]->extent; }
  const SchurColumns::Share& share() const {
    return columns_.shares[whole_ ? 0 : static_cast<std::size_t>(comm().rank())];
  }

  void solve_whole_vectors(const Direction& direction, std::span<const double> x,
                           std::span<double> y, bool accumulate) const;
  void to_away(const Direction& direction, std::span<const double> x) const;
  void solve_away(const Direction& direction) const;
  void to_home(const Direction& direction, std::span<double> y, bool accumulate) const;
  void solve_slab(const Direction& direction) const;
  /// The columns that a neighbour solves go there, or come back.
  void exchange_borrowed(bool back) const;

  std::shared_ptr<Workspace> workspace_;
  SchurSum sum_;
  bool whole_;        ///< every rank solves whole vectors
  Communicator own_;  ///< of this rank alone
  SchurColumns columns_;
  std::unique_ptr<Direction> forward_;
  mutable std::unique_ptr<Direction> backward_;  ///< made when the transpose is first applied
  mutable std::vector<double> slab_;
  mutable std::vector<double> column_;
};

SchurInverse::SchurInverse(const Communicator& comm, std::shared_ptr<Workspace> workspace,
                           SchurSum sum, bool whole, const Layout& layout)
    : LinearOperator(comm, layout, layout),
      workspace_(std::move(workspace)),
      sum_(std::move(sum)),
      whole_(whole),
      own_(Communicator::duplicate(MPI_COMM_SELF)) {
  std::vector<factors::FactorPtr> list;
  for (const auto& basis : sum_.bases) {
    for (const Chain* chain : {&basis->to_basis, &basis->from_basis}) {
      for (auto& factor : factors::to_factorise(*chain)) list.push_back(std::move(factor));
    }
  }
  factors::factorise(comm, list);
  SchurSystem system = make_schur_system(comm, sum_, false);
  check_regular(comm, sum_, system);
  columns_ =
      make_schur_columns(whole ? BlockPartition(columns(), 1) : layout.away(), system.right.blocks);
  forward_ = make_direction(std::move(system), false);
  communication::collectively(comm, [&] {
    slab_.resize(static_cast<std::size_t>(rows() * share().stride));
    column_.resize(static_cast<std::size_t>(2 * rows()));
  });
}

std::unique_ptr<Direction> SchurInverse::make_direction(SchurSystem system, bool reversed) const {
  std::array<Chain, 2> in, out;
  for (std::size_t k = 0; k < 2; ++k) {
    const auto& basis = *sum_.bases[k];
    in[k] = reversed ? factors::transposed(basis.from_basis) : basis.to_basis;
    out[k] = reversed ? factors::transposed(basis.to_basis) : basis.from_basis;
  }
  std::unique_ptr<Direction> result;
  communication::collectively(comm(), [&] {
    auto pipeline = std::make_unique<SchurPipeline>(
        whole_ ? own_ : comm(), std::move(system),
        reversed ? columns_.reversed(columns()) : columns_, reversed);
    result = std::make_unique<Direction>(
        Direction{LocalProduct({in[0]}), LocalProduct({in[1]}), LocalProduct({out[0]}),
                  LocalProduct({out[1]}), LocalProduct({in[0], in[1]}),
                  LocalProduct({out[0], out[1]}), reversed, std::move(pipeline)});
  });
  return result;
}

const Direction& SchurInverse::direction(bool transposed) const {
  if (!transposed) return *forward_;
  if (!backward_) backward_ = make_direction(make_schur_system(comm(), sum_, true), true);
  return *backward_;
}

void SchurInverse::do_apply(std::span<const double> x, std::span<double> y, bool transposed,
                            bool accumulate) const {
  const Direction& steps = direction(transposed);
  if (whole_) {
    solve_whole_vectors(steps, x, y, accumulate);
    return;
  }
  to_away(steps, x);
  solve_away(steps);
  to_home(steps, y, accumulate);
}

void SchurInverse::solve_slab(const Direction& direction) const {
  // Reading a row-major block backwards reverses its rows and its columns.
  if (direction.reversed) std::ranges::reverse(slab_);
  direction.pipeline->solve(slab_.data());
  if (direction.reversed) std::ranges::reverse(slab_);
}

void SchurInverse::solve_whole_vectors(const Direction& direction, std::span<const double> x,
                                       std::span<double> y, bool accumulate) const {
  const Index size = rows() * columns();
  for (Index first = 0; first < std::ssize(x); first += size) {
    direction.both_in.apply(ConstView::contiguous(x.data() + first, 1, size, 1),
                            View::contiguous(slab_.data(), 1, size, 1));
    solve_slab(direction);
    double* result = accumulate ? factors::scratch(Scratch::chunk, size) : y.data() + first;
    direction.both_out.apply(ConstView::contiguous(slab_.data(), 1, size, 1),
                             View::contiguous(result, 1, size, 1));
    if (accumulate) store_scaled(1.0, result, y.data() + first, size, true);
  }
}

void SchurInverse::to_away(const Direction& direction, std::span<const double> x) const {
  const Layout& layout = input_layout();
  workspace_->reserve(layout.largest_away_size());
  Redistribution redistribution(*workspace_, layout);
  redistribution.to_away(
      piece(direction.second_in, layout.home().largest()),
      [&](Index first, Index count) -> const double* {
        double* result = factors::scratch(Scratch::chunk, count * columns());
        direction.second_in.apply(
            ConstView::contiguous(x.data() + first * columns(), count, columns(), 1),
            View::contiguous(result, count, columns(), 1));
        return result;
      });
}

void SchurInverse::solve_away(const Direction& direction) const {
  const Index width = input_layout().away().count(comm().rank());
  const Index stride = share().stride;
  double* own = slab_.data() + (share().borrows ? 1 : 0);
  const Index batch = input_layout().leading() / rows();
  for (Index vector = 0; vector < batch; ++vector) {
    double* block = workspace_->local() + vector * rows() * width;
    const Index step = piece(direction.first_in, width);
    for (Index first = 0; first < width; first += step) {
      const Index count = std::min(step, width - first);
      direction.first_in.apply(ConstView{block + first, 1, rows(), count, 0, width},
                               View{own + first, 1, rows(), count, 0, stride});
    }
    exchange_borrowed(false);
    solve_slab(direction);
    exchange_borrowed(true);
    for (Index first = 0; first < width; first += step) {
      const Index count = std::min(step, width - first);
      direction.first_out.apply(ConstView{own + first, 1, rows(), count, 0, stride},
                                View{block + first, 1, rows(), count, 0, width});
    }
  }
}

void SchurInverse::exchange_borrowed(bool back) const {
  const Index stride = share().stride;
  // The borrowed column is the slab's first, the lent one its last.
  const bool sends = back ? share().borrows : share().lends;
  const bool receives = back ? share().lends : share().borrows;
  const int to = comm().rank() + (back ? -1 : 1);
  const int from = comm().rank() + (back ? 1 : -1);
  const Index last = stride - 1;
  double* outgoing = column_.data();
  double* incoming = outgoing + rows();
  for (Index i = 0; sends && i < rows(); ++i) {
    outgoing[i] = slab_[static_cast<std::size_t>(i * stride + (back ? 0 : last))];
  }
  const int count = core::narrow<int>(rows());
  communication::check_mpi(MPI_Sendrecv(
      outgoing, count, MPI_DOUBLE, sends ? to : MPI_PROC_NULL, borrowed_tag, incoming, count,
      MPI_DOUBLE, receives ? from : MPI_PROC_NULL, borrowed_tag, comm().get(), MPI_STATUS_IGNORE));
  for (Index i = 0; receives && i < rows(); ++i) {
    slab_[static_cast<std::size_t>(i * stride + (back ? last : 0))] = incoming[i];
  }
}

void SchurInverse::to_home(const Direction& direction, std::span<double> y, bool accumulate) const {
  const Layout& layout = output_layout();
  Redistribution redistribution(*workspace_, layout);
  double* rows_of_chunk = nullptr;
  redistribution.to_home(
      piece(direction.second_out, layout.home().largest()),
      [&](Index, Index count) {
        return rows_of_chunk = factors::scratch(Scratch::chunk, count * columns());
      },
      [&](Index first, Index count) {
        double* place = y.data() + first * columns();
        double* result = accumulate ? factors::scratch(Scratch::strip, count * columns()) : place;
        direction.second_out.apply(ConstView::contiguous(rows_of_chunk, count, columns(), 1),
                                   View::contiguous(result, count, columns(), 1));
        if (accumulate) store_scaled(1.0, result, place, count * columns(), true);
      },
      true);
}

}  // namespace

OperatorPtr make_schur_inverse(const Communicator& comm, std::shared_ptr<Workspace> workspace,
                               const SchurSum& sum, Index batch, std::optional<int> leading_modes) {
  Layout layout = make_layout(comm, sum, batch, leading_modes);
  const int away = batch > 1 ? 2 : 1;
  return std::make_shared<SchurInverse>(comm, std::move(workspace), sum,
                                        layout.leading_modes() < away, layout);
}

}  // namespace kronwerk::operators
