// Declared in kernels/formula/builder.hpp.
// Sums over components, products of vectors and matrices, parts of vectors.
#include <algorithm>

#include "kernels/formula/builder.hpp"

namespace kronwerk::kernels {

/// Σ_c of the product's components: scalars in front, two vectors as a dot product.
NodePtr Builder::dot_of_factors(const Product& product) {
  Product scalars{product.coefficient, {}};
  Product vectors;
  int dimension = 1;
  for (const NodePtr& factor : product.factors) {
    (factor->dimension == 1 ? scalars : vectors).factors.push_back(factor);
    dimension = std::max(dimension, factor->dimension);
  }
  if (scalars.coefficient == 0) return number(0);
  if (vectors.factors.size() == 1) {
    const NodePtr& only = vectors.factors[0];
    const auto inner = [&]() -> const NodePtr& { return only->arguments[0]; };
    NodePtr result;
    if (only->operation == Operation::square && inner()->dimension == dimension) {
      result = dot(inner(), inner());
    } else if (only->operation == Operation::divide && only->arguments[1]->dimension == 1) {
      result = divide(sum(inner()), only->arguments[1]);
    } else if (only->operation == Operation::concat) {
      result = number(0);
      for (const NodePtr& part : only->arguments) result = add(result, sum(part));
    } else {
      result = make(Operation::sum, 1, {only});
    }
    append_factors(result, scalars);
    return build_product(scalars, 1);
  }
  // Vectors that vary with one index only belong together.
  std::stable_sort(vectors.factors.begin(), vectors.factors.end(),
                   [](const NodePtr& a, const NodePtr& b) {
                     return a->axes != both_axes && b->axes == both_axes;
                   });
  const NodePtr last = vectors.factors.back();
  vectors.factors.pop_back();
  const NodePtr first = build_product(vectors, dimension);
  append_factors(make(Operation::dot, 1, {first, last}), scalars);
  return build_product(scalars, 1);
}

NodePtr Builder::sum(const NodePtr& a) {
  if (a->dimension == 1) return a;
  if (const NodePtr component = repeated_component(a)) {
    return multiply(static_cast<double>(a->dimension), component);
  }
  return dot_of_factors(factors_of(a));
}

NodePtr Builder::dot(const NodePtr& a, const NodePtr& b) {
  if (a->dimension == 1) return multiply(a, b);
  if (const NodePtr component = repeated_component(a)) return multiply(component, sum(b));
  if (const NodePtr component = repeated_component(b)) return multiply(component, sum(a));
  Product left = factors_of(a);
  Product right = factors_of(b);
  Product scalars{left.coefficient * right.coefficient, {}};
  const auto take_scalars = [&](Product& product, const NodePtr& whole) {
    Product vectors;
    for (const NodePtr& factor : product.factors) {
      (factor->dimension == 1 ? scalars : vectors).factors.push_back(factor);
    }
    return vectors.factors.size() == product.factors.size() && product.coefficient == 1
               ? whole
               : build_product(vectors, whole->dimension);
  };
  const NodePtr p = take_scalars(left, a);
  const NodePtr q = take_scalars(right, b);
  if (p == q && p->operation == Operation::subtract &&
      p->arguments[0]->dimension == p->arguments[1]->dimension) {
    append_factors(sqdist(p->arguments[0], p->arguments[1]), scalars);
  } else {
    append_factors(make(Operation::dot, 1, {p, q}), scalars);
  }
  return build_product(scalars, 1);
}

NodePtr Builder::sqdist(const NodePtr& a, const NodePtr& b) {
  if (a == b) return number(0);
  if (is_constant(a, 0)) return dot(b, b);
  if (is_constant(b, 0)) return dot(a, a);
  if (a->dimension == 1 && (constant_value(a) || constant_value(b))) return square(subtract(a, b));
  return make(Operation::sqdist, 1, {a, b});
}

NodePtr Builder::concat(const std::vector<NodePtr>& parts) {
  std::vector<NodePtr> flat;
  int dimension = 0;
  for (const NodePtr& part : parts) {
    dimension += part->dimension;
    const bool nested = part->operation == Operation::concat;
    const std::vector<NodePtr> pieces = nested ? part->arguments : std::vector<NodePtr>{part};
    for (const NodePtr& piece : pieces) {
      const NodePtr previous = flat.empty() ? nullptr : flat.back();
      const bool continues = previous && previous->operation == Operation::slice &&
                             piece->operation == Operation::slice &&
                             previous->arguments[0] == piece->arguments[0] &&
                             previous->offset + previous->dimension == piece->offset;
      if (continues) {
        flat.back() =
            slice(piece->arguments[0], previous->offset, previous->dimension + piece->dimension);
      } else {
        flat.push_back(piece);
      }
    }
  }
  if (flat.size() == 1) return flat[0];
  return make(Operation::concat, dimension, std::move(flat));
}

NodePtr Builder::slice(const NodePtr& a, int offset, int count) {
  if (count == a->dimension) return a;
  if (a->operation == Operation::slice) return slice(a->arguments[0], a->offset + offset, count);
  if (a->operation == Operation::concat) {
    // The parts that the slice covers; if it cuts through one of them, that one is sliced.
    std::vector<NodePtr> parts;
    int begin = 0;
    for (const NodePtr& part : a->arguments) {
      const int first = std::max(offset, begin);
      const int last = std::min(offset + count, begin + part->dimension);
      if (first < last) parts.push_back(slice(part, first - begin, last - first));
      begin += part->dimension;
    }
    return concat(parts);
  }
  Node node;
  node.operation = Operation::slice;
  node.dimension = count;
  node.offset = offset;
  node.axes = a->axes;
  node.arguments = {a};
  return intern(std::move(node));
}

NodePtr Builder::matvec(const NodePtr& matrix, const NodePtr& a) {
  const int rows = matrix->dimension / a->dimension;
  if (a->dimension == 1) return multiply(matrix, a);
  if (is_constant(matrix, 0) || is_constant(a, 0)) return number(0, rows);
  if (rows == 1) return dot(matrix, a);
  if (matrix->operation == Operation::outer && matrix->arguments[1]->dimension == a->dimension) {
    return multiply(matrix->arguments[0], dot(matrix->arguments[1], a));
  }
  return make(Operation::matvec, rows, {matrix, a});
}

NodePtr Builder::vecmat(const NodePtr& matrix, const NodePtr& a) {
  const int columns = matrix->dimension / a->dimension;
  if (a->dimension == 1) return multiply(matrix, a);
  if (is_constant(matrix, 0) || is_constant(a, 0)) return number(0, columns);
  if (columns == 1) return dot(matrix, a);
  if (matrix->operation == Operation::outer && matrix->arguments[0]->dimension == a->dimension) {
    return multiply(matrix->arguments[1], dot(matrix->arguments[0], a));
  }
  return make(Operation::vecmat, columns, {matrix, a});
}

NodePtr Builder::outer(const NodePtr& a, const NodePtr& b) {
  if (a->dimension == 1 || b->dimension == 1) return multiply(a, b);
  if (is_constant(a, 0) || is_constant(b, 0)) return number(0, a->dimension * b->dimension);
  return make(Operation::outer, a->dimension * b->dimension, {a, b});
}

}  // namespace kronwerk::kernels
