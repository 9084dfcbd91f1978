#pragma once

#include <algorithm>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "fuzz/scratch_folder.hpp"
#include "kronwerk/io/hdf5/show.hpp"
#include "kronwerk/io/import/import.hpp"

namespace kronwerk::fuzz {

/// One input of an importer: its first line has the options as words, `sparse` for --sparse and
/// `k=3` for --k 3; the rest is the text file.
class ImportCase {
 public:
  ImportCase(const std::uint8_t* data, std::size_t size) {
    const std::string all = to_text(data, size);
    const std::size_t end = std::min(all.find('\n'), all.size());
    std::string options = all.substr(0, end);
    // A command line has none.
    std::replace(options.begin(), options.end(), '\0', '?');
    std::istringstream line(options);
    for (std::string word; line >> word;) words_.push_back(word);
    input_ =
        folder().write("input.txt", std::string_view(all).substr(std::min(end + 1, all.size())));
  }

  const std::string& input() const { return input_; }
  bool has(const std::string& option) const {
    return std::find(words_.begin(), words_.end(), option) != words_.end();
  }
  /// What follows `option=`; "" without it.
  std::string text(const std::string& option) const {
    for (const std::string& word : words_) {
      if (word.starts_with(option + "=")) return word.substr(option.size() + 1);
    }
    return "";
  }
  io::WeightOptions weights() const { return {has("symmetrise"), has("row-normalise")}; }
  /// `order=a|b|c` is a file of three lines.
  io::OrderFile order() const {
    std::string lines = text("order");
    if (lines.empty()) return {};
    std::replace(lines.begin(), lines.end(), '|', '\n');
    return {folder().write("order.txt", lines), text("order-column")};
  }
  io::ImportTarget target() const {
    const std::string path = text("to");
    return {{folder().file("result.h5"), path.empty() ? "/W" : path}, has("overwrite")};
  }

  /// Runs the importer into a file that is not there, with `twice` once more into the one it wrote.
  /// What was imported can be shown.
  template <typename Options>
  void run(io::ImportSummary (*import)(const Options&), const Options& options) const {
    std::filesystem::remove(options.target.location.file);
    for (int round = 0; round < (has("twice") ? 2 : 1); ++round) {
      if (!accepted([&] { static_cast<void>(io::to_text(import(options))); })) continue;
      const std::string shown = io::describe_file(options.target.location.file);
      require(shown.find("cannot be described") == std::string::npos, shown);
    }
  }

  static const ScratchFolder& folder() {
    static const ScratchFolder made;
    return made;
  }

 private:
  std::vector<std::string> words_;
  std::string input_;
};

inline io::Transform transform_of(const ImportCase& input) {
  const std::string name = input.text("transform");
  auto result = io::Transform::none;
  if (!name.empty()) accepted([&] { result = io::parse_transform(name); });
  return result;
}

/// An integer option, `otherwise` if it is not given or none.
inline core::Index integer_of(const ImportCase& input, const std::string& option,
                              core::Index otherwise) {
  const std::string text = input.text(option);
  char* end = nullptr;
  const long long value = std::strtoll(text.c_str(), &end, 10);
  return text.empty() || *end != '\0' ? otherwise : value;
}

}  // namespace kronwerk::fuzz
