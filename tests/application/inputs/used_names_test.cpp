// Names that a job defines and does not use.
#include "application/job_test.hpp"

namespace kronwerk::application {
namespace {

class UsedNames : public JobTest {
 protected:
  UsedNames() {
    make_data([](io::DataFile& file) {
      file.write_dense("/A", Shape{2, 2}, Numbers{1, 2, 3, 4});
      file.write_dense("/x", Shape{2, 2}, Numbers{1, 0, 0, 1});
    });
  }
  static std::string job(const std::string& formula) {
    return "task: apply\nparameters: {rho: 2}\nmatrices: {A: {file: data.h5, dataset: /A}}\n"
           "operator: \"" +
           formula + "\"\ninput: {file: data.h5, dataset: /x}\n";
  }
};

TEST_F(UsedNames, AreRefusedWithTheNearestOne) {
  expect_refused(job("kron(A, A)"), "the parameter 'rho' is not used");
  expect_refused(job("kron(rho*A, B)"), "'B'");
  expect_refused(
      "task: reduce\npoints:\n  x: {file: data.h5, dataset: /A, index: i}\n"
      "  y: {file: data.h5, dataset: /x, index: j}\nformula: \"norm(x - z)\"\nreduction: sum\n",
      "the variable 'y' is not used by the formula norm(x - z) (did you mean 'z'?)");
}

TEST_F(UsedNames, AreNotTheCauseWhereWhatIsNoFunctionIsCalled) {
  expect_refused(job("kron(rho(A), A)"), "'rho' is no function: a product is written rho*(...)");
  expect_refused(job("krn(A, A)"), "unknown function 'krn' (did you mean 'kron'?)");
}

TEST_F(UsedNames, AreTakenOutWithWarningsWhereTheCommandLineReplacesTheFormula) {
  const Outcome outcome = run(job("kron(rho*A, A)"), {"operator=kron(eye(2), eye(2))"});
  EXPECT_EQ(outcome.code, 0) << outcome.message;
  EXPECT_EQ(read("/result"), (Numbers{1, 0, 0, 1}));
  const Outcome reduced = run(
      "task: reduce\nparameters: {h: 2}\npoints:\n  x: {file: data.h5, dataset: /A, index: i}\n"
      "  y: {file: data.h5, dataset: /x, index: j}\n  v: {file: data.h5, dataset: /x, index: j}\n"
      "formula: \"norm(x - y)*elem(v, 0)*h\"\nreduction: sum\n",
      {"formula=norm(x - y)"});
  EXPECT_EQ(reduced.code, 0) << reduced.message;
  // What the job asks for beside the formula cannot be taken out.
  const Outcome swept =
      run(job("kron(rho*A, A)") + "sweep: {rho: [1, 2]}\n", {"operator=kron(A, A)"});
  EXPECT_EQ(swept.code, 2);
  EXPECT_NE(swept.message.find("the parameter 'rho' is not used"), std::string::npos);
  const Outcome fitted =
      run("task: fit\nparameters: {s: 1, e: 1}\nmatrices: {A: {file: data.h5, dataset: /x}}\n"
          "covariance: \"s^2*kron(A, A) + e^2*I\"\nobservations: {file: data.h5, dataset: /x}\n"
          "fit: {parameters: {s: {}, e: {}}}\n",
          {"covariance=s^2*kron(A, A) + I"});
  EXPECT_EQ(fitted.code, 2);
  EXPECT_NE(fitted.message.find("the parameter 'e' is not used"), std::string::npos)
      << fitted.message;
  // A misspelling is no replacement.
  const Outcome misspelt = run(job("kron(rho*A, A)"), {"operator=kron(rho*a, eye(2))"});
  EXPECT_EQ(misspelt.code, 2);
  EXPECT_NE(misspelt.message.find("the matrix 'A' is not used by the operator kron(rho*a, eye(2)) "
                                  "(did you mean 'a'?)"),
            std::string::npos)
      << misspelt.message;
}

}  // namespace
}  // namespace kronwerk::application
