#include "configuration/tree_reader.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "kronwerk/core/error.hpp"

namespace kronwerk::configuration {

void TreeReader::fail(const Position& position, const std::string& what) const {
  throw core::ConfigurationError(job_.where(position) + ": " + what);
}

const Tree& TreeReader::require(const std::string& key) const {
  if (const Tree* found = tree_.find(key)) return *found;
  throw core::ConfigurationError(
      fmt::format("{}: missing key '{}' ({})", job_.file, key, find_entry(key)->documentation));
}

std::string TreeReader::resolve(const Tree& path) const {
  if (path.text.empty()) fail(path.position, "the file name is empty");
  std::filesystem::path file(path.text);
  if (path.text.starts_with("~/")) {
    const char* const home = std::getenv("HOME");
    if (home == nullptr) fail(path.position, "'~' is not known here, since HOME is not set");
    file = std::filesystem::path(home) / path.text.substr(2);
  }
  if (file.is_absolute()) return file.lexically_normal().string();
  return (std::filesystem::path(job_.file).parent_path() / file).lexically_normal().string();
}

DatasetReference TreeReader::dataset(const Tree& tree, const std::string& path) const {
  for (const char* key : {"file", "dataset"}) {
    if (tree.find(key) == nullptr) {
      fail(tree.position, fmt::format("missing key '{}' in '{}'", key, path));
    }
  }
  if (tree.find("dataset")->text.empty()) {
    fail(tree.find("dataset")->position, fmt::format("'{}.dataset' is empty", path));
  }
  const Tree* transpose = tree.find("transpose");
  return {resolve(*tree.find("file")), tree.find("dataset")->text, job_.external_data,
          transpose != nullptr && *to_boolean(*transpose)};
}

core::Extents TreeReader::extents(const Tree& tree, const std::string& key) const {
  core::Extents values;
  for (const Tree& item : tree.items) values.push_back(*to_integer(item));
  if (values.empty()) {
    fail(tree.position, fmt::format("'{}' is empty: name the extent of each mode", key));
  }
  return values;
}

VectorSource TreeReader::vector_source(const Tree& tree, const std::string& path) const {
  VectorSource source;
  source.position = tree.position;
  const Tree* random = tree.find("random");
  const Tree* seed = tree.find("seed");
  if (random != nullptr) {
    for (const char* key : {"file", "dataset", "transpose"}) {
      if (const Tree* other = tree.find(key)) {
        fail(other->position,
             fmt::format("'{0}.{1}' and '{0}.random' exclude each other", path, key));
      }
    }
    RandomReference reference{choice<RandomKind>(*random, path + ".random"), 1};
    if (seed != nullptr) reference.seed = static_cast<std::uint64_t>(*to_integer(*seed));
    source.source = reference;
  } else {
    if (seed != nullptr) {
      fail(seed->position, fmt::format("'{0}.seed' needs '{0}.random'", path));
    }
    if (tree.find("file") == nullptr && tree.find("dataset") == nullptr) {
      fail(tree.position, fmt::format("'{}' needs either 'file' and 'dataset' or 'random'", path));
    }
    source.source = dataset(tree, path);
  }
  if (const Tree* transform = tree.find("transform")) {
    source.transform = choice<Transform>(*transform, path + ".transform");
  }
  return source;
}

}  // namespace kronwerk::configuration
