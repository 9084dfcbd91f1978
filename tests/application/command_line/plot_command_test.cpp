#include "application/command_line/plot_command.hpp"

#include <gtest/gtest.h>

#include "application/command_words.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::application {
namespace {

std::optional<Words> command(Words words, const Variables& variables = {}) {
  return with_command_line(std::move(words), variables,
                           [](int argc, char** argv, const auto& environment) {
                             return plot_command(argc, argv, "/share/plot.py", environment);
                           });
}

TEST(PlotCommand, HandsItsArgumentsToPython) {
  const Words words{"plot", "r.h5", "--to", "r.png", "--point", "2", "--order", "spectral"};
  const Words expected{"python3", "/share/plot.py", "r.h5",    "--to", "r.png", "--point",
                       "2",       "--order",        "spectral"};
  EXPECT_EQ(command(words), expected);
  EXPECT_EQ(command({"plot", "r.h5"}, {{"KRONWERK_PYTHON", "/opt/python"}}),
            (Words{"/opt/python", "/share/plot.py", "r.h5"}));
  EXPECT_EQ(command({"plot", "r.h5"}, {{"KRONWERK_PYTHON", ""}})->front(), "python3");
  EXPECT_EQ(command({"show", "r.h5"}), std::nullopt);
  EXPECT_EQ(command({"plot", "--help"}), std::nullopt);
}

TEST(PlotCommand, DrawsOnTheFirstRankAlone) {
  EXPECT_EQ(command({"plot", "r.h5"}, {{"OMPI_COMM_WORLD_RANK", "1"}}), Words());
  EXPECT_EQ(command({"plot", "r.h5"}, {{"PMI_RANK", "3"}}), Words());
  EXPECT_EQ(command({"plot", "r.h5"}, {{"OMPI_COMM_WORLD_RANK", "0"}})->size(), 3U);
  EXPECT_EQ(draw({}), 0);
}

TEST(PlotCommand, RefusesWhatItDoesNotKnow) {
  for (const Words& words :
       {Words{"plot"}, Words{"plot", "r.h5", "--tow", "x"}, Words{"plot", "r.h5", "--point", "0"},
        Words{"plot", "r.h5", "--edges", "many"}, Words{"plot", "r.h5", "--order", "other"},
        Words{"plot", "r.h5", "--", "-x"}}) {
    EXPECT_THROW(command(words), core::ConfigurationError);
  }
}

TEST(PlotCommand, GivesBackTheExitCode) {
  EXPECT_EQ(draw({"sh", "-c", "exit 2"}), 2);
  EXPECT_EQ(draw({"sh", "-c", "kill -SEGV $$"}), 2);
  EXPECT_EQ(draw({"/no/such/python"}), 2);
}

}  // namespace
}  // namespace kronwerk::application
