// Random operators over grids: trees, and the structures with methods of their own.
#include <algorithm>
#include <utility>

#include "adversary/operators/formulas.hpp"

namespace kronwerk::adversary {

NodePtr FormulaMaker::factors_of(const std::vector<NodePtr>& factors) {
  return factors.size() == 1 && random_.one_in(2) ? factors.front() : adversary::kron(factors);
}

NodePtr FormulaMaker::units(const Grid& grid, bool sized) {
  if (!sized && random_.one_in(3)) return identity(grid);
  std::vector<NodePtr> factors;
  for (const Index extent : grid) factors.push_back(unit(extent, sized));
  return adversary::kron(factors);
}

NodePtr FormulaMaker::kronecker(const Grid& rows, const Grid& cols, int depth, bool sized) {
  std::vector<NodePtr> factors;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    // Now and then a group of modes that is an operator itself.
    if (depth > 0 && k + 1 < rows.size() && random_.one_in(8)) {
      factors.push_back(operation({rows[k], rows[k + 1]}, {cols[k], cols[k + 1]}, depth - 1, true));
      ++k;
      continue;
    }
    factors.push_back(matrix(rows[k], cols[k], std::max(depth - 1, 0), sized));
  }
  return adversary::kron(factors);
}

std::string FormulaMaker::grid_vector(const Grid& grid, bool regular) {
  const Grid shape = random_.one_in(2) ? grid : Grid{points(grid)};
  return material_.add_vector(random_diagonal(random_, points(grid), regular), shape);
}

NodePtr FormulaMaker::regular_product(const Grid& grid) {
  std::vector<NodePtr> factors;
  for (const Index extent : grid) factors.push_back(square(extent, Wish::regular));
  return factors_of(factors);
}

NodePtr FormulaMaker::operation(const Grid& rows, const Grid& cols, int depth, bool sized) {
  const bool is_square = rows == cols;
  if (depth == 0) return kronecker(rows, cols, 0, sized);
  switch (random_.below(is_square ? 13 : 9)) {
    case 0:
    case 1: {
      NodePtr a = operation(rows, cols, depth - 1, false);
      NodePtr b = operation(rows, cols, depth - 1, sized);
      if (random_.one_in(2)) std::swap(a, b);
      return random_.one_in(2) ? sum(a, b) : difference(a, b);
    }
    case 2: {
      Grid middle = rows;
      for (Index& extent : middle) extent = random_.one_in(2) ? extent : 1 + random_.below(4);
      return product(operation(rows, middle, depth - 1, true),
                     operation(middle, cols, depth - 1, true));
    }
    case 3:
      return transpose(operation(cols, rows, depth - 1, sized));
    case 4:
      return product(scalar(2), operation(rows, cols, depth - 1, sized));
    case 5:
      return quotient(operation(rows, cols, depth - 1, sized), number(4));
    case 6:
      return negation(operation(rows, cols, depth - 1, sized));
    case 9:
    case 10: {
      std::vector<NodePtr> factors;
      for (const Index extent : rows) factors.push_back(matrix(extent, extent, depth - 1, true));
      return kronsum(factors);
    }
    case 11:
      return inverse(regular_product(rows));
    case 12:
      if (rows.size() > 1 && depth == 1) return diagonal(grid_vector(rows, false), rows);
      return product(scalar(1), units(rows, sized));
    default:
      return kronecker(rows, cols, depth, sized);
  }
}

NodePtr FormulaMaker::polynomial(const Grid& grid) {
  std::vector<NodePtr> weights;
  static const std::vector<Wish> wishes{Wish::weights, Wish::weights, Wish::symmetric, Wish::any};
  const Wish wish = random_.pick(wishes);
  for (const Index extent : grid) weights.push_back(stored(extent, wish));
  std::vector<NodePtr> coefficients;
  // One mode or another may get no weights at all.
  NodePtr result = units(grid, true);
  for (Index pattern = 1; pattern < (Index{1} << std::min<std::size_t>(grid.size(), 3));
       ++pattern) {
    if (random_.one_in(5)) continue;
    std::vector<NodePtr> factors;
    for (std::size_t k = 0; k < grid.size(); ++k) {
      const bool here = (pattern >> k & 1) != 0;
      NodePtr factor = here ? weights[k] : unit(grid[k], false);
      if (here && random_.one_in(8)) factor = product(weights[k], weights[k]);
      factors.push_back(factor);
    }
    NodePtr coefficient;
    if (pattern == 3 && coefficients.size() == 2 && random_.one_in(2)) {
      coefficient = negation(product(coefficients[0], coefficients[1]));
    } else {
      coefficient = scalar(0);
      coefficients.push_back(coefficient);
    }
    result = difference(result, product(coefficient, adversary::kron(factors)));
  }
  return result;
}

NodePtr FormulaMaker::symmetric_pairs(const Grid& grid) {
  std::vector<NodePtr> first;
  std::vector<NodePtr> second;
  const bool definite = random_.one_in(2);
  for (const Index extent : grid) {
    first.push_back(square(extent, definite ? Wish::positive : Wish::symmetric));
    second.push_back(square(extent, Wish::positive));
    if (!definite && random_.one_in(2)) std::swap(first.back(), second.back());
  }
  const NodePtr a = adversary::kron(first);
  const NodePtr b = adversary::kron(second);
  return sum(a, random_.one_in(2) ? product(scalar(0), b) : b);
}

NodePtr FormulaMaker::sums(const Grid& grid, int terms, Wish wish) {
  NodePtr result;
  for (int t = 0; t < terms; ++t) {
    std::vector<NodePtr> factors;
    for (const Index extent : grid)
      factors.push_back(square(extent, t == 0 ? Wish::regular : wish));
    NodePtr term = adversary::kron(factors);
    if (random_.one_in(2)) term = product(scalar(0), term);
    result = t == 0 ? term : random_.one_in(2) ? sum(result, term) : difference(result, term);
  }
  return result;
}

NodePtr FormulaMaker::with_grid_diagonal(const Grid& grid) {
  if (grid.size() == 1) return regular_product(grid);
  const NodePtr middle = diagonal(grid_vector(grid, true), grid);
  switch (random_.below(5)) {
    case 0:
      return product(middle, regular_product(grid));
    case 1:
      return product(regular_product(grid), middle);
    case 2:
      return product(product(regular_product(grid), middle), regular_product(grid));
    case 3:
      return sum(regular_product(grid), middle);
    default:
      return sum(product(scalar(0), middle), kronsum([&] {
                   std::vector<NodePtr> factors;
                   for (const Index n : grid) factors.push_back(stored(n, Wish::regular));
                   return factors;
                 }()));
  }
}

NodePtr FormulaMaker::kernel_system(const Grid& grid) {
  const Index n = grid.front();
  const auto scale = material_.add_parameter(random_.between(0.3, 1.5), "l");
  const NodePtr kernel = adversary::matrix(
      material_.add_kernel(random_.pick(kernel_functions()), random_points(random_, n), scale,
                           random_.one_in(3) ? 0.125 : 0),
      n, n);
  const auto alpha = material_.add_parameter(random_.between(0.05, 1), "a");
  const NodePtr scaled = random_.one_in(2) ? product(scalar(1), kernel) : kernel;
  return sum(scaled, product(parameter(alpha), identity({n})));
}

/// The same operator within something else: scaled, transposed, between regular products.
NodePtr FormulaMaker::wrapped(NodePtr tree, const Grid& grid) {
  switch (random_.below(12)) {
    case 0:
      return transpose(tree);
    case 1:
      return product(sum(number(1), make(Kind::exponential, {scalar(0)}, {}, {})), tree);
    case 2:
      return negation(tree);
    case 3:
      return product(regular_product(grid), tree);
    case 4:
      return product(tree, inverse(regular_product(grid)));
    default:
      return tree;
  }
}

Formula FormulaMaker::structured(Structure structure, const Grid& grid) {
  Formula result{nullptr, structure};
  switch (structure) {
    case Structure::product:
      result.tree = regular_product(grid);
      break;
    case Structure::kronecker_sum: {
      std::vector<NodePtr> factors;
      static const std::vector<Wish> wishes{Wish::regular, Wish::symmetric, Wish::positive,
                                            Wish::any};
      const Wish wish = random_.pick(wishes);
      for (const Index extent : grid) factors.push_back(square(extent, wish));
      result.tree = kronsum(factors);
      if (random_.one_in(2)) result.tree = sum(result.tree, product(scalar(1), units(grid, false)));
      break;
    }
    case Structure::shifted_product: {
      std::vector<NodePtr> factors;
      static const std::vector<Wish> wishes{Wish::any, Wish::symmetric, Wish::positive};
      const Wish wish = random_.pick(wishes);
      for (const Index extent : grid) factors.push_back(stored(extent, wish));
      result.tree = sum(adversary::kron(factors), product(scalar(1), units(grid, false)));
      break;
    }
    case Structure::polynomial:
      result.tree = polynomial(grid);
      break;
    case Structure::symmetric_pairs:
      result.tree = symmetric_pairs(grid);
      break;
    case Structure::sylvester:
      result.tree = sums(grid, 2, random_.one_in(2) ? Wish::any : Wish::regular);
      break;
    case Structure::general_sum:
      result.tree = sums(grid, 3, random_.one_in(2) ? Wish::any : Wish::positive);
      break;
    case Structure::grid_diagonal:
      result.tree = with_grid_diagonal(grid);
      return result;
    case Structure::kernel_system:
      result.tree = kernel_system({grid.front() + 1});
      return result;
    case Structure::tree:
      return tree(grid, grid);
  }
  result.tree = wrapped(result.tree, grid);
  return result;
}

Formula FormulaMaker::structured(const Grid& grid) {
  static const std::vector<Structure> structures{
      Structure::product,         Structure::product,       Structure::kronecker_sum,
      Structure::shifted_product, Structure::polynomial,    Structure::polynomial,
      Structure::symmetric_pairs, Structure::sylvester,     Structure::general_sum,
      Structure::grid_diagonal,   Structure::kernel_system, Structure::tree};
  return structured(random_.pick(structures), grid);
}

Formula FormulaMaker::tree(const Grid& rows, const Grid& cols) {
  return {operation(rows, cols, 1 + static_cast<int>(random_.below(3)), true), Structure::tree};
}

}  // namespace kronwerk::adversary
