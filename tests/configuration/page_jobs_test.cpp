// Every job that a page shows is one.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "configuration/job_text.hpp"
#include "documentation/markdown.hpp"

namespace kronwerk::configuration {
namespace {

namespace fs = std::filesystem;

/// Whole jobs, which begin with a task, behind comments; not those with parts left out.
bool is_job(const documentation::CodeBlock& block) {
  if (block.language != "yaml" || block.text.find("…\n") != std::string::npos) return false;
  std::istringstream lines(block.text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("#")) return line.starts_with("task:");
  }
  return false;
}

TEST(Pages, ShowJobsThatAreAccepted) {
  std::size_t found = 0;
  for (const fs::path& file : documentation::all_pages(KRONWERK_SOURCE_DIR)) {
    for (const documentation::CodeBlock& block : documentation::read_page(file).blocks) {
      if (!is_job(block)) continue;
      ++found;
      EXPECT_EQ(message(block.text), "accepted")
          << fmt::format("{}:{}", fs::relative(file, KRONWERK_SOURCE_DIR).string(), block.line);
    }
  }
  EXPECT_GT(found, 40U);
}

}  // namespace
}  // namespace kronwerk::configuration
