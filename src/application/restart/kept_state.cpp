#include "application/restart/kept_state.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <iomanip>
#include <sstream>

#include "kronwerk/core/digest.hpp"

namespace kronwerk::application {
namespace {

constexpr const char* format = "kronwerk state 3";
constexpr const char* last_word = "end ";

std::string quoted(const std::string& text) {
  std::ostringstream stream;
  stream << std::quoted(text);
  return stream.str();
}

/// Lines of a word and what belongs to it; texts in quotes may have several lines.
class StateReader {
 public:
  explicit StateReader(const std::string& text) : stream_(text) {}

  /// False for what cannot be read.
  bool read(KeptState& state) {
    for (std::string word; stream_ >> word;) {
      if (!read_line(word, state)) return false;
    }
    return true;
  }

 private:
  bool read_line(const std::string& word, KeptState& state) {
    if (word == "version") return !!(stream_ >> std::quoted(state.version));
    if (word == "configuration") return !!(stream_ >> state.configuration);
    if (word == "data") {
      io::FileIdentity& file = state.data.emplace_back();
      return !!(stream_ >> std::quoted(file.file) >> file.bytes >> file.written >> file.content);
    }
    if (word == "result") return !!(stream_ >> std::quoted(state.result.file));
    if (word == "dataset") {
      io::HeldResult::Dataset& each = state.result.datasets.emplace_back();
      return !!(stream_ >> std::quoted(each.path) >> each.offset >> each.count >> each.width);
    }
    std::string name;
    if (!(stream_ >> std::quoted(name))) return false;
    if (word == "text") return !!(stream_ >> std::quoted(state.texts[name]));
    if (word == "vector") {
      KeptState::Vector& vector = state.vectors[name];
      return !!(stream_ >> std::quoted(vector.file) >> vector.size);
    }
    return word == "numbers" && read_numbers(state.numbers[name]);
  }

  /// Hexadecimal numbers come back to the last bit.
  bool read_numbers(std::vector<double>& values) {
    std::size_t count = 0;
    if (!(stream_ >> count)) return false;
    for (std::string word; values.size() < count && stream_ >> word;) {
      char* end = nullptr;
      values.push_back(std::strtod(word.c_str(), &end));
      if (*end != '\0') return false;
    }
    return values.size() == count;
  }

  std::istringstream stream_;
};

}  // namespace

std::string to_text(const KeptState& state) {
  std::string text = fmt::format("{}\nversion {}\nconfiguration {}\n", format,
                                 quoted(state.version), state.configuration);
  for (const auto& file : state.data) {
    text += fmt::format("data {} {} {} {}\n", quoted(file.file), file.bytes, file.written,
                        file.content);
  }
  if (!state.result.file.empty()) text += fmt::format("result {}\n", quoted(state.result.file));
  for (const auto& each : state.result.datasets) {
    text += fmt::format("dataset {} {} {} {}\n", quoted(each.path), each.offset, each.count,
                        each.width);
  }
  for (const auto& [name, values] : state.numbers) {
    text += fmt::format("numbers {} {}", quoted(name), values.size());
    for (const double value : values) text += fmt::format(" {:a}", value);
    text += "\n";
  }
  for (const auto& [name, value] : state.texts) {
    text += fmt::format("text {} {}\n", quoted(name), quoted(value));
  }
  for (const auto& [name, vector] : state.vectors) {
    text += fmt::format("vector {} {} {}\n", quoted(name), quoted(vector.file), vector.size);
  }
  return text + fmt::format("{}{:016x}\n", last_word, core::digest(text));
}

std::optional<KeptState> parse_state(const std::string& text) {
  const std::string head = fmt::format("{}\n", format);
  const std::size_t end = text.rfind(last_word);
  if (end == std::string::npos || !text.starts_with(head)) return std::nullopt;
  const std::string body = text.substr(0, end);
  if (text.substr(end) != fmt::format("{}{:016x}\n", last_word, core::digest(body))) {
    return std::nullopt;
  }
  KeptState state;
  if (!StateReader(body.substr(head.size())).read(state)) return std::nullopt;
  return state;
}

}  // namespace kronwerk::application
