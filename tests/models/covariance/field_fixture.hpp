#pragma once

#include "kronwerk/models/density/log_density.hpp"
#include "kronwerk/models/draws/sampler.hpp"
#include "models/covariance/gaussian_fixture.hpp"
#include "models/draws/sample_moments.hpp"

namespace kronwerk::models {

/// What is expected of a field, given its dense covariance.
class FieldFixture : public GaussianFixture {
 protected:
  /// The log density of one and of three observations about the mean 0.5, and its derivatives by
  /// changes of the covariance, given as dense matrices too.
  void expect_density(const CovarianceTerms& terms, const Matrix& dense,
                      const std::vector<CovarianceDerivative>& derivatives,
                      const std::vector<Matrix>& changes) const {
    for (const Index observations : {1, 3}) {
      const auto covariance = make(terms);
      const auto y = oracle::random_vector(dense.rows * observations, 8);
      GaussianDensity density(observations, local(covariance.layout(observations), y),
                              {{std::vector<std::vector<double>>(terms.extents().size()), 0.5}});
      const auto found = density.evaluate(covariance, {derivatives, true, Judged::always});
      std::vector<double> expected(changes.size(), 0.0);
      for (Index i = 0; i < observations; ++i) {
        std::vector<double> residual(y.begin() + dense.rows * i, y.begin() + dense.rows * (i + 1));
        for (double& each : residual) each -= 0.5;
        const double value = oracle::log_density(dense, residual);
        EXPECT_NEAR(found.values[static_cast<std::size_t>(i)], value, 1e-11 * std::abs(value));
        for (std::size_t p = 0; p < changes.size(); ++p) {
          expected[p] += oracle::log_density_derivative(dense, changes[p], residual);
        }
      }
      expect_close(found.gradient, expected, 1e-11);
      EXPECT_TRUE(found.verdict->accepted);
    }
  }

  /// Of 20,000 draws, within their errors.
  void expect_draws(const Sampler& sampler, const Matrix& dense) const {
    SampleMoments moments(std::vector<double>(static_cast<std::size_t>(dense.rows), 0.0));
    for (Index first = 0; first < 20000; first += 2000) {
      const Layout layout = sampler.layout(2000);
      std::vector<double> values(static_cast<std::size_t>(layout.home_size(comm_.rank())));
      sampler.draw(5, first, 2000, values);
      moments.add(whole(layout, values));
    }
    moments.expect(dense);
  }
};

}  // namespace kronwerk::models
