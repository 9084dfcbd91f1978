#include "factors/dense/dense_distributed.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "factors/base/node_leaders.hpp"
#include "factors/base/process_grid.hpp"
#include "factors/base/scalapack.hpp"
#include "factors/dense/dense_factorisation.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {

using communication::Communicator;
using communication::SharedArray;

namespace {

// One factorisation on the grid's members; other ranks only agree and wait.
class DistributedFactorisation {
 public:
  DistributedFactorisation(const Communicator& comm, const DenseFactor& factor, int block)
      : comm_(comm), factor_(factor), n_(factor.rows()), grid_(comm, n_, block) {
    communication::collectively(comm, [&] {
      if (grid_.is_member()) part_.emplace(grid_, n_);
    });
  }

  // False if the matrix is not symmetric positive definite.
  bool cholesky() {
    bool candidate = false;
    communication::on_root(
        comm_, [&] { candidate = is_symmetric_with_positive_diagonal(factor_.view()); });
    if (!comm_.any(candidate)) return false;
    int info = 0;
    if (part_) {
      part_->read(factor_.view().data);
      const int n = core::narrow<int>(n_);
      const int one = 1;
      pdpotrf_("U", &n, part_->data(), &one, &one, part_->descriptor(), &info, 1);
    }
    return !comm_.any(info != 0);
  }

  // LAPACK's pivots (counted from 1), on every rank.
  std::vector<int> lu() {
    std::vector<int> pivots(static_cast<std::size_t>(n_));
    int info = 0;
    if (part_) {
      part_->read(factor_.view().data);
      pivots.resize(static_cast<std::size_t>(part_->local_rows() + grid_.block()));
      const int n = core::narrow<int>(n_);
      const int one = 1;
      pdgetrf_(&n, &n, part_->data(), &one, &one, part_->descriptor(), pivots.data(), &info);
    }
    if (comm_.any(info != 0)) throw_singular(factor_, 0.0);
    return all_pivots(pivots);
  }

  void store(const NodeLeaders& leaders, double* triangles) {
    collect(comm_, leaders, part_ ? &*part_ : nullptr,
            {triangles, static_cast<std::size_t>(core::multiply(n_, n_))});
  }

 private:
  // Each process row holds the pivots of its rows, the same in every column of the grid.
  std::vector<int> all_pivots(const std::vector<int>& local) const {
    std::vector<double> all(static_cast<std::size_t>(n_), 0.0);
    if (part_ && grid_.column() == 0) {
      for (int row = 0; row < part_->local_rows(); ++row) {
        all[static_cast<std::size_t>(part_->global_row(row))] =
            local[static_cast<std::size_t>(row)];
      }
    }
    comm_.sum(std::span<double>(all));
    return {all.begin(), all.end()};
  }

  const Communicator& comm_;
  const DenseFactor& factor_;
  Index n_;
  ProcessGrid grid_;
  std::optional<BlockCyclic> part_;
};

}  // namespace

SharedArray<std::byte> factorise_distributed(const Communicator& comm, const DenseFactor& factor,
                                             int block) {
  const DenseLayout layout(factor.rows(), factor.rows() <= inverse_extent);
  SharedArray<std::byte> memory(comm, core::narrow<Index>(layout.bytes));
  const DenseStorage storage(memory.mutable_span().data(), layout);
  const NodeLeaders leaders(comm);
  DistributedFactorisation work(comm, factor, block);
  const bool definite = work.cholesky();
  const std::vector<int> pivots = definite ? std::vector<int>{} : work.lu();
  work.store(leaders, storage.triangles);
  communication::collectively(comm, [&] {
    if (!comm.node().is_root()) return;
    *storage.header = DenseHeader{};
    if (definite) {
      describe_cholesky(factor.view(), storage);
    } else {
      describe_lu(factor.view(), pivots, storage);
    }
    check_regular(factor, *storage.header);
  });
  memory.publish();
  return memory;
}

}  // namespace kronwerk::factors
