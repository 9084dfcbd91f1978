#include "application/report/process_age.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

namespace kronwerk::application {
namespace {

double launched(const std::map<std::string, ProcessAge>& processes) {
  return launch_seconds([&](const std::string& number) -> std::optional<ProcessAge> {
    const auto found = processes.find(number);
    return found == processes.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST(ProcessAge, IsOfTheProcessItself) {
  const auto self = find_process("self");
  ASSERT_TRUE(self);
  EXPECT_EQ(self->parent, std::to_string(getppid()));
  EXPECT_LE(self->seconds, own_age());
  EXPECT_FALSE(find_process("none"));
}

TEST(ProcessAge, ALaunchBeginsWithMpirunOrWithWhatStartedIt) {
  const ProcessAge self{"kronwerk", "7", 1};
  EXPECT_EQ(launched({{"self", self}, {"7", {"mpirun", "6", 3}}}), 2);
  EXPECT_EQ(launched({{"self", self}, {"7", {"mpirun", "6", 3}}, {"6", {"bash", "1", 99}}}), 2);
  EXPECT_EQ(launched({{"self", self}, {"7", {"mpirun", "6", 3}}, {"6", {"kronwerk", "5", 4}}}), 3);
  // A script of the user's may have been there for long.
  EXPECT_EQ(launched({{"self", self}, {"7", {"bash", "6", 99}}}), 0);
  EXPECT_EQ(launched({{"self", self}}), 0);
  EXPECT_EQ(launched({}), 0);
}

}  // namespace
}  // namespace kronwerk::application
