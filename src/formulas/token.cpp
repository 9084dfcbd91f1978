#include "formulas/token.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

namespace kronwerk::formulas {
namespace {

// Not <cctype>: its answers depend on the locale.
bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}
bool is_letter(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}
bool is_space(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

struct Spelling {
  std::string_view text;
  BinaryOperator operation;
};

// Longer spellings first.
constexpr std::array<Spelling, 11> spellings = {{{"<=", BinaryOperator::less_equal},
                                                 {">=", BinaryOperator::greater_equal},
                                                 {"==", BinaryOperator::equal},
                                                 {"!=", BinaryOperator::not_equal},
                                                 {"<", BinaryOperator::less},
                                                 {">", BinaryOperator::greater},
                                                 {"+", BinaryOperator::add},
                                                 {"-", BinaryOperator::subtract},
                                                 {"*", BinaryOperator::multiply},
                                                 {"/", BinaryOperator::divide},
                                                 {"^", BinaryOperator::power}}};

struct Mistake {
  std::string_view text;
  std::string_view advice;
};

// What people bring along from other languages, and what word processors make of signs.
constexpr std::array<Mistake, 10> mistakes = {{{"**", "a power is written 'a ^ b'"},
                                               {"@", "a composition is written 'A * B'"},
                                               {".", "a transpose is written A', a number 0.5"},
                                               {"=", "a comparison is written 'a == b'"},
                                               {"[", "use ( and )"},
                                               {"{", "use ( and )"},
                                               {"\u2212", "a minus is written '-'"},
                                               {"\u2013", "a minus is written '-'"},
                                               {"\u2297", "write kron(A, B)"},
                                               {"\u2019", "a transpose is written A'"}}};

class Tokeniser {
 public:
  explicit Tokeniser(const Source& source) : source_(source), text_(source.text) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    while (true) {
      while (position_ < text_.size() && is_space(text_[position_])) ++position_;
      Token token = next();
      position_ = token.span.end;
      tokens.push_back(token);
      if (token.kind == TokenKind::end) return tokens;
    }
  }

 private:
  Token next() const {
    Token token;
    token.span = {position_, position_ + 1};
    if (position_ >= text_.size()) {
      token.span = {text_.size(), text_.size()};
      return token;
    }
    const char byte = text_[position_];
    if (is_digit(byte) ||
        (byte == '.' && position_ + 1 < text_.size() && is_digit(text_[position_ + 1]))) {
      return number();
    }
    if (is_letter(byte)) {
      token.kind = TokenKind::name;
      token.span.end = end_of_name(position_);
      return token;
    }
    check_mistakes();
    switch (byte) {
      case '(':
        token.kind = TokenKind::left_parenthesis;
        return token;
      case ')':
        token.kind = TokenKind::right_parenthesis;
        return token;
      case ',':
        token.kind = TokenKind::comma;
        return token;
      case '\'':
        token.kind = TokenKind::apostrophe;
        return token;
      default:
        break;
    }
    for (const Spelling& spelling : spellings) {
      if (text_.substr(position_).starts_with(spelling.text)) {
        token.kind = TokenKind::binary_operator;
        token.operation = spelling.operation;
        token.span.end = position_ + spelling.text.size();
        return token;
      }
    }
    fail_unknown({position_, end_of_character()}, "");
  }

  Token number() const {
    Token token;
    token.kind = TokenKind::number;
    const char* begin = text_.data() + position_;
    const char* end = text_.data() + text_.size();
    const auto [stop, status] = std::from_chars(begin, end, token.value);
    token.span = {position_, position_ + static_cast<std::size_t>(stop - begin)};
    if (status != std::errc() || !std::isfinite(token.value)) {
      fail_at(source_, token.span,
              "the number '" + excerpt(source_, token.span) + "' is out of range");
    }
    return token;
  }

  void check_mistakes() const {
    const std::string_view rest = text_.substr(position_);
    for (const Mistake& mistake : mistakes) {
      if (!rest.starts_with(mistake.text)) continue;
      if (mistake.text == "=" && rest.starts_with("==")) continue;
      fail_unknown({position_, position_ + mistake.text.size()}, std::string(mistake.advice));
    }
  }

  [[noreturn]] void fail_unknown(Span span, const std::string& advice) const {
    const bool printable = static_cast<unsigned char>(text_[span.begin]) >= 0x20U;
    fail_at(source_, span,
            "a formula cannot contain " +
                (printable ? "'" + excerpt(source_, span) + "'" : "a control character") +
                (advice.empty() ? "" : ": " + advice));
  }

  std::size_t end_of_name(std::size_t position) const {
    while (position < text_.size() && (is_letter(text_[position]) || is_digit(text_[position]))) {
      ++position;
    }
    return position;
  }

  std::size_t end_of_character() const {
    std::size_t end = position_ + 1;
    while (end < text_.size() && (static_cast<unsigned char>(text_[end]) & 0xC0U) == 0x80U) ++end;
    return end;
  }

  const Source& source_;
  std::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace

std::vector<Token> tokenise(const Source& source) {
  return Tokeniser(source).run();
}

}  // namespace kronwerk::formulas
