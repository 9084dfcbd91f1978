#pragma once

#include <petscksp.h>

#include <utility>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/core/source_location.hpp"

namespace kronwerk::operators {

/// Throws PetscError (or ResourceError for PETSC_ERR_MEM) with PETSc's text unless `code` is 0.
void check_petsc(PetscErrorCode code, core::SourceLocation where = core::SourceLocation::current());

/// Owning, move-only handle of a PETSc object.
template <typename Object, PetscErrorCode (*destroy)(Object*)>
class PetscHandle {
 public:
  PetscHandle() = default;
  /// Takes over one reference.
  static PetscHandle adopt(Object object) {
    PetscHandle handle;
    handle.object_ = object;
    return handle;
  }
  PetscHandle(PetscHandle&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  PetscHandle& operator=(PetscHandle&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  PetscHandle(const PetscHandle&) = delete;
  PetscHandle& operator=(const PetscHandle&) = delete;
  ~PetscHandle() {
    if (object_ != nullptr) static_cast<void>(destroy(&object_));
  }
  Object get() const noexcept { return object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  Object object_ = nullptr;
};

using Vector = PetscHandle<Vec, VecDestroy>;
using Matrix = PetscHandle<Mat, MatDestroy>;
using LinearSolver = PetscHandle<KSP, KSPDestroy>;

static_assert(!std::is_copy_constructible_v<Vector>);
static_assert(std::is_nothrow_move_constructible_v<Vector>);

}  // namespace kronwerk::operators
