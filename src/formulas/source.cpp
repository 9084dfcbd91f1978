#include "kronwerk/formulas/source.hpp"

#include <algorithm>

namespace kronwerk::formulas {
namespace {

constexpr std::size_t widest_line = 96;
constexpr std::size_t longest_excerpt = 60;

bool continues_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

/// Characters, not bytes, so that the caret stands right below text that is not ASCII.
std::size_t character_count(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char byte) { return !continues_character(byte); }));
}

std::size_t character_start(const std::string& text, std::size_t position) {
  while (position > 0 && position < text.size() && continues_character(text[position])) --position;
  return position;
}

std::string on_one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char byte) { return static_cast<unsigned char>(byte) < 0x20U; },
      ' ');
  return text;
}

}  // namespace

std::string excerpt(const Source& source, Span span) {
  const std::size_t begin = std::min(span.begin, source.text.size());
  const std::size_t end = std::clamp(span.end, begin, source.text.size());
  const std::string text = source.text.substr(begin, end - begin);
  if (text.size() <= longest_excerpt) return on_one_line(text);
  const std::size_t kept = (longest_excerpt - 5) / 2;
  return on_one_line(text.substr(0, character_start(text, kept)) + " ... " +
                     text.substr(character_start(text, text.size() - kept)));
}

std::string caret_message(const Source& source, Span span, const std::string& what) {
  const std::string& text = source.text;
  const std::size_t begin = character_start(text, std::min(span.begin, text.size()));
  const std::size_t end = std::clamp(span.end, begin, text.size());
  // Of a long formula the part around the caret is enough.
  std::size_t first = 0;
  std::size_t last = text.size();
  if (text.size() > widest_line) {
    const std::size_t room = widest_line - std::min(end - begin, widest_line);
    first = character_start(text, begin - std::min(begin, room / 2));
    last = character_start(text, std::min(text.size(), first + widest_line));
  }
  const std::string ahead = first > 0 ? "... " : "";
  const std::string behind = last < text.size() ? " ..." : "";
  const std::size_t indent = 4 + ahead.size() + character_count(text.substr(first, begin - first));
  const std::size_t marked = character_count(text.substr(begin, std::min(end, last) - begin));
  std::string message = source.where.empty() ? what : source.where + ": " + what;
  message += "\n    " + ahead + on_one_line(text.substr(first, last - first)) + behind;
  message += "\n" + std::string(indent, ' ') + "^";
  if (marked > 1) message += std::string(marked - 1, '~');
  return message;
}

void fail_at(const Source& source, Span span, const std::string& what, core::SourceLocation where) {
  throw core::ConfigurationError(caret_message(source, span, what), where);
}

void fail_value_at(const Source& source, Span span, const std::string& what,
                   core::SourceLocation where) {
  throw core::DataError(caret_message(source, span, what), where);
}

}  // namespace kronwerk::formulas
