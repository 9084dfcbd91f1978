#include "application/session/launcher.hpp"

#include <gtest/gtest.h>

#include "application/command_words.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::application {
namespace {

std::optional<Words> command(Words words, const Variables& variables = {}) {
  return with_command_line(std::move(words), variables,
                           [](int argc, char** argv, const auto& environment) {
                             return launch_command(argc, argv, "/bin/kronwerk", environment);
                           });
}

TEST(Launcher, StartsRanksWhereTheyAreAskedFor) {
  const Words expected{"mpirun", "-n", "4", "/bin/kronwerk", "run", "x.yaml", "--quiet"};
  EXPECT_EQ(command({"run", "-n", "4", "x.yaml", "--quiet"}), expected);
  EXPECT_EQ(command({"run", "x.yaml", "--ranks", "4", "--quiet"}), expected);
  EXPECT_EQ(command({"run", "-n4", "x.yaml", "--quiet"}), expected);
  EXPECT_EQ(command({"run", "x.yaml"}), std::nullopt);
  EXPECT_EQ(command({"plan", "x.yaml", "-n", "4"}), std::nullopt);
  // What stands behind "--" is PETSc's.
  EXPECT_EQ(command({"run", "x.yaml", "--", "-n", "4"}), std::nullopt);
  EXPECT_EQ(command({"run", "-n", "2", "x.yaml", "--", "-n", "4"}),
            (Words{"mpirun", "-n", "2", "/bin/kronwerk", "run", "x.yaml", "--", "-n", "4"}));
  EXPECT_EQ(command({"run", "-n", "2", "x"}, {{"KRONWERK_MPIRUN", "srun  --mpi=pmix"}}),
            (Words{"srun", "--mpi=pmix", "-n", "2", "/bin/kronwerk", "run", "x"}));
}

TEST(Launcher, RefusesWhatIsNoNumberOrStartedAlready) {
  for (const Words& words :
       {Words{"run", "-n", "four"}, Words{"run", "-n", "0"}, Words{"run", "-n"}}) {
    EXPECT_THROW(command(words), core::ConfigurationError);
  }
  EXPECT_THROW(command({"run", "-n", "4", "x"}, {{"OMPI_COMM_WORLD_SIZE", "2"}}),
               core::ConfigurationError);
}

TEST(Launcher, TakesOutWhatMpirunAddsToAMessage) {
  const std::string rule(74, '-');
  const std::string idle = rule +
                           "\nmpirun detected that one or more processes exited with non-zero "
                           "status, thus causing\nthe job to be terminated.\n" +
                           rule + "\n";
  const std::string needed =
      rule + "\nThere are not enough slots available in the system\n" + rule + "\n";
  const std::string text = "kronwerk: x.yaml: wrong\n" + idle + needed + "more";
  for (const std::size_t piece : {text.size(), std::size_t{1}, std::size_t{7}}) {
    LauncherMessages messages;
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += piece)
      out += messages.take(text.substr(at, piece));
    EXPECT_EQ(out + messages.rest(), "kronwerk: x.yaml: wrong\n" + needed + "more");
  }
}

TEST(Launcher, GivesBackExitCodes) {
  EXPECT_EQ(launch({"true"}), 0);
  EXPECT_EQ(launch({"sh", "-c", "exit 3"}), 3);
  EXPECT_EQ(launch({"/no/such/launcher"}), 2);
}

}  // namespace
}  // namespace kronwerk::application
