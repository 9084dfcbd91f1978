// Formulas as dense matrices, to first order in the parameters, with bounds of rounding errors.
#include <cmath>
#include <stdexcept>
#include <utility>

#include "adversary/material/tree.hpp"

namespace kronwerk::adversary {
namespace {

/// Applies `linear` to every derivative of `a`.
template <typename Map>
Derivatives mapped(const Derivatives& a, Map&& linear) {
  Derivatives result;
  for (const auto& [name, derivative] : a) result[name] = linear(derivative);
  return result;
}

/// a + factor * b, names that only one has included.
Derivatives added(Derivatives a, const Derivatives& b, Real factor = 1) {
  for (const auto& [name, derivative] : b) {
    const auto found = a.find(name);
    if (found == a.end()) {
      a[name] = factor * derivative;
    } else {
      found->second += factor * derivative;
    }
  }
  return a;
}

template <typename Map>
Value linear(const Value& a, Map&& map) {
  return {map(a.value), map(a.size), mapped(a.derivatives, map), mapped(a.derivative_sizes, map)};
}

/// f(a, b) for a bilinear f, by the product rule.
template <typename Map>
Value bilinear(const Value& a, const Value& b, Map&& f) {
  const auto rule = [&](const Matrix& u, const Derivatives& du, const Matrix& v,
                        const Derivatives& dv) {
    return added(mapped(du, [&](const Matrix& d) { return f(d, v); }),
                 mapped(dv, [&](const Matrix& d) { return f(u, d); }));
  };
  return {f(a.value, b.value), f(a.size, b.size),
          rule(a.value, a.derivatives, b.value, b.derivatives),
          rule(a.size, a.derivative_sizes, b.size, b.derivative_sizes)};
}

Value combined(const Value& a, const Value& b, Real sign) {
  return {a.value + sign * b.value, a.size + b.size, added(a.derivatives, b.derivatives, sign),
          added(a.derivative_sizes, b.derivative_sizes)};
}

Value inverted(const Value& a) {
  Value result;
  result.value = inverse(a.value);
  // Entrywise an error of ε |A⁻¹| size |A⁻¹|, but elimination spreads it over all entries.
  const Real spread = result.value.norm() * result.value.norm() * a.size.norm();
  result.size =
      result.value.cwiseAbs() +
      Matrix::Constant(a.value.rows(), a.value.cols(), spread / static_cast<Real>(a.value.rows()));
  result.derivatives = mapped(
      a.derivatives, [&](const Matrix& d) -> Matrix { return -(result.value * d * result.value); });
  result.derivative_sizes = mapped(
      a.derivative_sizes, [&](const Matrix& d) -> Matrix { return result.size * d * result.size; });
  return result;
}

/// f of a number with its derivative; |f'| carries errors on.
Value function(const Value& a, Real value, Real slope) {
  const auto one = [](Real x) { return Matrix::Constant(1, 1, x); };
  Value result{one(value), one(std::abs(value) + std::abs(slope) * a.size(0, 0)), {}, {}};
  for (const auto& [name, d] : a.derivatives) {
    result.derivatives[name] = one(slope * d(0, 0));
  }
  // Sizes of second derivatives are within a modest factor for the functions and numbers used here.
  for (const auto& [name, d] : a.derivative_sizes) {
    result.derivative_sizes[name] =
        one((std::abs(slope) + std::abs(value) + 1) * d(0, 0) * (1 + a.size(0, 0)));
  }
  return result;
}

Value scalar_function(Kind kind, const Value& a) {
  const Real x = a.value(0, 0);
  if (kind == Kind::exponential) return function(a, std::exp(x), std::exp(x));
  if (kind == Kind::logarithm) return function(a, std::log(x), 1 / x);
  return function(a, std::sqrt(x), 0.5L / std::sqrt(x));
}

Matrix scaled(const Matrix& a, const Matrix& b) {
  return a(0, 0) * b;
}

Value power(const Value& a, const Value& b) {
  const Real x = a.value(0, 0);
  const Real exponent = b.value(0, 0);
  return function(a, std::pow(x, exponent), exponent * std::pow(x, exponent - 1));
}

Value kronecker_sum(const std::vector<Value>& parts, const Grid& grid) {
  Value result;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    Index before = 1;
    Index after = 1;
    for (std::size_t j = 0; j < parts.size(); ++j) {
      if (j < k) before *= parts[j].value.rows();
      if (j > k) after *= parts[j].value.rows();
    }
    const Value term = linear(parts[k], [&](const Matrix& m) {
      return kron(kron(Matrix::Identity(before, before), m), Matrix::Identity(after, after));
    });
    result = k == 0 ? term : combined(result, term, 1);
  }
  if (result.value.rows() != points(grid)) throw std::logic_error("kronsum: sizes");
  return result;
}

}  // namespace

Value constant(Matrix value) {
  Matrix size = value.cwiseAbs();
  return {std::move(value), std::move(size), {}, {}};
}

Value Node::evaluate(const Parameters& parameters, const Leaves& leaves) const {
  std::vector<Value> parts;
  for (const NodePtr& argument : arguments) parts.push_back(argument->evaluate(parameters, leaves));
  const Index size = points(rows);
  switch (kind) {
    case Kind::number:
      return constant(Matrix::Constant(1, 1, number));
    case Kind::parameter: {
      Value result = constant(Matrix::Constant(1, 1, parameters.at(name)));
      result.derivatives[name] = result.derivative_sizes[name] = Matrix::Ones(1, 1);
      return result;
    }
    case Kind::matrix:
      return leaves.at(name)->evaluate(parameters);
    case Kind::identity:
    case Kind::eye:
      return constant(Matrix::Identity(size, size));
    case Kind::diagonal: {
      const Vector entries =
          leaves.at(name)->evaluate(parameters).value.reshaped<Eigen::RowMajor>();
      return constant(entries.asDiagonal().toDenseMatrix());
    }
    case Kind::transpose:
      return linear(parts[0], [](const Matrix& m) -> Matrix { return m.transpose(); });
    case Kind::inverse:
      return inverted(parts[0]);
    case Kind::kron: {
      Value result = parts[0];
      for (std::size_t k = 1; k < parts.size(); ++k) {
        result =
            bilinear(result, parts[k], [](const Matrix& a, const Matrix& b) { return kron(a, b); });
      }
      return result;
    }
    case Kind::kronsum:
      return kronecker_sum(parts, rows);
    case Kind::sum:
      return combined(parts[0], parts[1], 1);
    case Kind::difference:
      return combined(parts[0], parts[1], -1);
    case Kind::product:
      return bilinear(parts[0], parts[1],
                      [](const Matrix& a, const Matrix& b) -> Matrix { return a * b; });
    case Kind::scale:
      return bilinear(parts[0], parts[1], scaled);
    case Kind::quotient:
      return bilinear(function(parts[1], 1 / parts[1].value(0, 0),
                               -1 / (parts[1].value(0, 0) * parts[1].value(0, 0))),
                      parts[0], scaled);
    case Kind::power:
      return power(parts[0], parts[1]);
    case Kind::negation: {
      const auto negative = [](const Matrix& m) -> Matrix { return -m; };
      return {negative(parts[0].value), parts[0].size, mapped(parts[0].derivatives, negative),
              parts[0].derivative_sizes};
    }
    case Kind::exponential:
    case Kind::logarithm:
    case Kind::square_root:
      return scalar_function(kind, parts[0]);
  }
  throw std::logic_error("a kind of node without a value");
}

}  // namespace kronwerk::adversary
