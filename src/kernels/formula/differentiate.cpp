// Declared in kronwerk/kernels/formula/expression.hpp.
// Reverse mode on the formula itself (Griewank and Walther 2008, chapter 3): from the root to the
// leaves, every node hands cotangent · ∂node/∂argument to its arguments.
// See src/MATHEMATICS.md, "Derivatives".
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "kernels/formula/builder.hpp"
#include "kernels/formula/operations.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::kernels {
namespace {

class Differentiation {
 public:
  explicit Differentiation(const std::vector<std::string>& names) {
    names_.insert(names.begin(), names.end());
  }

  std::map<std::string, Expression> run(const Expression& formula, const Expression& cotangent) {
    const NodePtr root = builder_.import(formula.root());
    const std::vector<NodePtr> order = in_order(root);
    for (const NodePtr& node : order) mark(node);
    for (const NodePtr& node : order) mark_products(*node);
    add(root, builder_.import(cotangent.root()));
    for (auto node = order.rbegin(); node != order.rend(); ++node) {
      const auto found = cotangents_.find(node->get());
      if (found != cotangents_.end() && !is_constant(found->second, 0)) visit(*node, found->second);
    }
    std::map<std::string, Expression> result;
    for (const auto& [name, value] : gradients_) {
      if (!is_constant(value, 0)) result.emplace(name, Expression(value));
    }
    return result;
  }

 private:
  void mark(const NodePtr& node) {
    const bool leaf =
        node->operation == Operation::parameter || node->operation == Operation::variable;
    const bool wanted =
        leaf ? names_.contains(node->name)
             : std::any_of(node->arguments.begin(), node->arguments.end(),
                           [&](const NodePtr& argument) { return depends(argument); });
    if (wanted) wanted_.insert(node.get());
  }
  /// Finds exponentials beside other factors that are differentiated.
  void mark_products(const Node& node) {
    if (node.operation != Operation::multiply) return;
    std::vector<NodePtr> factors;
    collect_factors(node, factors);
    if (factors.size() < 2) return;
    for (const NodePtr& factor : factors) {
      if (factor->operation == Operation::exp) in_products_.insert(factor.get());
    }
  }
  void collect_factors(const Node& product, std::vector<NodePtr>& factors) const {
    for (const NodePtr& argument : product.arguments) {
      if (!depends(argument)) continue;
      argument->operation == Operation::multiply ? collect_factors(*argument, factors)
                                                 : factors.push_back(argument);
    }
  }
  bool depends(const NodePtr& node) const { return wanted_.contains(node.get()); }

  /// A scalar that was broadcast collects the cotangents of all components.
  void add(const NodePtr& node, const NodePtr& cotangent) {
    if (!depends(node)) return;
    const NodePtr part = node->dimension == 1 ? builder_.sum(cotangent)
                                              : builder_.with_dimension(cotangent, node->dimension);
    const auto [place, first] = cotangents_.try_emplace(node.get(), part);
    if (!first) place->second = builder_.add(place->second, part);
  }

  void visit(const NodePtr& node, const NodePtr& g) {
    builder_.set_place(node->span, node->source);
    if (node->arguments.empty()) {
      const auto [place, first] = gradients_.try_emplace(node->name, g);
      if (!first) place->second = builder_.add(place->second, g);
      return;
    }
    const Arguments arguments = traits_of(node->operation).arguments;
    if (arguments == Arguments::vectors) return visit_vector(*node, g);
    // A broadcast needs the cotangent of every component.
    const NodePtr all = builder_.with_dimension(g, node->dimension);
    if (arguments == Arguments::one) {
      add(node->arguments[0], masked(product(all, slope(node, node->arguments[0])), node));
    } else {
      visit_several(node, all);
    }
  }

  /// `value` where `condition` holds, else 0: derivatives that are infinite or undefined somewhere.
  NodePtr guarded(const NodePtr& condition, const NodePtr& value) {
    return builder_.where(condition, value, builder_.number(0));
  }
  NodePtr positive(const NodePtr& u) {
    return builder_.apply(Operation::less, builder_.number(0), u);
  }
  /// f(u) where u is not 0; numbers and parameters are left to the user.
  NodePtr where_not_zero(const NodePtr& u, const NodePtr& value) {
    if (u->axes == no_axis || is_always_positive(*u)) return value;
    return guarded(not_zero(u), value);
  }
  NodePtr where_positive(const NodePtr& u, const NodePtr& value) {
    return is_always_positive(*u) ? value : guarded(positive(u), value);
  }

  /// g · factor with masks of g kept outermost: 0 times infinity would be NaN.
  NodePtr product(const NodePtr& g, const NodePtr& factor) {
    if (g->operation == Operation::where) {
      const NodePtr& yes = g->arguments[1];
      const NodePtr& no = g->arguments[2];
      if (is_constant(no, 0)) {
        return builder_.where(g->arguments[0], product(yes, factor), builder_.number(0));
      }
      if (is_constant(yes, 0)) {
        return builder_.where(g->arguments[0], builder_.number(0), product(no, factor));
      }
    }
    return builder_.multiply(g, factor);
  }

  NodePtr quotient(const NodePtr& g, const NodePtr& divisor) {
    return g->operation == Operation::where ? product(g, builder_.reciprocal(divisor))
                                            : builder_.divide(g, divisor);
  }

  /// The derivative by the argument of exp, 0 where exp has become 0: what is inside then is -inf
  /// or far below, and its own derivative may be infinite. Not in products such as (1 + t)*exp(-t),
  /// in whose derivatives a mask would hide what cancels.
  NodePtr masked(const NodePtr& value, const NodePtr& node) {
    if (node->operation != Operation::exp || node->axes == no_axis) return value;
    return in_products_.count(node.get()) > 0 ? value : guarded(not_zero(node), value);
  }
  NodePtr not_zero(const NodePtr& u) {
    return builder_.apply(Operation::not_equal, u, builder_.number(0));
  }

  /// A factor, 0 where it is infinite: a mask around the product makes the cotangent 0 there, and
  /// 0 times infinity would be NaN.
  NodePtr finite(const NodePtr& factor) {
    const auto found = finite_.find(factor.get());
    if (found != finite_.end()) return found->second;
    return finite_.emplace(factor.get(), make_finite(factor)).first->second;
  }
  NodePtr make_finite(const NodePtr& factor) {
    switch (factor->operation) {
      case Operation::multiply: {
        const NodePtr first = finite(factor->arguments[0]);
        const NodePtr second = finite(factor->arguments[1]);
        const bool same = first == factor->arguments[0] && second == factor->arguments[1];
        return same ? factor : builder_.multiply(first, second);
      }
      case Operation::negate:
        return builder_.negate(finite(factor->arguments[0]));
      case Operation::reciprocal:
        return where_not_zero(factor->arguments[0], factor);
      case Operation::divide:
        return where_not_zero(factor->arguments[1], factor);
      case Operation::rsqrt:
      case Operation::log:
        return factor->axes == no_axis ? factor : where_positive(factor->arguments[0], factor);
      default:
        return factor;
    }
  }

  /// ∂node/∂u for the elementwise operations of one argument u.
  NodePtr slope(const NodePtr& node, const NodePtr& u) {
    Builder& b = builder_;
    switch (node->operation) {
      case Operation::negate:
        return b.number(-1);
      case Operation::exp:
        return node;
      case Operation::log:
        return where_not_zero(u, b.reciprocal(u));
      case Operation::sqrt:
        return where_positive(u, b.multiply(0.5, b.apply(Operation::rsqrt, u)));
      case Operation::rsqrt:
        return where_positive(u, b.multiply(-0.5, b.divide(node, u)));
      case Operation::reciprocal:
        return where_not_zero(u, b.negate(b.square(node)));
      case Operation::square:
        return b.multiply(2, u);
      case Operation::abs:
        return b.apply(Operation::sign, u);
      case Operation::relu:
        return positive(u);
      case Operation::sin:
        return b.apply(Operation::cos, u);
      case Operation::cos:
        return b.negate(b.apply(Operation::sin, u));
      case Operation::tan:
        return b.add(b.number(1), b.square(node));
      case Operation::asin:
        return inverse_sine_slope(u);
      case Operation::acos:
        return b.negate(inverse_sine_slope(u));
      case Operation::atan:
        return b.reciprocal(b.add(b.number(1), b.square(u)));
      case Operation::tanh:
        return b.subtract(b.number(1), b.square(node));
      case Operation::xlogx:
        return where_not_zero(u, b.add(b.number(1), b.apply(Operation::log, u)));
      case Operation::sinc:
        return sinc_slope(node, u);
      case Operation::power_integer: {
        const int exponent = static_cast<int>(node->number);
        return b.multiply(exponent, b.power_integer(u, exponent - 1));
      }
      case Operation::sign:
      case Operation::step:
      case Operation::round:
      case Operation::floor:
        return b.number(0);
      // Of other arguments; named, so that a new operation is missed here.
      // clang-format off
      case Operation::number: case Operation::parameter: case Operation::variable:
      case Operation::row: case Operation::column: case Operation::add: case Operation::subtract:
      case Operation::multiply: case Operation::divide: case Operation::power:
      case Operation::atan2: case Operation::mod: case Operation::min: case Operation::max:
      case Operation::less: case Operation::less_equal: case Operation::equal:
      case Operation::not_equal: case Operation::where: case Operation::sum: case Operation::dot:
      case Operation::sqdist: case Operation::concat: case Operation::slice:
      case Operation::matvec: case Operation::vecmat: case Operation::outer:
        // clang-format on
        break;
    }
    throw core::InternalError("not an operation of one argument");
  }

  NodePtr inverse_sine_slope(const NodePtr& u) {
    const NodePtr rest = builder_.subtract(builder_.number(1), builder_.square(u));
    return guarded(positive(rest), builder_.apply(Operation::rsqrt, rest));
  }

  /// (cos u - sinc u)/u; near 0, where that cancels, its series
  /// Σ (-1)^n 2n u^(2n-1)/(2n+1)!, to 1e-15 below 1/2.
  NodePtr sinc_slope(const NodePtr& node, const NodePtr& u) {
    Builder& b = builder_;
    const NodePtr squared = b.square(u);
    NodePtr series = b.number(1.0 / 518918400);
    for (const double coefficient : {-1.0 / 3991680, 1.0 / 45360, -1.0 / 840, 1.0 / 30, -1.0 / 3}) {
      series = b.add(b.number(coefficient), b.multiply(series, squared));
    }
    const NodePtr direct = b.divide(b.subtract(b.apply(Operation::cos, u), node), u);
    return b.where(b.apply(Operation::less, squared, b.number(0.25)), b.multiply(u, series),
                   direct);
  }

  void visit_several(const NodePtr& node, const NodePtr& g) {
    Builder& b = builder_;
    const NodePtr& p = node->arguments[0];
    const NodePtr& q = node->arguments[1];
    switch (node->operation) {
      case Operation::add:
        add(p, g);
        add(q, g);
        return;
      case Operation::subtract:
        add(p, g);
        if (depends(q)) add(q, b.negate(g));
        return;
      case Operation::multiply:
        if (depends(p)) add(p, product(g, finite(q)));
        if (depends(q)) add(q, product(g, finite(p)));
        return;
      case Operation::divide:
        if (depends(p)) add(p, where_not_zero(q, quotient(g, q)));
        if (depends(q)) add(q, where_not_zero(q, product(g, b.negate(b.divide(node, q)))));
        return;
      case Operation::power:
        return visit_power(node, g);
      case Operation::atan2: {
        const NodePtr squared = b.add(b.square(p), b.square(q));
        if (depends(p)) add(p, b.multiply(g, where_positive(squared, b.divide(q, squared))));
        if (depends(q)) {
          add(q, b.negate(b.multiply(g, where_positive(squared, b.divide(p, squared)))));
        }
        return;
      }
      case Operation::mod:
        add(p, g);
        if (depends(q)) {
          const NodePtr times = b.apply(Operation::floor, b.divide_exactly(p, q));
          add(q, b.negate(b.multiply(g, times)));
        }
        return;
      case Operation::min:
      case Operation::max: {
        const NodePtr second = node->operation == Operation::min ? b.apply(Operation::less, q, p)
                                                                 : b.apply(Operation::less, p, q);
        if (depends(p)) add(p, b.where(second, b.number(0), g));
        if (depends(q)) add(q, b.where(second, g, b.number(0)));
        return;
      }
      case Operation::where:
        if (depends(q)) add(q, b.where(p, g, b.number(0)));
        if (depends(node->arguments[2])) add(node->arguments[2], b.where(p, b.number(0), g));
        return;
      case Operation::less:
      case Operation::less_equal:
      case Operation::equal:
      case Operation::not_equal:
        return;
      // Of other arguments; named, so that a new operation is missed here.
      // clang-format off
      case Operation::number: case Operation::parameter: case Operation::variable:
      case Operation::row: case Operation::column: case Operation::negate: case Operation::exp:
      case Operation::log: case Operation::sqrt: case Operation::rsqrt: case Operation::reciprocal:
      case Operation::square: case Operation::abs: case Operation::sign: case Operation::step:
      case Operation::relu: case Operation::sin: case Operation::cos: case Operation::tan:
      case Operation::asin: case Operation::acos: case Operation::atan: case Operation::tanh:
      case Operation::xlogx: case Operation::sinc: case Operation::round: case Operation::floor:
      case Operation::power_integer: case Operation::sum: case Operation::dot:
      case Operation::sqdist: case Operation::concat: case Operation::slice:
      case Operation::matvec: case Operation::vecmat: case Operation::outer:
        // clang-format on
        break;
    }
    throw core::InternalError("not an elementwise operation of several arguments");
  }

  /// ∂(p^q)/∂p = q p^(q-1), infinite at p = 0 if q < 1; ∂(p^q)/∂q = p^q log p, 0 at p = 0.
  void visit_power(const NodePtr& node, const NodePtr& g) {
    Builder& b = builder_;
    const NodePtr& p = node->arguments[0];
    const NodePtr& q = node->arguments[1];
    if (depends(p)) {
      NodePtr by_base = b.multiply(q, b.power(p, b.subtract(q, b.number(1))));
      const std::optional<double> exponent = constant_value(q);
      if (!exponent || *exponent < 1) {
        const NodePtr finite = b.apply(Operation::less_equal, b.number(1), q);
        by_base = is_always_positive(*p)
                      ? by_base
                      : guarded(b.apply(Operation::max, not_zero(p), finite), by_base);
      }
      // An infinite base to a negative power.
      add(p, guarded(not_zero(node), product(g, by_base)));
    }
    if (depends(q)) {
      const NodePtr by_exponent = product(g, b.multiply(node, b.apply(Operation::log, p)));
      add(q, guarded(not_zero(node), where_positive(p, by_exponent)));
    }
  }

  void visit_vector(const Node& node, const NodePtr& g) {
    Builder& b = builder_;
    const NodePtr& p = node.arguments[0];
    const NodePtr& q = node.arguments.back();
    switch (node.operation) {
      case Operation::sum:
        add(p, g);
        return;
      case Operation::dot:
        if (depends(p)) add(p, product(g, q));
        if (depends(q)) add(q, product(g, p));
        return;
      case Operation::sqdist: {
        const NodePtr twice = product(g, b.number(2));
        if (depends(p)) add(p, product(twice, b.subtract(p, q)));
        if (depends(q)) add(q, product(twice, b.subtract(q, p)));
        return;
      }
      case Operation::concat: {
        int offset = 0;
        for (const NodePtr& part : node.arguments) {
          if (depends(part)) add(part, b.slice(g, offset, part->dimension));
          offset += part->dimension;
        }
        return;
      }
      case Operation::slice: {
        std::vector<NodePtr> parts;
        if (node.offset > 0) parts.push_back(b.number(0, node.offset));
        parts.push_back(g);
        const int after = p->dimension - node.offset - node.dimension;
        if (after > 0) parts.push_back(b.number(0, after));
        add(p, b.concat(parts));
        return;
      }
      case Operation::matvec:
        if (depends(p)) add(p, b.outer(g, q));
        if (depends(q)) add(q, b.vecmat(p, g));
        return;
      case Operation::vecmat:
        if (depends(p)) add(p, b.outer(q, g));
        if (depends(q)) add(q, b.matvec(p, g));
        return;
      case Operation::outer:
        if (depends(p)) add(p, b.matvec(g, q));
        if (depends(q)) add(q, b.vecmat(g, p));
        return;
      // Of other arguments; named, so that a new operation is missed here.
      // clang-format off
      case Operation::number: case Operation::parameter: case Operation::variable:
      case Operation::row: case Operation::column: case Operation::negate: case Operation::exp:
      case Operation::log: case Operation::sqrt: case Operation::rsqrt: case Operation::reciprocal:
      case Operation::square: case Operation::abs: case Operation::sign: case Operation::step:
      case Operation::relu: case Operation::sin: case Operation::cos: case Operation::tan:
      case Operation::asin: case Operation::acos: case Operation::atan: case Operation::tanh:
      case Operation::xlogx: case Operation::sinc: case Operation::round: case Operation::floor:
      case Operation::power_integer: case Operation::add: case Operation::subtract:
      case Operation::multiply: case Operation::divide: case Operation::power:
      case Operation::atan2: case Operation::mod: case Operation::min: case Operation::max:
      case Operation::less: case Operation::less_equal: case Operation::equal:
      case Operation::not_equal: case Operation::where:
        // clang-format on
        break;
    }
    throw core::InternalError("not an operation of vectors");
  }

  Builder builder_;
  std::unordered_set<std::string> names_;
  std::unordered_set<const Node*> wanted_;
  std::unordered_set<const Node*> in_products_;
  std::unordered_map<const Node*, NodePtr> cotangents_;
  std::unordered_map<const Node*, NodePtr> finite_;
  std::map<std::string, NodePtr> gradients_;
};

}  // namespace

std::map<std::string, Expression> vector_jacobian(const Expression& formula,
                                                  const Expression& cotangent,
                                                  const std::vector<std::string>& names) {
  if (cotangent.dimension() != formula.dimension()) {
    throw core::InternalError("a cotangent has another dimension than its formula");
  }
  return Differentiation(names).run(formula, cotangent);
}

Expression differentiate(const Expression& formula, const std::string& parameter) {
  if (formula.dimension() != 1) {
    throw core::InternalError("only scalar formulas are differentiated by a parameter");
  }
  const std::map<std::string, Expression> found =
      vector_jacobian(formula, make_number(1), {parameter});
  return found.empty() ? make_number(0) : found.begin()->second;
}

}  // namespace kronwerk::kernels
