#include "kronwerk/operators/petsc/shell.hpp"

#include <fmt/format.h>

#include <exception>
#include <functional>

namespace kronwerk::operators {
namespace {

struct ShellContext {
  OperatorPtr op;
};

/// No exception may cross PETSc: it becomes a PETSc error with the same text.
PetscErrorCode guarded(const std::function<void()>& work) {
  PetscFunctionBeginUser;
  try {
    work();
  } catch (const std::bad_alloc&) {
    SETERRQ(PETSC_COMM_SELF, PETSC_ERR_MEM, "out of memory");
  } catch (const std::exception& error) {
    SETERRQ(PETSC_COMM_SELF, PETSC_ERR_LIB, "%s", error.what());
  }
  PetscFunctionReturn(0);
}

class ReadAccess {
 public:
  explicit ReadAccess(Vec vector) : vector_(vector) {
    check_petsc(VecGetArrayRead(vector, &values_));
    check_petsc(VecGetLocalSize(vector, &size_));
  }
  ReadAccess(const ReadAccess&) = delete;
  ReadAccess& operator=(const ReadAccess&) = delete;
  ~ReadAccess() { static_cast<void>(VecRestoreArrayRead(vector_, &values_)); }
  std::span<const double> span() const { return {values_, static_cast<std::size_t>(size_)}; }

 private:
  Vec vector_;
  const PetscScalar* values_ = nullptr;
  PetscInt size_ = 0;
};

class WriteAccess {
 public:
  explicit WriteAccess(Vec vector) : vector_(vector) {
    check_petsc(VecGetArrayWrite(vector, &values_));
    check_petsc(VecGetLocalSize(vector, &size_));
  }
  WriteAccess(const WriteAccess&) = delete;
  WriteAccess& operator=(const WriteAccess&) = delete;
  ~WriteAccess() { static_cast<void>(VecRestoreArrayWrite(vector_, &values_)); }
  std::span<double> span() const { return {values_, static_cast<std::size_t>(size_)}; }

 private:
  Vec vector_;
  PetscScalar* values_ = nullptr;
  PetscInt size_ = 0;
};

void apply_to_vectors(const LinearOperator& op, Vec x, Vec y, bool transposed) {
  const ReadAccess from(x);
  const WriteAccess to(y);
  if (transposed) {
    op.apply_transposed(from.span(), to.span());
  } else {
    op.apply(from.span(), to.span());
  }
}

ShellContext& context_of(Mat matrix) {
  ShellContext* context = nullptr;
  check_petsc(MatShellGetContext(matrix, &context));
  return *context;
}

ShellContext& context_of(PC pc) {
  ShellContext* context = nullptr;
  check_petsc(PCShellGetContext(pc, &context));
  return *context;
}

PetscErrorCode matrix_multiply(Mat matrix, Vec x, Vec y) {
  return guarded([&] { apply_to_vectors(*context_of(matrix).op, x, y, false); });
}

PetscErrorCode matrix_multiply_transposed(Mat matrix, Vec x, Vec y) {
  return guarded([&] { apply_to_vectors(*context_of(matrix).op, x, y, true); });
}

PetscErrorCode matrix_diagonal(Mat matrix, Vec diagonal) {
  return guarded([&] {
    const WriteAccess to(diagonal);
    context_of(matrix).op->diagonal(to.span());
  });
}

PetscErrorCode matrix_destroy(Mat matrix) {
  return guarded([&] { delete &context_of(matrix); });
}

PetscErrorCode preconditioner_apply(PC pc, Vec x, Vec y) {
  return guarded([&] { apply_to_vectors(*context_of(pc).op, x, y, false); });
}

PetscErrorCode preconditioner_apply_transposed(PC pc, Vec x, Vec y) {
  return guarded([&] { apply_to_vectors(*context_of(pc).op, x, y, true); });
}

PetscErrorCode preconditioner_destroy(PC pc) {
  return guarded([&] { delete &context_of(pc); });
}

PetscInt petsc_size(Index size, const distribution::Layout& layout) {
  if (!std::in_range<PetscInt>(size)) {
    throw core::ShapeError(fmt::format(
        "the grid {} has {} points, more than the {}-bit indices of this PETSc can count; build "
        "kronwerk with Debian's petsc64-real (KRONWERK_PETSC=petsc64-real)",
        core::to_text(layout.extents()), layout.size(), 8 * sizeof(PetscInt)));
  }
  return static_cast<PetscInt>(size);
}

template <typename Function>
void set_operation(Mat matrix, MatOperation operation, Function function) {
  check_petsc(MatShellSetOperation(matrix, operation, reinterpret_cast<void (*)()>(function)));
}

}  // namespace

Matrix make_shell_matrix(OperatorPtr op) {
  const auto& in = op->input_layout();
  const auto& out = op->output_layout();
  const int rank = op->comm().rank();
  const PetscInt rows = petsc_size(out.size(), out);
  const PetscInt cols = petsc_size(in.size(), in);
  const auto local_rows = static_cast<PetscInt>(out.home_size(rank));
  const auto local_cols = static_cast<PetscInt>(in.home_size(rank));
  const MPI_Comm comm = op->comm().get();
  const bool has_diagonal = op->has_diagonal();
  auto context = std::make_unique<ShellContext>(ShellContext{std::move(op)});
  Mat raw = nullptr;
  check_petsc(MatCreateShell(comm, local_rows, local_cols, rows, cols, context.get(), &raw));
  Matrix matrix = Matrix::adopt(raw);
  set_operation(raw, MATOP_MULT, matrix_multiply);
  set_operation(raw, MATOP_MULT_TRANSPOSE, matrix_multiply_transposed);
  if (has_diagonal) set_operation(raw, MATOP_GET_DIAGONAL, matrix_diagonal);
  set_operation(raw, MATOP_DESTROY, matrix_destroy);
  static_cast<void>(context.release());
  check_petsc(MatAssemblyBegin(raw, MAT_FINAL_ASSEMBLY));
  check_petsc(MatAssemblyEnd(raw, MAT_FINAL_ASSEMBLY));
  return matrix;
}

void set_shell_preconditioner(PC pc, OperatorPtr inverse, const char* name) {
  auto context = std::make_unique<ShellContext>(ShellContext{std::move(inverse)});
  check_petsc(PCSetType(pc, PCSHELL));
  check_petsc(PCShellSetName(pc, name));
  check_petsc(PCShellSetApply(pc, preconditioner_apply));
  check_petsc(PCShellSetApplyTranspose(pc, preconditioner_apply_transposed));
  check_petsc(PCShellSetDestroy(pc, preconditioner_destroy));
  check_petsc(PCShellSetContext(pc, context.release()));
}

}  // namespace kronwerk::operators
