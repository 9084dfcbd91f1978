#include "kernels/engine/scalar_graph.hpp"

#include <bit>
#include <cmath>
#include <functional>

#include "kernels/formula/operations.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::kernels {

std::size_t ScalarGraph::KeyHash::operator()(const Key& key) const {
  std::size_t hash = std::hash<std::string>()(std::get<3>(key));
  const auto mix = [&](std::size_t value) {
    hash ^= value + 0x9E3779B97F4A7C15ULL + (hash << 6) + (hash >> 2);
  };
  mix(static_cast<std::size_t>(std::get<0>(key)));
  mix(std::bit_cast<std::uint64_t>(std::get<1>(key)));
  for (const int id : std::get<2>(key)) mix(static_cast<std::size_t>(id));
  mix(static_cast<std::size_t>(std::get<4>(key)));
  mix(static_cast<std::size_t>(std::get<5>(key)));
  return hash;
}

bool ScalarGraph::KeyEqual::operator()(const Key& a, const Key& b) const {
  // By bits, so that NaN equals itself and -0 differs from 0.
  return std::bit_cast<std::uint64_t>(std::get<1>(a)) ==
             std::bit_cast<std::uint64_t>(std::get<1>(b)) &&
         std::get<0>(a) == std::get<0>(b) && std::get<2>(a) == std::get<2>(b) &&
         std::get<3>(a) == std::get<3>(b) && std::get<4>(a) == std::get<4>(b) &&
         std::get<5>(a) == std::get<5>(b);
}

int ScalarGraph::insert(ScalarNode node) {
  Key key{static_cast<int>(node.operation) * 4 + static_cast<int>(node.axes),
          node.number,
          node.arguments,
          node.name,
          node.component,
          static_cast<int>(node.part)};
  const auto [place, fresh] = known_.try_emplace(std::move(key), size());
  if (fresh) nodes_.push_back(std::move(node));
  return place->second;
}

int ScalarGraph::number(double value) {
  ScalarNode node;
  node.number = value;
  return insert(std::move(node));
}

std::vector<int> ScalarGraph::lower(const NodePtr& root) {
  // Arguments first, without recursion: a derivative may be deep.
  std::vector<std::pair<const Node*, bool>> pending{{root.get(), false}};
  kept_.push_back(root);
  while (!pending.empty()) {
    const auto [node, ready] = pending.back();
    pending.pop_back();
    if (lowered_.contains(node)) continue;
    if (ready) {
      lowered_.emplace(node, lower_new(*node));
      continue;
    }
    pending.emplace_back(node, true);
    for (const NodePtr& argument : node->arguments) pending.emplace_back(argument.get(), false);
  }
  return lowered_.at(root.get());
}

std::vector<int> ScalarGraph::lower_new(const Node& node) {
  if (node.arguments.empty()) {
    Ids ids;
    for (int c = 0; c < node.dimension; ++c) ids.push_back(leaf(node, c));
    return ids;
  }
  std::vector<Ids> arguments;
  for (const NodePtr& argument : node.arguments) arguments.push_back(lowered_.at(argument.get()));
  Ids ids = compound(node, arguments);
  if (static_cast<int>(ids.size()) != node.dimension) {
    throw core::InternalError("a node of a kernel formula has another dimension than its value");
  }
  return ids;
}

int ScalarGraph::leaf(const Node& node, int component) {
  switch (node.operation) {
    case Operation::number:
      return number(node.number);
    case Operation::parameter: {
      const auto found = constants_->parameters.find(node.name);
      if (found == constants_->parameters.end()) {
        throw core::ConfigurationError("the parameter '" + node.name +
                                       "' of a kernel formula has no value");
      }
      return number(found->second);
    }
    case Operation::variable:
      if ((node.axes & both_axes) == no_axis) {
        const auto found = constants_->variables.find(node.name);
        if (found == constants_->variables.end() ||
            static_cast<int>(found->second.size()) != node.dimension) {
          throw core::ShapeError("the vector '" + node.name + "' of a kernel formula needs " +
                                 std::to_string(node.dimension) + " values");
        }
        return number(found->second[static_cast<std::size_t>(component)]);
      }
      break;
    case Operation::row:
    case Operation::column:
      break;
    default:
      throw core::InternalError("an operation of a kernel formula without arguments");
  }
  ScalarNode scalar;
  scalar.operation = node.operation;
  scalar.of_index = node.operation != Operation::variable;
  scalar.axes = node.operation == Operation::row      ? axis_i
                : node.operation == Operation::column ? axis_j
                                                      : node.axes;
  scalar.name = node.operation == Operation::variable ? node.name : std::string();
  scalar.component = component;
  return insert(std::move(scalar));
}

std::vector<int> ScalarGraph::compound(const Node& node, const std::vector<Ids>& arguments) {
  const auto dimension = static_cast<std::size_t>(node.dimension);
  const Ids& first = arguments[0];
  Ids ids;
  switch (node.operation) {
    case Operation::sum:
      return {total(first)};
    case Operation::dot:
    case Operation::sqdist:
      return {pairwise(node.operation, first, arguments.at(1))};
    case Operation::concat:
      for (const Ids& part : arguments) ids.insert(ids.end(), part.begin(), part.end());
      return ids;
    case Operation::slice:
      for (std::size_t c = 0; c < dimension; ++c) {
        ids.push_back(first.at(c + static_cast<std::size_t>(node.offset)));
      }
      return ids;
    case Operation::matvec:
    case Operation::vecmat: {
      const Ids& v = arguments.at(1);
      for (std::size_t r = 0; r < dimension; ++r) {
        Ids line;
        for (std::size_t c = 0; c < v.size(); ++c) {
          line.push_back(
              first.at(node.operation == Operation::matvec ? r * v.size() + c : c * dimension + r));
        }
        ids.push_back(pairwise(Operation::dot, line, v));
      }
      return ids;
    }
    case Operation::outer:
      for (const int a : first) {
        for (const int b : arguments.at(1)) ids.push_back(make(Operation::multiply, {a, b}));
      }
      return ids;
    default:
      break;
  }
  for (std::size_t c = 0; c < dimension; ++c) {
    Ids components;
    for (const Ids& argument : arguments) {
      components.push_back(argument.size() == 1 ? argument[0] : argument.at(c));
    }
    ids.push_back(make(node.operation, std::move(components), node.number));
  }
  return ids;
}

int ScalarGraph::total(const Ids& terms) {
  if (terms.empty()) return number(0);
  int sum = terms[0];
  for (std::size_t t = 1; t < terms.size(); ++t) sum = make(Operation::add, {sum, terms[t]});
  return sum;
}

int ScalarGraph::pairwise(Operation operation, const Ids& a, const Ids& b) {
  if (a.size() != b.size()) {
    throw core::InternalError("vectors of different dimensions in a kernel formula");
  }
  unsigned axes_a = no_axis;
  unsigned axes_b = no_axis;
  for (const int id : a) axes_a |= (*this)[id].axes;
  for (const int id : b) axes_b |= (*this)[id].axes;
  const bool forward = axes_a == axis_i && axes_b == axis_j;
  const bool backward = axes_a == axis_j && axes_b == axis_i;
  if ((forward || backward) && !a.empty()) {
    ScalarNode node;
    node.operation = operation;
    node.axes = both_axes;
    const Ids& of_rows = forward ? a : b;
    const Ids& of_columns = forward ? b : a;
    node.arguments = of_rows;
    node.arguments.insert(node.arguments.end(), of_columns.begin(), of_columns.end());
    return insert(std::move(node));
  }
  Ids terms;
  for (std::size_t c = 0; c < a.size(); ++c) {
    terms.push_back(operation == Operation::dot
                        ? make(Operation::multiply, {a[c], b[c]})
                        : make(Operation::square, {make(Operation::subtract, {a[c], b[c]})}));
  }
  return total(terms);
}

int ScalarGraph::make(Operation operation, Ids arguments, double number_value) {
  bool uniform = true;
  for (const int id : arguments) uniform = uniform && is_number(id);
  if (uniform) {
    std::vector<double> values;
    for (const int id : arguments) values.push_back((*this)[id].number);
    return number(scalar_value(operation, values, number_value));
  }
  return simplified(operation, arguments, number_value);
}

bool ScalarGraph::is_scaled(int id) const {
  return (*this)[id].operation == Operation::multiply && is_number((*this)[id].arguments[1]);
}

// Numbers of products are the second argument; exp takes its argument's factor in; quotients by
// what does not vary with both indices multiply by a reciprocal, computed once.
int ScalarGraph::simplified(Operation operation, const Ids& arguments, double number_value) {
  ScalarNode node;
  node.operation = operation;
  node.arguments = arguments;
  for (const int id : arguments) {
    node.axes |= (*this)[id].axes;
    node.of_index = node.of_index || (*this)[id].of_index;
  }
  const int a = arguments[0];
  const int b = arguments.size() > 1 ? arguments[1] : a;
  switch (operation) {
    case Operation::power_integer:
      return power(a, number_value);
    case Operation::power:
      if (is_number(b) && (*this)[b].number == std::floor((*this)[b].number) &&
          std::abs((*this)[b].number) <= 64) {
        return power(a, (*this)[b].number);
      }
      break;
    case Operation::negate:
      return make(Operation::multiply, {a, number(-1)});
    case Operation::multiply:
      if (a == b) return make(Operation::square, {a});
      if (is_number(a)) return make(Operation::multiply, {b, a});
      if (is_number(b) && (*this)[b].number == 1) return a;
      if (is_number(b) && is_scaled(a)) {
        const double factor = (*this)[b].number * (*this)[(*this)[a].arguments[1]].number;
        return make(Operation::multiply, {(*this)[a].arguments[0], number(factor)});
      }
      break;
    case Operation::divide:
      if ((*this)[b].axes != both_axes && (*this)[a].axes != (*this)[b].axes) {
        return make(Operation::multiply, {a, make(Operation::reciprocal, {b})});
      }
      break;
    case Operation::exp:
      node.number = 1;
      if (is_scaled(a)) {
        node.number = (*this)[(*this)[a].arguments[1]].number;
        node.arguments = {(*this)[a].arguments[0]};
      }
      break;
    case Operation::subtract:
    case Operation::less:
    case Operation::less_equal:
    case Operation::equal:
    case Operation::not_equal:
      // Indices above 2^24 are not exact in float.
      if (precision_ == Precision::float32 && node.of_index && node.axes == both_axes &&
          (*this)[a].axes != both_axes && (*this)[b].axes != both_axes) {
        return of_difference(operation, a, b);
      }
      break;
    default:
      break;
  }
  return insert(std::move(node));
}

int ScalarGraph::of_difference(Operation operation, int a, int b) {
  const int difference = exact_difference(a, b);
  return operation == Operation::subtract ? difference : make(operation, {difference, number(0)});
}

// (a_high - b_high) + (a_low - b_low): 0 just where a = b, of the right sign elsewhere.
int ScalarGraph::exact_difference(int a, int b) {
  int differences[2];
  const ScalarNode::Part parts[] = {ScalarNode::Part::high, ScalarNode::Part::low};
  for (int p = 0; p < 2; ++p) {
    Ids sides;
    for (const int id : {a, b}) {
      ScalarNode node;
      node.operation = Operation::abs;  // any operation: the part says what it is
      node.axes = (*this)[id].axes;
      node.arguments = {id};
      node.part = parts[p];
      sides.push_back(insert(std::move(node)));
    }
    differences[p] = make(Operation::subtract, sides);
  }
  return make(Operation::add, {differences[0], differences[1]});
}

int ScalarGraph::power(int base, double exponent) {
  if (exponent == 0) return number(1);
  if (std::abs(exponent) > 64) {
    ScalarNode node;
    node.operation = Operation::power;
    node.axes = (*this)[base].axes;
    node.arguments = {base, number(exponent)};
    return insert(std::move(node));
  }
  if (exponent < 0) return make(Operation::reciprocal, {power(base, -exponent)});
  int result = -1;
  int square = base;
  for (auto bits = static_cast<unsigned>(exponent);;) {
    if ((bits & 1U) != 0) {
      result = result < 0 ? square : make(Operation::multiply, {result, square});
    }
    bits >>= 1;
    if (bits == 0) return result;
    square = make(Operation::square, {square});
  }
}

}  // namespace kronwerk::kernels
