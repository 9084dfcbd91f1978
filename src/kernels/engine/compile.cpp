// See src/MATHEMATICS.md, "Kernel formulas".
#include "kernels/engine/compile.hpp"

#include <algorithm>
#include <utility>

#include "kernels/engine/code_generator.hpp"

namespace kronwerk::kernels {

namespace {

Instruction instruction(Opcode opcode, int a = 0, int b = 0, int count = 0) {
  Instruction result;
  result.opcode = opcode;
  result.a = a;
  result.b = b;
  result.count = count;
  return result;
}

bool changes_value(Sink::Kind kind) {
  return kind == Sink::Kind::greatest || kind == Sink::Kind::exponentials;
}

// The sums and selections of one number: it is evaluated once for those that leave it in A.
struct Group {
  int node = 0;
  std::vector<Sink*> keeping;
  std::vector<Sink*> changing;
};

class Compilation {
 public:
  Compilation(ScalarGraph& graph, std::vector<Sink>& sinks)
      : graph_(graph), generator_(graph, both_axes) {
    for (Sink& sink : sinks) add(sink);
  }

  Compiled run() {
    for (const Group& group : groups_) announce(group);
    for (const Group& group : groups_) {
      if (!group.keeping.empty()) {
        generator_.emit(group.node);
        if (!append_products(group)) {
          for (Sink* sink : group.keeping) append(*sink);
        }
      }
      for (Sink* sink : group.changing) {
        generator_.emit(group.node);
        append_changing(*sink);
      }
    }
    result_.accumulators = std::max(1, accumulators_);
    for (Sink* sink : products_) sink->accumulator += result_.accumulators;
    result_.code = generator_.take_code();
    result_.slots = generator_.slots();
    for (Instruction& each : result_.code) {
      if (each.opcode == Opcode::sum_products && each.b < 0) {
        each.b = static_cast<int>(generator_.columns.nodes().size());
      }
    }
    result_.rows = plan_side(axis_i, generator_.rows.nodes());
    result_.columns = plan_side(axis_j, generator_.columns.nodes());
    return std::move(result_);
  }

 private:
  // A sum of products with a column value is one step; then the other factor is what is evaluated.
  void add(Sink& sink) {
    int node = sink.node;
    const ScalarNode& scalar = graph_[node];
    if (sink.kind == Sink::Kind::sum && scalar.operation == Operation::multiply &&
        scalar.axes == both_axes) {
      for (int which = 0; which < 2; ++which) {
        const int factor = scalar.arguments[static_cast<std::size_t>(which)];
        const int other = scalar.arguments[static_cast<std::size_t>(1 - which)];
        if (generator_.is_column(factor) && graph_[other].axes == both_axes) {
          column_factor_[&sink] = factor;
          node = other;
          break;
        }
      }
    }
    auto group = std::find_if(groups_.begin(), groups_.end(),
                              [&](const Group& each) { return each.node == node; });
    if (group == groups_.end()) group = groups_.insert(group, Group{node, {}, {}});
    (changes_value(sink.kind) ? group->changing : group->keeping).push_back(&sink);
  }

  void announce(const Group& group) {
    if (!group.keeping.empty()) generator_.use(group.node);
    for (const Sink* sink : group.changing) {
      generator_.use(group.node);
      for (const int weight : sink->weights) {
        if (!generator_.is_column(weight)) generator_.use(weight);
      }
    }
  }

  // From this many products with column values on, a tile is stored and multiplied.
  bool append_products(const Group& group) {
    constexpr std::size_t least = 4;
    if (!products_.empty() || group.keeping.size() < least) return false;
    std::vector<int> factors;
    for (Sink* sink : group.keeping) {
      const auto factor = column_factor_.find(sink);
      if (factor == column_factor_.end()) return false;
      factors.push_back(factor->second);
    }
    generator_.append(instruction(Opcode::store_tile));
    for (Sink* sink : group.keeping) {
      sink->accumulator = static_cast<int>(products_.size());
      products_.push_back(sink);
    }
    result_.products = static_cast<int>(products_.size());
    result_.first_factor = generator_.columns.of(factors);
    return true;
  }

  void append(Sink& sink) {
    const auto accumulate = [&](Opcode opcode, int operand = 0) {
      sink.accumulator = accumulators_++;
      generator_.append(instruction(opcode, sink.accumulator, operand));
    };
    switch (sink.kind) {
      case Sink::Kind::sum: {
        const auto factor = column_factor_.find(&sink);
        if (factor == column_factor_.end()) {
          accumulate(Opcode::sum);
        } else {
          accumulate(Opcode::sum_products, generator_.columns.of(factor->second));
        }
        break;
      }
      case Sink::Kind::extra_product:
        accumulate(Opcode::sum_products, -1);
        break;
      case Sink::Kind::sum_squares:
        accumulate(Opcode::sum_squares);
        break;
      case Sink::Kind::count_nonzero:
        accumulate(Opcode::count_nonzero);
        break;
      case Sink::Kind::count_zero:
        accumulate(Opcode::count_zero);
        break;
      case Sink::Kind::count_nan:
        accumulate(Opcode::count_nan);
        break;
      case Sink::Kind::least:
        sink.selection = result_.selections++;
        generator_.append(instruction(Opcode::keep_least, sink.selection));
        break;
      default:
        generator_.append(instruction(Opcode::store_tile));
        break;
    }
  }

  void append_changing(Sink& sink) {
    if (sink.kind == Sink::Kind::greatest) {
      Instruction negate = instruction(Opcode::multiply);
      negate.number = -1;
      generator_.append(negate);
      sink.selection = result_.selections++;
      generator_.append(instruction(Opcode::keep_least, sink.selection));
      return;
    }
    const int count = 1 + static_cast<int>(sink.weights.size());
    sink.accumulator = std::exchange(accumulators_, accumulators_ + count);
    sink.shift = result_.shifts++;
    generator_.append(instruction(Opcode::subtract_maximum, sink.accumulator, sink.shift, count));
    Instruction exponential = instruction(Opcode::exp_scaled);
    exponential.number = 1.44269504088896340736;
    generator_.append(exponential);
    generator_.append(instruction(Opcode::sum, sink.accumulator));
    append_weights(sink);
  }

  void append_weights(const Sink& sink) {
    int accumulator = sink.accumulator;
    bool all_columns = true;
    for (const int weight : sink.weights) {
      ++accumulator;
      if (generator_.is_column(weight)) {
        generator_.append(
            instruction(Opcode::sum_products, accumulator, generator_.columns.of(weight)));
      } else {
        all_columns = false;
      }
    }
    if (all_columns) return;
    const int exponentials = generator_.keep();
    accumulator = sink.accumulator;
    for (const int weight : sink.weights) {
      ++accumulator;
      if (generator_.is_column(weight)) continue;
      generator_.emit(weight);
      generator_.append(instruction(Opcode::sum_slots, accumulator, exponentials));
    }
    generator_.release(exponentials);
  }

  SidePlan plan_side(unsigned axis, const std::vector<int>& nodes) {
    SidePlan plan;
    plan.axis = axis;
    CodeGenerator generator(graph_, axis);
    // The number itself, or what the number is one part of.
    const auto whole = [&](int node) {
      return graph_[node].part == ScalarNode::Part::whole ? node : graph_[node].arguments[0];
    };
    const auto is_leaf = [&](int node) {
      return graph_[node].arguments.empty() && graph_[node].operation != Operation::number;
    };
    std::vector<int> computed;
    const auto note = [](std::vector<int>& list, int node) {
      if (std::find(list.begin(), list.end(), node) == list.end()) list.push_back(node);
    };
    for (const int node : nodes) {
      note(is_leaf(whole(node)) ? generator.streams : computed, whole(node));
    }
    for (const int node : computed) generator.use(node);
    for (std::size_t output = 0; output < computed.size(); ++output) {
      generator.emit(computed[output]);
      generator.append(instruction(Opcode::store_stream, static_cast<int>(output)));
    }
    const auto place = [](const std::vector<int>& list, int node) {
      return static_cast<int>(std::find(list.begin(), list.end(), node) - list.begin());
    };
    const int inputs = static_cast<int>(generator.streams.size());
    for (const int node : nodes) {
      const int source = is_leaf(whole(node)) ? place(generator.streams, whole(node))
                                              : inputs + place(computed, whole(node));
      plan.values.push_back({source, graph_[node].part});
    }
    for (const int leaf : generator.streams) plan.inputs.push_back(graph_[leaf]);
    plan.outputs = static_cast<int>(computed.size());
    plan.code = generator.take_code();
    plan.slots = generator.slots();
    return plan;
  }

  ScalarGraph& graph_;
  CodeGenerator generator_;
  std::vector<Group> groups_;
  std::map<const Sink*, int> column_factor_;
  int accumulators_ = 0;
  std::vector<Sink*> products_;
  Compiled result_;
};

}  // namespace

Compiled compile(ScalarGraph& graph, std::vector<Sink> sinks) {
  Compilation compilation(graph, sinks);
  Compiled compiled = compilation.run();
  compiled.sinks = std::move(sinks);
  return compiled;
}

double cost_of(const Code& code) {
  // Nanoseconds per pair and step, as measured in float64 on a processor of 3.6 GHz with AVX-512.
  double cost = 0.05;
  for (const Instruction& each : code) {
    switch (each.opcode) {
      case Opcode::sqdist:
      case Opcode::dot:
        cost += 0.03 * each.count;
        break;
      case Opcode::exp:
      case Opcode::exp_scaled:
        cost += 0.45;
        break;
      case Opcode::divide:
      case Opcode::divide_into:
      case Opcode::reciprocal:
        cost += 0.2;
        break;
      case Opcode::sqrt:
        cost += 0.35;
        break;
      case Opcode::rsqrt:
        cost += 0.6;
        break;
      case Opcode::log:
      case Opcode::xlogx:
      case Opcode::sin:
      case Opcode::cos:
      case Opcode::tan:
      case Opcode::asin:
      case Opcode::acos:
      case Opcode::atan:
      case Opcode::tanh:
      case Opcode::sinc:
        cost += 1.6;
        break;
      case Opcode::power:
      case Opcode::atan2:
        cost += 20;
        break;
      default:
        cost += 0.05;
        break;
    }
  }
  return cost;
}

}  // namespace kronwerk::kernels
