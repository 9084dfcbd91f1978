#include "kronwerk/configuration/schema.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "kronwerk/core/text.hpp"

namespace kronwerk::configuration {
namespace {

std::string expected_row(const SchemaEntry& entry) {
  std::string type = entry.type_text();
  if (!entry.choices.empty()) type += ": `" + core::join(entry.choices, "`, `") + "`";
  const std::string start = entry.required ? "required" : entry.default_value;
  return fmt::format("| `{}` | {} | {} | {} | {} |", entry.path, type, start, entry.tasks_text(),
                     entry.documentation);
}

TEST(Schema, IsTheTableOfTheReference) {
  const auto reference = std::filesystem::path(KRONWERK_SOURCE_DIR) / "configs/keys.md";
  std::ifstream file(reference);
  std::set<std::string> found;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| `") && line.find(" | ") != std::string::npos) found.insert(line);
  }
  std::set<std::string> expected;
  for (const SchemaEntry& entry : schema()) expected.insert(expected_row(entry));
  for (const std::string& row : expected) EXPECT_TRUE(found.contains(row)) << row;
  for (const std::string& row : found) {
    // Other tables of the page have fewer columns.
    const auto bars = std::ranges::count(row, '|');
    EXPECT_TRUE(bars < 6 || expected.contains(row)) << row;
  }
}

TEST(Schema, DocumentsEveryKeyAndNamesItsParentFirst) {
  std::set<std::string> seen;
  for (const SchemaEntry& entry : schema()) {
    EXPECT_FALSE(entry.documentation.empty()) << entry.path;
    EXPECT_NE(entry.types, 0U) << entry.path;
    EXPECT_TRUE(seen.insert(entry.path).second) << entry.path;
    EXPECT_EQ(find_entry(entry.path), &entry) << entry.path;
  }
}

TEST(Schema, FindsNamesThatUsersChoose) {
  ASSERT_NE(find_entry("parameters.rho"), nullptr);
  EXPECT_EQ(find_entry("parameters.rho")->path, "parameters.*");
  EXPECT_EQ(find_entry("matrices.W.file")->path, "matrices.*.file");
  EXPECT_EQ(find_entry("parameters.file")->path, "parameters.file");
  EXPECT_EQ(find_entry("kernels.K.points.file")->path, "kernels.*.points.file");
  EXPECT_EQ(find_entry("kernels.K.points.x.index")->path, "kernels.*.points.*.index");
  EXPECT_EQ(find_entry("matrices.W.files"), nullptr);
  EXPECT_EQ(find_entry("parameters.rho.x"), nullptr);
  EXPECT_EQ(find_entry(""), nullptr);
  EXPECT_EQ(child_names("matrices.W"),
            (std::vector<std::string>{"file", "dataset", "transpose", "given_as"}));
}

TEST(Schema, NamesEveryTask) {
  EXPECT_EQ(task_name(Task::apply), "apply");
  EXPECT_EQ(task_name(Task::assemble), "assemble");
}

}  // namespace
}  // namespace kronwerk::configuration
