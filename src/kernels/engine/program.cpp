#include "kernels/engine/program_state.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::kernels {

Program::Program(const Expression& formula, Constants constants, Precision precision) {
  if (formula.dimension() != 1) {
    throw core::ShapeError("the matrix of a kernel formula needs a scalar, but the formula gives " +
                           std::to_string(formula.dimension()) + " values");
  }
  ScalarGraph graph(constants, precision);
  const int root = graph.lower(formula.root())[0];
  state_ = std::make_shared<const State>(
      State{formula, precision, compile(graph, {Sink{Sink::Kind::tile, root}}),
            compile(graph, {Sink{Sink::Kind::extra_product, root}})});
}

const Expression& Program::formula() const noexcept {
  return state_->formula;
}

Precision Program::precision() const noexcept {
  return state_->precision;
}

double Program::cost_per_pair() const noexcept {
  return cost_of(state_->values.code) * (state_->precision == Precision::float32 ? 0.5 : 1.0);
}

}  // namespace kronwerk::kernels
