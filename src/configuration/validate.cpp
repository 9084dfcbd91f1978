#include "configuration/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "kronwerk/configuration/schema.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::configuration {
namespace {

using core::ConfigurationError;

template <typename T>
std::optional<T> parse_whole(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string describe(const Tree& tree) {
  switch (tree.kind) {
    case Tree::Kind::null:
      return "nothing";
    case Tree::Kind::list:
      return "a list";
    case Tree::Kind::map:
      return "a map";
    case Tree::Kind::scalar:
      break;
  }
  if (!tree.quoted && to_number(tree)) return fmt::format("the number {}", tree.text);
  if (!tree.quoted && to_boolean(tree)) return tree.text;
  return fmt::format("the text '{}'", tree.text);
}

std::string expected_type(unsigned types) {
  std::vector<std::string> parts;
  if ((types & number) != 0) parts.emplace_back("a number");
  if ((types & integer) != 0) parts.emplace_back("an integer");
  if ((types & boolean) != 0) parts.emplace_back("true or false");
  if ((types & text) != 0) parts.emplace_back("text");
  if ((types & list) != 0) parts.emplace_back("a list");
  if ((types & map) != 0) parts.emplace_back("a map");
  return core::join(parts, " or ");
}

bool has_type(const Tree& tree, unsigned types) {
  switch (tree.kind) {
    case Tree::Kind::null:
      return false;
    case Tree::Kind::list:
      return (types & list) != 0;
    case Tree::Kind::map:
      return (types & map) != 0;
    case Tree::Kind::scalar:
      break;
  }
  return ((types & number) != 0 && to_number(tree)) ||
         ((types & integer) != 0 && to_integer(tree)) ||
         ((types & boolean) != 0 && to_boolean(tree)) ||
         ((types & text) != 0 && !tree.text.empty()) || ((types & text) != 0 && tree.quoted);
}

bool is_name(const std::string& name) {
  const auto letter = [](char c) {
    return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
  };
  const auto letter_or_digit = [&](char c) {
    return letter(c) || std::isdigit(static_cast<unsigned char>(c)) != 0;
  };
  return !name.empty() && letter(name.front()) && std::ranges::all_of(name, letter_or_digit);
}

class Validator {
 public:
  explicit Validator(const std::string& file) : file_(file) {}

  void check_map(const Tree& tree, const std::string& path) const {
    const std::vector<std::string> known = child_names(path);
    for (auto entry = tree.entries.begin(); entry != tree.entries.end(); ++entry) {
      check_key(tree, *entry, path, known);
      check_value(entry->value, join_path(path, entry->key));
    }
    for (const std::string& name : known) {
      const SchemaEntry* entry = find_entry(join_path(path, name));
      if (entry->required && tree.find(name) == nullptr) {
        const std::string where = path.empty() ? file_ : tree.position.text(file_);
        throw ConfigurationError(fmt::format("{}: missing key '{}'{} ({})", where, name,
                                             inside(path), entry->documentation));
      }
    }
  }

 private:
  static std::string inside(const std::string& path) {
    return path.empty() ? "" : fmt::format(" in '{}'", path);
  }

  void check_key(const Tree& tree, const TreeEntry& entry, const std::string& path,
                 const std::vector<std::string>& known) const {
    const std::string where = entry.position.text(file_);
    const auto first = std::ranges::find(tree.entries, entry.key, &TreeEntry::key);
    if (&*first != &entry) {
      throw ConfigurationError(fmt::format("{}: duplicate key '{}'{} (first given on line {})",
                                           where, entry.key, inside(path), first->position.line));
    }
    refuse_cut_formula(tree, entry);
    const bool free_names = find_entry(join_path(path, "*")) != nullptr;
    if (free_names) {
      if (is_name(entry.key)) return;
      throw ConfigurationError(fmt::format(
          "{}: '{}' in '{}' is no name: expected letters, digits and '_', beginning with "
          "a letter or '_'",
          where, entry.key, path));
    }
    if (std::ranges::find(known, entry.key) != known.end()) return;
    std::string hint = core::suggestion(entry.key, known);
    if (hint.empty()) hint = fmt::format(" (known are: {})", core::join(known, ", "));
    throw ConfigurationError(
        fmt::format("{}: unknown key '{}'{}{}", where, entry.key, inside(path), hint));
  }

  /// Within braces and brackets, YAML takes an unquoted formula for ended at its first comma.
  void refuse_cut_formula(const Tree& map, const TreeEntry& entry) const {
    if (&entry == &map.entries.front() || entry.value.kind != Tree::Kind::null) return;
    refuse_cut((&entry - 1)->value, entry.key);  // entries lie side by side
  }
  void refuse_cut(const Tree& before, const std::string& after) const {
    if (before.kind != Tree::Kind::scalar || before.quoted) return;
    if (std::ranges::count(before.text, '(') <= std::ranges::count(before.text, ')')) return;
    throw ConfigurationError(fmt::format(
        "{}: the formula '{}, {}' is cut at its comma, since it stands within braces or brackets: "
        "write it in quotes, \"{}, {}…\"",
        before.position.text(file_), before.text, after, before.text, after));
  }

  void check_value(const Tree& tree, const std::string& path) const {
    const SchemaEntry& entry = *find_entry(path);
    if (!has_type(tree, entry.types)) {
      fail(tree, path,
           fmt::format("must be {}, found {}", expected_type(entry.types), describe(tree)));
    }
    if (tree.kind == Tree::Kind::map) check_map(tree, path);
    if (tree.kind == Tree::Kind::list) {
      for (std::size_t i = 1; i < tree.items.size(); ++i) {
        refuse_cut(tree.items[i - 1], tree.items[i].text);
      }
      for (const Tree& item : tree.items) check_value(item, path + "[]");
    }
    if (tree.kind == Tree::Kind::scalar) check_scalar(tree, entry, path);
  }

  void check_scalar(const Tree& tree, const SchemaEntry& entry, const std::string& path) const {
    if (!entry.choices.empty() &&
        std::ranges::find(entry.choices, tree.text) == entry.choices.end()) {
      fail(tree, path,
           fmt::format("must be one of {}{}; found '{}'{}", core::join(entry.choices, ", "),
                       (entry.types & map) != 0 ? " or a map" : "", tree.text,
                       core::suggestion(tree.text, entry.choices)));
    }
    const std::optional<double> number_found = to_number(tree);
    // Of a key that takes text as well, it may be no number.
    if ((entry.types & (number | integer)) == 0 || !number_found) return;
    const double value = *number_found;
    const bool above = entry.minimum_excluded ? value > entry.minimum : value >= entry.minimum;
    if (above && value <= entry.maximum) return;
    std::string range;
    if (std::isfinite(entry.minimum)) {
      range =
          fmt::format("{} {}", entry.minimum_excluded ? "greater than" : "at least", entry.minimum);
    }
    if (std::isfinite(entry.maximum)) {
      range += fmt::format("{}at most {}", range.empty() ? "" : " and ",
                           static_cast<long long>(entry.maximum));
    }
    fail(tree, path, fmt::format("must be {}, found {}", range, tree.text));
  }

  [[noreturn]] void fail(const Tree& tree, const std::string& path, const std::string& what) const {
    throw ConfigurationError(fmt::format("{}: '{}' {}", tree.position.text(file_), path, what));
  }

  const std::string& file_;
};

}  // namespace

std::optional<double> to_number(const Tree& scalar) {
  if (scalar.quoted) return std::nullopt;
  const auto value = parse_whole<double>(scalar.text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<core::Index> to_integer(const Tree& scalar) {
  if (scalar.quoted) return std::nullopt;
  return parse_whole<core::Index>(scalar.text);
}

std::optional<bool> to_boolean(const Tree& scalar) {
  if (scalar.quoted) return std::nullopt;
  if (scalar.text == "true" || scalar.text == "True" || scalar.text == "TRUE") return true;
  if (scalar.text == "false" || scalar.text == "False" || scalar.text == "FALSE") return false;
  return std::nullopt;
}

void validate(const Tree& tree, const std::string& file) {
  if (tree.kind != Tree::Kind::map) {
    throw ConfigurationError(
        fmt::format("{}: the configuration must be a map of keys such as "
                    "'task: solve', found {}",
                    file, describe(tree)));
  }
  Validator(file).check_map(tree, "");
}

}  // namespace kronwerk::configuration
