#include "kronwerk/io/files/suggest_file.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <vector>

#include "kronwerk/core/text.hpp"

namespace kronwerk::io {

std::string suggest_file(const std::string& file) {
  constexpr std::size_t most_names = 1000;
  const std::filesystem::path path(file);
  std::error_code error;
  const auto directory = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (!std::filesystem::is_directory(directory, error)) {
    return fmt::format("; the directory '{}' does not exist either", directory.string());
  }
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    names.push_back(entry.path().filename().string());
    if (names.size() == most_names) break;
  }
  return core::suggestion(path.filename().string(), names);
}

}  // namespace kronwerk::io
