#include "models/laplace/dense_latent.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>

#include "factors/base/lapack.hpp"
#include "models/covariance/chains.hpp"

namespace kronwerk::models {

namespace {

/// Entries of Σ scale ⊗ C_k one by one.
class Entries {
 public:
  /// Collective.
  Entries(const communication::Communicator& comm, const std::vector<ScaledProduct>& terms) {
    for (const ScaledProduct& term : terms) {
      Term& made = terms_.emplace_back();
      made.scale = term.scale;
      for (const factors::Chain& chain : term.chains) {
        factors::factorise(comm, factors::to_factorise(chain));
        made.matrices.push_back(dense_matrix(chain));
        made.columns.push_back(factors::cols(chain));
      }
    }
  }

  double at(std::span<const Index> row, std::span<const Index> column) const {
    double sum = 0;
    for (const Term& term : terms_) {
      double product = term.scale;
      for (std::size_t k = 0; k < row.size(); ++k) {
        product *= term.matrices[k][static_cast<std::size_t>(row[k] * term.columns[k] + column[k])];
      }
      sum += product;
    }
    return sum;
  }

 private:
  struct Term {
    double scale = 1;
    std::vector<std::vector<double>> matrices;
    std::vector<Index> columns;
  };
  std::vector<Term> terms_;
};

/// The indices along every mode, cell after cell.
std::vector<Index> unravel(const Extents& extents, const std::vector<Index>& cells) {
  std::vector<Index> result(cells.size() * extents.size());
  for (std::size_t c = 0; c < cells.size(); ++c) {
    Index place = cells[c];
    for (std::size_t k = extents.size(); k-- > 0; place /= extents[k]) {
      result[c * extents.size() + k] = place % extents[k];
    }
  }
  return result;
}

}  // namespace

DenseLatent::DenseLatent(const communication::Communicator& comm, const LatentCells& cells,
                         const std::vector<ScaledProduct>& signal, std::span<const double> weights)
    : comm_(&comm), extents_(cells.layout.extents()), home_size_(weights.size()) {
  for (std::size_t i = 0; i < cells.y.size(); ++i) {
    if (!std::isnan(cells.y[i])) mine_.push_back(i);
  }
  std::vector<Index> counts(static_cast<std::size_t>(comm.size()), 0);
  counts[static_cast<std::size_t>(comm.rank())] = std::ssize(mine_);
  comm.sum(std::span<Index>(counts));
  Index all = 0;
  for (int rank = 0; rank < comm.size(); ++rank) {
    if (rank == comm.rank()) begin_ = all;
    all += counts[static_cast<std::size_t>(rank)];
  }
  cells_.assign(static_cast<std::size_t>(all), 0);
  roots_.assign(static_cast<std::size_t>(all), 0.0);
  for (std::size_t i = 0; i < mine_.size(); ++i) {
    const auto place = static_cast<std::size_t>(begin_) + i;
    cells_[place] = cells.layout.home_begin(comm.rank()) + static_cast<Index>(mine_[i]);
    roots_[place] = std::sqrt(weights[mine_[i]]);
  }
  comm.sum(std::span<Index>(cells_));
  comm.sum(roots_);
  const Entries entries(comm, signal);
  const std::vector<Index> index = unravel(extents_, cells_);
  const std::size_t modes = extents_.size();
  const auto m = static_cast<std::size_t>(all);
  factor_ = communication::SharedArray<double>(comm, core::multiply(all, all));
  double* b = factor_.mutable_span().data();
  const auto& node = comm.node();
  for (auto i = static_cast<std::size_t>(node.rank()); i < m;
       i += static_cast<std::size_t>(node.size())) {
    const std::span row(index.data() + i * modes, modes);
    for (std::size_t j = 0; j <= i; ++j) {
      b[i * m + j] =
          roots_[i] * roots_[j] * entries.at(row, std::span(index.data() + j * modes, modes));
    }
    b[i * m + i] += 1;
  }
  factor_.publish();
  int info = 0;
  if (node.is_root()) {
    const int order = core::narrow<int>(all);
    // The lower triangle by rows is the upper one by columns.
    dpotrf_("U", &order, b, &order, &info, 1);
  }
  if (comm.any(info != 0)) {
    throw core::DataError(
        "I + W^1/2 K W^1/2 is not positive definite to working precision; the covariance is not "
        "positive semi-definite");
  }
  double sum = 0;
  for (std::size_t i = 0; i < m; ++i) sum += 2 * std::log(b[i * m + i]);
  comm.broadcast(std::span(&sum, 1));
  log_determinant_ = sum;
}

void DenseLatent::invert() {
  if (inverse_.size() > 0) return;
  inverse_ = communication::SharedArray<double>(*comm_, factor_.size());
  if (comm_->node().is_root()) {
    std::ranges::copy(factor_.span(), inverse_.mutable_span().begin());
    const int order = core::narrow<int>(count());
    int info = 0;
    dpotri_("U", &order, inverse_.mutable_span().data(), &order, &info, 1);
  }
  inverse_.publish();
}

std::vector<double> DenseLatent::leverage() {
  invert();
  std::vector<double> result(home_size_, 0.0);
  const auto m = static_cast<std::size_t>(count());
  for (std::size_t i = 0; i < mine_.size(); ++i) {
    const auto place = static_cast<std::size_t>(begin_) + i;
    result[mine_[i]] = 1 - inverse_.span()[place * m + place];
  }
  return result;
}

double DenseLatent::trace(const std::vector<ScaledProduct>& derivative) {
  invert();
  const Entries entries(*comm_, derivative);
  const std::vector<Index> index = unravel(extents_, cells_);
  const std::size_t modes = extents_.size();
  const auto m = static_cast<std::size_t>(count());
  double sum = 0;
  for (auto i = static_cast<std::size_t>(comm_->rank()); i < m;
       i += static_cast<std::size_t>(comm_->size())) {
    const std::span row(index.data() + i * modes, modes);
    for (std::size_t j = 0; j <= i; ++j) {
      const double entry = inverse_.span()[i * m + j] * roots_[i] * roots_[j] *
                           entries.at(row, std::span(index.data() + j * modes, modes));
      sum += i == j ? entry : 2 * entry;
    }
  }
  return comm_->sum(sum);
}

void DenseLatent::explained(const std::vector<ScaledProduct>& cross, const Extents& points,
                            Index first, std::span<double> values) const {
  const Entries entries(*comm_, cross);
  const std::vector<Index> index = unravel(extents_, cells_);
  const std::size_t modes = extents_.size();
  const auto m = static_cast<std::size_t>(count());
  constexpr std::size_t block = 64;
  std::vector<double> sides;
  for (std::size_t begin = 0; begin < values.size() && m > 0; begin += block) {
    const std::size_t size = std::min(block, values.size() - begin);
    sides.resize(size * m);
    for (std::size_t i = 0; i < size; ++i) {
      const auto row = unravel(points, {first + static_cast<Index>(begin + i)});
      for (std::size_t j = 0; j < m; ++j) {
        sides[i * m + j] = roots_[j] * entries.at(row, std::span(index.data() + j * modes, modes));
      }
    }
    // Rows of sides are columns of W^½Cᵀ: L x = side.
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit,
                core::narrow<int>(size), core::narrow<int>(m), 1, factor_.data(),
                core::narrow<int>(m), sides.data(), core::narrow<int>(m));
    for (std::size_t i = 0; i < size; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < m; ++j) sum += sides[i * m + j] * sides[i * m + j];
      values[begin + i] = sum;
    }
  }
}

}  // namespace kronwerk::models
