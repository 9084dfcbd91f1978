#pragma once

#include <string>

#include "operators/krylov/krylov_method.hpp"

namespace kronwerk::operators {

/// What runs after the user's PETSc options have been heard.
struct KspChoice {
  std::string type;  ///< PETSc's name: "cg", "bcgs", "gmres", …
  double tolerance = 0;
  Index max_iterations = 0;
  std::string preconditioner;      ///< the user's -pc_type; empty without
  bool only_usual_options = true;  ///< none that our own methods would not know
};

/// PETSc's name of a method.
const char* ksp_type(KrylovMethod method);

/// Collective.
KspChoice choose_ksp(const communication::Communicator& comm, const KrylovSettings& settings);

/// PETSc's KSP on the shell matrix of `op`, for one column. Collective.
/// @param op  must outlive the iteration
std::unique_ptr<KrylovIteration> make_petsc_iteration(const PreconditionedOperator& op,
                                                      const KrylovSettings& settings);

}  // namespace kronwerk::operators
