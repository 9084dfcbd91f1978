// How often the ranks agree on the outcome of a piece of work while operators are applied: each
// time all of them wait for the slowest.
#include "kronwerk/operators/products/product_sum.hpp"
#include "operators/base/operator_fixture.hpp"

namespace {

int agreements = 0;

}  // namespace

// MPI's profiling interface: what the libraries call is this. collectively() reduces one int.
extern "C" int MPI_Allreduce(const void* send, void* receive, int count, MPI_Datatype type,
                             MPI_Op op, MPI_Comm comm) {
  if (count == 1 && type == MPI_INT && op == MPI_MIN) ++agreements;
  return PMPI_Allreduce(send, receive, count, type, op, comm);
}

namespace kronwerk::operators {
namespace {

class AgreementCountTest : public OperatorFixture {
 protected:
  /// Of one application, x and y being this rank's blocks.
  int agreements_of(const LinearOperator& op, bool transposed) const {
    const auto& from = transposed ? op.output_layout() : op.input_layout();
    const auto& to = transposed ? op.input_layout() : op.output_layout();
    const auto x = local(from, oracle::random_vector(from.size(), 1));
    std::vector<double> y(static_cast<std::size_t>(to.home_size(comm_.rank())));
    const int before = agreements;
    if (transposed) {
      op.apply_transposed(x, y);
    } else {
      op.apply(x, y);
    }
    return agreements - before;
  }

  void expect_agreed_once(const LinearOperator& op) const {
    for (const bool transposed : {false, true}) {
      SCOPED_TRACE(transposed ? "transposed" : "forward");
      EXPECT_GE(agreements_of(op, transposed), 1);
      EXPECT_EQ(agreements_of(op, transposed), 0);
      EXPECT_EQ(agreements_of(op, transposed), 0);
    }
  }

  OperatorPtr product_of(const std::vector<std::pair<Index, Index>>& shapes) const {
    return std::make_shared<const ProductSum>(make(random_matrices(shapes)));
  }
  OperatorPtr sum_of_two() const {
    std::vector<ScaledProduct> terms;
    for (const double scale : {1.0, -0.5}) {
      const auto matrices = random_matrices({{6, 6}, {5, 5}});
      terms.push_back(
          {scale, chains({oracle::add(scale, matrices[0], 1, matrices[0]), matrices[1]})});
      terms.back().chains[static_cast<std::size_t>(scale > 0)] = {
          {factors::make_identity(scale > 0 ? 5 : 6), false, false}};
    }
    return std::make_shared<const ProductSum>(comm_, workspace_, std::move(terms));
  }
};

TEST_F(AgreementCountTest, AProductAgreesOnItsFirstApplicationOnly) {
  expect_agreed_once(*product_of({{7, 5}, {4, 6}}));
}

TEST_F(AgreementCountTest, ASumOfProductsAgreesOnItsFirstApplicationOnly) {
  expect_agreed_once(*sum_of_two());
}

TEST_F(AgreementCountTest, ACompositionAgreesOnItsFirstApplicationOnly) {
  const auto a = product_of({{6, 6}, {5, 5}});
  expect_agreed_once(*compose(-2.0, {a, a, a}));
}

TEST_F(AgreementCountTest, AddedOperatorsAgreeOnTheirFirstApplicationOnly) {
  const auto a = product_of({{6, 6}, {5, 5}});
  const auto b = product_of({{6, 6}, {5, 5}});
  expect_agreed_once(*add({a, b}));
}

TEST_F(AgreementCountTest, SizesThatAreWrongLaterAreStillRefused) {
  const auto op = product_of({{6, 6}, {5, 5}});
  agreements_of(*op, false);
  std::vector<double> x(static_cast<std::size_t>(op->input_layout().home_size(comm_.rank())) + 1);
  std::vector<double> y = x;
  EXPECT_THROW(op->apply(x, y), core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::operators
