// Declared in kronwerk/factors/base/make.hpp.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "factors/simple/kernel_factor.hpp"
#include "factors/simple/rank_one_factor.hpp"
#include "factors/sparse/sparse_arrays.hpp"
#include "factors/sparse/sparse_factor.hpp"
#include "factors/sparse/sparse_product.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::factors {

using communication::Communicator;
using communication::SharedArray;
using communication::SharedDense;
using communication::SharedSparse;

namespace {

bool is_kind(const FactorPtr& factor, Kind kind) {
  return factor->kind() == kind;
}
bool is_dense(const FactorPtr& factor) {
  return is_kind(factor, Kind::dense) || is_kind(factor, Kind::kernel) ||
         is_kind(factor, Kind::rank_one);
}
bool is_diagonal(const FactorPtr& factor) {
  return is_kind(factor, Kind::identity) || is_kind(factor, Kind::diagonal);
}

std::string size_text(const Factor& factor) {
  const Index extents[] = {factor.rows(), factor.cols()};
  return "'" + factor.name() + "' (" + core::to_text(extents) + ")";
}

// Only the node's first rank computes; every rank of the node then sees the result.
template <typename Work>
void on_first_of_node(const Communicator& comm, const Work& work) {
  const bool first = comm.node().rank() == 0;
  communication::collectively(comm, [&] {
    if (first) work();
  });
}

template <typename T>
SharedArray<T> share(const Communicator& comm, const std::vector<T>& values) {
  SharedArray<T> shared(comm, static_cast<Index>(values.size()));
  if (comm.node().rank() == 0) {
    std::copy(values.begin(), values.end(), shared.mutable_span().begin());
  }
  shared.publish();
  return shared;
}

FactorPtr share_sparse(const Communicator& comm, std::string name, Index rows, Index cols,
                       const SparseArrays& arrays) {
  SharedSparse matrix;
  matrix.rows = rows;
  matrix.cols = cols;
  matrix.row_offsets = share(comm, arrays.offsets);
  matrix.column_indices = share(comm, arrays.indices);
  matrix.values = share(comm, arrays.values);
  return make_sparse(std::move(name), std::move(matrix));
}

// An array of the node that `fill` writes, on the node's first rank, after it has been zeroed.
template <typename Fill>
SharedDense share_dense(const Communicator& comm, Index rows, Index cols, const Fill& fill) {
  SharedDense matrix;
  matrix.rows = rows;
  matrix.cols = cols;
  matrix.values = SharedArray<double>(comm, core::multiply(rows, cols));
  on_first_of_node(comm, [&] {
    const std::span<double> values = matrix.values.mutable_span();
    std::fill(values.begin(), values.end(), 0.0);
    fill(values);
  });
  matrix.values.publish();
  return matrix;
}

using Terms = std::span<const std::pair<double, FactorPtr>>;

void check_shapes(const std::string& name, Terms terms) {
  if (terms.empty()) throw core::ShapeError("the sum '" + name + "' has no terms");
  for (const auto& term : terms) {
    if (term.second->rows() != terms[0].second->rows() ||
        term.second->cols() != terms[0].second->cols()) {
      throw core::ShapeError("the terms of '" + name +
                             "' differ in shape: " + size_text(*terms[0].second) + " and " +
                             size_text(*term.second) + "; the terms of a sum need equal shapes");
    }
  }
}

FactorPtr combine_diagonals(std::string name, Terms terms) {
  std::vector<double> sum(static_cast<std::size_t>(terms[0].second->rows()), 0.0);
  for (const auto& [coefficient, factor] : terms) {
    const std::vector<double> values = factor->diagonal();
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += coefficient * values[i];
  }
  return make_diagonal(std::move(name), sum);
}

}  // namespace

namespace {

// One kernel or rank-one matrix and multiples of the identity: still nothing to store. Null for
// other terms.
FactorPtr combine_with_identities(const std::string& name, Terms terms) {
  FactorPtr lone;
  double scale = 0;
  double shift = 0;
  for (const auto& [coefficient, factor] : terms) {
    if (is_kind(factor, Kind::identity)) {
      shift += coefficient;
      continue;
    }
    if (lone) return nullptr;
    lone = factor;
    scale = coefficient;
  }
  if (!lone) return nullptr;
  if (const KernelFactor* kernel = as_kernel(*lone)) return kernel->scaled(name, scale, shift);
  const RankOneFactor* rank_one = as_rank_one(*lone);
  return rank_one == nullptr ? nullptr : rank_one->scaled(name, scale, shift);
}

}  // namespace

FactorPtr linear_combination(const Communicator& comm, std::string name, Terms terms) {
  check_shapes(name, terms);
  const Index rows = terms[0].second->rows();
  const Index cols = terms[0].second->cols();
  if (terms.size() == 1 && terms[0].first == 1.0) return terms[0].second;
  const auto all = [&](auto predicate) {
    return std::all_of(terms.begin(), terms.end(),
                       [&](const auto& term) { return predicate(term.second); });
  };
  if (FactorPtr kernel = combine_with_identities(name, terms)) return kernel;
  if (all(is_diagonal)) return combine_diagonals(std::move(name), terms);
  if (all([](const FactorPtr& factor) { return !is_dense(factor); })) {
    SparseArrays sum;
    on_first_of_node(comm, [&] {
      std::vector<std::pair<double, SparseArrays>> parts;
      for (const auto& [coefficient, factor] : terms) {
        parts.emplace_back(coefficient, to_sparse(*factor));
      }
      sum = add(parts);
    });
    return share_sparse(comm, std::move(name), rows, cols, sum);
  }
  return make_dense(std::move(name), share_dense(comm, rows, cols, [&](std::span<double> values) {
                      for (const auto& [coefficient, factor] : terms) {
                        factor->add_to_dense(coefficient, values);
                      }
                    }));
}

FactorPtr transpose(const Communicator& comm, std::string name, const FactorPtr& factor) {
  if (is_diagonal(factor)) return factor;
  if (is_kind(factor, Kind::kernel)) return as_kernel(*factor)->flipped(std::move(name));
  if (is_kind(factor, Kind::rank_one)) return as_rank_one(*factor)->flipped(std::move(name));
  if (is_kind(factor, Kind::sparse)) {
    SparseArrays transposed;
    on_first_of_node(comm, [&] { transposed = transpose(to_sparse(*factor).view()); });
    return share_sparse(comm, std::move(name), factor->cols(), factor->rows(), transposed);
  }
  const Index rows = factor->rows();
  const Index cols = factor->cols();
  return make_dense(std::move(name), share_dense(comm, cols, rows, [&](std::span<double> values) {
                      std::vector<double> dense(values.size(), 0.0);
                      factor->add_to_dense(1, dense);
                      for (Index i = 0; i < rows; ++i) {
                        for (Index j = 0; j < cols; ++j) {
                          values[static_cast<std::size_t>(j * rows + i)] =
                              dense[static_cast<std::size_t>(i * cols + j)];
                        }
                      }
                    }));
}

FactorPtr multiply(const Communicator& comm, std::string name, std::span<const FactorPtr> factors) {
  if (factors.empty()) throw core::ShapeError("the product '" + name + "' has no factors");
  for (std::size_t i = 1; i < factors.size(); ++i) {
    if (factors[i - 1]->cols() != factors[i]->rows()) {
      throw core::ShapeError("in the product '" + name + "', the columns of " +
                             size_text(*factors[i - 1]) + " do not match the rows of " +
                             size_text(*factors[i]));
    }
  }
  if (factors.size() == 1) return factors[0];
  const Index rows = factors.front()->rows();
  const Index cols = factors.back()->cols();

  // From the right, sparse for as long as it lasts.
  std::size_t dense_count = factors.size();
  while (dense_count > 0 && !is_dense(factors[dense_count - 1])) --dense_count;
  SparseArrays tail;
  on_first_of_node(comm, [&] {
    if (dense_count == factors.size()) return;
    tail = to_sparse(*factors.back());
    for (std::size_t i = factors.size() - 1; i-- > dense_count;) {
      tail = multiply(to_sparse(*factors[i]).view(), tail.view());
    }
  });
  if (dense_count == 0) {
    if (std::all_of(factors.begin(), factors.end(), is_diagonal)) {
      std::vector<double> values(static_cast<std::size_t>(rows), 1.0);
      for (const FactorPtr& factor : factors) {
        const std::vector<double> diagonal = factor->diagonal();
        for (std::size_t i = 0; i < values.size(); ++i) values[i] *= diagonal[i];
      }
      return make_diagonal(std::move(name), values);
    }
    return share_sparse(comm, std::move(name), rows, cols, tail);
  }
  return make_dense(
      std::move(name), share_dense(comm, rows, cols, [&](std::span<double> values) {
        const Index inner = factors[dense_count - 1]->cols();
        std::vector<double> current(static_cast<std::size_t>(core::multiply(inner, cols)), 0.0);
        if (dense_count == factors.size()) {
          for (Index i = 0; i < inner; ++i) current[static_cast<std::size_t>(i * cols + i)] = 1.0;
        } else {
          add_to_dense(tail.view(), current);
        }
        for (std::size_t i = dense_count; i-- > 0;) {
          const Factor& factor = *factors[i];
          std::vector<double> next(static_cast<std::size_t>(core::multiply(factor.rows(), cols)));
          factor.apply(ConstView::contiguous(current.data(), 1, factor.cols(), cols),
                       View::contiguous(next.data(), 1, factor.rows(), cols), false);
          current.swap(next);
        }
        std::copy(current.begin(), current.end(), values.begin());
      }));
}

}  // namespace kronwerk::factors
