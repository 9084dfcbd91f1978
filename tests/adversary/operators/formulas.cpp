#include "adversary/operators/formulas.hpp"

#include <algorithm>
#include <utility>

namespace kronwerk::adversary {

const char* name_of(Structure structure) {
  switch (structure) {
    case Structure::tree:
      return "tree";
    case Structure::product:
      return "product";
    case Structure::kronecker_sum:
      return "Kronecker sum";
    case Structure::shifted_product:
      return "product plus shift";
    case Structure::polynomial:
      return "polynomial";
    case Structure::symmetric_pairs:
      return "symmetric pairs";
    case Structure::sylvester:
      return "generalised Sylvester";
    case Structure::general_sum:
      return "general sum";
    case Structure::grid_diagonal:
      return "diagonal over the grid";
    case Structure::kernel_system:
      return "kernel system";
  }
  return "?";
}

Grid FormulaMaker::grid(Index most) {
  static const std::vector<Index> extents{1, 2, 2, 3, 3, 4, 5, 5, 6, 7, 8, 11, 13};
  static const std::vector<int> modes{1, 2, 2, 2, 2, 3, 3, 4};
  for (;;) {
    Grid result;
    const int count = random_.pick(modes);
    for (int k = 0; k < count; ++k) result.push_back(random_.pick(extents));
    if (points(result) <= most) return result;
  }
}

NodePtr FormulaMaker::parameter_node() {
  if (!parameters_.empty() && (parameters_.size() >= 3 || random_.one_in(2))) {
    return parameter(random_.pick(parameters_));
  }
  double value = random_.sign() * random_.between(0.05, 0.95);
  if (random_.one_in(15)) value = 0;
  if (random_.one_in(15)) value = 1;
  if (!parameters_.empty() && random_.one_in(10)) {
    value = material_.parameters().at(random_.pick(parameters_));
  }
  parameters_.push_back(material_.add_parameter(value));
  return parameter(parameters_.back());
}

NodePtr FormulaMaker::scalar(int depth) {
  static const std::vector<double> numbers{0.5, 2, 1, 0.25, 1.5, 3, -0.75};
  if (depth == 0) return random_.one_in(3) ? number(random_.pick(numbers)) : parameter_node();
  const auto part = [&] { return scalar(depth - 1); };
  const auto one_plus_square = [&] {
    return sum(number(1), make(Kind::power, {part(), number(2)}, {}, {}));
  };
  switch (random_.below(10)) {
    case 0:
      return sum(part(), part());
    case 1:
      return difference(part(), part());
    case 2:
      return product(part(), part());
    case 3:
      return make(Kind::power, {part(), number(static_cast<double>(2 + random_.below(2)))}, {}, {});
    case 4:
      return make(Kind::exponential, {part()}, {}, {});
    case 5:
      return make(Kind::square_root, {one_plus_square()}, {}, {});
    case 6:
      return make(Kind::logarithm, {sum(number(1), one_plus_square())}, {}, {});
    case 7:
      return quotient(part(), one_plus_square());
    case 8:
      return negation(part());
    default:
      return part();
  }
}

NodePtr FormulaMaker::unit(Index n, bool sized) {
  if (!sized && !random_.one_in(4)) return identity({n});
  std::vector<std::string> sizes{std::to_string(n)};
  for (const Stored& candidate : pool_) {
    if (candidate.rows == n) sizes.push_back("rows(" + candidate.name + ")");
    if (candidate.cols == n) sizes.push_back("cols(" + candidate.name + ")");
  }
  return eye(random_.pick(sizes), n);
}

NodePtr FormulaMaker::stored(Index n, Wish wish) {
  std::vector<std::string> known;
  for (const Stored& candidate : pool_) {
    if (candidate.rows == n && candidate.cols == n && candidate.wish == wish) {
      known.push_back(candidate.name);
    }
  }
  if (!known.empty() && random_.one_in(2)) return adversary::matrix(random_.pick(known), n, n);
  const std::string name = material_.add_matrix(random_square(random_, n, wish), random_.one_in(3));
  pool_.push_back({name, n, n, wish});
  return adversary::matrix(name, n, n);
}

NodePtr FormulaMaker::leaf(Index rows, Index cols, bool sized) {
  if (rows == cols) {
    const auto choice = random_.below(11);
    if (choice == 0) return unit(rows, sized);
    if (choice == 1) {
      return diagonal(material_.add_vector(random_diagonal(random_, rows, false), {rows}), {rows});
    }
    if (choice == 2 && rows > 1) {
      const auto scale = material_.add_parameter(random_.between(0.3, 1.5), "l");
      return adversary::matrix(material_.add_kernel(random_.pick(kernel_functions()),
                                                    random_points(random_, rows), scale, 0),
                               rows, rows);
    }
    if (choice == 3) {
      const std::string ones = "ones(" + std::to_string(rows) + ")";
      material_.add_ones(ones, rows);
      return adversary::matrix(ones, rows, rows);
    }
    static const std::vector<Wish> wishes{Wish::any, Wish::any, Wish::regular, Wish::symmetric,
                                          Wish::weights};
    return stored(rows, random_.pick(wishes));
  }
  for (const Stored& candidate : pool_) {
    if (candidate.rows == rows && candidate.cols == cols && random_.one_in(2)) {
      return adversary::matrix(candidate.name, rows, cols);
    }
  }
  const std::string name =
      material_.add_matrix(random_rectangular(random_, rows, cols), random_.one_in(3));
  pool_.push_back({name, rows, cols, Wish::any});
  return adversary::matrix(name, rows, cols);
}

NodePtr FormulaMaker::square(Index n, Wish wish) {
  if (wish == Wish::regular && random_.one_in(3)) {
    // The filter of spatial econometrics, with the number within the disk of convergence.
    return difference(identity({n}), product(parameter_node(), stored(n, Wish::weights)));
  }
  if (wish == Wish::regular && random_.one_in(6)) {
    return diagonal(material_.add_vector(random_diagonal(random_, n, true), {n}), {n});
  }
  if (wish == Wish::regular && random_.one_in(8)) return transpose(stored(n, wish));
  if (wish == Wish::regular && random_.one_in(8)) return inverse(stored(n, wish));
  if (wish == Wish::regular && random_.one_in(10)) {
    return product(stored(n, wish), stored(n, wish));
  }
  if (wish == Wish::any && random_.one_in(4)) {
    return sum(stored(n, wish), product(scalar(1), unit(n, false)));
  }
  return stored(n, wish);
}

NodePtr FormulaMaker::matrix(Index rows, Index cols, int depth, bool sized) {
  if (depth == 0 || random_.one_in(4)) return leaf(rows, cols, sized);
  const auto part = [&](bool part_sized) { return matrix(rows, cols, depth - 1, part_sized); };
  switch (random_.below(rows == cols ? 9 : 7)) {
    case 0:
    case 1: {
      NodePtr a = part(false);
      NodePtr b = part(sized);
      if (random_.one_in(2)) std::swap(a, b);
      return random_.one_in(2) ? sum(a, b) : difference(a, b);
    }
    case 2: {
      const Index middle = random_.one_in(2) ? rows : 1 + random_.below(5);
      return product(matrix(rows, middle, depth - 1, true), matrix(middle, cols, depth - 1, true));
    }
    case 3:
      return transpose(matrix(cols, rows, depth - 1, sized));
    case 4:
      return random_.one_in(2) ? product(scalar(1), part(sized)) : product(part(sized), scalar(0));
    case 5:
      return quotient(part(sized), number(random_.one_in(2) ? 2.0 : -0.5));
    case 6:
      return negation(part(sized));
    case 7:
      return inverse(square(rows, Wish::regular));
    default:
      return square(rows, Wish::weights);
  }
}

}  // namespace kronwerk::adversary
