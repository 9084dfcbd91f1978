#include "formulas/chain.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace kronwerk::formulas {
namespace {

SyntaxPtr from_the_left(const Source& source, std::vector<Link> links) {
  SyntaxPtr result = std::move(links[0].operand);
  for (std::size_t i = 1; i < links.size(); ++i) {
    result = binary(source, links[i].sign, std::move(result), std::move(links[i].operand));
  }
  return result;
}

/// Every run of divisions as one operand: a*b/c/d as a*(b/c/d).
std::vector<Link> without_divisions(const Source& source, std::vector<Link> links) {
  std::vector<Link> result;
  std::vector<Link> run;
  const auto end_run = [&] {
    const Token sign = run[0].sign;
    result.push_back({sign, from_the_left(source, std::move(run))});
    run.clear();
  };
  for (Link& link : links) {
    if (!run.empty() && link.sign.operation != BinaryOperator::divide) end_run();
    run.push_back(std::move(link));
  }
  end_run();
  return result;
}

SyntaxPtr negative(const Source& source, const Link& link) {
  Syntax node;
  node.kind = SyntaxKind::minus;
  node.head = link.sign.span;
  node.span = {link.sign.span.begin, link.operand->span.end};
  node.arguments = {link.operand};
  return finish(source, std::move(node));
}

/// The links [begin, end) of sums and products without divisions.
SyntaxPtr in_halves(const Source& source, std::vector<Link>& links, std::size_t begin,
                    std::size_t end) {
  if (end - begin == 1) return links[begin].operand;
  const std::size_t middle = begin + (end - begin + 1) / 2;
  Link& first = links[middle];
  if (end - middle > 1 && first.sign.operation == BinaryOperator::subtract) {
    first.operand = negative(source, first);
    first.sign.operation = BinaryOperator::add;
  }
  const Token sign = first.sign;
  SyntaxPtr left = in_halves(source, links, begin, middle);
  return binary(source, sign, std::move(left), in_halves(source, links, middle, end));
}

}  // namespace

SyntaxPtr finish(const Source& source, Syntax node) {
  for (const SyntaxPtr& argument : node.arguments) {
    node.depth = std::max(node.depth, argument->depth + 1);
  }
  if (node.depth > deepest_formula) {
    fail_at(source, node.span,
            "the formula is more than " + std::to_string(deepest_formula) +
                " operators deep; multiply it out, or name a part of it");
  }
  return std::make_shared<const Syntax>(std::move(node));
}

SyntaxPtr binary(const Source& source, const Token& sign, SyntaxPtr left, SyntaxPtr right) {
  Syntax node;
  node.kind = SyntaxKind::binary;
  node.operation = sign.operation;
  node.head = sign.span;
  node.span = {left->span.begin, right->span.end};
  node.arguments = {std::move(left), std::move(right)};
  return finish(source, std::move(node));
}

SyntaxPtr chain(const Source& source, std::vector<Link> links) {
  if (links.size() <= longest_left_chain) return from_the_left(source, std::move(links));
  links = without_divisions(source, std::move(links));
  return in_halves(source, links, 0, links.size());
}

}  // namespace kronwerk::formulas
