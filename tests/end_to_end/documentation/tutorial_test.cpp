// The tutorials as a reader types them: every block that names a file is written, every command is
// run in the order of the page, in one shell and an empty folder, and prints what the page says.
#include "documentation/transcript.hpp"
#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

namespace fs = std::filesystem;
using documentation::CodeBlock;
using documentation::Command;

fs::path tutorials() {
  const char* source = std::getenv("KRONWERK_SOURCE_DIR");
  return fs::path(source == nullptr ? "." : source) / "configs/tutorials";
}

std::vector<std::string> names() {
  std::vector<std::string> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(tutorials(), none)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() == ".md" && name != "README") found.push_back(name);
  }
  std::ranges::sort(found);
  return found;
}

bool is_for_python(const std::string& command) {
  return command.starts_with("python3 ") || command.starts_with("kronwerk plot ");
}

class Tutorial : public ProgramTest, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    fs::create_directories(path("work"));
    fs::create_directories(path("bin"));
    const char* python = std::getenv("KRONWERK_TEST_PYTHON");
    fs::create_symlink(fs::absolute(program_), path("bin/kronwerk"));
    fs::create_symlink(python != nullptr ? python : "/usr/bin/python3", path("bin/python3"));
    has_python_ =
        shell("bin/python3 -c 'import h5py, matplotlib, numpy, PIL, scipy, yaml'").code == 0;
  }

  /// One command after the other, what it prints in a file of its own; `$?` is that of the one
  /// before.
  std::string script(const documentation::Page& page, std::vector<Command>& commands) const {
    std::string text =
        fmt::format("cd {}\nexport DATA={} PATH={}:$PATH\n", path("work").string(),
                    (tutorials().parent_path() / "data").string(), path("bin").string());
    for (const CodeBlock& block : page.blocks) {
      const std::string file = documentation::file_name_of(block);
      if (!file.empty()) write_text(path("work/" + file), block.text);
      if (block.language != "console") continue;
      for (const Command& command : documentation::commands_of(block)) {
        const fs::path printed = path(fmt::format("printed{}", commands.size()));
        const bool left_out = is_for_python(command.text) && !has_python_;
        text +=
            fmt::format("{{ {}\n}} >{} 2>&1\n", left_out ? ":" : command.text, printed.string());
        commands.push_back(command);
      }
    }
    return text;
  }

  bool has_python_ = false;
};

TEST_P(Tutorial, PrintsWhatItSays) {
  const documentation::Page page = documentation::read_page(tutorials() / (GetParam() + ".md"));
  std::vector<Command> commands;
  write_text(path("script"), script(page, commands));
  ASSERT_GE(commands.size(), 5U);
  shell("timeout -k 5 300 bash script </dev/null");
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const Command& command = commands[i];
    if (is_for_python(command.text) && !has_python_) continue;
    const std::string printed = read_text(path(fmt::format("printed{}", i)));
    std::string expected;
    for (const std::string& line : command.expected) expected += line + "\n";
    EXPECT_TRUE(documentation::is_as_printed(command, printed))
        << "configs/tutorials/" << GetParam() << ".md:" << command.line << ": $ " << command.text
        << "\n--- the page says\n"
        << expected << "--- printed was\n"
        << printed;
  }
  if (!has_python_)
    GTEST_SKIP() << "not run: what takes Python with h5py, matplotlib, numpy, PIL, scipy and yaml";
}

INSTANTIATE_TEST_SUITE_P(Pages, Tutorial, testing::ValuesIn(names()), [](const auto& page) {
  std::string name = page.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace kronwerk::end_to_end
