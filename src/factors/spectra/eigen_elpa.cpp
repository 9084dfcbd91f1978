// Declared in factors/spectra/eigen_distributed.hpp.
#include <fmt/format.h>

#include "factors/base/process_grid.hpp"
#include "factors/spectra/eigen_distributed.hpp"
#include "kronwerk/core/error.hpp"

#if KRONWERK_HAS_ELPA

// ELPA's own header needs C99's complex numbers; these are the functions used here.
extern "C" {
struct elpa_struct;
int elpa_init(int api_version);
elpa_struct* elpa_allocate(int* error);
void elpa_deallocate(elpa_struct* handle, int* error);
void elpa_set_integer(elpa_struct* handle, const char* name, int value, int* error);
int elpa_setup(elpa_struct* handle);
void elpa_eigenvectors_a_h_a_d(elpa_struct* handle, double* a, double* values, double* vectors,
                               int* error);
void elpa_eigenvalues_a_h_a_d(elpa_struct* handle, double* a, double* values, int* error);
const char* elpa_strerr(int error);
}

namespace kronwerk::factors {

namespace {

constexpr int api_version = 20190501;
// To tridiagonal form at once, or by way of a band. The second makes products of matrices of half
// the work, but eigenvectors have to go back through both.
constexpr int one_stage = 1;
constexpr int two_stages = 2;

class Elpa {
 public:
  // Collective on the grid's members.
  Elpa(const ProcessGrid& grid, Index extent, const BlockCyclic& part, bool vectors) {
    static const int initialised = elpa_init(api_version);
    check(initialised);
    int error = 0;
    handle_ = elpa_allocate(&error);
    check(error);
    set("na", core::narrow<int>(extent));
    set("nev", core::narrow<int>(extent));
    set("local_nrows", part.local_rows());
    set("local_ncols", part.local_columns());
    set("nblk", grid.block());
    set("mpi_comm_parent", static_cast<int>(MPI_Comm_c2f(grid.comm().get())));
    set("process_row", grid.row());
    set("process_col", grid.column());
    check(elpa_setup(handle_));
    set("solver", vectors ? one_stage : two_stages);
  }
  ~Elpa() {
    int error = 0;
    elpa_deallocate(handle_, &error);
  }
  Elpa(const Elpa&) = delete;
  Elpa& operator=(const Elpa&) = delete;

  // Zero is success.
  int eigenvectors(double* a, double* values, double* vectors) {
    int error = 0;
    elpa_eigenvectors_a_h_a_d(handle_, a, values, vectors, &error);
    return error;
  }
  int eigenvalues(double* a, double* values) {
    int error = 0;
    elpa_eigenvalues_a_h_a_d(handle_, a, values, &error);
    return error;
  }

 private:
  static void check(int error) {
    if (error != 0) {
      throw core::InternalError(fmt::format("ELPA refused its settings: {}", elpa_strerr(error)));
    }
  }
  void set(const char* key, int value) {
    int error = 0;
    elpa_set_integer(handle_, key, value, &error);
    check(error);
  }
  elpa_struct* handle_ = nullptr;
};

}  // namespace

std::string solve_symmetric(const ProcessGrid& grid, Index n, BlockCyclic& a,
                            std::span<double> eigenvalues, BlockCyclic* vectors) {
  Elpa elpa(grid, n, a, vectors != nullptr);
  const int error = vectors != nullptr
                        ? elpa.eigenvectors(a.data(), eigenvalues.data(), vectors->data())
                        : elpa.eigenvalues(a.data(), eigenvalues.data());
  return error == 0 ? "" : fmt::format("ELPA: {}", elpa_strerr(error));
}

}  // namespace kronwerk::factors
#endif
