#include "kronwerk/kernels/reductions/centring.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <unordered_map>

#include "kernels/formula/builder.hpp"

namespace kronwerk::kernels {
namespace {

/// How a node moves with a variable: by L c where the variable moves by c, the linear map L being
/// what `path` spells (slices, and products with what does not move). Without a base: not at all.
struct Motion {
  std::string base;
  std::string path;
  bool still() const noexcept { return base.empty(); }
};

class MotionAnalysis {
 public:
  void visit(const Expression& formula) {
    std::unordered_map<const Node*, Motion> motions;
    for (const NodePtr& node : in_order(formula.root())) {
      motions[node.get()] = motion_of(*node, motions);
    }
    const Motion& whole = motions.at(formula.root().get());
    if (!whole.still()) fix(whole.base);
  }

  void join(const std::string& a, const std::string& b) {
    add(a);
    add(b);
    const std::string target = root(a);
    const std::string other = root(b);
    parent_[other] = target;
  }
  void differ(const std::string& a, const std::string& b) {
    join(a, b);
    differenced_.insert(a);
  }

  Translations result() {
    std::map<std::string, std::set<std::string>> groups;
    for (const auto& [name, ignored] : parent_) groups[root(name)].insert(name);
    Translations translations;
    for (auto& entry : groups) {
      std::set<std::string>& group = entry.second;
      const auto any_in = [&](const std::set<std::string>& names) {
        return std::any_of(group.begin(), group.end(),
                           [&](const std::string& name) { return names.count(name) > 0; });
      };
      if (!any_in(differenced_)) continue;
      (any_in(fixed_) ? translations.fixed : translations.movable).push_back(std::move(group));
    }
    return translations;
  }

 private:
  using Motions = std::unordered_map<const Node*, Motion>;

  void add(const std::string& name) { parent_.try_emplace(name, name); }
  std::string root(const std::string& name) const {
    std::string at = name;
    while (parent_.at(at) != at) at = parent_.at(at);
    return at;
  }
  void fix(const std::string& name) { fixed_.insert(name); }

  Motion motion_of(const Node& node, const Motions& motions) {
    if (node.operation == Operation::variable) {
      add(node.name);
      return {node.name, fmt::format("v{}", node.dimension)};
    }
    std::vector<Motion> arguments;
    bool still = true;
    for (const NodePtr& argument : node.arguments) {
      arguments.push_back(motions.at(argument.get()));
      still = still && arguments.back().still();
    }
    if (still) return {};
    if (auto linear = linear_motion(node, arguments)) return *linear;
    if (arguments.size() == 2 && same_path(arguments[0], arguments[1])) {
      switch (node.operation) {
        case Operation::subtract:
        case Operation::sqdist:
        case Operation::less:
        case Operation::less_equal:
        case Operation::equal:
        case Operation::not_equal:
          differ(arguments[0].base, arguments[1].base);
          return {};
        case Operation::min:
        case Operation::max:
          differ(arguments[0].base, arguments[1].base);
          return arguments[0];
        default:
          break;
      }
    }
    const bool differs =
        node.operation == Operation::subtract || node.operation == Operation::sqdist;
    for (const Motion& argument : arguments) {
      if (argument.still()) continue;
      fix(argument.base);
      if (differs) differenced_.insert(argument.base);
    }
    return {};
  }

  static bool same_path(const Motion& a, const Motion& b) {
    return !a.still() && !b.still() && a.path == b.path;
  }

  /// Of operations that are linear in one moving argument.
  static std::optional<Motion> linear_motion(const Node& node,
                                             const std::vector<Motion>& arguments) {
    const Motion& first = arguments[0];
    const auto extended = [](const Motion& motion, const std::string& step) {
      return Motion{motion.base, motion.path + step};
    };
    switch (node.operation) {
      case Operation::negate:
        return extended(first, "n");
      case Operation::slice:
        return extended(first, fmt::format("s{},{}", node.offset, node.dimension));
      case Operation::add:
        if (arguments[1].still()) return first;
        if (first.still()) return arguments[1];
        return std::nullopt;
      case Operation::subtract:
        if (arguments[1].still()) return first;
        if (first.still()) return extended(arguments[1], "n");
        return std::nullopt;
      case Operation::multiply:
        if (arguments[1].still()) return extended(first, factor("m", node.arguments[1]));
        if (first.still()) return extended(arguments[1], factor("m", node.arguments[0]));
        return std::nullopt;
      case Operation::divide:
        if (arguments[1].still()) return extended(first, factor("d", node.arguments[1]));
        return std::nullopt;
      case Operation::where:
        if (first.still() && same_path(arguments[1], arguments[2]) &&
            arguments[1].base == arguments[2].base) {
          return arguments[1];
        }
        return std::nullopt;
      default:
        return std::nullopt;
    }
  }
  static std::string factor(const char* step, const NodePtr& node) {
    return fmt::format("{}{}", step, static_cast<const void*>(node.get()));
  }

  std::map<std::string, std::string> parent_;  ///< sets as trees
  std::set<std::string> differenced_;
  std::set<std::string> fixed_;
};

/// Where the points of a set of variables lie, component by component.
struct Extent {
  std::vector<double> low, high;

  void include(std::size_t component, double value) {
    if (!std::isfinite(value)) return;
    if (low.size() <= component) {
      low.resize(component + 1, std::numeric_limits<double>::infinity());
      high.resize(component + 1, -std::numeric_limits<double>::infinity());
    }
    low[component] = std::min(low[component], value);
    high[component] = std::max(high[component], value);
  }
  /// What every point is moved by; empty if nothing is gained.
  std::vector<double> centre() const {
    std::vector<double> result(low.size(), 0.0);
    bool far = false;
    for (std::size_t c = 0; c < low.size(); ++c) {
      if (!(low[c] <= high[c])) continue;
      result[c] = low[c] / 2 + high[c] / 2;
      far = far || std::abs(result[c]) > high[c] - low[c];
    }
    return far ? result : std::vector<double>{};
  }
  /// Of the rounding of a coordinate, relative to the widest extent.
  double loss() const {
    constexpr double rounding = 0x1p-24;
    double largest = 0;
    double widest = 0;
    for (std::size_t c = 0; c < low.size(); ++c) {
      if (!(low[c] <= high[c])) continue;
      largest = std::max({largest, std::abs(low[c]), std::abs(high[c])});
      widest = std::max(widest, high[c] - low[c]);
    }
    return widest > 0 ? rounding * largest / widest : 0;
  }
};

/// Calls use(component, value) for all values of the variables `names`.
template <typename Use>
void for_values(const std::set<std::string>& names, Side& rows, Side& columns, Constants& constants,
                const Use& use) {
  for (Side* side : {&rows, &columns}) {
    for (auto& [name, cloud] : side->variables) {
      if (names.count(name) == 0) continue;
      for (std::size_t v = 0; v < cloud.values.size(); ++v) {
        use(v / static_cast<std::size_t>(std::max<Index>(cloud.count, 1)), cloud.values[v]);
      }
    }
  }
  for (auto& [name, values] : constants.variables) {
    if (names.count(name) == 0) continue;
    for (std::size_t c = 0; c < values.size(); ++c) use(c, values[c]);
  }
}

std::size_t dimension_of(const std::set<std::string>& names, const Side& rows, const Side& columns,
                         const Constants& constants) {
  std::size_t dimension = 0;
  for (const std::string& name : names) {
    for (const Side* side : {&rows, &columns}) {
      const auto found = side->variables.find(name);
      if (found == side->variables.end()) continue;
      dimension = std::max(dimension, static_cast<std::size_t>(found->second.dimension));
    }
    const auto constant = constants.variables.find(name);
    if (constant != constants.variables.end()) {
      dimension = std::max(dimension, constant->second.size());
    }
  }
  return dimension;
}

/// @param comm  null: every rank has all points
std::vector<FloatLoss> centre(const communication::Communicator* comm,
                              const Translations& translations, Side& rows, Side& columns,
                              Constants& constants, double tolerable) {
  const auto find_extent = [&](const std::set<std::string>& names) {
    const std::size_t dimension = dimension_of(names, rows, columns, constants);
    Extent extent;
    extent.low.assign(dimension, std::numeric_limits<double>::infinity());
    extent.high.assign(dimension, -std::numeric_limits<double>::infinity());
    for_values(names, rows, columns, constants,
               [&](std::size_t c, double value) { extent.include(c, value); });
    if (comm != nullptr && dimension > 0) {
      const int count = core::narrow<int>(dimension);
      communication::check_mpi(
          MPI_Allreduce(MPI_IN_PLACE, extent.low.data(), count, MPI_DOUBLE, MPI_MIN, comm->get()));
      communication::check_mpi(
          MPI_Allreduce(MPI_IN_PLACE, extent.high.data(), count, MPI_DOUBLE, MPI_MAX, comm->get()));
    }
    return extent;
  };
  for (const std::set<std::string>& names : translations.movable) {
    const std::vector<double> middle = find_extent(names).centre();
    if (middle.empty()) continue;
    for_values(names, rows, columns, constants,
               [&](std::size_t c, double& value) { value -= middle[c]; });
  }
  std::vector<FloatLoss> losses;
  for (const std::set<std::string>& names : translations.fixed) {
    const double loss = find_extent(names).loss();
    if (loss > tolerable) losses.push_back({names, loss});
  }
  return losses;
}

}  // namespace

Translations find_translations(std::span<const Expression> formulas,
                               std::span<const std::pair<std::string, std::string>> together) {
  MotionAnalysis analysis;
  for (const auto& [a, b] : together) analysis.join(a, b);
  for (const Expression& formula : formulas) analysis.visit(formula);
  return analysis.result();
}

std::vector<FloatLoss> centre(const communication::Communicator& comm,
                              const Translations& translations, DistributedSide& rows,
                              DistributedSide& columns, Constants& constants, double tolerable) {
  return centre(&comm, translations, rows.local, columns.local, constants, tolerable);
}

std::vector<FloatLoss> centre(const Translations& translations, Side& rows, Side& columns,
                              Constants& constants, double tolerable) {
  return centre(nullptr, translations, rows, columns, constants, tolerable);
}

}  // namespace kronwerk::kernels
