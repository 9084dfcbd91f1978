// What becomes of the options that users give to PETSc.
#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

class PetscOptions : public ProgramTest {
 protected:
  static constexpr std::int64_t n = 8;

  void SetUp() override {
    ProgramTest::SetUp();
    io::DataFile file(path("data.h5").string());
    file.write_sparse("/W", to_sparse(weights("line", n)));
    file.write_dense("/b", std::vector<core::Index>{n, n}, oracle::random_vector(n * n, 3));
    file.write_dense("/p", std::vector<core::Index>{n * n, 2}, oracle::random_vector(2 * n * n, 4));
    file.commit();
  }

  static std::string job(const std::string& method) {
    return fmt::format(
        "task: solve\nmatrices: {{W: {{file: data.h5, dataset: /W}}}}\n"
        "operator: \"kron(I, I) - 0.3*kron(I, W) - 0.2*kron(W, I) - 0.1*kron(W, W)\"\n"
        "input: {{file: data.h5, dataset: /b}}\nsolver: {{method: {}}}\n"
        "output: {{file: results/out.h5, overwrite: true}}\n",
        method);
  }
  std::string method() const { return Result(path("results/out.h5")).text("/report", "method"); }
};

TEST_F(PetscOptions, TheReportNamesWhatRan) {
  ASSERT_EQ(run(2, job("krylov")).code, 0);
  EXPECT_NE(method().find("; cg in the inner product"), std::string::npos) << method();
  ASSERT_EQ(run(2, job("krylov"), "-- -ksp_type minres").code, 0);
  EXPECT_NE(method().find("minres (by -ksp_type)"), std::string::npos) << method();
  EXPECT_EQ(method().find("cg"), std::string::npos) << method();
  ASSERT_EQ(run(2, job("krylov"), "-- -pc_type none").code, 0);
  EXPECT_NE(method().find("'none' of -pc_type"), std::string::npos) << method();
  EXPECT_EQ(method().find("nearest"), std::string::npos) << method();
}

TEST_F(PetscOptions, ThoseOfTheCommandLineAreInTheStoredConfiguration) {
  ASSERT_EQ(run(2, job("krylov") + "petsc: \"-ksp_rtol 1e-8\"\n", "-- -ksp_type minres").code, 0);
  const std::string text = Result(path("results/out.h5")).text("/", "configuration");
  EXPECT_NE(text.find("-ksp_rtol 1e-8 -ksp_type minres"), std::string::npos) << text;
  const std::string first = method();
  ASSERT_EQ(run(2, text).code, 0);  // repeats the run
  EXPECT_EQ(method(), first);
}

TEST_F(PetscOptions, MisspeltOnesAreReportedWithTheNearestName) {
  const Outcome outcome = run(2, job("krylov"), "-- -ksp_typ minres");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.count("'-ksp_typ'"), 1) << outcome.errors;
  EXPECT_EQ(outcome.count("did you mean '-ksp_type'?"), 1) << outcome.errors;
}

TEST_F(PetscOptions, DirectSolvesAndKernelSystemsSayThatTheyDoNotTakeThem) {
  const Outcome direct = run(2, job("direct"), "-- -ksp_type minres");
  EXPECT_EQ(direct.code, 0) << direct.errors;
  EXPECT_EQ(direct.count("'-ksp_type' was of no use"), 1) << direct.errors;
  const Outcome kernel =
      run(2,
          "task: solve\nkernels: {K: {formula: \"exp(-d)\", points: {file: data.h5, "
          "dataset: /p}}}\noperator: \"K + 0.5*I\"\n"
          "input: {random: normal}\n"
          "solver: {method: krylov}\noutput: results/kernel.h5\n",
          "-- -ksp_type minres");
  EXPECT_EQ(kernel.code, 0) << kernel.errors;
  EXPECT_EQ(kernel.count("'-ksp_type' was of no use"), 1) << kernel.errors;
}

TEST_F(PetscOptions, UsedOnesAreNotReported) {
  const Outcome outcome = run(2, job("krylov"), "-- -ksp_type minres -ksp_rtol 1e-9");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.count("of no use"), 0) << outcome.errors;
}

TEST_F(PetscOptions, BadValuesEndTheJobWithTwo) {
  for (const std::string options :
       {"-ksp_type nonsense", "-ksp_rtol abc", "-pc_type nonsense", "-ksp_max_it -7", "-pc_type lu",
        "ksp_type minres", "-ksp_rtol 1e-8 1e-9"}) {
    for (const int np : {1, 2}) {
      expect_refused(job("krylov"), "kronwerk: ", np, "-- " + options);
    }
  }
}

}  // namespace
}  // namespace kronwerk::end_to_end
