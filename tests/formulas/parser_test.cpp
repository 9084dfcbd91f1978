#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "kronwerk/formulas/syntax.hpp"

namespace kronwerk::formulas {
namespace {

/// The tree with every grouping spelled out.
std::string grouped(const Syntax& syntax) {
  const auto argument = [&](std::size_t i) { return grouped(*syntax.arguments[i]); };
  switch (syntax.kind) {
    case SyntaxKind::number:
    case SyntaxKind::name:
      return syntax.text;
    case SyntaxKind::plus:
      return "(+" + argument(0) + ")";
    case SyntaxKind::minus:
      return "(-" + argument(0) + ")";
    case SyntaxKind::transpose:
      return "(" + argument(0) + "')";
    case SyntaxKind::parentheses:
      return argument(0);
    case SyntaxKind::binary:
      return "(" + argument(0) + to_text(syntax.operation) + argument(1) + ")";
    case SyntaxKind::call:
      break;
  }
  std::string text = syntax.text + "(";
  for (std::size_t i = 0; i < syntax.arguments.size(); ++i) {
    text += (i > 0 ? "," : "") + argument(i);
  }
  return text + ")";
}

std::string grouped(const std::string& formula) {
  return grouped(*parse({formula, "here"}));
}

std::string message(const std::string& formula) {
  try {
    parse({formula, "x.yaml:7"});
  } catch (const core::ConfigurationError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Parser, FollowsThePrecedenceOfOperators) {
  EXPECT_EQ(grouped("a + b*c - d"), "((a+(b*c))-d)");
  EXPECT_EQ(grouped("a / b * c"), "((a/b)*c)");
  EXPECT_EQ(grouped("a - b - c"), "((a-b)-c)");
  EXPECT_EQ(grouped("a - (b - c)"), "(a-(b-c))");
  EXPECT_EQ(grouped("-a^2"), "(-(a^2))");
  EXPECT_EQ(grouped("a^b^c"), "(a^(b^c))");
  EXPECT_EQ(grouped("a^-b"), "(a^(-b))");
  EXPECT_EQ(grouped("a^-b^c*d"), "((a^(-(b^c)))*d)");
  EXPECT_EQ(grouped("-a*b"), "((-a)*b)");
  EXPECT_EQ(grouped("a*-b"), "(a*(-b))");
  EXPECT_EQ(grouped("A'*B''"), "((A')*((B')'))");
  EXPECT_EQ(grouped("A'^2"), "((A')^2)");
  EXPECT_EQ(grouped("(A + B)'"), "((A+B)')");
  EXPECT_EQ(grouped("a + b < c*d"), "((a+b)<(c*d))");
  EXPECT_EQ(grouped("a<=b"), "(a<=b)");
  EXPECT_EQ(grouped("(a == b) != c"), "((a==b)!=c)");
  EXPECT_EQ(grouped("exp(-sqdist(x, y) / (2*s^2)) * b"), "(exp(((-sqdist(x,y))/(2*(s^2))))*b)");
  EXPECT_EQ(grouped("f()+g(a)+h(a,b,c)"), "((f()+g(a))+h(a,b,c))");
}

TEST(Parser, ReadsNumbersAndNames) {
  EXPECT_DOUBLE_EQ(parse({"1.5e-3", ""})->value, 1.5e-3);
  EXPECT_DOUBLE_EQ(parse({".25", ""})->value, 0.25);
  EXPECT_DOUBLE_EQ(parse({"2.", ""})->value, 2.0);
  EXPECT_EQ(parse({"  rho_o1\n", ""})->text, "rho_o1");
}

TEST(Parser, KeepsPositions) {
  const SyntaxPtr tree = parse({"kron(I, (A + B)')", ""});
  EXPECT_EQ(tree->span.begin, 0U);
  EXPECT_EQ(tree->span.end, 17U);
  EXPECT_EQ(tree->head.end, 4U);
  const Syntax& transpose = *tree->arguments[1];
  EXPECT_EQ(transpose.span.begin, 8U);
  EXPECT_EQ(transpose.span.end, 16U);
  const Syntax& sum = *transpose.arguments[0]->arguments[0];
  EXPECT_EQ(sum.span.begin, 9U);
  EXPECT_EQ(sum.span.end, 14U);
  EXPECT_EQ(sum.head.begin, 11U);
}

TEST(Parser, ListsNamesThatAreNotCalled) {
  EXPECT_EQ(names(*parse({"kron(I - r*W, r*V')", ""})),
            (std::vector<std::string>{"I", "r", "W", "V"}));
}

TEST(Parser, ShowsEachErrorUnderACaret) {
  EXPECT_EQ(message(""), "x.yaml:7: the formula is empty\n    \n    ^");
  EXPECT_EQ(message("A + "),
            "x.yaml:7: the formula ends where an operand is expected\n    A + \n        ^");
  EXPECT_EQ(message("A + * B"),
            "x.yaml:7: an operand is expected before '*'\n    A + * B\n        ^");
  EXPECT_EQ(message("2 W"), "x.yaml:7: an operator is missing before 'W'\n    2 W\n      ^");
  EXPECT_EQ(message("kron(A rho)"),
            "x.yaml:7: an operator is missing before 'rho'\n    kron(A rho)\n           ^~~");
  EXPECT_EQ(message("kron(A, B"), "x.yaml:7: this '(' is never closed\n    kron(A, B\n        ^");
  EXPECT_EQ(message("kron(A,)"),
            "x.yaml:7: an operand is expected before ')'\n    kron(A,)\n           ^");
  EXPECT_EQ(message("A)"), "x.yaml:7: there is no '(' to this ')'\n    A)\n     ^");
  EXPECT_EQ(message("(A, B)"),
            "x.yaml:7: a ',' separates arguments of a function only\n    (A, B)\n      ^");
  EXPECT_EQ(message("a < b <= c"),
            "x.yaml:7: comparisons cannot be chained\n    a < b <= c\n          ^~");
  EXPECT_EQ(message("1e999*W"),
            "x.yaml:7: the number '1e999' is out of range\n    1e999*W\n    ^~~~~");
  EXPECT_EQ(message("A $ B"), "x.yaml:7: a formula cannot contain '$'\n    A $ B\n      ^");
  EXPECT_EQ(message("A @ B"),
            "x.yaml:7: a formula cannot contain '@': a composition is written 'A * B'\n"
            "    A @ B\n      ^");
  EXPECT_EQ(message("a**2"),
            "x.yaml:7: a formula cannot contain '**': a power is written 'a ^ b'\n"
            "    a**2\n     ^~");
  EXPECT_EQ(message("A.T"),
            "x.yaml:7: a formula cannot contain '.': a transpose is written A', a number 0.5\n"
            "    A.T\n     ^");
  EXPECT_EQ(message("\u03c1 + A"),
            "x.yaml:7: a formula cannot contain '\u03c1'\n    \u03c1 + A\n    ^");
  EXPECT_EQ(message("A = B"),
            "x.yaml:7: a formula cannot contain '=': a comparison is written 'a == b'\n"
            "    A = B\n      ^");
}

TEST(Parser, PlacesTheCaretByCharactersAndPutsLinesTogether) {
  EXPECT_EQ(caret_message({"a\u2212b + c", ""}, {6, 7}, "no"),
            "no\n    a\u2212b + c\n       "
            " ^");
  EXPECT_EQ(message("A +\nB C"),
            "x.yaml:7: an operator is missing before 'C'\n    A + B C\n          ^");
}

TEST(Parser, ShowsTheSurroundingsOnlyOfALongFormula) {
  std::string formula = "A";
  for (int i = 0; i < 100; ++i) formula += " + A";
  const std::string text = message(formula + " ) " + formula);
  EXPECT_LT(text.size(), 300U);
  const std::size_t line = text.find('\n') + 1;
  const std::size_t caret_line = text.find('\n', line) + 1;
  EXPECT_EQ(text[line + (text.find('^') - caret_line)], ')');
}

TEST(Parser, LimitsLengthAndDepth) {
  EXPECT_NE(message(std::string(5000, '(')).find("nested more than 64 deep"), std::string::npos);
  EXPECT_NE(message(std::string(5000, '-') + "a").find("more than 64 deep"), std::string::npos);
  std::string powers = "a";
  std::string sums = "a";
  for (int i = 0; i < 2000; ++i) powers += "^a", sums += "+a";
  EXPECT_NE(message(powers).find("nested more than 64 deep"), std::string::npos);
  EXPECT_EQ(message(sums), "accepted");
  EXPECT_NE(message("a" + std::string(5000, '\'')).find("more than 128 operators deep"),
            std::string::npos);
  EXPECT_NE(message(std::string(10001, 'a')).find("10001 characters"), std::string::npos);
  EXPECT_EQ(message(std::string(64, '(') + "a" + std::string(64, ')')), "accepted");
  const std::string nested = message(std::string(65, '(') + "a" + std::string(65, ')'));
  const std::size_t line = nested.find('\n') + 1;
  const std::size_t caret_line = nested.find('\n', line) + 1;
  EXPECT_EQ(nested[line + (nested.find('^') - caret_line)], '(');
}

/// a sign b sign c ..., from `signs` in turn.
std::string chain_of(int operands, const std::string& signs) {
  std::string text = "x0";
  for (int i = 1; i < operands; ++i) {
    text += signs[static_cast<std::size_t>(i) % signs.size()] + ("x" + std::to_string(i));
  }
  return text;
}

/// What the tree is worth with x0, x1, ... in the place of its names.
double worth(const Syntax& syntax, const std::vector<double>& values) {
  if (syntax.kind == SyntaxKind::name) return values.at(std::stoul(syntax.text.substr(1)));
  const double left = worth(*syntax.arguments[0], values);
  if (syntax.kind == SyntaxKind::minus) return -left;
  const double right = worth(*syntax.arguments[1], values);
  switch (syntax.operation) {
    case BinaryOperator::add:
      return left + right;
    case BinaryOperator::subtract:
      return left - right;
    case BinaryOperator::multiply:
      return left * right;
    default:
      return left / right;
  }
}

TEST(Parser, GroupsLongChainsInHalves) {
  EXPECT_EQ(parse({chain_of(32, "+-"), "here"})->depth, 32);
  EXPECT_LE(parse({chain_of(33, "+-"), "here"})->depth, 8);
  std::vector<double> values;
  for (int i = 0; i < 2000; ++i) values.push_back(i % 3 == 0 ? 2 : 0.5 * (i % 4));  // exact
  std::vector<double> factors;
  for (int i = 0; i < 2000; ++i) factors.push_back(i % 7 == 0 ? 2 : i % 7 == 3 ? -1 : 1);
  for (const int operands : {31, 32, 33, 34, 63, 64, 65, 100, 391, 1500}) {
    for (const char* signs : {"+", "-", "+-", "--+", "-++"}) {
      const auto tree = parse({chain_of(operands, signs), "here"});
      double sum = values[0];
      for (int i = 1; i < operands; ++i) {
        const bool minus = signs[static_cast<std::size_t>(i) % std::string(signs).size()] == '-';
        sum += (minus ? -1 : 1) * values[static_cast<std::size_t>(i)];
      }
      EXPECT_EQ(worth(*tree, values), sum) << operands << signs;
      EXPECT_LE(tree->depth, 33);
    }
    for (const char* signs : {"*", "*/", "**/", "//*"}) {
      const auto tree = parse({chain_of(operands, signs), "here"});
      double product = factors[0];
      for (int i = 1; i < operands; ++i) {
        const bool over = signs[static_cast<std::size_t>(i) % std::string(signs).size()] == '/';
        const double factor = factors[static_cast<std::size_t>(i)];
        product = over ? product / factor : product * factor;
      }
      EXPECT_EQ(worth(*tree, factors), product) << operands << signs;
      EXPECT_LE(tree->depth, 33);
    }
  }
}

TEST(Parser, KeepsTheOrderAndThePlaceOfWhatItGroups) {
  const std::string formula = chain_of(40, "*");
  const auto tree = parse({formula, "here"});
  std::string order = grouped(*tree);
  order.erase(
      std::remove_if(order.begin(), order.end(), [](char c) { return c == '(' || c == ')'; }),
      order.end());
  EXPECT_EQ(order, formula);
  const std::string sum = chain_of(40, "-");
  const auto half = parse({sum, "here"})->arguments[1];
  EXPECT_EQ(sum.substr(half->span.begin, half->span.end - half->span.begin).substr(0, 4), "-x20");
  EXPECT_EQ(half->span.end, sum.size());
  EXPECT_NE(message(chain_of(129, "/")).find("more than 128 operators deep"), std::string::npos);
  EXPECT_EQ(message(chain_of(128, "/")), "accepted");
}

TEST(Parser, RefusesRandomTextWithoutCrashing) {
  std::mt19937 random(7);
  const std::string alphabet = "aWI12.e+-*/^'(),<>=! \n@$\xce\xb1\x01";
  for (int round = 0; round < 20000; ++round) {
    std::string formula(random() % 40, ' ');
    for (char& byte : formula) byte = alphabet[random() % alphabet.size()];
    try {
      static_cast<void>(parse({formula, "x"}));
    } catch (const core::ConfigurationError& error) {
      EXPECT_NE(std::string(error.what()).find('^'), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace kronwerk::formulas
