#include "kronwerk/configuration/machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <variant>

#include "configuration/tree.hpp"
#include "configuration/validate.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::configuration {
namespace {

using Value = std::variant<std::string*, std::vector<std::string>*, double*, std::vector<double>*>;

struct Field {
  std::string key;
  Value value;
};

/// A map of the file. Reading and writing follow the same list, so that they cannot disagree.
struct Section {
  std::string name;
  std::string comment;
  std::vector<Field> fields;
  bool optional = false;  ///< may be missing as a whole
  bool known = true;      ///< is written
};

Section table(const std::string& name, const std::string& comment, const std::string& sizes,
              const std::string& unit, RateTable& rates) {
  return {name,
          comment,
          {{sizes, &rates.sizes},
           {"one_rank_" + unit, &rates.one_rank},
           {"all_ranks_" + unit, &rates.all_ranks}}};
}

Section rate(const std::string& name, const std::string& comment, const std::string& unit,
             Rate& rates) {
  return {name,
          comment,
          {{"one_rank_" + unit, &rates.one_rank}, {"all_ranks_" + unit, &rates.all_ranks}}};
}

Section link(const std::string& name, const std::string& comment, Link& values) {
  return {name,
          comment,
          {{"latency_microseconds", &values.latency_microseconds},
           {"gigabytes_per_second", &values.gigabytes_per_second},
           {"kilomessages_per_second", &values.kilomessages_per_second}},
          true,
          values.gigabytes_per_second > 0};
}

std::vector<Section> products_of(Machine& m) {
  const char* gigaflops = "gigaflops";
  const char* row = "entries_per_row";
  return {
      table("dense_last_mode", "products with a dense factor along the last mode", "extents",
            gigaflops, m.dense_last_mode),
      table("dense_other_mode", "the same along a mode before it", "extents", gigaflops,
            m.dense_other_mode),
      table("sparse_last_mode", "products with a sparse factor along the last mode", row, gigaflops,
            m.sparse_last_mode),
      table("sparse_other_mode", "the same along a mode before it", row, gigaflops,
            m.sparse_other_mode),
      table("substitution_last_mode", "solves with a sparse Cholesky factor along the last mode",
            row, gigaflops, m.substitution_last_mode),
      table("substitution_other_mode", "the same along a mode before it", row, gigaflops,
            m.substitution_other_mode),
      rate("sparse_factorisation", "stored entries of planar matrices, ordered and factorised",
           "million_entries_per_second", m.sparse_factorisation),
      table("dgemm", "BLAS, square matrices", "extents", gigaflops, m.dgemm),
      table("eigenvectors", "of symmetric matrices, n^3 operations each", "extents", gigaflops,
            m.eigenvectors),
      table("eigenvalues", "without vectors, n^3 operations each", "extents", gigaflops,
            m.eigenvalues),
      {"eigenvectors_together",
       "of one matrix by all ranks",
       {{"extents", &m.eigenvectors_together.sizes},
        {"gigaflops", &m.eigenvectors_together.all_ranks}}},
      {"eigenvalues_together",
       "without vectors",
       {{"extents", &m.eigenvalues_together.sizes},
        {"gigaflops", &m.eigenvalues_together.all_ranks}}},
      rate("kernel_pairs", "values of exp(-sqdist(x, y)) in the plane, summed up",
           "million_per_second", m.kernel_pairs),
      rate("random_numbers", "normal ones", "million_per_second", m.random_numbers),
      rate("checked_values", "looked through for the report", "million_per_second",
           m.checked_values),
  };
}

std::vector<Section> memory_and_messages_of(Machine& m) {
  const char* bytes = "gigabytes_per_second";
  return {
      rate("memory_copy", "read and written together", bytes, m.memory_copy),
      rate("cache_copy", "the same in a core's cache", bytes, m.cache_copy),
      rate("first_touch", "of a rank's own memory", bytes, m.first_touch),
      rate("touch_again", "of memory that it gave back a moment ago", bytes, m.touch_again),
      rate("shared_first_touch", "of memory that the ranks of a node share", bytes,
           m.shared_first_touch),
      rate("exchange", "what a rank sends in a redistribution within the node", bytes, m.exchange),
      link("within_node", "messages; rates of each rank while all send", m.within_node),
      link("between_nodes", "messages; rates of each rank while all send", m.between_nodes),
      {"reduction",
       "the sum of one number",
       {{"ranks", &m.reduction_ranks}, {"microseconds", &m.reduction_microseconds}}},
      {"files",
       "what was written a moment ago; on a parallel file system measure in its folder",
       {{"open_milliseconds", &m.file_open_milliseconds},
        {"create_milliseconds", &m.file_create_milliseconds},
        {"one_rank_read_gigabytes_per_second", &m.file_read.one_rank},
        {"all_ranks_read_gigabytes_per_second", &m.file_read.all_ranks},
        {"one_rank_write_gigabytes_per_second", &m.file_write.one_rank},
        {"all_ranks_write_gigabytes_per_second", &m.file_write.all_ranks},
        {"sync_milliseconds", &m.file_sync_milliseconds},
        {"sync_gigabytes_per_second", &m.file_sync_gigabytes_per_second}}},
      {"start_up",
       "before the first stage",
       {{"loading_seconds", &m.loading_seconds}, {"mpi_seconds", &m.mpi_start_seconds}}},
  };
}

std::vector<Section> sections_of(Machine& m) {
  std::vector<Section> sections{{"measured",
                                 "by kronwerk measure",
                                 {{"date", &m.date},
                                  {"version", &m.version},
                                  {"commit", &m.commit},
                                  {"processor", &m.processor},
                                  {"mpi", &m.mpi},
                                  {"hosts", &m.hosts},
                                  {"ranks", &m.ranks},
                                  {"nodes", &m.nodes},
                                  {"ranks_per_node", &m.ranks_per_node}}}};
  std::ranges::move(products_of(m), std::back_inserter(sections));
  std::ranges::move(memory_and_messages_of(m), std::back_inserter(sections));
  return sections;
}

template <typename T>
std::vector<std::string> names(const std::vector<T>& list, std::string T::*name) {
  std::vector<std::string> result;
  for (const T& each : list) result.push_back(each.*name);
  return result;
}

class Reader {
 public:
  explicit Reader(const std::string& file) : file_(file) {}

  void read(const Tree& tree, std::vector<Section> sections) const {
    require_map(tree, "the machine file");
    for (const TreeEntry& entry : tree.entries) {
      check_known(entry, "", names(sections, &Section::name));
    }
    for (const Section& section : sections) {
      const Tree* found = tree.find(section.name);
      if (found == nullptr && section.optional) continue;
      if (found == nullptr) missing(tree, section.name);
      read(*found, section);
    }
  }

 private:
  [[noreturn]] void fail(const Position& position, const std::string& what) const {
    throw core::ConfigurationError(position.text(file_) + ": " + what);
  }
  [[noreturn]] void missing(const Tree& tree, const std::string& key) const {
    fail(tree.position, fmt::format("'{}' is missing in this machine file; write it anew with "
                                    "'kronwerk measure'",
                                    key));
  }
  void require_map(const Tree& tree, const std::string& what) const {
    if (tree.kind != Tree::Kind::map) fail(tree.position, what + " is no map of keys");
  }
  void check_known(const TreeEntry& entry, const std::string& inside,
                   const std::vector<std::string>& known) const {
    if (std::ranges::find(known, entry.key) != known.end()) return;
    fail(entry.position, fmt::format("unknown key '{}'{} in a machine file{}", entry.key,
                                     inside.empty() ? "" : " in '" + inside + "'",
                                     core::suggestion(entry.key, known)));
  }

  void read(const Tree& tree, const Section& section) const {
    require_map(tree, "'" + section.name + "'");
    for (const TreeEntry& entry : tree.entries) {
      check_known(entry, section.name, names(section.fields, &Field::key));
    }
    std::size_t length = 0;
    for (const Field& field : section.fields) {
      const std::string path = join_path(section.name, field.key);
      const Tree* value = tree.find(field.key);
      if (value == nullptr) missing(tree, path);
      std::visit([&](auto* target) { read(*value, path, *target); }, field.value);
      if (const auto* list = std::get_if<std::vector<double>*>(&field.value)) {
        check_length(*value, path, section, length, **list);
      }
    }
  }

  /// The lists of a section belong together; its first are the sizes.
  void check_length(const Tree& tree, const std::string& path, const Section& section,
                    std::size_t& length, const std::vector<double>& list) const {
    if (length == 0) {
      length = list.size();
      if (!std::ranges::is_sorted(list, std::less_equal<>())) {
        fail(tree.position, fmt::format("'{}' does not ascend", path));
      }
    } else if (list.size() != length) {
      fail(tree.position, fmt::format("'{}' has {} numbers, but '{}' has {}", path, list.size(),
                                      join_path(section.name, section.fields.front().key), length));
    }
  }

  void read(const Tree& tree, const std::string& path, std::string& text) const {
    if (tree.kind != Tree::Kind::scalar) fail(tree.position, fmt::format("'{}' is no text", path));
    text = tree.text;
  }
  void read(const Tree& tree, const std::string& path, std::vector<std::string>& texts) const {
    if (tree.kind != Tree::Kind::list) fail(tree.position, fmt::format("'{}' is no list", path));
    for (const Tree& item : tree.items) read(item, path, texts.emplace_back());
  }
  void read(const Tree& tree, const std::string& path, double& number) const {
    const auto found = tree.kind == Tree::Kind::scalar ? to_number(tree) : std::optional<double>{};
    if (!found) fail(tree.position, fmt::format("'{}' is no number", path));
    if (!(*found > 0) || !std::isfinite(*found)) {
      fail(tree.position,
           fmt::format("'{}' is {}; a positive number was expected", path, tree.text));
    }
    number = *found;
  }
  void read(const Tree& tree, const std::string& path, std::vector<double>& numbers) const {
    if (tree.kind != Tree::Kind::list || tree.items.empty()) {
      fail(tree.position, fmt::format("'{}' is no list of numbers", path));
    }
    for (const Tree& item : tree.items) read(item, path, numbers.emplace_back());
  }

  const std::string& file_;
};

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') result += '\\';
    if (static_cast<unsigned char>(letter) >= ' ') result += letter;
  }
  return result + '"';
}

std::string number_text(double value) {
  return fmt::format("{:.4g}", value);
}

template <typename T, typename ToText>
std::string list_text(const std::vector<T>& values, const ToText& to_text) {
  std::vector<std::string> parts;
  for (const T& value : values) parts.push_back(to_text(value));
  return "[" + core::join(parts, ", ") + "]";
}

std::string text_of(const Value& value) {
  struct Writer {
    std::string operator()(const std::string* text) const { return quoted(*text); }
    std::string operator()(const std::vector<std::string>* texts) const {
      return list_text(*texts, quoted);
    }
    std::string operator()(const double* number) const { return number_text(*number); }
    std::string operator()(const std::vector<double>* numbers) const {
      return list_text(*numbers, number_text);
    }
  };
  return std::visit(Writer{}, value);
}

}  // namespace

Machine parse_machine(const std::string& text, const std::string& file) {
  Machine machine;
  Reader(file).read(parse_tree(text, file), sections_of(machine));
  machine.eigenvectors_together.one_rank = machine.eigenvectors_together.all_ranks;
  machine.eigenvalues_together.one_rank = machine.eigenvalues_together.all_ranks;
  if (machine.ranks_per_node > machine.ranks || machine.nodes > machine.ranks) {
    throw core::ConfigurationError(
        fmt::format("{}: 'measured' has more nodes, or ranks per node, than ranks", file));
  }
  return machine;
}

std::string to_yaml(const Machine& machine) {
  Machine copy = machine;
  std::string text =
      "# What this machine does, for 'kronwerk plan --machine'. \"one rank\": while the others "
      "rest;\n"
      "# \"all ranks\": each of them while all of a node do the same.\n";
  for (const Section& section : sections_of(copy)) {
    if (!section.known) continue;
    text += fmt::format("{}:  # {}\n", section.name, section.comment);
    for (const Field& field : section.fields) {
      text += fmt::format("  {}: {}\n", field.key, text_of(field.value));
    }
  }
  return text;
}

}  // namespace kronwerk::configuration
