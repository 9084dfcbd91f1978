#pragma once

#include "kronwerk/operators/base/linear_operator.hpp"
#include "kronwerk/operators/petsc/petsc.hpp"

namespace kronwerk::operators {

/// A PETSc matrix (MATSHELL: multiply, transpose multiply, create vectors; the diagonal where the
/// operator is a square ProductSum or KernelOperator) that applies `op` and keeps it alive.
/// Collective.
/// @throws ShapeError if the grid has more points than a PetscInt can count
Matrix make_shell_matrix(OperatorPtr op);

/// Makes `pc` a PCSHELL that applies `inverse`, an approximate or exact inverse, and its transpose,
/// and keeps it alive. Collective.
/// @param name  what -ksp_view calls it
void set_shell_preconditioner(PC pc, OperatorPtr inverse,
                              const char* name = "exact inverse of a structured operator");

}  // namespace kronwerk::operators
