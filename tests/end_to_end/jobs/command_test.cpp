// plan, import, show, --help, --version and the printing of run.
#include <regex>
#include <sstream>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

class Commands : public ProgramTest {
 protected:
  void write_points() const {
    write_text(path("points.csv"), "id,x,y\na,0,0\nb,1,0\nc,3,0\nd,6,0\ne,10,0\n");
    write_text(path("edges.csv"), "from,to,value\na,b,3\nb,a,1.5\ne,d,2\n");
  }
  /// job.yaml and the data that it names.
  void prepare_job() {
    write_points();
    ASSERT_EQ(
        kronwerk(1, "import knn points.csv --planar --k 2 --row-normalise --to data.h5:/W").code,
        0);
    ASSERT_EQ(kronwerk(1, "import edges edges.csv points.csv --to data.h5:/b").code, 0);
    write_text(path("job.yaml"), job_);
  }
  const std::string job_ =
      "task: solve\nparameters: {rho: 0.5}\nmatrices: {W: {file: data.h5, dataset: "
      "/W}}\noperator: \"kron(I - rho*W, I - rho*W)\"\ninput: {file: data.h5, dataset: /b, "
      "transform: "
      "log1p}\noutput: {file: results/out.h5, overwrite: true}\n";
};

TEST_F(Commands, ImportRunAndShow) {
  write_points();
  Outcome outcome =
      kronwerk(2, "import knn points.csv --planar --k 2 --row-normalise --to data.h5:/W");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_GE(outcome.count("5 x 5"), 1) << outcome.output;
  outcome = kronwerk(1, "import edges edges.csv --order-by points.csv --to data.h5:/b");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  outcome = kronwerk(1, "import edges edges.csv points.csv --to data.h5:/b");
  EXPECT_EQ(outcome.code, 2) << "without --overwrite";
  outcome = run(2, job_);
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.errors, "");
  for (const char* text : {"factorise", "solve", "verify", "write", "written to  results/out.h5"}) {
    EXPECT_GE(outcome.count(text), 1) << outcome.output;
  }
  EXPECT_EQ(Result(path("data.h5")).value("/b"), 0);
  EXPECT_EQ(Result(path("data.h5")).values("/b")[1], 3);
  outcome = kronwerk(2, "show results/out.h5");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_GE(outcome.count("result"), 1);
  EXPECT_EQ(outcome.count("relative_residual"), 1) << outcome.output;
  EXPECT_EQ(kronwerk(1, "show points.csv").code, 2);
}

TEST_F(Commands, RunStartsItsRanksItself) {
  ASSERT_NO_FATAL_FAILURE(prepare_job());
  const Outcome done = shell(program_ + " run -n 2 job.yaml --log job.log");
  EXPECT_EQ(done.code, 0) << done.errors;
  EXPECT_EQ(done.errors, "");
  EXPECT_GE(done.count("on 2 ranks"), 1) << done.output;
  EXPECT_NE(read_text(path("job.log")).find("on 2 ranks"), std::string::npos);
  // One message, and nothing of mpirun's.
  const Outcome refused = shell(program_ + " run -n 2 job.yaml --set task=slove");
  EXPECT_EQ(refused.code, 2);
  EXPECT_EQ(std::count(refused.errors.begin(), refused.errors.end(), '\n'), 1) << refused.errors;
}

TEST_F(Commands, SayWhatCouldNotBePrinted) {
  write_points();
  const char* import = "import knn points.csv --planar --k 2 --row-normalise --to data.h5:/W";
  ASSERT_EQ(kronwerk(1, import).code, 0);
  ASSERT_EQ(kronwerk(1, "import edges edges.csv points.csv --to data.h5:/b").code, 0);
  write_text(path("job.yaml"), job_);
  for (const char* command : {"--help", "show data.h5", "plan job.yaml", "run job.yaml"}) {
    const Outcome outcome = shell(program_ + " " + command + " >/dev/full");
    EXPECT_EQ(outcome.code, 4) << command << outcome.errors;
    EXPECT_EQ(outcome.count("the standard output cannot be written (No space left on device)"), 1)
        << command << outcome.errors;
  }
  EXPECT_TRUE(Result(path("results/out.h5")).has("/result"));
  // A reader that has seen enough is no failure.
  const Outcome read = shell(program_ + " show data.h5 | head -n 1");
  EXPECT_EQ(read.errors, "");
}

TEST_F(Commands, EndAtOnceWhereThereIsAPipeInsteadOfAFile) {
  write_text(path("job.yaml"), job_);
  const Outcome outcome = shell("mkfifo data.h5 && timeout 20 " + command(2, "run job.yaml"));
  EXPECT_EQ(outcome.code, 2) << outcome.errors;
  EXPECT_EQ(outcome.count("data.h5: is a pipe or a device; expected an HDF5 file"), 1)
      << outcome.errors;
}

TEST_F(Commands, ImportRefusesMalformedRowsWithFileAndLine) {
  write_points();
  write_text(path("bad.csv"), "from,to,value\na,b,3\nb,a\n");
  const Outcome outcome = kronwerk(2, "import edges bad.csv --to data.h5:/b");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.count("bad.csv:3"), 1) << outcome.errors;
  EXPECT_FALSE(std::filesystem::exists(path("data.h5")));
}

TEST_F(Commands, PlanSaysWhatALargeJobTakesWithoutRunningIt) {
  write_points();
  ASSERT_EQ(kronwerk(1, "import knn points.csv --planar --k 2 --to data.h5:/W").code, 0);
  ASSERT_EQ(kronwerk(1, "import edges edges.csv points.csv --to data.h5:/b").code, 0);
  write_text(path("job.yaml"), job_);
  const Outcome outcome = kronwerk(2, "plan job.yaml --ranks 1000 --nodes 1000");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  for (const char* text : {"1000 on 1000 nodes", "5 x 5 (25 points)", "exchanges", "per node",
                           "of 1000 ranks own nothing"}) {
    EXPECT_EQ(outcome.count(text), 1) << text << "\n" << outcome.output;
  }
  EXPECT_TRUE(is_clean());
}

TEST_F(Commands, PlanAndShowPrintJsonAndPlanAddsToALog) {
  ASSERT_NO_FATAL_FAILURE(prepare_job());
  const std::string python =
      "python3 -c 'import json, sys; all = json.load(sys.stdin); print(eval(sys.argv[1]))' ";
  const Outcome plan = shell(program_ + " plan job.yaml --ranks 4 --json --log plan.log | " +
                             python + R"('all["ranks"], all["fits"], all["plan"]["task"]')");
  EXPECT_EQ(plan.output, "(4, True, 'solve')\n") << plan.errors;
  EXPECT_TRUE(read_text(path("plan.log")).starts_with("{\"plan\": {\"task\": \"solve\", "));
  const Outcome show = shell(program_ + " show data.h5 --json | " + python +
                             R"('all["file"], all["datasets"]["/b"]["shape"]')");
  EXPECT_EQ(show.output, "('data.h5', [5, 5])\n") << show.errors;
}

TEST_F(Commands, HelpAndVersionArePrintedOnce) {
  const Outcome version = kronwerk(2, "--version");
  EXPECT_EQ(version.code, 0);
  EXPECT_EQ(version.count("kronwerk "), 1) << version.output;
  EXPECT_EQ(version.count("\nPETSc "), 1) << version.output;
  const Outcome help = kronwerk(2, "--help");
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.count("import"), 1) << help.output;
  EXPECT_GE(kronwerk(1, "import knn --help").count("--planar"), 1);
}

TEST_F(Commands, TheBlasThatWasLinkedAnswers) {
  // Whatever other BLAS the system has under the same name where programs are loaded from.
  std::vector<std::filesystem::path> linked;
  std::istringstream files(KRONWERK_LINKED_BLAS);
  for (std::string file; std::getline(files, file, ':');) {
    if (file.starts_with('/')) linked.push_back(std::filesystem::canonical(file));
  }
  const std::string text = kronwerk(1, "--version").output;
  std::smatch found;
  ASSERT_TRUE(std::regex_search(text, found, std::regex(R"(\nBLAS [^\n/]*(/[^)\n]*))"))) << text;
  if (linked.empty()) GTEST_SKIP() << "BLAS was linked by options, which name no file";
  EXPECT_NE(std::ranges::find(linked, std::filesystem::canonical(found[1].str())), linked.end())
      << found[1] << ", linked with " << KRONWERK_LINKED_BLAS;
}

TEST_F(Commands, CopiesThatAnotherLauncherStartedAreRefused) {
  // As MPICH's mpirun starts a program that is linked with another MPI: none knows of the others.
  const std::string start = "(unset OMPI_COMM_WORLD_SIZE; PMI_SIZE=2 PMI_RANK={} {} --version)";
  const Outcome first = shell(fmt::format(fmt::runtime(start), 0, program_));
  EXPECT_EQ(first.code, 2);
  EXPECT_EQ(first.count("started as 2 copies of one rank each"), 1) << first.errors;
  const Outcome second = shell(fmt::format(fmt::runtime(start), 1, program_));
  EXPECT_EQ(second.code, 2);
  EXPECT_EQ(second.output + second.errors, "");
}

TEST_F(Commands, CheckPassesOnThisMachine) {
  const Outcome outcome = kronwerk(2, "check");
  EXPECT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
  EXPECT_EQ(outcome.count("all 7 checks passed"), 1) << outcome.output;
  EXPECT_EQ(outcome.count("FAILED"), 0) << outcome.output;
}

TEST_F(Commands, QuietPrintsNothing) {
  write_points();
  ASSERT_EQ(kronwerk(1, "import knn points.csv --planar --k 2 --to data.h5:/W").code, 0);
  ASSERT_EQ(kronwerk(1, "import edges edges.csv points.csv --to data.h5:/b").code, 0);
  const Outcome outcome = run(2, job_, "--quiet --set parameters.rho=0.25");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.output + outcome.errors, "");
}

TEST_F(Commands, LogViewNamesTheStages) {
  write_points();
  ASSERT_EQ(kronwerk(1, "import knn points.csv --planar --k 2 --to data.h5:/W").code, 0);
  ASSERT_EQ(kronwerk(1, "import edges edges.csv points.csv --to data.h5:/b").code, 0);
  // PETSc adds up every event of every stage over the ranks: all have to know the same ones.
  for (const std::string method : {"auto", "krylov"}) {
    const Outcome outcome =
        run(2, job_,
            "--quiet --set parameters.rho=0.25 --set solver.method=" + method + " -- -log_view");
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_GE(outcome.count("factorise"), 1) << outcome.output;
    EXPECT_EQ(outcome.count("KSPSolve") > 0, method == "krylov") << outcome.output;
  }
}

}  // namespace
}  // namespace kronwerk::end_to_end
