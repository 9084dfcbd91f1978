// What one rank of a node computes for all may fail there alone: all ranks hear of it.
#include <cmath>
#include <new>

#include "factors/base/local_factorisation.hpp"
#include "kronwerk/models/density/log_density.hpp"
#include "kronwerk/models/draws/prediction.hpp"
#include "models/covariance/gaussian_fixture.hpp"

namespace kronwerk::models {
namespace {

/// A matrix that a rank cannot work with for want of memory.
class FailingFactor final : public factors::Factor {
 public:
  FailingFactor(Matrix matrix, bool fails)
      : Factor(factors::Kind::sparse, matrix.rows, matrix.cols, "failing"),
        matrix_(std::move(matrix)),
        fails_(fails) {}

  double flops_per_fibre() const override { return static_cast<double>(rows() * cols()); }
  Index bytes() const override { return 8 * rows() * cols(); }
  std::vector<double> diagonal() const override {
    check();
    std::vector<double> result;
    for (Index i = 0; i < rows(); ++i) result.push_back(matrix_(i, i));
    return result;
  }
  void add_to_dense(double scale, std::span<double> out) const override {
    check();
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += scale * matrix_.values[i];
  }

 private:
  void check() const {
    if (fails_) throw std::bad_alloc();
  }
  void do_apply(factors::ConstView x, factors::View y, bool transposed) const override {
    check();
    const Matrix matrix = transposed ? oracle::transpose(matrix_) : matrix_;
    for (Index l = 0; l < x.left; ++l) {
      for (Index r = 0; r < x.right; ++r) {
        for (Index i = 0; i < y.extent; ++i) {
          double sum = 0;
          for (Index j = 0; j < x.extent; ++j) {
            sum += matrix(i, j) * x.data[l * x.left_stride + j * x.row_stride + r];
          }
          y.data[l * y.left_stride + i * y.row_stride + r] = sum;
        }
      }
    }
  }
  std::unique_ptr<factors::LocalFactorisation> begin_factorisation() const override {
    throw core::InternalError("this matrix is not for solving");
  }
  std::shared_ptr<const factors::Factorisation> attach_factorisation(
      communication::SharedArray<std::byte> /*memory*/) const override {
    throw core::InternalError("this matrix is not for solving");
  }

  Matrix matrix_;
  bool fails_;
};

class FailingRank : public GaussianFixture {
 protected:
  static constexpr Index data = 5, fresh = 4, other = 3;

  factors::Chain failing(const Matrix& matrix, int rank) const {
    return {{std::make_shared<FailingFactor>(matrix, comm_.rank() == rank)}};
  }
  static double decay(double distance) { return std::exp(-distance); }
  static Matrix cross() { return kernel(fresh, data, 0.3, decay); }
  static Matrix prior() { return kernel(fresh, fresh, 0, decay); }

  Covariance covariance() const {
    CovarianceTerms terms;
    terms.signal = {{1.5, {chain(exponential(data, 1)), chain(exponential(other, 1))}}};
    terms.noise = ScaledProduct{0.2, {identity(data), identity(other)}};
    return make(std::move(terms));
  }
  static PredictionGrid grid(const NewPoints& points) { return {{{points, {}}}}; }
};

TEST_F(FailingRank, OfThePriorOfNewPointsIsHeardOf) {
  const Covariance k = covariance();
  for (int rank = 0; rank < comm_.size(); ++rank) {
    const NewPoints points{chain(cross()), failing(prior(), rank)};
    EXPECT_THROW(Prediction(k, grid(points)), core::ResourceError) << rank;
  }
  const Prediction works(k, grid({chain(cross()), failing(prior(), -1)}));
  EXPECT_EQ(works.extents(), (Extents{fresh, other}));
}

TEST_F(FailingRank, OfACrossCovarianceIsHeardOf) {
  const Covariance k = covariance();
  EXPECT_THROW(Prediction(k, grid({failing(cross(), 0), chain(prior())})), core::ResourceError);
}

TEST_F(FailingRank, OfTheJointMatrixOfDrawsIsHeardOf) {
  const Covariance k = covariance();
  const NewPoints points{chain(cross()), failing(prior(), 0), {1, 1, 1, 1}};
  const Prediction prediction(k, grid(points));
  EXPECT_THROW(PosteriorSampler{prediction}, core::ResourceError);
}

TEST_F(FailingRank, OfADerivativeInABasisIsHeardOf) {
  const Covariance k = covariance();
  const auto y = oracle::random_vector(data * other, 3);
  GaussianDensity density(1, local(k.layout(), y), {});
  DensityRequest request;
  request.derivatives.push_back(
      {{1, {failing(exponential_derivative(data, 1), 0), chain(exponential(other, 1))}}});
  EXPECT_THROW(density.evaluate(k, request), core::ResourceError);
}

}  // namespace
}  // namespace kronwerk::models
