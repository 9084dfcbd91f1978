// Declared in kronwerk/kernels/formula/expression.hpp.
// The formula of a graph, to be read and to be compared.
#include <fmt/format.h>

#include <unordered_map>

#include "kernels/formula/builder.hpp"
#include "kernels/formula/operations.hpp"

namespace kronwerk::kernels {
namespace {

/// Where equal parts would make the text longer than this, they get names.
constexpr double longest_plain_text = 4'000;

using enum Precedence;

struct Written {
  std::string text;
  Precedence precedence = primary;
};

std::string at_least(const Written& part, Precedence precedence) {
  return part.precedence >= precedence ? part.text : "(" + part.text + ")";
}

Precedence tighter(Precedence precedence) {
  return static_cast<Precedence>(static_cast<int>(precedence) + 1);
}

class Writer {
 public:
  explicit Writer(const NodePtr& root) : order_(in_order(root)) {
    std::unordered_map<const Node*, double> lengths;
    for (const NodePtr& node : order_) {
      double length = 4;
      for (const NodePtr& argument : node->arguments) {
        length += lengths.at(argument.get());
        ++uses_[argument.get()];
      }
      lengths.emplace(node.get(), length);
    }
    shared_names_ = lengths.at(root.get()) > longest_plain_text;
  }

  std::string run() {
    std::string definitions;
    int named = 0;
    for (const NodePtr& node : order_) {
      Written written = write(*node);
      if (shared_names_ && node != order_.back() && uses_[node.get()] > 1 &&
          !node->arguments.empty()) {
        std::string name = fmt::format("#{}", ++named);
        definitions += name + " = " + written.text + "; ";
        written = {std::move(name), primary};
      }
      written_.emplace(node.get(), std::move(written));
    }
    return definitions + written_.at(order_.back().get()).text;
  }

 private:
  const Written& argument(const Node& node, std::size_t which) const {
    return written_.at(node.arguments[which].get());
  }

  Written write(const Node& node) const {
    switch (node.operation) {
      case Operation::number:
        return {fmt::format("{}", node.number), node.number < 0 ? sign : primary};
      case Operation::parameter:
      case Operation::variable:
        return {node.name, primary};
      case Operation::row:
        return {"i", primary};
      case Operation::column:
        return {"j", primary};
      case Operation::negate:
        return {"-" + at_least(argument(node, 0), exponentiation), sign};
      case Operation::reciprocal:
        return {"1/" + at_least(argument(node, 0), sign), multiplication};
      case Operation::power_integer:
        return {at_least(argument(node, 0), primary) + fmt::format("^{}", node.number),
                exponentiation};
      case Operation::slice:
        return {node.dimension == 1
                    ? fmt::format("elem({}, {})", argument(node, 0).text, node.offset)
                    : fmt::format("slice({}, {}, {})", argument(node, 0).text, node.offset,
                                  node.dimension),
                primary};
      default:
        break;
    }
    const OperationTraits form = traits_of(node.operation);
    if (form.precedence != primary) {
      const Precedence own = form.precedence;
      const Precedence left = own == comparison || own == exponentiation ? tighter(own) : own;
      return {
          at_least(argument(node, 0), left) + form.name + at_least(argument(node, 1), tighter(own)),
          own};
    }
    std::string text = std::string(form.name) + "(";
    for (std::size_t k = 0; k < node.arguments.size(); ++k) {
      text += (k == 0 ? "" : ", ") + argument(node, k).text;
    }
    return {text + ")", primary};
  }

  std::vector<NodePtr> order_;
  std::unordered_map<const Node*, int> uses_;
  std::unordered_map<const Node*, Written> written_;
  bool shared_names_ = false;
};

}  // namespace

std::string Expression::text() const {
  return Writer(root_).run();
}

}  // namespace kronwerk::kernels
