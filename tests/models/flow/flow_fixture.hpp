#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numbers>
#include <string>
#include <vector>

#include "kronwerk/expressions/lowering.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/spectra/bases.hpp"
#include "kronwerk/models/flow/gaussian_flow.hpp"
#include "operators/base/operator_fixture.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::models {

using oracle::Matrix;
using Numbers = std::vector<double>;

/// Flow models over 5 origins and 7 destinations, factored and as dense matrices.
class FlowFixture : public operators::OperatorFixture {
 protected:
  static constexpr Index origins = 5;
  static constexpr Index destinations = 7;
  static constexpr Index cells = origins * destinations;

  /// Rows that sum to one, but for the last region, which has no neighbour.
  static Matrix weights(Index n, std::uint64_t seed) {
    Matrix w = oracle::random_matrix(n, n, seed);
    for (Index i = 0; i < n; ++i) {
      double sum = 0;
      for (Index j = 0; j < n; ++j) {
        w(i, j) = i == j || i == n - 1 ? 0 : std::abs(w(i, j));
        sum += w(i, j);
      }
      for (Index j = 0; j < n && sum > 0; ++j) w(i, j) /= sum;
    }
    return w;
  }
  /// The same, where the last region is nobody's neighbour either.
  static Matrix isolated(Index n, std::uint64_t seed) {
    Matrix w = weights(n, seed);
    for (Index i = 0; i + 1 < n; ++i) {
      const double rest = 1 - w(i, n - 1);
      w(i, n - 1) = 0;
      for (Index j = 0; j < n; ++j) w(i, j) /= rest;
    }
    return w;
  }
  /// The same, where the last region has a neighbour too: all rows sum to one.
  static Matrix equal_rows(Index n, std::uint64_t seed) {
    Matrix w = weights(n, seed);
    w(n - 1, 0) = 1;
    return w;
  }
  /// Each region's neighbour is the next one, and the last hardly has the first: all eigenvalues
  /// are near zero, with one eigenvector.
  static Matrix nearly_defective(Index n) {
    Matrix w(n, n);
    for (Index i = 0; i + 1 < n; ++i) w(i, i + 1) = 1;
    w(n - 1, 0) = 1e-9;
    return w;
  }

  void use(const Matrix& w_o, const Matrix& w_d) { w_ = {{"V", w_o}, {"W", w_d}}; }

  FlowFilter filter(const std::string& formula, const std::vector<std::string>& free,
                    const std::map<std::string, double>& fixed = {}) const {
    expressions::Symbols symbols;
    symbols.parameters = fixed;
    for (const std::string& name : free) symbols.parameters[name] = 0.1;
    for (const auto& [name, matrix] : w_) symbols.matrices[name] = {matrix.rows, matrix.cols};
    const auto sum = expressions::expand(expressions::analyse(formula, symbols, "test"),
                                         {free.begin(), free.end()}, symbols.parameters);
    return {sum, free, fixed};
  }

  FlowMatrices matrices(const FlowFilter& filter) const {
    std::map<std::string, factors::FactorPtr> loaded;
    for (const auto& [name, matrix] : w_) loaded[name] = factor(name, matrix);
    expressions::Lowering lowering(comm_, loaded);
    FlowMatrices result;
    for (const std::size_t mode : {0U, 1U}) {
      for (const auto& matrix : filter.matrices(mode)) {
        result[mode].push_back(lowering.lower(*matrix));
      }
    }
    return result;
  }

  std::unique_ptr<FilterDeterminant> determinant(const FlowFilter& filter) const {
    std::array<ModeSpectrum, 2> spectra;
    for (const std::size_t mode : {0U, 1U}) {
      const std::string name = mode == 0 ? "V" : "W";
      factors::BasisRequest request{{{factor(name, w_.at(name))}}};
      request.schur_allowed = true;
      request.eigenvalues_only = true;
      const auto values = factors::find_bases(comm_, std::span(&request, 1)).bases[0]->eigenvalues;
      for (const auto& matrix : filter.matrices(mode)) {
        auto& list = spectra[mode].values.emplace_back(values);
        if (matrix->is_identity()) std::ranges::fill(list, 1.0);
      }
    }
    return make_eigenvalue_determinant(comm_, filter.terms(), std::move(spectra));
  }

  /// This rank's rows of numbers over the grid.
  Numbers owned(const Numbers& grid) const {
    const distribution::BlockPartition rows(origins, comm_.size());
    const auto begin = grid.begin() + rows.begin(comm_.rank()) * destinations;
    return {begin, begin + rows.count(comm_.rank()) * destinations};
  }

  /// A constant, a vector of each mode, and a grid.
  std::vector<FlowColumn> columns() const {
    const Numbers u = oracle::random_vector(origins, 5);
    const Numbers v = oracle::random_vector(destinations, 6);
    return {
        {FlowColumn::Kind::kron, "kron(1, 1)", Numbers(origins, 1), Numbers(destinations, 1), {}},
        {FlowColumn::Kind::kron, "kron(u, 1)", u, Numbers(destinations, 1), {}},
        {FlowColumn::Kind::kron, "kron(1, v)", Numbers(origins, 1), v, {}},
        {FlowColumn::Kind::grid, "grid(g)", {}, {}, owned(oracle::random_vector(cells, 8))}};
  }
  /// The same, dense: (N, p).
  Matrix design() const {
    const Numbers u = oracle::random_vector(origins, 5);
    const Numbers v = oracle::random_vector(destinations, 6);
    const Numbers g = oracle::random_vector(cells, 8);
    Matrix z(cells, 4);
    for (Index i = 0; i < origins; ++i) {
      for (Index j = 0; j < destinations; ++j) {
        const Index at = i * destinations + j;
        z(at, 0) = 1;
        z(at, 1) = u[static_cast<std::size_t>(i)];
        z(at, 2) = v[static_cast<std::size_t>(j)];
        z(at, 3) = g[static_cast<std::size_t>(at)];
      }
    }
    return z;
  }
  /// What fixed effects do not explain.
  std::vector<FlowColumn> mixed_columns() const {
    return {{FlowColumn::Kind::kron,
             "kron(u, v)",
             oracle::random_vector(origins, 5),
             oracle::random_vector(destinations, 6),
             {}},
            {FlowColumn::Kind::grid, "grid(g)", {}, {}, owned(oracle::random_vector(cells, 8))}};
  }
  /// One for every region but the first destination where both have effects.
  static std::vector<FlowColumn> dummies(const FixedEffects& effects) {
    std::vector<FlowColumn> result;
    for (const std::size_t mode : {0U, 1U}) {
      if (!effects.modes[mode]) continue;
      const Index first = mode == 1 && effects.modes[0] ? 1 : 0;
      for (Index i = first; i < (mode == 0 ? origins : destinations); ++i) {
        FlowColumn column{FlowColumn::Kind::kron,
                          "dummy",
                          Numbers(origins, mode == 0 ? 0 : 1),
                          Numbers(destinations, mode == 0 ? 1 : 0),
                          {}};
        (mode == 0 ? column.origin : column.destination)[static_cast<std::size_t>(i)] = 1;
        result.push_back(std::move(column));
      }
    }
    return result;
  }
  static std::vector<std::string> texts(const std::vector<FlowColumn>& columns) {
    std::vector<std::string> result;
    for (const auto& column : columns) result.push_back(column.text);
    return result;
  }

  /// I - o V⊗I - d I⊗W - w V⊗W
  Matrix dense(double o, double d, double w) const {
    const Matrix& a = w_.at("V");
    const Matrix& b = w_.at("W");
    Matrix result = oracle::identity(a.rows * b.rows);
    result = oracle::add(1, result, -o, oracle::kron(a, oracle::identity(b.rows)));
    result = oracle::add(1, result, -d, oracle::kron(oracle::identity(a.rows), b));
    return oracle::add(1, result, -w, oracle::kron(a, b));
  }

  std::map<std::string, Matrix> w_{{"V", weights(origins, 1)}, {"W", weights(destinations, 2)}};

  bool sparse_ = false;  ///< how the weights are stored

 private:
  factors::FactorPtr factor(const std::string& name, const Matrix& matrix) const {
    if (!sparse_) {
      return factors::make_dense(name,
                                 {matrix.rows, matrix.cols,
                                  communication::SharedArray<double>::from_private(matrix.values)});
    }
    std::vector<Index> offsets{0};
    std::vector<std::int32_t> columns;
    Numbers values;
    for (Index i = 0; i < matrix.rows; ++i) {
      for (Index j = 0; j < matrix.cols; ++j) {
        if (matrix(i, j) == 0) continue;
        columns.push_back(static_cast<std::int32_t>(j));
        values.push_back(matrix(i, j));
      }
      offsets.push_back(std::ssize(columns));
    }
    return factors::make_sparse(
        name, {matrix.rows, matrix.cols, communication::SharedArray<Index>::from_private(offsets),
               communication::SharedArray<std::int32_t>::from_private(columns),
               communication::SharedArray<double>::from_private(values)});
  }
};

/// What the tests of both kinds are called.
inline std::string name_of(const ::testing::TestParamInfo<FilterActsOn>& parameter) {
  return parameter.param == FilterActsOn::errors ? "OnErrors" : "OnResponse";
}

}  // namespace kronwerk::models
