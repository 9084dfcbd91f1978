// That the comparison of tutorials with what is printed sees what differs.
#include "documentation/transcript.hpp"

#include <gtest/gtest.h>

namespace kronwerk::documentation {
namespace {

bool agree(const std::string& expected, const std::string& printed) {
  Command command;
  std::istringstream lines(expected);
  for (std::string line; std::getline(lines, line);) command.expected.push_back(line);
  return is_as_printed(command, printed);
}

TEST(Transcript, HasCommandsTheirOutputAndFiles) {
  const Page page =
      parse_page("```console\n$ a \\\n    b\none\n$ c\n```\n```yaml\n# j.yaml\nx: 1\n```\n");
  const auto commands = commands_of(page.blocks.at(0));
  ASSERT_EQ(commands.size(), 2U);
  EXPECT_EQ(commands[0].text, "a \\\n    b");
  EXPECT_EQ(commands[0].expected, std::vector<std::string>{"one"});
  EXPECT_EQ(commands[1].line, 5);
  EXPECT_TRUE(commands[1].expected.empty());
  EXPECT_EQ(file_name_of(page.blocks.at(1)), "j.yaml");
  EXPECT_EQ(file_name_of(page.blocks.at(0)), "");
  EXPECT_EQ(file_name_of({"awk", "# line.awk: what it is\n", 1}), "line.awk");
  EXPECT_EQ(file_name_of({"yaml", "# Product\ntask: solve\n", 1}), "");
}

TEST(Transcript, AgreesUpToRoundingTimesAndSizes) {
  EXPECT_TRUE(agree("result  1.00001", "result 1.00002\n"));
  EXPECT_TRUE(agree("residual 4e-16", "residual 7.7e-15\n"));
  EXPECT_TRUE(agree("read  1.2 ms\n3.1 kB", "read 410 us\n2 MB\n"));
  EXPECT_TRUE(agree("kronwerk 0.1.0: fit", "kronwerk 0.2.0: fit\n"));
  EXPECT_TRUE(agree("a\n…\nd", "a\nb\nc\nd\n"));
  EXPECT_TRUE(agree("…\nd\n…", "d\n"));
  EXPECT_TRUE(agree("a … 2.0000 …", "a b c 2.0001 d\n"));
}

TEST(Transcript, DiffersWhereSomethingElseIsPrinted) {
  EXPECT_FALSE(agree("result 1.00", "result 1.01\n"));
  EXPECT_FALSE(agree("12 x 120", "12 x 121\n"));
  EXPECT_FALSE(agree("rho = 0.1", "rho = -0.1\n"));
  EXPECT_FALSE(agree("", "something\n"));
  EXPECT_FALSE(agree("something", ""));
  EXPECT_FALSE(agree("a\n…\nd", "a\nb\n"));
  EXPECT_FALSE(agree("a … c", "a b\n"));
  EXPECT_FALSE(agree("one two", "one\n"));
  EXPECT_FALSE(agree("4 of 5", "4 of\n"));
}

}  // namespace
}  // namespace kronwerk::documentation
