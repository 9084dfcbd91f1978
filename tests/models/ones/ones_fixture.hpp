#pragma once

#include <functional>
#include <vector>

#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/models/density/log_density.hpp"
#include "kronwerk/models/draws/prediction.hpp"
#include "kronwerk/models/missing/missing.hpp"
#include "models/covariance/gaussian_fixture.hpp"

namespace kronwerk::models {

/// Σ_t scale_t ⊗A_t,k + noise I (or noise ⊗D_k), where letters name A_t,k: k, an exponential kernel
/// of the term's own; s, a smooth one; c, the exponential kernel that terms have in common; j,
/// ones; i, the identity. Structured and dense, with its derivatives and at new points.
class OnesFixture : public GaussianFixture {
 protected:
  struct Term {
    double scale;
    std::string letters;
  };
  struct Model {
    Extents extents;
    std::vector<Term> terms;
    double noise;
    Extents fresh{};  ///< per mode the number of new points; 0: the data's
    std::vector<std::vector<double>> diagonals{};  ///< D_k; empty for I
  };

  static double length(const Model& model, std::size_t mode, std::size_t term) {
    const bool common = model.terms[term].letters[mode] == 'c';
    return 1.1 + 0.4 * static_cast<double>(mode) + (common ? 0 : 0.3 * static_cast<double>(term));
  }
  static Matrix ones(Index rows, Index cols) {
    Matrix result(rows, cols);
    std::ranges::fill(result.values, 1.0);
    return result;
  }
  /// @param rows, shift  of the points by the n of the data
  static Matrix dense_factor(char letter, double l, Index rows, Index n, double shift) {
    if (letter == 'j') return ones(rows, n);
    if (letter == 'i') return rows == n && shift == 0 ? oracle::identity(n) : Matrix(rows, n);
    return kernel(rows, n, shift, [&](double d) {
      return letter == 's' ? std::exp(-d * d / (l * l)) : std::exp(-d / l);
    });
  }
  /// Equal matrices are the same factor.
  factors::Chain structured(char letter, const Matrix& matrix) const {
    if (letter == 'j') return {{factors::make_ones(matrix.rows, matrix.cols)}};
    if (letter == 'i' && matrix.rows == matrix.cols) return identity(matrix.rows);
    return known('K', matrix, [&] { return chain(matrix, "K"); });
  }
  factors::Chain known(char name, const Matrix& matrix,
                       const std::function<factors::Chain()>& make) const {
    for (const Known& each : known_) {
      if (each.name == name && each.matrix.rows == matrix.rows &&
          each.matrix.values == matrix.values) {
        return each.chain;
      }
    }
    return known_.emplace_back(Known{name, matrix, make()}).chain;
  }

  static std::vector<Matrix> factors_of(const Model& model, std::size_t t, bool new_rows,
                                        bool new_columns) {
    std::vector<Matrix> result;
    for (std::size_t k = 0; k < model.extents.size(); ++k) {
      const Index n = model.extents[k];
      const Index fresh = model.fresh.empty() ? 0 : model.fresh[k];
      const bool crossing = fresh > 0 && new_rows && !new_columns;
      const Index rows = fresh > 0 && new_rows ? fresh : n;
      const Index cols = fresh > 0 && new_columns ? fresh : n;
      result.push_back(dense_factor(model.terms[t].letters[k], length(model, k, t), rows, cols,
                                    crossing ? 0.4 : 0));
    }
    return result;
  }
  static Matrix dense_signal(const Model& model, bool new_rows = false, bool new_columns = false) {
    Matrix result;
    for (std::size_t t = 0; t < model.terms.size(); ++t) {
      const Matrix part = oracle::kron(factors_of(model, t, new_rows, new_columns));
      result = t == 0 ? oracle::add(model.terms[t].scale, part, 0, part)
                      : oracle::add(1, result, model.terms[t].scale, part);
    }
    return result;
  }
  static Matrix dense(const Model& model) {
    const Matrix signal = dense_signal(model);
    Matrix noise = oracle::identity(signal.rows);
    if (!model.diagonals.empty()) {
      std::vector<Matrix> parts;
      for (const auto& each : model.diagonals) parts.push_back(dense_diagonal(each));
      noise = oracle::kron(parts);
    }
    return oracle::add(1, signal, model.noise, noise);
  }

  CovarianceTerms terms_of(const Model& model) const {
    CovarianceTerms result;
    for (std::size_t t = 0; t < model.terms.size(); ++t) {
      auto& term = result.signal.emplace_back(ScaledProduct{model.terms[t].scale, {}});
      const auto matrices = factors_of(model, t, false, false);
      for (std::size_t k = 0; k < matrices.size(); ++k) {
        term.chains.push_back(structured(model.terms[t].letters[k], matrices[k]));
      }
    }
    result.noise = ScaledProduct{model.noise, {}};
    for (std::size_t k = 0; k < model.extents.size(); ++k) {
      const Index n = model.extents[k];
      result.noise->chains.push_back(model.diagonals.empty()
                                         ? identity(n)
                                         : known('D', dense_diagonal(model.diagonals[k]),
                                                 [&] { return diagonal(model.diagonals[k]); }));
    }
    return result;
  }
  PredictionGrid grid_of(const Model& model) const {
    PredictionGrid result;
    for (std::size_t t = 0; t < model.terms.size(); ++t) {
      auto& term = result.terms.emplace_back();
      const auto cross = factors_of(model, t, true, false);
      const auto prior = factors_of(model, t, true, true);
      for (std::size_t k = 0; k < cross.size(); ++k) {
        NewPoints& points = term.emplace_back();
        if (model.fresh.empty() || model.fresh[k] == 0) continue;
        points.cross = structured(model.terms[t].letters[k], cross[k]);
        points.prior = structured(model.terms[t].letters[k], prior[k]);
      }
    }
    return result;
  }

  /// By the scale of every term, the lengths of kernels 'k', and the noise's variance.
  struct Derivatives {
    std::vector<CovarianceDerivative> structured_ones;
    std::vector<Matrix> dense_ones;
  };
  Derivatives derivatives_of(const Model& model) const {
    Derivatives result;
    const CovarianceTerms terms = terms_of(model);
    const auto zero = Matrix(core::product(model.extents), core::product(model.extents));
    for (std::size_t t = 0; t < model.terms.size(); ++t) {
      const auto matrices = factors_of(model, t, false, false);
      result.structured_ones.push_back({{1, terms.signal[t].chains}});
      result.dense_ones.push_back(oracle::kron(matrices));
      for (std::size_t k = 0; k < matrices.size(); ++k) {
        if (model.terms[t].letters[k] != 'k' && model.terms[t].letters[k] != 'c') continue;
        auto chains = terms.signal[t].chains;
        auto changed = matrices;
        changed[k] = exponential_derivative(model.extents[k], length(model, k, t));
        chains[k] = chain(changed[k], "dK");
        result.structured_ones.push_back({{model.terms[t].scale, chains}});
        result.dense_ones.push_back(
            oracle::add(model.terms[t].scale, oracle::kron(changed), 0, zero));
      }
    }
    result.structured_ones.push_back({*terms.noise});
    result.structured_ones.back().products.front().scale = 1;
    Model silent = model;
    silent.noise = 1;
    for (Term& term : silent.terms) term.scale = 0;
    result.dense_ones.push_back(dense(silent));
    return result;
  }

  /// Its determinant, itself, its inverse and its root.
  void expect_matrix(const Model& model) const {
    const auto covariance = make(terms_of(model));
    const Matrix matrix = dense(model);
    const double tolerance = 1e-13 * covariance.largest() / covariance.smallest();
    EXPECT_NEAR(covariance.log_determinant(), oracle::log_abs_det(matrix), 1e2 * tolerance);
    for (const Index batch : {1, 3}) {
      const auto x = oracle::random_vector(batch * matrix.rows, 5);
      std::vector<double> image, solution;
      for (Index i = 0; i < batch; ++i) {
        const auto one = std::span(x).subspan(static_cast<std::size_t>(i * matrix.rows),
                                              static_cast<std::size_t>(matrix.rows));
        const auto forward = oracle::multiply(matrix, one);
        const auto backward = oracle::solve(matrix, one);
        image.insert(image.end(), forward.begin(), forward.end());
        solution.insert(solution.end(), backward.begin(), backward.end());
      }
      expect_close(apply(*covariance.forward(batch), x), image, 1e-13);
      expect_close(apply(*covariance.inverse(batch), x), solution, 10 * tolerance);
      if (covariance.update() != nullptr) continue;
      const auto root = covariance.root(batch, covariance.layout(batch).leading_modes());
      expect_close(apply(*root, apply(*root, x)), image, 1e-12);
    }
  }

  /// The density of one and of several observations, with its gradient.
  void expect_density(const Model& model) const {
    const auto covariance = make(terms_of(model));
    const Matrix matrix = dense(model);
    const auto derivatives = derivatives_of(model);
    const double tolerance = 1e-12 * covariance.largest() / covariance.smallest();
    for (const Index observations : {1, 3}) {
      const auto y = oracle::random_vector(observations * matrix.rows, 7);
      GaussianDensity density(observations, local(covariance.layout(observations), y), {});
      const auto found =
          density.evaluate(covariance, {derivatives.structured_ones, true, Judged::always, 1e-10});
      EXPECT_TRUE(found.verdict && found.verdict->accepted);
      std::vector<double> gradient(derivatives.dense_ones.size(), 0.0), input;
      for (Index i = 0; i < observations; ++i) {
        const auto one = std::span(y).subspan(static_cast<std::size_t>(i * matrix.rows),
                                              static_cast<std::size_t>(matrix.rows));
        const double expected = oracle::log_density(matrix, one);
        EXPECT_NEAR(found.values[static_cast<std::size_t>(i)], expected,
                    tolerance * std::abs(expected));
        for (std::size_t p = 0; p < gradient.size(); ++p) {
          gradient[p] += oracle::log_density_derivative(matrix, derivatives.dense_ones[p], one);
        }
        for (const double each : oracle::solve(matrix, one)) input.push_back(-each);
      }
      expect_close(found.gradient, gradient, tolerance);
      expect_close(whole(covariance.layout(observations), found.input_gradient), input, tolerance);
      for (std::size_t p = 0; p < gradient.size() && covariance.update() == nullptr; ++p) {
        double trace = 0;
        const Matrix ratio = oracle::solve(matrix, derivatives.dense_ones[p]);
        for (Index i = 0; i < ratio.rows; ++i) trace += ratio(i, i);
        EXPECT_NEAR(covariance.trace_of_inverse(derivatives.structured_ones[p].products), trace,
                    tolerance * std::max(1.0, std::abs(trace)));
      }
    }
  }

  /// Means and variances at the points of the data and at new ones.
  void expect_prediction(Model model) const {
    for (const bool fresh : {false, true}) {
      model.fresh.clear();
      for (const Index n : model.extents) {
        if (fresh) model.fresh.push_back(n == 4 ? 0 : n + 1);
      }
      SCOPED_TRACE(core::to_text(model.extents) + " " + core::to_text(model.fresh));
      const auto covariance = make(terms_of(model));
      const Prediction prediction(covariance, grid_of(model));
      const Matrix matrix = dense(model);
      const auto y = oracle::random_vector(2 * matrix.rows, 9);
      GaussianDensity density(2, local(covariance.layout(2), y), {});
      const auto layout = prediction.layout(2);
      std::vector<double> mean(static_cast<std::size_t>(layout.home_size(comm_.rank())), 0.0);
      prediction.add_mean(2, density.solve(covariance, {}), mean);
      const Matrix cross = dense_signal(model, true), prior = dense_signal(model, true, true);
      std::vector<double> expected;
      Matrix posterior;
      for (std::size_t i = 0; i < 2; ++i) {
        const auto size = static_cast<std::size_t>(matrix.rows);
        const auto one =
            oracle::posterior(matrix, cross, prior, std::span(y).subspan(i * size, size));
        expected.insert(expected.end(), one.mean.begin(), one.mean.end());
        posterior = one.covariance;
      }
      expect_close(whole(layout, mean), expected, 1e-11);
      const auto one = prediction.layout();
      std::vector<double> variance(static_cast<std::size_t>(one.home_size(comm_.rank())));
      prediction.variance(variance);
      const auto found = whole(one, variance);
      for (Index i = 0; i < posterior.rows; ++i) {
        EXPECT_NEAR(found[static_cast<std::size_t>(i)], posterior(i, i), 1e-11);
      }
      EXPECT_THROW(prediction.covariance(), core::ConfigurationError);
    }
  }

  /// The density of 20 cells, some of them hidden, with its gradient.
  void expect_density_of_observed(const Model& model) const {
    const auto covariance = make(terms_of(model));
    const auto derivatives = derivatives_of(model);
    const std::vector<Index> hidden{0, 6, 7, 13};
    std::vector<Index> kept;
    for (Index i = 0; i < 20; ++i) {
      if (std::ranges::find(hidden, i) == hidden.end()) kept.push_back(i);
    }
    const auto select = [&](const Matrix& a) {
      Matrix result(std::ssize(kept), std::ssize(kept));
      for (Index i = 0; i < result.rows; ++i) {
        for (Index j = 0; j < result.cols; ++j) {
          result(i, j) = a(kept[static_cast<std::size_t>(i)], kept[static_cast<std::size_t>(j)]);
        }
      }
      return result;
    };
    const auto y = oracle::random_vector(20, 9);
    std::vector<double> flags(20, 0.0), observed;
    for (const Index cell : hidden) flags[static_cast<std::size_t>(cell)] = 1;
    for (const Index cell : kept) observed.push_back(y[static_cast<std::size_t>(cell)]);
    const auto block = local(covariance.layout(), flags);
    const CellMask mask(comm_, covariance.layout(), {block.begin(), block.end()});
    MissingDensity density(1, local(covariance.layout(), y), {}, mask);
    const auto found =
        density.evaluate(covariance, {derivatives.structured_ones, false, Judged::always, 1e-10});
    const Matrix matrix = select(dense(model));
    EXPECT_NEAR(found.density.values[0], oracle::log_density(matrix, observed), 1e-9);
    for (std::size_t p = 0; p < derivatives.dense_ones.size(); ++p) {
      EXPECT_NEAR(
          found.density.gradient[p],
          oracle::log_density_derivative(matrix, select(derivatives.dense_ones[p]), observed),
          1e-8);
    }
  }

  template <typename Work>
  static void for_models(const std::vector<Model>& models, const Work& work) {
    for (const Model& model : models) {
      std::string text = core::to_text(model.extents);
      for (const Term& term : model.terms) text += " " + term.letters;
      SCOPED_TRACE(text);
      work(model);
    }
  }

 private:
  struct Known {
    char name;
    Matrix matrix;
    factors::Chain chain;
  };
  mutable std::vector<Known> known_;
};

}  // namespace kronwerk::models
