// Every link in a page of the repository, or of what is installed, leads to a file and a heading
// that are there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "documentation/markdown.hpp"

namespace kronwerk::documentation {
namespace {

namespace fs = std::filesystem;

/// The repository, or KRONWERK_PAGES: where the pages are installed.
fs::path pages_root() {
  const char* const installed = std::getenv("KRONWERK_PAGES");
  return installed != nullptr ? installed : KRONWERK_SOURCE_DIR;
}

const fs::path root = pages_root();

bool is_elsewhere(const std::string& target) {
  return target.starts_with("http:") || target.starts_with("https:") ||
         target.starts_with("mailto:");
}

/// The file that a link of a page leads to, and its anchor.
std::pair<fs::path, std::string> resolve(const fs::path& page, const std::string& target) {
  const auto hash = target.find('#');
  const std::string file = target.substr(0, hash);
  const std::string anchor = hash == std::string::npos ? "" : target.substr(hash + 1);
  return {file.empty() ? page : (page.parent_path() / file).lexically_normal(), anchor};
}

TEST(Markdown, HasBlocksLinksAndAnchorsAsGithubMakesThem) {
  const Page page = parse_page(
      "# A `b`, (c) and d_e\n[x](y.md#z) and `[no](link)`, ![p](q.png)\n```yaml\n# "
      "no\n[n](o)\n```\n"
      "## Twice\n## Twice\n#no heading\n");
  EXPECT_EQ(page.anchors, (std::set<std::string>{"a-b-c-and-d_e", "twice", "twice-1"}));
  ASSERT_EQ(page.links.size(), 2U);
  EXPECT_EQ(page.links[0].target, "y.md#z");
  EXPECT_EQ(page.links[1].line, 2);
  ASSERT_EQ(page.blocks.size(), 1U);
  EXPECT_EQ(page.blocks[0].language, "yaml");
  EXPECT_EQ(page.blocks[0].text, "# no\n[n](o)\n");
  EXPECT_EQ(page.blocks[0].line, 4);
}

TEST(Documentation, LinksLeadToFilesAndHeadingsThatAreThere) {
  std::size_t found = 0;
  for (const fs::path& file : all_pages(root)) {
    for (const Link& link : read_page(file).links) {
      if (is_elsewhere(link.target)) continue;
      ++found;
      const auto [target, anchor] = resolve(file, link.target);
      const std::string where =
          fmt::format("{}:{}: {}", fs::relative(file, root).string(), link.line, link.target);
      EXPECT_TRUE(fs::exists(target)) << where << ": there is no such file";
      if (anchor.empty() || !fs::exists(target)) continue;
      EXPECT_TRUE(read_page(target).anchors.contains(anchor)) << where << ": no such heading";
    }
  }
  EXPECT_GT(found, 100U);
}

TEST(Documentation, EveryPageForUsersIsReachedFromTheReadme) {
  std::set<fs::path> reached{root / "README.md"};
  std::vector<fs::path> left{root / "README.md"};
  while (!left.empty()) {
    const fs::path page = left.back();
    left.pop_back();
    for (const Link& link : read_page(page).links) {
      if (is_elsewhere(link.target)) continue;
      const fs::path target = resolve(page, link.target).first;
      if (target.extension() == ".md" && fs::exists(target) && reached.insert(target).second) {
        left.push_back(target);
      }
    }
  }
  for (const fs::path& page : all_pages(root / "configs")) {
    EXPECT_TRUE(reached.contains(page)) << fs::relative(page, root) << " is linked from nowhere";
  }
}

}  // namespace
}  // namespace kronwerk::documentation
