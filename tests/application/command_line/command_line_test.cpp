#include "application/command_line/command_line.hpp"

#include <gtest/gtest.h>

#include "application/session/petsc_options.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::application {
namespace {

CommandLine parse(std::vector<std::string> words) {
  words.insert(words.begin(), "kronwerk");
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  return parse_command_line(static_cast<int>(pointers.size()), pointers.data());
}

TEST(CommandLine, TakesOverridesAndPetscOptions) {
  const CommandLine line = parse({"run", "x.yaml", "--set", "a.b=1", "--quiet", "--set",
                                  "gradient.parameters=[r, s]", "--", "-log_view", "-x", "3"});
  EXPECT_EQ(line.command, Command::run);
  EXPECT_EQ(line.file, "x.yaml");
  EXPECT_EQ(line.overrides, (std::vector<std::string>{"a.b=1", "gradient.parameters=[r, s]"}));
  EXPECT_TRUE(line.quiet);
  EXPECT_EQ(line.petsc_options, (std::vector<std::string>{"-log_view", "-x", "3"}));
}

TEST(CommandLine, TakesThePlansRanksAndNodes) {
  const CommandLine line = parse({"plan", "x.yaml", "--ranks", "64", "--nodes", "2"});
  EXPECT_EQ(line.command, Command::plan);
  EXPECT_EQ(line.ranks, std::vector<int>{64});
  EXPECT_EQ(line.nodes, 2);
}

TEST(CommandLine, TakesSeveralRanksToPredictTimesFor) {
  const CommandLine line =
      parse({"plan", "x.yaml", "--ranks", "64,1024", "--machine", "m.yaml", "--threads", "2"});
  EXPECT_EQ(line.ranks, (std::vector<int>{64, 1024}));
  EXPECT_EQ(line.machine, "m.yaml");
  EXPECT_EQ(line.threads, 2);
  EXPECT_THROW(parse({"plan", "x.yaml", "--threads", "2"}), core::ConfigurationError);
  EXPECT_THROW(parse({"plan", "x.yaml", "--ranks", "64,0"}), core::ConfigurationError);
}

TEST(CommandLine, TakesWhereTheMachineIsWrittenTo) {
  EXPECT_EQ(parse({"measure", "--output", "m.yaml"}).output, "m.yaml");
  EXPECT_EQ(parse({"measure"}).command, Command::measure);
  EXPECT_THROW(parse({"measure", "m.yaml"}), core::ConfigurationError);
}

TEST(CommandLine, KnowsEveryKindOfImport) {
  for (const std::string kind : {"edges", "table", "knn", "gal", "mtx", "npy"}) {
    const CommandLine line = parse({"import", kind, "in.txt", "--to", "out.h5:/a/W"});
    EXPECT_EQ(line.command, Command::import) << kind;
    EXPECT_TRUE(line.import != nullptr) << kind;
  }
}

TEST(CommandLine, NamesTheNearestCommandAndImporter) {
  const auto message = [](std::vector<std::string> words) -> std::string {
    try {
      parse(std::move(words));
    } catch (const core::ConfigurationError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message({"rnu", "x.yaml"})
                .find("command line: there is no command 'rnu' (did you mean "
                      "'run'?); commands are run, plan"),
            0U);
  EXPECT_NE(message({"x.yaml"}).find("(did you mean 'kronwerk run x.yaml'?)"), std::string::npos);
  EXPECT_EQ(message({"import", "tabel", "x.csv", "--to", "o.h5:/x"})
                .find("command line: there is no importer 'tabel' (did you mean 'table'?); "
                      "importers are edges, table"),
            0U);
  EXPECT_EQ(message({"import", "table", "x.csv", "--to", "o.h5:/x"}), "accepted");
}

TEST(CommandLine, HelpsWithKeysAndCommands) {
  EXPECT_EQ(parse({"help", "solver.tolerance"}).text.find("solver.tolerance\n"), 0U);
  EXPECT_NE(parse({"help"}).text.find("run a job"), std::string::npos);
  EXPECT_THROW(parse({"help", "toleranse"}), core::ConfigurationError);
  EXPECT_THROW(parse({"new"}), core::ConfigurationError);
}

TEST(CommandLine, ExportsTheEdgesOfAMatrix) {
  const CommandLine line = parse({"export", "edges", "out.h5:/factor/1", "--to", "e.csv"});
  EXPECT_EQ(line.command, Command::exporting);
  EXPECT_TRUE(line.exporting != nullptr);
  EXPECT_THROW(parse({"export", "edges", "out.h5", "--to", "e.csv"}), core::ConfigurationError);
  EXPECT_THROW(parse({"export", "edges", "out.h5:/factor/1"}), core::ConfigurationError);
  EXPECT_THROW(parse({"export", "edges", "out.h5:/W", "--to", "e.csv", "--top", "0"}),
               core::ConfigurationError);
  EXPECT_THROW(parse({"export"}), core::ConfigurationError);
}

TEST(CommandLine, TablesTakeTheOptionsOfASeasonalMean) {
  const CommandLine line = parse({"import", "table", "in.csv", "--to", "o.h5:/y",
                                  "--remove-seasonal-mean", "--harmonics", "3", "--time", "/time"});
  EXPECT_TRUE(line.import != nullptr);
  EXPECT_ANY_THROW(parse({"import", "table", "in.csv", "--to", "o.h5:/y", "--harmonics", "-1"}));
}

TEST(CommandLine, RefusesTargetsWithoutAPath) {
  for (const std::string target : {"out.h5", "out.h5:W", ":/W", "out.h5:/"}) {
    EXPECT_THROW(parse({"import", "gal", "in.gal", "--to", target}), core::ConfigurationError)
        << target;
  }
  EXPECT_THROW(parse({"import", "table", "in.csv", "--to", "o.h5:/x", "--transform", "cube"}),
               core::ConfigurationError);
}

TEST(CommandLine, SplitsPetscOptionsAtWhiteSpace) {
  EXPECT_EQ(split_options("  -a 1\t-b\n"), (std::vector<std::string>{"-a", "1", "-b"}));
  EXPECT_TRUE(split_options("").empty());
}

TEST(PetscOptions, ValuesFollowNames) {
  EXPECT_NO_THROW(check_option_words({"-ksp_type", "minres", "-ksp_rtol", "1e-8", "-ksp_monitor"}));
  EXPECT_NO_THROW(check_option_words({"-ksp_chebyshev_eigenvalues", "-1,1"}));
  EXPECT_THROW(check_option_words({"ksp_type", "minres"}), core::ConfigurationError);
  EXPECT_THROW(check_option_words({"-ksp_type", "minres", "cg"}), core::ConfigurationError);
}

}  // namespace
}  // namespace kronwerk::application
